"""A plugin whose parameter set would match calls that are a built-in's."""

from grantway import (
    AuthenticationResult,
    Context,
    CredentialProvider,
    ParameterSet,
    TokenRequest,
    hookimpl,
)
from grantway.parameters import CREDENTIAL, TENANT_ID


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    return AuthenticationResult("a-token-of-Greedy")


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    taking = ParameterSet(
        "Greedy",
        (
            CREDENTIAL,
            TENANT_ID,
        ),
    )
    return [CredentialProvider("Greedy", (taking,), authenticate)]
