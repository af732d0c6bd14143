"""One of two plugins whose parameter sets match the same calls."""

from grantway import (
    AuthenticationResult,
    Context,
    CredentialProvider,
    Parameter,
    ParameterSet,
    TokenRequest,
    hookimpl,
)
from grantway.parameters import text


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    return AuthenticationResult("a-token-of-RivalTwo")


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    taking = ParameterSet("RivalTwo", (Parameter("rival_key", text),))
    return [CredentialProvider("RivalTwo", (taking,), authenticate)]
