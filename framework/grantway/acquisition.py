"""Obtaining one token that the cache does not have: the last two stops of `acquire`.

Of all processes that share the cache one does the work for a key, and looks into the cache again
when its turn has come. A refresh token that an earlier call brought is tried first, silently.
Whatever new refresh token arrives is put where it is safe the moment it arrives: in the vault the
caller named, then in the token cache; only then is the result looked at further. A cache that
fails costs a warning, never the token. A vault that fails costs the call, and the error carries
the token. While the authority is in trouble, a token that has not expired yet is served.
"""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from grantway.errors import (
    AuthorityError,
    DeadlineExceeded,
    GrantwayError,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    InvalidParameter,
    MalformedResponse,
    PluginError,
    TransportError,
    VaultError,
)
from grantway.parameters import ACCOUNT, CLAIMS, PROMPT, REFRESH_TOKEN
from grantway.result import AuthenticationResult
from grantway.secret import Secret
from grantway.suggest import text_of, type_of
from grantway.workplace import check_available

if TYPE_CHECKING:
    import logging

    from grantway.context import Context
    from grantway.coordination import SharedPauses
    from grantway.intake import Settled
    from grantway.refresh_tokens import RefreshTokens
    from grantway.request import TokenRequest
    from grantway.result import UserInfo
    from grantway.workplace import Workplace

TIMEOUT = 60.0
INTERACTIVE_TIMEOUT = 300.0

# What authorities add to `invalid_grant` when the refresh token itself is good no more. Anything
# else that they add is what they want beside it.
_SPENT = ("", "bad_token", "token_expired")


