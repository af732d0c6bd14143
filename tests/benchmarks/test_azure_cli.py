"""A token that is at hand, by the command that people have for it today, and by ours."""

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.measuring import Comparison, Report, compare, cpu_of_process, turns
from benchmarks.test_start_up import SCRIPT
from grantway_sandbox.model import TENANT_ID
from grantway_sandbox.server import Sandbox
from peers import PeerUnavailable, require_peer
from peers.azure_cli import AzureCli

ROUNDS = 5
RESOURCE = "https://graph.microsoft.com"
AZ, GRANTWAY = "az account get-access-token, cached", "grantway token, cached"


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="tells the CPU of one child only by wait4")
def test_a_token_at_hand_beside_the_azure_cli(
    report: Report, clean_environment: Path, tmp_path: Path
) -> None:
    missing = ""
    with Sandbox(tls=True) as sandbox:
        application, bundle = sandbox.application, sandbox.ca_bundle
        assert bundle is not None
        try:
            az = AzureCli(
                tmp_path / "azure", sandbox.url, bundle, TENANT_ID,
                application.application_id, application.secret,
            )  # fmt: skip
        except PeerUnavailable as reason:
            missing = str(reason)
        require_peer(not missing, missing)
        config = tmp_path / "config.toml"
        config.write_text(
            f'[environments.Box]\nauthority = "{sandbox.url}"\nprotocol = "entra-v2"\n'
            f'trust = {{ ca_bundle = "{bundle}" }}\n'
        )
        # No PYTHON* variable: they forbid bytecode, or make one start unlike another.
        usual = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        theirs = {**usual, **az.environ}
        ours = {**usual, "GRANTWAY_CONFIG": str(config), "APP_SECRET": application.secret}
        call = (
            SCRIPT, "token", "--environment", "Box", "--tenant-id", TENANT_ID, "--resource",
            RESOURCE, "--credential", f"{application.application_id}=env:APP_SECRET",
        )  # fmt: skip
        for command, environ in ((az.token(RESOURCE), theirs), (call, ours)):
            first, again, _ = (
                subprocess.run(
                    command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
                )
                for _ in range(3)
            )
            assert first.stdout == again.stdout != ""

        def measure() -> list[Comparison]:
            costs = turns(
                ROUNDS,
                az=cpu_of_process(az.token(RESOURCE), tmp_path, theirs),
                grantway=cpu_of_process(call, tmp_path, ours),
            )
            return [compare(GRANTWAY, costs["grantway"], AZ, costs["az"], at_most=1 / 3)]

        report.hold(measure)
