"""The command `az`, signed in as a service principal at an authority of the tests."""

import json
from collections.abc import Mapping
from pathlib import Path

from . import PeerUnavailable

FOLDER = Path(__file__).with_name("azure_cli")
PROGRAM = FOLDER / ".venv" / "bin" / "az"
REMEDY = (
    f"azure-cli: cd {FOLDER} && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
)

# A cloud of its own: the authority is asked for everything, and no other host.
_CLOUDS = """
[local]
endpoint_active_directory = {authority}
endpoint_resource_manager = {authority}
endpoint_management = {authority}
endpoint_active_directory_resource_id = https://management.azure.com
endpoint_active_directory_graph_resource_id = https://graph.microsoft.com
profile = latest
"""
_CONFIG = """
[core]
collect_telemetry = no
instance_discovery = false
encrypt_token_cache = false
[auto-upgrade]
enable = no
[cloud]
name = local
"""


class AzureCli:
    """What a sign-in leaves in a folder, and what it takes to use it."""

    def __init__(
        self,
        folder: Path,
        authority: str,
        ca_bundle: Path,
        tenant_id: str,
        client_id: str,
        secret: str,
    ) -> None:
        if not PROGRAM.exists():
            raise PeerUnavailable(REMEDY)
        folder.mkdir(mode=0o700)
        (folder / "clouds.config").write_text(_CLOUDS.format(authority=authority))
        (folder / "config").write_text(_CONFIG)
        subscription = {
            "id": tenant_id,
            "name": "N/A(tenant level account)",
            "state": "Enabled",
            "user": {"name": client_id, "type": "servicePrincipal"},
            "isDefault": True,
            "tenantId": tenant_id,
            "environmentName": "local",
        }
        profile = {"installationId": "", "subscriptions": [subscription]}
        (folder / "azureProfile.json").write_text(json.dumps(profile))
        entry = {"client_id": client_id, "tenant": tenant_id, "client_secret": secret}
        (folder / "service_principal_entries.json").write_text(json.dumps([entry]))
        self.environ: Mapping[str, str] = {
            "AZURE_CONFIG_DIR": str(folder),
            "REQUESTS_CA_BUNDLE": str(ca_bundle),
        }

    def token(self, resource: str) -> tuple[str | Path, ...]:
        """The command that prints a token and nothing else."""
        return (
            PROGRAM, "account", "get-access-token", "--resource", resource,
            "--query", "accessToken", "--output", "tsv",
        )  # fmt: skip
