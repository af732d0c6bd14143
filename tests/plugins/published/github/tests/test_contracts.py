"""What grantway asks of providers and environments."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import grantway_github
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from grantway import AuthorityRequest, Context, Secret
from grantway.testing import EnvironmentContract, ProviderContract, Reply, json_reply

TOKEN = "sentinel-of-an-installation-token-77aa"


def pem() -> str:
    """A private key as GitHub makes them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def granted() -> Reply:
    """A token for an hour of the clock of the test."""

    def act(request: AuthorityRequest, context: Context) -> Any:
        until = datetime.fromtimestamp(context.clock.time() + 3600, UTC)
        answer = {
            "token": TOKEN,
            "expires_at": until.isoformat().replace("+00:00", "Z"),
            "permissions": {"contents": "read"},
            "repository_selection": "all",
        }
        return json_reply(answer, 201)(request, context)

    return act


class TestGitHubApp(ProviderContract):
    """The one parameter set."""

    api_version = (0, 1)
    plugin = grantway_github
    provider = "GitHubApp"
    environment = grantway_github.GITHUB
    key = pem()
    parameters: Mapping[str, Any] = {
        "github_app_id": "Iv23liABCDEFGHIJKLMN",
        "github_app_key": Secret(key),
        "github_installation_id": 1234567,
        "github_repositories": "docs site",
        "github_permissions": {"contents": "read"},
    }
    secrets = (key,)

    def answers(self) -> Mapping[str, Reply]:
        """The one endpoint."""
        return {"token": granted()}


class TestGitHub(EnvironmentContract):
    """github.com."""

    api_version = (0, 1)
    plugin = grantway_github
    environment = "GitHub"
    has_metadata = False
