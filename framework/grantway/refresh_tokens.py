"""The refresh tokens of one request: where they rest, and that none is lost.

One that a caller gave has a *successor*, which rests under the fingerprint of the one given. So
does one that came for a token which the caller presented: whoever has that token has this one, and
nobody else. One that a sign-in brought rests in the slot of its account, or, where the authority
does not say who has signed in, in one that has no name.

A new one goes to the vault that the caller named and to the token cache, in this order, the moment
it arrives. A vault that fails is remembered, and told once the answer in hand is completed; so is a
cache, for the one that it has may be spent.

*Whose it is* was said when somebody signed in. A renewal may say nothing of that, or less, or who
they are as a guest of another tenant; none of it makes another account of them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from grantway import vaults
from grantway.cache import keys
from grantway.parameters import REFRESH_TOKEN, SAVE_REFRESH_TOKEN
from grantway.secret import Secret
from grantway.token_cache import StoredRefreshToken

if TYPE_CHECKING:
    from grantway.accounts import Account
    from grantway.context import Context
    from grantway.errors import VaultError
    from grantway.proof_key import ProofKey
    from grantway.request import TokenRequest
    from grantway.result import UserInfo
    from grantway.token_cache import TokenCache
    from grantway.workplace import Workplace


class RefreshTokens:
    """Finds and keeps them.

    Args:
        place: whose cache and vaults are used.
        request: the request, its secrets opened.
        account: whose sign-in is meant, where that is known.
        by_account: whether they rest by account: the provider can renew, and none was given.
        presented: names of the tokens that stand for whoever it is, where the provider can renew.
        tell: tells observers that one was kept, and where it was saved to.

    Attributes:
        slot: where the one rests that serves this request; None: there is none.
        failure: what went wrong when one was saved to the vault that the caller named.
    """

    def __init__(
        self,
        place: "Workplace",
        request: "TokenRequest",
        account: "Account | None",
        *,
        by_account: bool,
        presented: tuple[str, ...] = (),
        tell: Callable[[str], None],
    ) -> None:
        self._place = place
        self._request = request
        self._account = account
        self._by_account = by_account
        self._presented = presented
        self._tell = tell
        self._newest: Secret | None = None
        self._rested: StoredRefreshToken | None = None
        self._is_lost = False
        self.failure: VaultError | None = None
        self.slot = self._find()

    def _find(self) -> str | None:
        values, key = self._request.values, self._place.cache.fingerprint_key
        names = (REFRESH_TOKEN.name, *self._presented)
        given = [each for each in map(values.get, names) if isinstance(each, Secret)]
        if given:
            return keys.successor_slot(key, self._request, *given)
        if self._account:
            return self._account.slot
        if self._by_account and not self._request.expected_account:
            slot = self._unnamed
            return slot if self._at(slot) else None
        return None

    def at_rest(self) -> StoredRefreshToken | None:
        """The one that serves this request."""
        self._rested = self._at(self.slot) if self.slot is not None else None
        return self._rested

    def account_of(self, account: "UserInfo | None") -> "UserInfo | None":
        """Whose the result of this request is, where its answer says `account`."""
        known = self._rested.account if self._rested else None
        if known is None or account is None:
            return account or known
        says_less = known.user_name and not account.user_name
        is_elsewhere = known.tenant_id and known.tenant_id != account.tenant_id
        return known if says_less or is_elsewhere else account

    def remove(self, stored: StoredRefreshToken) -> None:
        """Forget one that is spent; a newer one in its place stays."""
        slot = self.slot
        if slot is not None:
            self._place.with_cache(
                "remove", lambda cache: cache.remove_refresh_token(slot, stored.token)
            )

    def begin_anew(self) -> None:
        """Whoever signs in now may be another account, with a slot of its own."""
        self._rested = None
        if self._by_account:
            self.slot = None

    def keep_last(self, context: "Context", token: Secret, account: "UserInfo | None") -> None:
        """Keep the newest of a result that is complete, though nobody may be known to be in it."""
        if self._by_account and account is None and self.slot is None:
            self.slot = self._unnamed
        context.keep_refresh_token(token, account)

    def keep(self, context: "Context", token: Secret, account: "UserInfo | None") -> None:
        """Put one where it is safe; see `Context.keep_refresh_token`."""
        destination = self._request.get(SAVE_REFRESH_TOKEN)
        is_new, self._newest = token != self._newest, token
        try:
            if is_new and destination is not None:
                kept = self._place.registry.vaults
                self.failure = vaults.save(token, destination, kept, context)
        finally:
            # Whatever becomes of the vault, not even an interrupt there loses the token.
            self._store(token, account, context.possession.key)
        if is_new:
            self._tell(str(destination) if destination else "")

    def _store(
        self, token: Secret, account: "UserInfo | None", proof_key: "ProofKey | None"
    ) -> None:
        request, key = self._request, self._place.cache.fingerprint_key
        slot, owner, account = self.slot, "", self.account_of(account)
        if self._by_account:
            owner = keys.owner_key(key, request)
            if slot is None and account is not None:
                slot = keys.account_slot(key, request, account.subject)
        # A provider that renews nothing has no use for one, and takes the place of none.
        slots = {slot: owner} if slot else {}
        if proof_key is not None and (
            SAVE_REFRESH_TOKEN.name in request.values or not self._by_account
        ):
            # It may be given back, and comes without its key: that is found by the token then.
            slots[keys.successor_slot(key, request, token)] = ""
        if not slots:
            return
        stored = StoredRefreshToken(
            token,
            account,
            environment=request.environment.name,
            provider=request.provider,
            client_id=request.client_id,
            proof_key=proof_key,
        )

        def put(cache: "TokenCache") -> bool:
            for each, whose in slots.items():
                cache.put_refresh_token(each, attrs.evolve(stored, owner=whose))
            return True

        is_new = self._rested is None or token != self._rested.token
        self._is_lost = not self._place.with_cache("put", put) and is_new

    def tell_of_loss(self) -> None:
        """Warn if the newest one is not in the cache, each time that this happens."""
        if self._is_lost:
            # Imported here: it is told seldom.
            import logging

            logging.getLogger("grantway.cache").warning(
                "the new refresh token from %s is not in the token cache, which failed; if the "
                "one before it serves but once, somebody has to sign in again",
                self._request.environment.name,
            )

    @property
    def _unnamed(self) -> str:
        return keys.account_slot(self._place.cache.fingerprint_key, self._request, "")

    def _at(self, slot: str) -> StoredRefreshToken | None:
        return self._place.with_cache(
            "get", lambda cache: cache.get_refresh_token(slot), StoredRefreshToken
        )
