"""A grant sent to the token endpoint, and its answer turned into a result.

The order is that of what can be lost. A refresh token that arrives is put where it is safe
before anything else is looked at; then the id_token is checked; then the result is made.
"""

from grantway.authority import AuthorityRequest
from grantway.oauth.answers import expiry, instant, later
from grantway.oauth.id_token import checked_claims
from grantway.provider import Context
from grantway.request import TokenRequest
from grantway.result import AuthenticationResult, UserInfo
from grantway.secret import Secret


def exchange(
    sent: AuthorityRequest,
    request: TokenRequest,
    context: Context,
    *,
    refresh_token: Secret | None = None,
    nonce: str | None = None,
) -> AuthenticationResult:
    """Send a grant and return the result.

    Args:
        sent: the grant, as the provider's `plan` would show it.
        request: what the caller wants.
        context: of this request.
        refresh_token: the one being redeemed: it stays the newest where none comes back.
        nonce: what the id_token must repeat, where the grant sent one.

    Raises:
        AuthorityError, MalformedResponse, ProtocolViolation, TransportError, DeadlineExceeded:
            see `grantway.errors`.
    """
    answer = context.transport.fetch_token(sent, context)
    now = context.clock.time()

    def text(name: str) -> str | None:
        value = answer.get(name)
        return value if isinstance(value, str) and value else None

    if new := text("refresh_token"):
        context.keep_refresh_token(new)
    account = None
    id_token = text("id_token")
    if id_token is not None:
        claims = checked_claims(
            id_token,
            client_id=request.client_id,
            context=context,
            access_token=str(answer["access_token"]),
            nonce=nonce,
        )
        if claims is None:
            id_token = None
        else:
            account = UserInfo.from_claims(claims)
            if new:
                context.keep_refresh_token(new, account)
    token_type = text("token_type") or "Bearer"
    granted = text("scope")
    return AuthenticationResult(
        str(answer["access_token"]),
        "Bearer" if token_type.casefold() == "bearer" else token_type,
        acquired_on=instant(now),
        expires_on=expiry(answer, now),
        extended_expires_on=later(answer, "ext_expires_in", now),
        refresh_on=later(answer, "refresh_in", now),
        refresh_token=new or (refresh_token.reveal() if refresh_token else None),
        id_token=id_token,
        scopes=tuple(granted.split()) if granted else request.scopes,
        resource=request.resource,
        tenant_id=(account.tenant_id if account else "") or request.tenant,
        account=account,
        environment=request.environment.name,
        provider=request.provider,
        correlation_id=context.correlation_id,
    )
