"""A grant sent to the token endpoint, and its answer turned into a result.

The order is that of what can be lost. A refresh token that arrives is put where it is safe
before anything else is looked at; then the id_token is checked; then the result is made. Until
then every token is a `Secret`, so that none is in a traceback.

An id_token that fails a check fails the call. One that cannot be checked now, because the
authority's keys cannot be had or the time is up, costs a warning and the knowledge of who has
signed in, but not the access token, which may have cost a person their time. Only a caller who
named the account must know.
"""

from collections.abc import Callable, Mapping

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.errors import GrantwayError
from grantway.oauth.answers import (
    expiry,
    instant,
    issued_token_type,
    later,
    passes,
    token_type,
)
from grantway.oauth.authentication_methods import methods_of
from grantway.oauth.id_token import checked_claims
from grantway.oauth.propagation import fetch_token
from grantway.parameters import ACCOUNT
from grantway.request import TokenRequest
from grantway.result import AuthenticationResult, UserInfo
from grantway.secret import Secret


def exchange(
    sent: AuthorityRequest,
    request: TokenRequest,
    context: Context,
    *,
    refresh_token: Secret | None = None,
    nonce: Secret | None = None,
    inspect: Callable[[Mapping[str, object]], None] | None = None,
) -> AuthenticationResult:
    """Send a grant and return the result.

    Args:
        sent: the grant, as the provider's `plan` would show it.
        request: what the caller wants.
        context: of this request.
        refresh_token: as `result_of` takes it.
        nonce: likewise.
        inspect: likewise.

    Raises:
        AuthorityError, MalformedResponse, ProtocolViolation, TransportError, DeadlineExceeded:
            see `grantway.errors`.
    """
    answer = fetch_token(sent, request, context)
    return result_of(
        answer, sent, request, context, refresh_token=refresh_token, nonce=nonce, inspect=inspect
    )


def result_of(
    answer: Mapping[str, object],
    sent: AuthorityRequest,
    request: TokenRequest,
    context: Context,
    *,
    refresh_token: Secret | None = None,
    nonce: Secret | None = None,
    inspect: Callable[[Mapping[str, object]], None] | None = None,
) -> AuthenticationResult:
    """The result that a token endpoint's answer stands for.

    Args:
        answer: as `Transport.fetch_token` returns it.
        sent: what it answers.
        request: what the caller wants.
        context: of this request.
        refresh_token: the one being redeemed: it stays the newest where none comes back.
        nonce: what the id_token must repeat, where the grant sent one.
        inspect: looks at the answer before anything of it is kept, and raises to refuse it.

    Raises:
        as `exchange`.
    """
    now = context.clock.time()
    if inspect is not None:
        inspect(answer)

    def text(name: str) -> str:
        value = answer.get(name)
        return value if isinstance(value, str) else ""

    def secret(name: str) -> Secret | None:
        return Secret(text(name)) if text(name) else None

    access_token = Secret(text("access_token"))
    if new := secret("refresh_token"):
        context.keep_refresh_token(new)
    kind = token_type(answer, sent)
    is_bound = request.environment.dpop
    if is_bound:
        from grantway.oauth import dpop

        dpop.check_bound(kind, sent, request.environment)
        kind = dpop.TOKEN_TYPE
    account = None
    if id_token := secret("id_token"):
        claims = None
        try:
            claims = checked_claims(
                id_token,
                client_id=request.client_id,
                context=context,
                access_token=access_token,
                code=_code_of(sent),
                nonce=nonce,
            )
        except GrantwayError as error:
            if not passes(error) or ACCOUNT.name in request.values:
                raise
            context.logger.warning("who has signed in is not known: %s", error)
        if claims is None:
            id_token = None
        else:
            account = UserInfo.from_claims(claims)
            if new:
                context.keep_refresh_token(new, account)
    newest = new or refresh_token
    granted = text("scope")
    return AuthenticationResult(
        access_token.reveal(),
        kind,
        acquired_on=instant(now),
        expires_on=expiry(answer, now),
        extended_expires_on=later(answer, "ext_expires_in", now),
        refresh_on=later(answer, "refresh_in", now),
        refresh_token=newest.reveal() if newest else None,
        id_token=id_token.reveal() if id_token else None,
        scopes=tuple(granted.split()) if granted else request.scopes,
        resource=request.resource,
        tenant_id=(account.tenant_id if account else "")
        or (request.tenant if request.environment.has_tenant else ""),
        account=account,
        authentication_methods=methods_of(answer),
        refresh_token_expires_on=later(answer, "refresh_token_expires_in", now) if new else None,
        proof_key=context.possession.key if is_bound else None,
        environment=request.environment.name,
        provider=request.provider,
        correlation_id=context.correlation_id,
        issued_token_type=issued_token_type(answer),
    )


def _code_of(sent: AuthorityRequest) -> Secret | None:
    """The authorization code that a grant redeems; others have fields of that name too."""
    fields = dict(sent.fields)
    code = fields.get("code")
    is_code = fields.get("grant_type") == "authorization_code"
    return code if is_code and isinstance(code, Secret) else None
