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
    return AuthenticationResult("a-token-of-RivalOne")


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    taking = ParameterSet("RivalOne", (Parameter("rival_key", text),))
    return [CredentialProvider("RivalOne", (taking,), authenticate)]
