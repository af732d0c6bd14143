"""Signed-in accounts: whose refresh tokens rest in a cache, and which of them a call means.

An account is a person at an authority with an application: what one sign-in brings. A refresh
token that a caller gave, or that a consent brought for somebody to keep elsewhere, is none.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from grantway.cache import keys
from grantway.cache_inspection import Inspector
from grantway.errors import ConfigurationError, InteractionRequired
from grantway.parameters import ACCOUNT, LOGIN_HINT
from grantway.result import UserInfo

if TYPE_CHECKING:
    from grantway.cache_inspection import CacheEntry
    from grantway.request import TokenRequest
    from grantway.token_cache import StoredRefreshToken, TokenCache

_NOBODY = UserInfo("", "")


@attrs.frozen
class Account:
    """Somebody who has signed in.

    Attributes:
        info: who it is; its texts are empty where the authority does not say.
        environment: name of the environment.
        application_id: the application they signed in to.
        provider: name of the provider.
        slot: where the refresh token rests in the cache.
        owner: fingerprint of authority and application.
    """

    info: UserInfo
    slot: str = attrs.field(repr=False)
    environment: str = ""
    application_id: str = ""
    provider: str = ""
    owner: str = attrs.field(default="", repr=False)

    @classmethod
    def of(cls, slot: str, stored: "StoredRefreshToken") -> "Account":
        """Whose refresh token rests in a slot."""
        return cls(
            stored.account or _NOBODY,
            slot,
            stored.environment,
            stored.client_id,
            stored.provider,
            stored.owner,
        )

    @property
    def user_name(self) -> str:
        """Its user name, for display and for choosing; see `UserInfo`."""
        return self.info.user_name

    @property
    def subject(self) -> str:
        """Its `sub`, unique and stable within the issuer."""
        return self.info.subject

    @property
    def tenant_id(self) -> str:
        """The tenant it signed in at, where the authority has them."""
        return self.info.tenant_id

    @property
    def name(self) -> str:
        """What to call it: user name, else subject, else that nobody says."""
        return self.user_name or self.subject or "(not named)"

    def as_dict(self) -> dict[str, object]:
        """The account as JSON-ready facts."""
        return {
            "user_name": self.user_name,
            "subject": self.subject,
            "tenant_id": self.tenant_id,
            "environment": self.environment,
            "application_id": self.application_id,
            "provider": self.provider,
        }

    def brought(self, entry: "CacheEntry") -> bool:
        """Whether a row of the cache is a result of this account, or may be one.

        A result does not say its application, nor always whose it is. One too many that goes is
        had anew without a person.
        """
        if entry.kind != "access_token":
            return False
        is_here = entry.environment == self.environment
        if not entry.user_name:
            return is_here and entry.provider == self.provider
        alike = (entry.subject == self.subject, entry.user_name.casefold() == self.name.casefold())
        # Another environment may be of the same authority.
        return any(alike) if is_here else all(alike)


def is_named(info: UserInfo, name: str) -> bool:
    """Whether an account is called so: by its user name or subject, whatever the case."""
    return name.casefold() in (info.user_name.casefold(), info.subject.casefold())


def owned(cache: "TokenCache", request: "TokenRequest") -> tuple[Account, ...]:
    """Whoever has signed in at the request's authority with its client."""
    owner = keys.owner_key(cache.fingerprint_key, request)
    return tuple(Account.of(slot, stored) for slot, stored in cache.refresh_tokens(owner))


def known(cache: "TokenCache", request: "TokenRequest") -> tuple[Account, ...]:
    """Those of them of whom it is known who they are."""
    return tuple(each for each in owned(cache, request) if each.info is not _NOBODY)


def everybody(cache: "TokenCache") -> Iterator[Account]:
    """Whoever has signed in anywhere, with any application.

    Raises:
        ConfigurationError: the cache cannot list what is in it.
    """
    if not isinstance(cache, Inspector):
        raise ConfigurationError(
            "This token cache cannot list all accounts.",
            remedy="Name both environment and application_id.",
        )
    for entry in cache.entries():
        if entry.kind == "refresh_token":
            stored = cache.get_refresh_token(entry.key)
            if stored is not None and stored.owner:
                yield Account.of(entry.key, stored)


def others(cache: "TokenCache", request: "TokenRequest") -> str:
    """That whom a request names has not signed in, and who has; "" where that is not so."""
    wanted, found = request.expected_account, known(cache, request)
    if not (wanted and found) or any(is_named(each.info, wanted) for each in found):
        return ""
    names = ", ".join(sorted(each.name for each in found))
    who = request.get(ACCOUNT) or request.get(LOGIN_HINT)
    return f"{who} has not signed in here, but these have: {names}."


def chosen(cache: "TokenCache", request: "TokenRequest") -> Account | None:
    """The account a request means: the one named, else the only one; None: it is not known yet.

    Raises:
        InteractionRequired: several accounts could be meant; it names them.
    """
    return meant(known(cache, request), request)


def meant(among: Iterable[Account], request: "TokenRequest") -> Account | None:
    """The account of these that a request means; see `chosen`.

    Raises:
        as `chosen`.
    """
    found = tuple(each for each in among if each.info is not _NOBODY)
    if wanted := request.expected_account:
        found = tuple(each for each in found if is_named(each.info, wanted))
    if len(found) > 1:
        names = sorted(each.name for each in found)
        raise InteractionRequired(
            f"Several accounts are signed in: {', '.join(names)}.",
            remedy="Name the one you mean with account=.",
            accounts=names,
        )
    return found[0] if found else None
