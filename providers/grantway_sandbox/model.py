"""What the sandbox's directory is made of: frozen values, no behaviour beyond reading them.

A *tenant* is a directory, named by its GUID or by a domain. A *user* lives in one tenant and may be
seen in others. An *application* is registered once and needs consent in each tenant where it is
used. A *resource* is an API that tokens are made for; it says which version of access token it
wants, as Microsoft Entra's API registrations do, whatever endpoint the client came through.
A *refresh token* is bound to a user and an application, and to nothing else: not to the tenant it
was issued in and not to a resource.

The well-known identifiers are constants, so that examples and screenshots stay right; secrets are
never constants. (The one-time code of a second factor is: it proves nothing by itself.)
"""

import secrets
import uuid
from typing import Final, Self

from attrs import evolve, field, frozen
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from cryptography import x509

APPLICATION_ID: Final = "5a9d0b0c-0001-4a00-8a00-00000000c0de"
PUBLIC_APPLICATION_ID: Final = "5a9d0b0c-0002-4a00-8a00-00000000c0de"
MACHINE_IDENTITY_ID: Final = "5a9d0b0c-0003-4a00-8a00-00000000c0de"
ASSIGNED_IDENTITY_ID: Final = "5a9d0b0c-0004-4a00-8a00-00000000c0de"
TENANT_ID: Final = "5a9d0b0c-1000-4a00-8a00-0000000000aa"
CUSTOMER_TENANT_IDS: Final = (
    "5a9d0b0c-1001-4a00-8a00-0000000000aa",
    "5a9d0b0c-1002-4a00-8a00-0000000000aa",
)
USER_ID: Final = "5a9d0b0c-2000-4a00-8a00-0000000000bb"
PLATFORM_ISSUER: Final = "https://platform.example"
PLATFORM_SUBJECT: Final = "system:serviceaccount:default:sandbox"
PLATFORM_AUDIENCE: Final = "api://AzureADTokenExchange"
V1: Final = 1
V2: Final = 2
SANDBOX_API_ID: Final = "5a9d0b0c-3000-4a00-8a00-0000000000cc"
GRAPH_ID: Final = "00000003-0000-0000-c000-000000000000"
ONE_TIME_CODE: Final = "123456"
"""The second factor of users who have no code of their own: known to all, and said on the page."""


