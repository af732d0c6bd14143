"""A sample plugin: leases instead of grants, environments, and a vault."""

from datetime import UTC, datetime, timedelta

from grantway import (
    AuthenticationResult,
    Context,
    CredentialProvider,
    Environment,
    Parameter,
    ParameterSet,
    Secret,
    TokenRequest,
    Vault,
    hookimpl,
)
from grantway.errors import VaultError
from grantway.parameters import TENANT_ID, secret, text
from grantway_clouds import ENTRA_V2


def minutes(value: object) -> timedelta:
    """A whole number of minutes."""
    try:
        return timedelta(minutes=int(str(value)))
    except ValueError:
        raise ValueError("expected a whole number of minutes") from None


LEASE_NAME = Parameter("lease_name", text, "What is leased.", env="LEASE_NAME")
LEASE_TERM = Parameter("lease_term", minutes, "For how many minutes.", default=timedelta(minutes=5))
LEASE_KEY = Parameter("lease_key", secret, "The key that opens it.", secret=True)


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    """Make up a token that tells what it was made of."""
    key = request.get(LEASE_KEY)
    term = request.get(LEASE_TERM) or timedelta(minutes=1)
    opened = f"opened with {len(key.reveal())} letters" if key else "open"
    return AuthenticationResult(
        f"{request[LEASE_NAME].upper()}, {opened}, at {request.environment.name}",
        expires_on=datetime.fromtimestamp(context.clock.time(), UTC) + term,
    )


def get(name: str, context: Context) -> Secret:
    """Give the name as the secret, save for one that is not there."""
    if name == "nothing":
        raise VaultError("The box is empty.", scheme="samplebox")
    return Secret(name)


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    """One way to a token."""
    parameter_set = ParameterSet(
        "Lease",
        (LEASE_NAME,),
        optional=(LEASE_TERM, LEASE_KEY, TENANT_ID),
        summary="Something leased for a while.",
    )
    return [CredentialProvider("Lease", (parameter_set,), authenticate, summary="leases")]


@hookimpl
def grantway_environments() -> list[Environment]:
    """One place to get it, and a private cloud."""
    return [
        Environment("LeaseHill", authority="https://lease.example", aliases=("Hill",)),
        Environment(
            "PrivateCloud",
            authority="https://login.hill.example",
            protocol=ENTRA_V2,
            resources={
                "graph": "https://msgraph.hill.example/",
                "aadgraph": "https://graph.hill.example/",
                "arm": "https://management.core.hill.example/",
                "keyvault": "https://vault.hill.example",
            },
        ),
    ]


@hookimpl
def grantway_vaults() -> list[Vault]:
    """One place for secrets."""
    return [Vault("samplebox", get, summary="samplebox:SECRET, which is the secret")]
