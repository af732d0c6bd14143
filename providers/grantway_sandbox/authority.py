"""The state of the sandbox: who is known, who agreed to what, which refresh tokens live.

One lock guards what is here, and each kind of short-lived thing (codes, sessions) has a store with
one of its own; every value taken out is frozen, so a request works on what it found.
The rest of the package asks this object and never keeps state of its own. Time comes from the
injected clock only: moving it makes secrets expire and refresh tokens die of idleness.

Refresh tokens rotate as Entra's do: each use issues a new one and the old one goes on working.
With `rotation="strict"` a second use of the same token revokes all that descend from its sign-in,
as RFC 9700 section 4.14 advises and as other authorities do.
"""

import secrets
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import rsa

from grantway_sandbox.codes import Codes
from grantway_sandbox.device import DeviceCodes
from grantway_sandbox.errors import EntraError
from grantway_sandbox.interactions import InBrowser, Interactions
from grantway_sandbox.model import (
    SANDBOX_API_ID,
    Application,
    RefreshToken,
    Resource,
    Tenant,
    User,
    is_guid,
)
from grantway_sandbox.pushed import PushedRequests
from grantway_sandbox.script import RequestLog, Script
from grantway_sandbox.sessions import Sessions

Rotation: TypeAlias = Literal["lenient", "strict"]
PushedAuthorization: TypeAlias = Literal["offered", "required"]

# Names in place of a tenant, for applications that do not know the user's yet.
COMMON_TENANTS: Final = ("common", "organizations")
_NOT_VALID: Final = "The provided value for the input parameter 'refresh_token' is not valid."
_IDLE_LIMIT: Final = 90 * 24 * 3600


