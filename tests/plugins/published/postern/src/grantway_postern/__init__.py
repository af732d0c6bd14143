"""Sign-in by a code that is mailed, and a refresh token that is another one after each use.

The person is asked for the code by whatever prompter there is. Every request carries a JSON object.
"""

from collections.abc import Iterable

import attrs

from grantway import (
    AuthenticationResult,
    AuthorityRequest,
    Context,
    CredentialProvider,
    Discovery,
    Dispatcher,
    Environment,
    Parameter,
    ParameterSet,
    Protocol,
    Secret,
    TokenRequest,
    UserInfo,
    hookimpl,
)
from grantway.environment import host_of
from grantway.errors import InteractionRequired, InvalidParameter, MalformedResponse
from grantway.parameters import ENVIRONMENT, SAVE_REFRESH_TOKEN, text
from grantway.secret import MASK

__all__ = ["PROTOCOL", "PROVIDER", "postern_token"]

PROTOCOL = Protocol(
    "postern",
    summary="Postern: a code by mail; one audience",
    audience="fixed",
    token_path="{authority}/sessions",
    authorization_path="",
    device_authorization_path="",
    client_authentication="client_secret_post",
)


def mail(value: object) -> str:
    """A mail address; its host has no case."""
    name, at, host = text(value).rpartition("@")
    if not (name and at and host) or any(each.isspace() for each in name + host):
        raise ValueError("expected a mail address")
    return f"{name}@{host.lower()}"


MAIL = Parameter("postern_mail", mail, "Whom to sign in, by mail address.", env="POSTERN_MAIL")


def _codes(request: TokenRequest) -> AuthorityRequest:
    """Have a code mailed."""
    url = f"{request.environment.authority.rstrip('/')}/codes"
    return AuthorityRequest("codes", url, json={"mail": request[MAIL]}, single_use=True)


def _session(request: TokenRequest, challenge: Secret, code: Secret) -> AuthorityRequest:
    """Sign in with the code. Never sent twice: one attempt spends it."""
    return AuthorityRequest(
        "token", _sessions(request), json={"challenge": challenge, "code": code}, single_use=True
    )


def _renewed(request: TokenRequest, token: Secret) -> AuthorityRequest:
    """Go on with the refresh token. Never sent twice either: one attempt spends it."""
    return AuthorityRequest(
        "token", _sessions(request), json={"refresh_token": token}, single_use=True
    )


def _sessions(request: TokenRequest) -> str:
    return request.environment.expand(PROTOCOL.token_path or "")


def _check(request: TokenRequest) -> None:
    if request.environment.protocol.name != PROTOCOL.name:
        raise InvalidParameter(
            f"environment: {request.environment.name} is no Postern.",
            remedy='Give one whose protocol is "postern".',
            parameter=ENVIRONMENT.name,
        )


def plan(request: TokenRequest) -> Iterable[AuthorityRequest]:
    """The request for a code, and that with it."""
    _check(request)
    yield _codes(request)
    yield _session(request, Secret(MASK), Secret(MASK))


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    """Have a code mailed, ask for it, and sign in."""
    _check(request)
    if context.prompter is None:
        raise InteractionRequired(
            f"{request[MAIL]} has to read a code from a mail, and nobody can be asked here.",
            remedy="Sign in once where somebody is; the refresh token of then serves here.",
        )
    challenge = _challenge(request, context)
    context.prompter.show(f"A code is on its way to {request[MAIL]}.")
    code = Secret(context.prompter.ask("The code from the mail", secret=True).strip())
    return _exchanged(_session(request, challenge, code), request, context)


def renew(request: TokenRequest, token: Secret, context: Context) -> AuthenticationResult:
    """Go on without the person."""
    _check(request)
    return _exchanged(_renewed(request, token), request, context, token)


def _challenge(request: TokenRequest, context: Context) -> Secret:
    sent = _codes(request)
    answer = context.transport.fetch_json(sent, context)
    if not isinstance(answer.get("challenge"), str) or not answer["challenge"]:
        raise MalformedResponse(
            f"{host_of(sent.url)} answered the codes request with no challenge.",
            remedy="Check that the authority is a Postern.",
            host=host_of(sent.url),
        )
    return Secret(str(answer["challenge"]))


def _exchanged(
    sent: AuthorityRequest, request: TokenRequest, context: Context, token: Secret | None = None
) -> AuthenticationResult:
    from grantway.oauth.exchange import exchange

    # The new refresh token is kept by this, before anything else is made of the answer.
    result = exchange(sent, request, context, refresh_token=token)
    who = UserInfo(request[MAIL], request.environment.authority, user_name=request[MAIL])
    return attrs.evolve(result, account=who)


PROVIDER = CredentialProvider(
    "Postern",
    (
        ParameterSet(
            "Postern",
            (MAIL,),
            optional=(SAVE_REFRESH_TOKEN,),
            summary="A person, by a code that is mailed to them.",
        ),
    ),
    authenticate,
    renew=renew,
    plan=plan,
    interactive=("Postern",),
    summary="a person, by a code that is mailed to them",
)


def postern_token(
    dispatcher: Dispatcher,
    *,
    mail: str,
    environment: str | Environment,
    timeout: float | None = None,
    force_refresh: bool = False,
) -> AuthenticationResult:
    """A token for whoever reads the mail of an address.

    Raises:
        GrantwayError: as `Dispatcher.acquire`.
    """
    return dispatcher.acquire(
        provider=PROVIDER.name,
        timeout=timeout,
        force_refresh=force_refresh,
        environment=environment,
        postern_mail=mail,
    )


def _discover(url: str, context: Context) -> Environment:
    """A Postern says nothing of itself: what is known of it is where it is."""
    return Environment(context.environment.name, url, protocol=PROTOCOL)


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    """One: a person and a code."""
    return [PROVIDER]


@hookimpl
def grantway_discoveries() -> list[Discovery]:
    """So that configuration can name the protocol."""
    return [Discovery("postern", _discover, protocols=(PROTOCOL,), summary="a Postern, by its URL")]
