"""What comes back: an access token and what is known of it.

Every instant is an aware UTC datetime. Who signed in comes from an id_token whose checks have
passed. Of the access token, which is for its audience alone, nothing is read but how the person
signed in, where no id_token says it; one that the caller had already is read for what it says of
itself, which tells nobody who they are.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NoReturn

import attrs

from grantway.errors import InvalidParameter
from grantway.proof_key import ProofKey
from grantway.secret import Secret

NOT_APPLICABLE = "N_A"
"""The `token_type` of a token that is no access token (RFC 8693, section 2.2.1)."""


def _frozen(given: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(dict(given))


@attrs.frozen
class UserInfo:
    """Who signed in, from checked id_token claims only (OpenID Connect Core, section 5.1).

    Attributes:
        subject: `sub`, unique and stable within the issuer.
        issuer: `iss`.
        user_name: `preferred_username`, else `upn`, `email` or `unique_name`; for display and
            for choosing an account, not for authorization.
        object_id: `oid`, where the issuer has it.
        tenant_id: `tid`, likewise.
        name: the display name.
        claims: all claims of the id_token.
    """

    subject: str
    issuer: str
    user_name: str = ""
    object_id: str = ""
    tenant_id: str = ""
    name: str = ""
    claims: Mapping[str, object] = attrs.field(
        factory=dict[str, object], converter=_frozen, eq=False, repr=False
    )

    @classmethod
    def from_claims(cls, claims: Mapping[str, object]) -> "UserInfo":
        """Read the claims of an id_token that has passed its checks."""

        def text(*names: str) -> str:
            for name in names:
                value = claims.get(name)
                if isinstance(value, str) and value:
                    return value
            return ""

        return cls(
            subject=text("sub"),
            issuer=text("iss"),
            user_name=text("preferred_username", "upn", "email", "unique_name"),
            object_id=text("oid"),
            tenant_id=text("tid"),
            name=text("name"),
            claims=claims,
        )


@attrs.frozen(eq=False)
class AuthenticationResult:
    """An access token, its lifetime, and what came with it.

    The representation shows no token, and the result refuses to be pickled: pass what
    `as_dict()` gives, knowingly.

    Attributes:
        access_token: for the `Authorization` header, with `token_type`.
        token_type: the scheme of that header: `Bearer`, or `DPoP` for a token bound to a key.
        issued_token_type: what kind of token it is, as a URI, where an exchange of tokens says so
            (RFC 8693, section 2.2.1). One that is no access token has the `token_type` `N_A`.
        acquired_on: when it was obtained; filled in where a provider leaves it out.
        expires_on: when it expires, by the local clock; None: the authority did not say, and
            the token is not cached.
        extended_expires_on: until when it serves in an outage of the authority.
        refresh_on: from when a new one should be asked for.
        refresh_token: the newest refresh token; the one given where none came.
        id_token: as it came; its checked claims are in `account`.
        scopes: the scopes granted, as far as the authority says, else those asked for.
        resource: the resource asked for.
        tenant_id: the tenant that issued the token.
        account: who signed in; None for an application by itself.
        authentication_methods: how they did, as far as a token says: its `amr` (RFC 8176), in
            which `mfa` stands for several factors. For people to know: an API decides by the
            token it is sent.
        refresh_token_expires_on: when the new refresh token expires, where the authority says.
        proof_key: the key that the token is bound to (DPoP, RFC 9449); each request that
            carries the token carries a proof of it, see `proof`. None for a bearer token. It is
            in no representation and not in `as_dict()`.
        environment, provider: name of what served the call; filled in likewise.
        correlation_id: the authority's id of the exchange, for its support.
    """

    access_token: str = attrs.field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  # the scheme's name, no secret
    acquired_on: datetime | None = attrs.field(default=None, kw_only=True)
    expires_on: datetime | None = attrs.field(default=None, kw_only=True)
    extended_expires_on: datetime | None = attrs.field(default=None, kw_only=True)
    refresh_on: datetime | None = attrs.field(default=None, kw_only=True)
    refresh_token: str | None = attrs.field(default=None, repr=False, kw_only=True)
    id_token: str | None = attrs.field(default=None, repr=False, kw_only=True)
    scopes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    resource: str | None = attrs.field(default=None, kw_only=True)
    tenant_id: str = attrs.field(default="", kw_only=True)
    account: UserInfo | None = attrs.field(default=None, kw_only=True)
    authentication_methods: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    refresh_token_expires_on: datetime | None = attrs.field(default=None, kw_only=True)
    proof_key: ProofKey | None = attrs.field(default=None, repr=False, kw_only=True)
    environment: str = attrs.field(default="", kw_only=True)
    provider: str = attrs.field(default="", kw_only=True)
    correlation_id: str = attrs.field(default="", kw_only=True)
    issued_token_type: str = attrs.field(default="", kw_only=True)

    @property
    def serves_until(self) -> float:
        """Until when the token is served from a cache, in seconds since the epoch.

        300 seconds before it expires, so that a call made with it arrives in time, but no more
        than a tenth of its lifetime, so that short-lived tokens serve at all. 0 where the
        authority did not say when it expires.
        """
        if self.expires_on is None:
            return 0.0
        expires = self.expires_on.timestamp()
        lifetime = expires - self.acquired_on.timestamp() if self.acquired_on else 3000.0
        return expires - min(300.0, lifetime / 10)

    @property
    def renews_from(self) -> float:
        """From when a new token is asked for while this one serves, in seconds since the epoch.

        `refresh_on` where the authority says, else half of its life. Never, where that is not
        known.
        """
        if self.refresh_on is not None:
            return self.refresh_on.timestamp()
        if self.expires_on is None or self.acquired_on is None:
            return float("inf")
        return (self.acquired_on.timestamp() + self.expires_on.timestamp()) / 2

    def proof(self, method: str, url: str, *, nonce: str | None = None) -> str:
        """A proof of possession for one request with this token (RFC 9449, section 7.1).

        It goes into the header `DPoP`, beside `Authorization: DPoP TOKEN`, and is good for one
        sending: make another one for the next. `TokenSource.auth()` does all of this.

        Args:
            method: the request's method, as `GET`.
            url: where it goes.
            nonce: what the API gave in its header `DPoP-Nonce`, where it did.

        Raises:
            InvalidParameter: the token is a bearer token, which needs no proof.
        """
        if self.proof_key is None:
            raise InvalidParameter(
                f"This token is of the type {self.token_type[:20]!r} and bound to no key: there "
                "is no proof for it.",
                remedy="Send it without one; or say dpop = true in its environment, where the "
                "authority can bind tokens.",
                parameter="nonce" if nonce else "url",
            )
        return self.proof_key.proof(
            method, url, nonce=nonce, access_token=Secret(self.access_token)
        )

    def as_dict(self, *, secrets: bool = False) -> dict[str, object]:
        """The result as JSON-ready facts; instants in ISO 8601.

        The access token is always there. Refresh and id token are there with `secrets=True`
        only: they are worth more and needed less.
        """
        account = self.account
        facts: dict[str, object] = {
            "access_token": self.access_token,
            "token_type": self.token_type,
            "expires_on": _iso(self.expires_on),
            "extended_expires_on": _iso(self.extended_expires_on),
            "refresh_on": _iso(self.refresh_on),
            "scopes": list(self.scopes),
            "resource": self.resource,
            "tenant_id": self.tenant_id,
            "account": account
            and {
                "user_name": account.user_name,
                "subject": account.subject,
                "object_id": account.object_id,
                "tenant_id": account.tenant_id,
                "name": account.name,
                "issuer": account.issuer,
            },
            "authentication_methods": list(self.authentication_methods),
            "refresh_token_expires_on": _iso(self.refresh_token_expires_on),
            "environment": self.environment,
            "provider": self.provider,
            "correlation_id": self.correlation_id,
            "issued_token_type": self.issued_token_type,
        }
        if secrets:
            facts["refresh_token"] = self.refresh_token
            facts["id_token"] = self.id_token
        return facts

    def __copy__(self) -> "AuthenticationResult":
        return self

    def __deepcopy__(self, memo: object) -> "AuthenticationResult":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a result cannot be pickled: pass on what as_dict() gives, knowingly")


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