class SigningKey:
    """An RSA key of the authority, with the id it is published under."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = secrets.token_urlsafe(20)


class Authority:
    """Directories, applications, users, keys and refresh tokens, safe across threads."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rotation: Rotation = "lenient",
        single_use_assertions: bool = False,
        auto_approve: bool = False,
        response_iss: bool = False,
        pushed_authorization: PushedAuthorization | None = None,
        device_interval: int = 5,
        slow_down: bool = True,
    ) -> None:
        self.clock = clock
        self.rotation: Rotation = rotation
        self.single_use_assertions = single_use_assertions
        self.auto_approve = auto_approve
        self.response_iss = response_iss
        self.pushed_authorization: PushedAuthorization | None = pushed_authorization
        self.base_url = ""
        self.token_lifetime = 3600
        self.latency = 0.0
        #: What code on the machine shows to get a token; see `grantway_sandbox.machine`.
        self.identity_header = secrets.token_urlsafe(24)
        self.requests = RequestLog()
        self.script = Script()
        self.codes = Codes(clock)
        self.sessions = Sessions()
        self.interactions = Interactions[InBrowser]()
        self.devices = DeviceCodes(clock, device_interval, slow_down)
        self.pushed = PushedRequests(clock)
        self._lock = threading.RLock()
        self._tenants: dict[str, Tenant] = {}
        self._applications: dict[str, Application] = {}
        self._resources: dict[str, Resource] = {}
        self._users: dict[str, User] = {}
        self._consents: set[tuple[str, str]] = set()
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._revoked_families: set[str] = set()
        self._assertions: dict[tuple[str, str], float] = {}
        self._platform_key: SigningKey | None = None
        self._keys: list[SigningKey] = []

    def move_to(self, base_url: str) -> None:
        """Take up a new address; the sandbox's own API answers to it."""
        self.base_url = base_url
        api = self.resource_of(SANDBOX_API_ID)
        if api is not None:
            names = (f"api://{SANDBOX_API_ID}", base_url) if base_url else api.identifiers[:1]
            self.register(evolve(api, identifiers=names))

    # Registering: a value registered again under the same id replaces the former one.

    def register(self, *values: Tenant | Application | Resource | User) -> None:
        """Add or replace values, each under its own id."""
        with self._lock:
            for value in values:
                match value:
                    case Tenant():
                        self._tenants[value.tenant_id] = value
                    case Application():
                        self._applications[value.application_id] = value
                    case Resource():
                        self._resources[value.application_id] = value
                    case User():
                        self._users[value.object_id] = value

    def consent(self, application_id: str, tenant_id: str, given: bool = True) -> None:
        """Record or withdraw an application's consent in a tenant."""
        pair = (application_id.lower(), tenant_id.lower())
        with self._lock:
            if given:
                self._consents.add(pair)
            else:
                self._consents.discard(pair)

    def has_consent(self, application_id: str, tenant_id: str) -> bool:
        """Say whether the application may be used in the tenant."""
        with self._lock:
            return (application_id, tenant_id) in self._consents

    # Finding

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """All tenants, in the order of their registration."""
        with self._lock:
            return tuple(self._tenants.values())

    def find_tenant(self, name: str) -> Tenant | None:
        """Return the tenant of a GUID or domain; None for `common` and `organizations`.

        Raises AADSTS90002 for an unknown tenant and AADSTS900023 for what can be none.
        """
        wanted = name.lower()
        if wanted in COMMON_TENANTS:
            return None
        for tenant in self.tenants:
            if wanted == tenant.tenant_id or wanted in tenant.domains:
                return tenant
        if not is_guid(wanted) and "." not in wanted:
            raise EntraError(
                900023,
                f"Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid "
                "external domain.",
            )
        raise EntraError(
            90002,
            f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and "
            "are signing into the correct cloud. Check with your subscription administrator, "
            "this may happen if there are no active subscriptions for the tenant.",
        )

    def find_application(self, application_id: str) -> Application | None:
        """Return a registered application, whatever the case of its id, or None."""
        with self._lock:
            return self._applications.get(application_id.lower())

    def resource_of(self, identifier: str) -> Resource | None:
        """Return the API behind an identifier, or None."""
        with self._lock:
            resources = tuple(self._resources.values())
        return next((known for known in resources if known.answers_to(identifier)), None)

    def find_resource(self, identifier: str, tenant: Tenant | None) -> Resource:
        """Return the API behind an identifier, or raise AADSTS500011 in the tenant's name."""
        resource = self.resource_of(identifier)
        if resource is not None:
            return resource
        raise EntraError(
            500011,
            f"The resource principal named {identifier} was not found in the tenant named "
            f"{tenant.name if tenant else 'common'}. This can happen if the application has not "
            "been installed by the administrator of the tenant or consented to by any user in the "
            "tenant. You might have sent your authentication request to the wrong tenant.",
        )

    def home_of(self, user: User) -> Tenant:
        """Return the tenant that a user lives in."""
        with self._lock:
            return self._tenants[user.tenant_id]

    def find_user(self, object_id: str) -> User | None:
        """Return a user by object id, or None."""
        with self._lock:
            return self._users.get(object_id.lower())

    def named(self, user_name: str) -> User | None:
        """Return a user by name, whatever its case, or None."""
        wanted = user_name.strip().casefold()
        with self._lock:
            users = tuple(self._users.values())
        return next((user for user in users if user.user_name.casefold() == wanted), None)

    @property
    def standard_user(self) -> User:
        """The user who was registered first: whom auto-approval signs in."""
        with self._lock:
            return next(iter(self._users.values()))

    # Signing keys

    @property
    def signing_keys(self) -> tuple[SigningKey, ...]:
        """The published keys, the one that signs last; the first is made when it is needed."""
        with self._lock:
            if not self._keys:
                self._keys.append(SigningKey())
            return tuple(self._keys)

    def rotate_signing_key(self) -> None:
        """Sign with a new key from now on; the former ones stay published."""
        with self._lock:
            self._keys = [*self.signing_keys, SigningKey()]

    @property
    def platform_key(self) -> SigningKey:
        """The key of the platform that applications run on; made when it is needed."""
        with self._lock:
            if self._platform_key is None:
                self._platform_key = SigningKey()
            return self._platform_key

    # Refresh tokens

    def issue_refresh_token(
        self,
        application: Application,
        user: User,
        tenant: Tenant,
        resource: str,
        scopes: Iterable[str] = (),
        *,
        family: str | None = None,
        auth_time: float | None = None,
    ) -> RefreshToken:
        """Make and remember a refresh token; `family` is that of the token it succeeds."""
        token = RefreshToken(
            value=f"1.{secrets.token_urlsafe(48)}",
            application_id=application.application_id,
            user=user,
            tenant_id=tenant.tenant_id,
            resource=resource,
            scopes=tuple(scopes),
            issued_on=self.clock(),
            family=family or str(uuid.uuid4()),
            auth_time=auth_time,
        )
        with self._lock:
            # What a replayed code led to may be revoked before it is made.
            token = evolve(token, revoked=token.family in self._revoked_families)
            self._refresh_tokens[token.value] = token
        return token

    def redeem_refresh_token(self, value: str, application: Application) -> RefreshToken:
        """Return the token behind `value`, or raise what Entra would say.

        Its use counts only once the exchange went well: `mark_used`.
        """
        with self._lock:
            token = self._refresh_tokens.get(value)
            if token is None:
                raise EntraError(70000, _NOT_VALID)
            if not token.check_client(application):
                raise EntraError(70000, f"{_NOT_VALID} It was issued to another client.")
            if token.used and self.rotation == "strict":
                self._revoke(lambda other: other.family == token.family)
                raise EntraError(
                    70000, "The refresh token was redeemed before; its whole family is revoked."
                )
            if token.revoked:
                raise EntraError(50173)
            idle = self.clock() - token.issued_on
            if idle > _IDLE_LIMIT:
                raise EntraError(
                    700082,
                    "The refresh token has expired due to inactivity. The token was inactive for "
                    f"90.00:00:00 and is {int(idle // 86400)} days old.",
                )
            return token

    def mark_used(self, token: RefreshToken) -> None:
        """Record that a token was exchanged; under strict rotation it is good no more."""
        with self._lock:
            current = self._refresh_tokens.get(token.value)
            if current is None:
                return
            if current.used and self.rotation == "strict":
                # Two requests passed the check above side by side: only one may win.
                self._revoke(lambda other: other.family == token.family)
                raise EntraError(
                    70000, "The refresh token was redeemed before; its whole family is revoked."
                )
            self._refresh_tokens[token.value] = evolve(current, used=True)

    def revoke_refresh_tokens(self, user: User) -> None:
        """Revoke all of a user's refresh tokens, as a password reset does."""
        with self._lock:
            self._revoke(lambda token: token.user.object_id == user.object_id)

    def revoke_family(self, family: str) -> None:
        """Revoke the refresh tokens that descend from one sign-in."""
        with self._lock:
            self._revoked_families.add(family)
            self._revoke(lambda token: token.family == family)

    def _revoke(self, chosen: Callable[[RefreshToken], bool]) -> None:
        for value, token in list(self._refresh_tokens.items()):
            if chosen(token):
                self._refresh_tokens[value] = evolve(token, revoked=True)

    # Client assertions

    def remember_assertion(self, application_id: str, assertion_id: str, expires: float) -> bool:
        """Note a client assertion's `jti`; False when it came before and has not expired."""
        now = self.clock()
        with self._lock:
            for pair, end in list(self._assertions.items()):
                if end < now:
                    del self._assertions[pair]
            known = (application_id, assertion_id) in self._assertions
            self._assertions[application_id, assertion_id] = expires
            return not known
