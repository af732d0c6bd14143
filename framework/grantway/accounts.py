"""Signed-in accounts: whose refresh tokens rest in a cache, and which of them a call means."""

import attrs

from grantway.cache import keys
from grantway.errors import InteractionRequired
from grantway.parameters import ACCOUNT, LOGIN_HINT
from grantway.request import TokenRequest
from grantway.result import UserInfo
from grantway.token_cache import TokenCache


@attrs.frozen
class Account:
    """One account: who it is, and the slot its refresh token rests in."""

    info: UserInfo
    slot: str


def expected(request: TokenRequest) -> str:
    """Who is to be signed in, in the words of the call; "" where it does not say."""
    return (request.get(ACCOUNT) or request.get(LOGIN_HINT) or "").casefold()


def is_named(info: UserInfo, name: str) -> bool:
    """Whether an account is called so: by its user name or subject, whatever the case."""
    return name.casefold() in (info.user_name.casefold(), info.subject.casefold())


def known(cache: TokenCache, request: TokenRequest) -> tuple[Account, ...]:
    """The accounts that have signed in at the request's authority with its client."""
    owner = keys.owner_key(cache.fingerprint_key, request)
    return tuple(
        Account(stored.account, slot)
        for slot, stored in cache.refresh_tokens(owner)
        if stored.account is not None
    )


def chosen(cache: TokenCache, request: TokenRequest) -> Account | None:
    """The account a request means: the one named, else the only one; None: it is not known yet.

    Raises:
        InteractionRequired: several accounts could be meant; it names them.
    """
    found = known(cache, request)
    if wanted := expected(request):
        found = tuple(each for each in found if is_named(each.info, wanted))
    if len(found) > 1:
        names = sorted(each.info.user_name or each.info.subject for each in found)
        raise InteractionRequired(
            f"Several accounts are signed in: {', '.join(names)}.",
            remedy="Name the one you mean with account=.",
            accounts=names,
        )
    return found[0] if found else None