class Acquisition:
    """One attempt at one token, from the opened secrets to the stored result."""

    __slots__ = (
        "_account", "_at_rest", "_behind", "_by_account", "_deadline", "_is_interactive",
        "_may_prolong", "_must_ask", "_place", "_settled", "_sign_in", "_timeout",
        "_tokens", "key",
    )  # fmt: skip

    def __init__(
        self,
        workplace: "Workplace",
        settled: "Settled",
        timeout: float | None,
        *,
        force_refresh: bool = False,
        behind: bool = False,
    ) -> None:
        request, provider = settled.request, settled.choice.candidate.provider
        self._place = workplace
        self._settled = settled
        self._at_rest: AuthenticationResult | None = None
        #: Whether this is behind the back of whoever was served: nobody is asked then.
        self._behind = behind
        self._is_interactive = request.parameter_set in provider.interactive
        # Whoever says what the sign-in page is to ask for wants to see it.
        self._sign_in = request.get(PROMPT) not in (None, "none")
        self._must_ask = (
            force_refresh
            or self._sign_in
            or not provider.reads_cache
            or CLAIMS.name in request.values
        )
        self._account = None
        self._by_account = (
            provider.renew is not None
            and REFRESH_TOKEN.name not in request.values
            and not settled.presented
        )
        # Who is to see the sign-in page says there who they are.
        if self._by_account and not self._sign_in:
            # Imported here, as below: what a call does not come to is not paid for.
            from grantway import accounts

            self._account = workplace.with_cache(
                "list", lambda cache: accounts.chosen(cache, request)
            )
        account = self._account.info.subject if self._account else request.expected_account
        if not workplace.key_is_checked:
            workplace.check_key()
        #: Under which the result rests in the cache; see `grantway.cache.keys`.
        self.key = settled.key(workplace.cache.fingerprint_key, account)
        self._may_prolong = timeout is None
        if timeout is None:
            timeout = INTERACTIVE_TIMEOUT if self._is_interactive else TIMEOUT
        self._timeout = checked_timeout(timeout)
        self._deadline = workplace.clock.monotonic() + self._timeout
        self._tokens: RefreshTokens | None = None

    def fresh(self) -> AuthenticationResult | None:
        """The result at rest, if it may be served."""
        if self._must_ask:
            return None
        place, key = self._place, self.key
        result = self._at_rest = place.with_cache(
            "get", lambda cache: cache.get(key), AuthenticationResult
        )
        if result is None or not place.freshness.serves(key, result):
            return None
        if self._behind and place.freshness.is_due(result):
            return None
        return result

    def is_due(self, result: AuthenticationResult) -> bool:
        """Whether a new token should be asked for behind the back of whoever is served this one."""
        return self._place.freshness.is_due(result)

    def renewal(self, timeout: float) -> "Acquisition":
        """The same token once more, behind the back of whoever is served."""
        return Acquisition(self._place, self._settled, timeout, behind=True)

    @property
    def settled(self) -> "Settled":
        """The call that it answers."""
        return self._settled

    @property
    def owner(self) -> str:
        """Whose accounts, as the cache lists them, have had a say in the key; "": nobody's."""
        if not self._by_account or self._sign_in:
            return ""
        # Imported here: it is asked for once, and not by most.
        from grantway.cache.keys import owner_key

        return owner_key(self._place.cache.fingerprint_key, self._settled.request)

    @property
    def variant(self) -> tuple[str, ...]:
        """What sets this attempt apart from others for the same key; see `Flights.run`."""
        found = self._settled.circumstances(self._place.cache.fingerprint_key)
        # What a reference stands for may be another's already: nobody shares this flight.
        return (*found, str(id(self))) if self._settled.may_change else found

    def remaining(self) -> float:
        """Seconds until the caller's time is up.

        Raises:
            DeadlineExceeded: it is.
        """
        until = self._place.prolonged.get(self.key, 0.0) if self._may_prolong else 0.0
        if until > self._deadline:
            # Whoever does the work has been given more time, and so have those who wait for it.
            self._prolong(until)
        return self._context(threading.Event()).remaining()

    def told_to_wait(self, seconds: float) -> None:
        """Say that another call is at work for the same token, and how long this one waits."""
        text = f"Another call is getting the same token; this one waits {seconds:.0f} s at most."
        prompter = self._place.prompter
        if self._is_interactive and prompter is not None:
            prompter.show(text)
        else:
            # Imported here: threads that wait for a machine need nothing said aloud.
            import logging

            logging.getLogger("grantway").debug("%s", text)

    def run(self, cancelled: threading.Event) -> AuthenticationResult:
        """Obtain the token, unless somebody has meanwhile; store it, tell observers."""
        if (result := self.fresh()) is not None:
            return result
        from grantway.coordination import alone

        context = self._context(cancelled)
        try:
            with alone(self._place, self.key, context, self.told_to_wait):
                return self.fresh() or self._run(context)
        except GrantwayError as error:
            self._tell("token.failed", error=type_of(error))
            return self._at_rest_or(error, context.logger)
        finally:
            self._place.prolonged.pop(self.key, None)

    def when_late(self, error: DeadlineExceeded) -> AuthenticationResult:
        """What is left to a caller whose own time is up, while another may still do the work.

        Raises:
            DeadlineExceeded: nothing; it is the one given.
        """
        import logging

        return self._at_rest_or(error, logging.getLogger("grantway"))

    def _at_rest_or(
        self, error: GrantwayError, logger: "logging.Logger | logging.LoggerAdapter[logging.Logger]"
    ) -> AuthenticationResult:
        """The token at rest, where it is better than an error; else the error is raised."""
        if (result := self._in_trouble(error)) is None:
            raise error
        logger.warning("a token that is about to expire is served: %s", error)
        return result

    def _in_trouble(self, error: GrantwayError) -> AuthenticationResult | None:
        """The token at rest, where it is better than an error that will pass by itself."""
        match error:
            case TransportError(retryable=True) | DeadlineExceeded():
                pass
            case MalformedResponse(retryable=True) | AuthorityError(retryable=True):
                pass
            case _:
                return None
        result, place = self._at_rest, self._place
        if result is None or self._must_ask or self._behind:
            return None
        return result if place.freshness.serves_in_trouble(self.key, result) else None

    def _run(self, context: "Context") -> AuthenticationResult:
        settled = self._settled
        check_available(settled.request.environment)
        for warning in settled.warnings:
            context.logger.warning("%s", warning)
        from grantway import vaults

        result: AuthenticationResult | None = None
        raised = ""
        try:
            vaults.check_destination(settled.request, self._place.registry.vaults)
            result = self._opened_and_obtained(context)
        except (GrantwayError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if self._settled.choice.candidate.builtin:
                raise
            # Raised after this block: what a plugin raises may hold the secrets it was given.
            raised = self._told(error, context)
        if result is None:
            raise self._plugin_failed(f"raised {raised}")
        failure = self._tokens.failure if self._tokens else None
        if failure is not None:
            raise VaultError(
                failure.message, remedy=failure.remedy, scheme=failure.scheme, result=result
            )
        return result

    def _opened_and_obtained(self, context: "Context") -> AuthenticationResult:
        """Open the secrets and obtain a token with them.

        A client whose assertion is refused when it comes again has a new one made, once.
        """
        from grantway import vaults
        from grantway.refresh_tokens import RefreshTokens

        settled, place = self._settled, self._place
        request = vaults.open_secrets(
            settled.request, place.registry.vaults, context, place.assertions
        )
        renews = settled.choice.candidate.provider.renew is not None
        while True:
            tokens = self._tokens = RefreshTokens(
                place,
                request,
                self._account,
                by_account=self._by_account,
                presented=settled.presented if renews else (),
                tell=lambda place: self._tell("refresh_token.kept", saved_to=place),
            )
            try:
                return self._obtain(request, tokens, context)
            except InvalidClient:
                if not vaults.assertion_refused(settled.request, request, place.assertions):
                    raise
            request = vaults.with_new_assertion(
                settled.request, request, place.registry.vaults, context, place.assertions
            )

    def _told(self, error: BaseException, context: "Context") -> str:
        """What a provider raised and where, in words that are safe; its author gets the lines."""
        # Imported here: only a failing plugin needs it.
        from grantway.frames import lines_of, place_of

        kind, provider = type_of(error), self._settled.choice.candidate.provider
        context.logger.debug("%s in the provider:\n%s", kind, lines_of(error))
        return f"{kind} {place_of(error, self._place.registry.plugin_of(provider).file)}".strip()

    def _plugin_failed(self, how: str) -> PluginError:
        """The error for a provider that broke its contract, whoever's it is."""
        provider = self._settled.choice.candidate.provider
        plugin = self._place.registry.plugin_of(provider)
        return PluginError(
            f"The provider {provider.name} {how}.",
            remedy=f"That is a fault of {plugin.name}: tell its author, or disable it.",
            plugin=plugin.name,
            distribution=plugin.distribution,
        )

    def _obtain(
        self, request: "TokenRequest", tokens: "RefreshTokens", context: "Context"
    ) -> AuthenticationResult:
        """Renew or authenticate; store what comes, tell observers."""
        from grantway.coordination import alone

        with ExitStack() as stack:
            stack.callback(tokens.tell_of_loss)
            if tokens.slot and not request.environment.protocol.refresh_tokens_stay:
                # One refresh token may serve many tenants and resources, each under its own key.
                stack.enter_context(alone(self._place, tokens.slot, context, self.told_to_wait))
            result, wanted, refused = self._renewed(request, tokens, context)
            renewed = result is not None
            if result is None:
                tokens.begin_anew()
                context.possession.key = None
                result = self._authenticated(wanted, context, refused)
            result = self._stored(result, request, tokens, context)
        self._tell(
            "token.acquired",
            tenant_id=result.tenant_id,
            expires_on=result.expires_on,
            renewed=renewed,
        )
        self._check_account(tokens.account_of(result.account))
        return result

    def _authenticated(
        self, request: "TokenRequest", context: "Context", refused: GrantwayError | None
    ) -> AuthenticationResult:
        try:
            return self._settled.choice.candidate.provider.authenticate(request, context)
        except InteractionRequired as error:
            if error.__cause__ is not None or error.accounts:
                raise
            if isinstance(refused, AuthorityError):
                # Nobody can sign in again here; so it is told why somebody would have to.
                raise InteractionRequired(
                    f"The earlier sign-in serves no more: {refused.message} {error.message}",
                    remedy=f"{refused.advice} {error.remedy}".strip(),
                    claims=refused.claims,
                ) from refused
            from grantway import accounts

            place = self._place
            others: str | None = None
            if self._by_account and context.prompter is None:
                others = place.with_cache("list", lambda cache: accounts.others(cache, request))
            if not others:
                raise
            raise InteractionRequired(
                f"{error.message} {others}", remedy=error.remedy, claims=error.claims
            ) from None

    def _stored(
        self,
        result: AuthenticationResult,
        request: "TokenRequest",
        tokens: "RefreshTokens",
        context: "Context",
    ) -> AuthenticationResult:
        """Check what a provider has returned, put it into the cache, and complete it.

        Raises:
            PluginError: it is no result, or one that cannot be.
        """
        from grantway.declarations import fault, kept_fault

        if type(result) is not AuthenticationResult:
            raise self._plugin_failed(f"returned a {type_of(result)}, not a result")
        if wrong := kept_fault(result):
            raise self._plugin_failed(f"returned a result that cannot be: {wrong}")
        # The provider has normally had it kept already; this is for those that have not.
        given = request.get(REFRESH_TOKEN)
        newest = Secret(result.refresh_token) if result.refresh_token else None
        if newest is not None and newest != given:
            tokens.keep_last(context, newest, result.account)
        if request.environment.dpop and result.proof_key is None:
            raise self._plugin_failed(
                "returned a token that is bound to no key, where the environment says dpop"
            )
        if wrong := fault(result):
            raise self._plugin_failed(f"returned a result that cannot be: {wrong}")
        if not (result.environment and result.provider and result.acquired_on):
            result = attrs.evolve(
                result,
                environment=result.environment or request.environment.name,
                provider=result.provider or request.provider,
                acquired_on=result.acquired_on or self._now(),
            )
        if result.account is None and (known := tokens.account_of(None)) is not None:
            # A renewal need not say again who it is (OpenID Connect Core, section 12.2).
            result = attrs.evolve(result, account=known)
        settled = self._settled
        # Whether a later call may be served what this one brings.
        is_kept = settled.choice.candidate.provider.reads_cache and not settled.may_change
        if result.expires_on is not None and is_kept:
            key = self._key_for(tokens.account_of(result.account))
            # The clock may be set before the next look at it.
            self._place.freshness.see(key, result)
            self._place.with_cache("put", lambda cache: cache.put(key, result))
        return result

    def _renewed(
        self, request: "TokenRequest", tokens: "RefreshTokens", context: "Context"
    ) -> tuple[AuthenticationResult | None, "TokenRequest", GrantwayError | None]:
        """What a refresh token at rest brings; else the request to authenticate by, and why.

        Raises:
            GrantwayError: it brings nothing, and authenticating would not either.
        """
        if self._sign_in:
            return None, request, None
        try:
            return self._renew(request, tokens, context), request, None
        except InvalidGrant as error:
            if REFRESH_TOKEN.name in request.values and not _is_spent(error):
                # Its successor stays. The one that was given is spent: to send it again would
                # look like theft, and cost the whole family (RFC 9700, section 4.14).
                raise
            return None, _demanding(request, error.claims), error
        except (InteractionRequired, AuthorityError) as error:
            can_ask = self._is_interactive and context.prompter is not None
            if not can_ask or not _is_for_a_person(error):
                raise
            claims = error.claims if isinstance(error, InteractionRequired) else ""
            return None, _demanding(request, claims), error

    def _check_account(self, account: "UserInfo | None") -> None:
        """Refuse to serve the token of another account than the one that the call names.

        What was obtained is kept, for the account that it is of.
        """
        from grantway import accounts

        wanted = self._settled.request.get(ACCOUNT)
        if wanted is None or account is None or accounts.is_named(account, wanted):
            return
        who = account.user_name or account.subject
        raise InteractionRequired(
            f"{who} has signed in, where {wanted} was asked for.",
            remedy=f"Sign in as {wanted}, or leave account out.",
            accounts=(who,),
        )

    def _key_for(self, account: "UserInfo | None") -> str:
        """Where the result is looked for next: under its account, now that this is known."""
        if not self._by_account or account is None:
            return self.key
        return self._settled.key(self._place.cache.fingerprint_key, account.subject)

    def _renew(
        self, request: "TokenRequest", tokens: "RefreshTokens", context: "Context"
    ) -> AuthenticationResult | None:
        """Try the refresh token at rest; None where there is none.

        Raises:
            InvalidGrant: it is spent; or, where the authority says what it wants beside it, it
                does not serve for this, and stays for what it does serve for.
            GrantwayError: as the provider raises it.
        """
        renew = self._settled.choice.candidate.provider.renew
        stored = tokens.at_rest() if renew is not None else None
        if renew is None or stored is None:
            return None
        context.redactor.add(stored.token)
        context.possession.key = stored.proof_key
        try:
            return renew(request, stored.token, context)
        except InvalidGrant as error:
            # Behind the back it stays: without its account a token that still serves is not found.
            if _is_spent(error) and not self._behind:
                tokens.remove(stored)
            raise

    def _keep(self, context: "Context", token: Secret, account: "UserInfo | None") -> None:
        if self._tokens is not None:
            self._tokens.keep(context, token, account)

    def _context(self, cancelled: threading.Event) -> "Context":
        from grantway.context import Context

        place = self._place
        return Context(
            environment=self._settled.request.environment,
            transport=place.transport,
            clock=place.clock,
            prompter=None if self._behind else place.prompter,
            deadline=self._deadline,
            timeout=self._timeout,
            cancelled=cancelled,
            pauses=self._pauses(),
            prolong=self._prolong if self._may_prolong else None,
            keep=self._keep,
        )

    def _pauses(self) -> "SharedPauses | None":
        if not self._place.coordinates:
            return None
        from grantway.coordination import SharedPauses

        return SharedPauses(self._place, self._settled.request)

    def _prolong(self, deadline: float) -> None:
        self._timeout += deadline - self._deadline
        self._deadline = self._place.prolonged[self.key] = deadline

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._place.clock.time(), UTC)

    def _tell(self, name: str, **facts: object) -> None:
        from grantway.events import emit

        request = self._settled.request
        emit(
            self._place.registry.observers,
            self._place.clock.time(),
            name,
            environment=request.environment.name,
            provider=request.provider,
            parameter_set=request.parameter_set,
            **facts,
        )


