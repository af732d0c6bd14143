"""GitHub as an environment: where people sign in, and where the API is that gives tokens."""

from urllib.parse import urlsplit

from grantway import Environment, Protocol
from grantway.environment import host_of

PROTOCOL = Protocol(
    "github",
    summary="GitHub: apps by a signed JWT; scopes, and no metadata",
    # What a token is for is how the app is set up, less what a call leaves out.
    audience="fixed",
    token_path="{authority}/login/oauth/access_token",
    authorization_path="{authority}/login/oauth/authorize",
    device_authorization_path="{authority}/login/device/code",
    client_authentication="client_secret_post",
    absent_grants=("client_credentials",),
)

GITHUB = Environment(
    "GitHub",
    authority="https://github.com",
    protocol=PROTOCOL,
    hosts=("api.github.com",),
    summary="github.com; an Enterprise Server is like it, with another authority",
)

_CLOUD = "github.com"
_RESIDENT = ".ghe.com"


def api_of(environment: Environment) -> str:
    """The base address of an environment's REST API.

    github.com, and each cloud with data residency, has it on a host of its own; an Enterprise
    Server has it below `/api/v3`.
    """
    host = host_of(environment.authority)
    if host == _CLOUD or host.endswith(_RESIDENT):
        return f"{urlsplit(environment.authority).scheme}://api.{host}"
    return f"{environment.authority.rstrip('/')}/api/v3"