def is_guid(text: str) -> bool:
    """Say whether `text` is a GUID in its canonical, dashed form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _lower(text: str) -> str:
    return text.lower()


def _guid(_instance: object, attribute: object, value: str) -> None:
    if not is_guid(value):
        raise ValueError(f"{getattr(attribute, 'name', 'value')} must be a GUID, not {value!r}")


@frozen
class Tenant:
    """A directory. `name` is for people; `domains` are its other names in URLs."""

    tenant_id: str = field(converter=_lower, validator=_guid)
    domains: tuple[str, ...]
    name: str

    @property
    def domain(self) -> str:
        """The domain shown first, such as `contoso.example`."""
        return self.domains[0]


@frozen
class User:
    """Someone who signs in; `amr` says how (`mfa` or its absence matters to clients).

    A user with `mfa` among them is asked for a one-time code after the password; any other only
    when the client demands it. The password is new for each user unless given.
    """

    object_id: str = field(converter=_lower, validator=_guid)
    user_name: str
    display_name: str
    tenant_id: str = field(converter=_lower, validator=_guid)
    amr: tuple[str, ...] = ("pwd", "mfa")
    password: str = field(factory=lambda: secrets.token_urlsafe(12), repr=False, eq=False)
    one_time_code: str = field(default=ONE_TIME_CODE, repr=False, eq=False)


@frozen
class ClientSecret:
    """A password of an application; `expires_on` in Unix seconds, None for one that stays good."""

    value: str = field(repr=False)
    expires_on: float | None = None


@frozen
class FederatedCredential:
    """Whose token an application takes for a proof of itself: each compared to the letter."""

    issuer: str
    subject: str
    audience: str = PLATFORM_AUDIENCE


@frozen
class Resource:
    """An API. `identifiers` are what clients may call it; the application id is always one more.

    `token_version` is the access token version that the API asks for: 1 or 2.
    """

    application_id: str = field(converter=_lower, validator=_guid)
    name: str
    identifiers: tuple[str, ...]
    scopes: tuple[str, ...] = ("user_impersonation",)
    roles: tuple[str, ...] = ()
    token_version: int = 1

    def answers_to(self, identifier: str) -> bool:
        """Compare as Entra does: without regard to case or to a slash at the end."""
        wanted = identifier.lower().rstrip("/")
        return wanted == self.application_id or any(
            wanted == known.lower().rstrip("/") for known in self.identifiers
        )


@frozen
class Application(ClientMixin):
    """A registered client. One with neither secret nor certificate, marked `public`, is public.

    `home_tenant_id` matters only to an application that is not `multi_tenant`. One without
    `offline_access` never gets a refresh token, whatever it asks for.
    """

    application_id: str = field(converter=_lower, validator=_guid)
    name: str
    home_tenant_id: str
    secrets: tuple[ClientSecret, ...] = ()
    certificates: tuple[x509.Certificate, ...] = ()
    federated_credentials: tuple[FederatedCredential, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    public: bool = False
    multi_tenant: bool = True
    offline_access: bool = True

    def get_client_id(self) -> str:
        """Tell Authlib the identifier clients present."""
        return self.application_id

    def check_grant_type(self, grant_type: str) -> bool:  # noqa: ARG002  # Authlib gives it
        """Tell Authlib that no grant is closed to an application, as in Entra."""
        return True

    def with_certificate(self, certificate: x509.Certificate) -> Self:
        """Return this application with one more certificate registered."""
        return evolve(self, certificates=(*self.certificates, certificate))


@frozen
class RefreshToken(TokenMixin):
    """An issued refresh token. `family` is shared by all that descend from one sign-in.

    `user` has the `amr` of that sign-in, and `auth_time` is when it was, if there was one.
    """

    value: str = field(repr=False)
    application_id: str
    user: User
    tenant_id: str
    resource: str
    scopes: tuple[str, ...]
    issued_on: float
    family: str
    auth_time: float | None = None
    used: bool = False
    revoked: bool = False

    def check_client(self, client: ClientMixin) -> bool:
        """Tell Authlib whether `client` is the one this token was issued to."""
        return isinstance(client, Application) and self.application_id == client.application_id


def standard_resources() -> tuple[Resource, ...]:
    """Return the APIs that every sandbox knows, under their real identifiers.

    The sandbox's own API also answers to the sandbox's URL, which is known only once it runs;
    `Authority.move_to` adds that.
    """
    return (
        Resource(
            SANDBOX_API_ID,
            "Sandbox API",
            (f"api://{SANDBOX_API_ID}",),
            scopes=("Things.Read", "Things.Write"),
            roles=("Things.Read.All",),
            token_version=2,
        ),
        Resource(
            GRAPH_ID,
            "Microsoft Graph",
            ("https://graph.microsoft.com",),
            scopes=("User.Read", "Directory.Read.All", "Mail.Read"),
            roles=("User.Read.All", "Directory.Read.All"),
        ),
        Resource(
            "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd",
            "Microsoft Partner Center",
            ("https://api.partnercenter.microsoft.com",),
        ),
        Resource(
            "797f4846-ba00-4fd7-ba43-dac1f8f63013",
            "Azure Resource Manager",
            ("https://management.azure.com", "https://management.core.windows.net"),
        ),
        Resource(
            "cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "Azure Key Vault", ("https://vault.azure.net",)
        ),
        Resource(
            "00000002-0000-0ff1-ce00-000000000000",
            "Office 365 Exchange Online",
            ("https://outlook.office365.com", "https://outlook.office.com"),
            scopes=("Exchange.Manage",),
            roles=("Exchange.ManageAsApp",),
        ),
    )