def checked_timeout(timeout: object) -> float:
    """A number of seconds that a caller gave for something.

    Raises:
        InvalidParameter: it is none.
    """
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or not 0 < timeout <= threading.TIMEOUT_MAX
    ):
        raise InvalidParameter(
            f"timeout: {text_of(timeout)[:40]} is no positive number of seconds.",
            remedy="Give the seconds that the call may take.",
            parameter="timeout",
        )
    return timeout


def _is_spent(error: InvalidGrant) -> bool:
    """Whether a refresh token is good no more, by the word of the authority or of the provider.

    A refusal without a word may be a gateway's, and says nothing of the token.
    """
    is_said = error.error == "invalid_grant" or (not error.error and error.status is None)
    is_final = error.status is None or error.status < 500
    return is_said and is_final and not error.claims and error.suberror in _SPENT


def _is_for_a_person(error: GrantwayError) -> bool:
    """Whether a person who signs in may get what a silent renewal was refused.

    That is so too for scopes and resources that the earlier sign-in did not cover (RFC 6749,
    section 6; RFC 8707, section 2).
    """
    if isinstance(error, AuthorityError):
        return error.error in ("invalid_scope", "invalid_target")
    return isinstance(error, InteractionRequired)


def _demanding(request: "TokenRequest", claims: str) -> "TokenRequest":
    """The request, with what the authority demanded when it would not renew silently."""
    if not claims or CLAIMS.name in request.values:
        return request
    return attrs.evolve(request, values={**request.values, CLAIMS.name: claims})
