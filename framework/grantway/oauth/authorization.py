"""The authorization code grant: to the page where a person signs in, and back to a code.

    Attempt                  the secrets of one sign-in: state, nonce and PKCE verifier
    authorization            the request that the person's browser sends
    lodged, by_name          the same, lodged with the authority first (RFC 9126)
    code_of                  what came back, checked, down to the code
    redemption               the code, on its way to the token endpoint

An answer counts only if it repeats the state, which the listener checks; names no other issuer
(RFC 9207); and brings a code. The code is of use only with the verifier, which never leaves this
process but for the token endpoint. PKCE is always S256 (RFC 7636). Where tokens are bound to a key,
so is the code: the request names the key (RFC 9449, section 10), lodged or not.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Self
from urllib.parse import urlencode

import attrs

from grantway.authority import AuthorityRequest, Endpoints, Fields
from grantway.base64url import base64url
from grantway.context import Context
from grantway.environment import host_of
from grantway.errors import MalformedResponse, ProtocolViolation
from grantway.oauth.answers import refusal, seconds
from grantway.oauth.audience import audience_fields, redeemed_audience
from grantway.oauth.client_authentication import client_authentication, revealed
from grantway.oauth.dpop import key
from grantway.oauth.metadata import is_issuer
from grantway.parameters import ACCOUNT, DOMAIN_HINT, LOGIN_HINT, PROMPT, RESPONSE_MODE
from grantway.request import TokenRequest
from grantway.secret import MASK, Secret

_BYTES = 32


@attrs.frozen
class Attempt:
    """What one sign-in is known by. Each is random (256 bits) and used once.

    Attributes:
        state: repeated by the answer; ties it to this sign-in.
        nonce: repeated by the id_token; ties that to this sign-in.
        verifier: 43 characters (RFC 7636, section 4.1); its hash goes ahead, it follows.
        thumbprint: of the key that the tokens will be bound to; "" where they are not.
    """

    state: Secret
    nonce: Secret
    verifier: Secret
    thumbprint: str = ""

    @classmethod
    def new(cls, context: Context) -> Self:
        """Make one, whose secrets the context masks from now on.

        Raises:
            as `grantway.oauth.dpop.key`, where tokens are bound to one.
        """
        state, nonce, verifier = (Secret(token_urlsafe(_BYTES)) for _ in range(3))
        thumbprint = key(context).thumbprint if context.environment.dpop else ""
        made = cls(state, nonce, verifier, thumbprint)
        for each in (made.state, made.nonce, made.verifier):
            context.redactor.add(each)
        return made

    @classmethod
    def planned(cls) -> Self:
        """A stand-in for plans, which show none of it."""
        return cls(Secret(MASK), Secret(MASK), Secret(MASK), MASK)

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.reveal().encode("ascii")).digest()
        return base64url(digest)

    def is_answered_by(self, answer: Mapping[str, str]) -> bool:
        """Whether an answer repeats the state; compared in constant time."""
        given = answer.get("state", "").encode("utf-8", "surrogatepass")
        return hmac.compare_digest(given, self.state.reveal().encode("ascii"))


def authorization(
    request: TokenRequest,
    endpoints: Endpoints,
    attempt: Attempt,
    redirect_uri: str,
    *,
    prompt: str = "",
) -> AuthorityRequest:
    """The request that takes the person to the authority (RFC 6749, section 4.1.1).

    `prompt` is what the provider asks for where the caller does not say.
    """
    return AuthorityRequest(
        "authorization",
        endpoints.authorization,
        (
            ("response_type", "code"),
            ("client_id", request.client_id),
            ("redirect_uri", redirect_uri),
            *audience_fields(request, identity=True, sign_in=True, listed=endpoints.scopes),
            ("state", attempt.state),
            ("nonce", attempt.nonce),
            ("code_challenge", Secret(attempt.challenge)),
            ("code_challenge_method", "S256"),
            ("dpop_jkt", attempt.thumbprint if request.environment.dpop else None),
            ("response_mode", request.get(RESPONSE_MODE)),
            ("prompt", request.get(PROMPT) or prompt or None),
            ("login_hint", request.get(LOGIN_HINT) or request.get(ACCOUNT)),
            ("domain_hint", request.get(DOMAIN_HINT)),
            *request.environment.protocol.sign_in_fields.items(),
        ),
        in_browser=True,
    )


def lodging(
    sent: AuthorityRequest, request: TokenRequest, endpoints: Endpoints
) -> AuthorityRequest:
    """The request that lodges an authorization request (RFC 9126, section 2.1).

    The client id is in it once, by the client authentication or by the fields.
    """
    authentication = client_authentication(request, endpoints)
    named = {name for name, _ in authentication.fields(endpoints.pushed_authorization)}
    return AuthorityRequest(
        "pushed_authorization_request",
        endpoints.pushed_authorization,
        tuple(field for field in sent.fields if field[0] not in named),
        authentication=authentication,
    )


@attrs.frozen
class Lodged:
    """What the browser sends, and how long the authority knows of it.

    Attributes:
        request: the request.
        expires_in: seconds in which it has to be sent, where it is lodged; None: it is not.
    """

    request: AuthorityRequest
    expires_in: float | None = None


def lodged(
    sent: AuthorityRequest, request: TokenRequest, endpoints: Endpoints, context: Context
) -> Lodged:
    """What the browser sends, once the request is lodged where it has to be.

    Raises:
        MalformedResponse: the authority took it and did not say under which name, or for how
            long.
        AuthorityError, TransportError, DeadlineExceeded, ProtocolViolation: as the transport.
    """
    if not endpoints.pushed_authorization:
        return Lodged(sent)
    answer = context.transport.fetch_json(lodging(sent, request, endpoints), context)
    name, lifetime = answer.get("request_uri"), seconds(answer.get("expires_in"))
    is_name = isinstance(name, str) and re.fullmatch(r"[\x21-\x7e]{1,2000}", name)
    if not isinstance(name, str) or not is_name or not lifetime:
        host = host_of(endpoints.pushed_authorization)
        what = "for how long" if is_name else "under which name"
        raise MalformedResponse(
            f"{host} took the authorization request and did not say {what}.",
            remedy="That is a fault of the authority (RFC 9126, section 2.2).",
            host=host,
        )
    return Lodged(by_name(sent, request, name), lifetime)


def by_name(sent: AuthorityRequest, request: TokenRequest, name: str) -> AuthorityRequest:
    """The request that takes the person there, where the authority knows it by a name."""
    return AuthorityRequest(
        sent.endpoint,
        sent.url,
        (("client_id", request.client_id), ("request_uri", name)),
        in_browser=True,
    )


def address(sent: AuthorityRequest) -> str:
    """The address that a browser opens to send a request."""
    query = urlencode([(name, revealed(value)) for name, value in sent.all_fields()])
    # Authorities may have a query of their own in the endpoint (RFC 6749, section 3.1).
    return f"{sent.url}{'&' if '?' in sent.url else '?'}{query}"


def code_of(
    answer: Mapping[str, str],
    sent: AuthorityRequest,
    endpoints: Endpoints,
    context: Context,
) -> Secret:
    """The code in an answer whose state has been checked.

    Raises:
        ProtocolViolation: it is another issuer's, or does not say whose where all do.
        AuthorityError: the authority, or the person, refused.
        InteractionRequired: the authority would have to show a page, and was told not to.
        MalformedResponse: it has neither a code nor an error.
    """
    environment, issuer = context.environment, answer.get("iss")
    if issuer is None and endpoints.says_issuer:
        raise ProtocolViolation(
            f"The sign-in's answer does not name its issuer, which {environment.name} always does."
        )
    if issuer is not None and not is_issuer(issuer, environment):
        shown = context.redactor.clean(issuer)[:200]
        raise ProtocolViolation(
            f"The sign-in was answered by another issuer, {shown!r}, not by {environment.name}."
        )
    if answer.get("error"):
        raise refusal(answer, None, sent, context)
    if not (code := answer.get("code")):
        host = host_of(sent.url)
        raise MalformedResponse(
            f"{host} sent the browser back with neither a code nor an error.", host=host
        )
    found = Secret(code)
    context.redactor.add(found)
    return found


def redemption(
    request: TokenRequest,
    endpoints: Endpoints,
    attempt: Attempt,
    redirect_uri: str,
    code: Secret,
) -> AuthorityRequest:
    """The code's way to the token endpoint (RFC 6749, section 4.1.3). It is sent once."""
    fields: Fields = (
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", attempt.verifier),
        *redeemed_audience(request),
    )
    return AuthorityRequest(
        "token",
        endpoints.token,
        fields,
        authentication=client_authentication(request, endpoints),
        single_use=True,
    )
