"""What an authority's answer means: a JSON object, or one of our errors.

Pure functions over status, headers and body. The order matters: a redirect is refused before
anything is read, the status and the content type are looked at before JSON, and the authority's
own words of refusal (RFC 6749, section 5.2) come before any guess from the status.

Some authorities refuse without words (a 403 or a 400 with an empty body); then the status says
what kind of refusal it is, and `error` stays empty, for nobody said it.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn, cast

import attrs

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.environment import host_of
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    Cancelled,
    DeadlineExceeded,
    ExpiredToken,
    GrantwayError,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    MalformedResponse,
    ProtocolViolation,
    Throttled,
    TransportError,
)
from grantway.result import NOT_APPLICABLE
from grantway.secret import Secret, Unshown

LARGEST = 1 << 20
"""Bytes of the largest answer that is read; tokens, metadata and keys are far smaller."""

LONGEST_TOKEN = 64 * 1024
"""Characters of the longest token that is taken: no header could carry it."""

_JSON = re.compile(r"application/([\w.+-]+\+)?json|text/(json|javascript)", re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]+")
# RFC 6749, section 7.1: a name, or an absolute URI.
_TOKEN_TYPE = re.compile(r"[\w.-]{1,40}|[A-Za-z][A-Za-z0-9+.-]{0,20}:[\x21-\x7e]{1,200}", re.ASCII)

_NO_ACCESS_TOKENS = tuple(
    f"urn:ietf:params:oauth:token-type:{kind}"
    for kind in ("refresh_token", "id_token", "saml1", "saml2")
)

_BY_ERROR: dict[str, type[AuthorityError]] = {
    "invalid_grant": InvalidGrant,
    "invalid_client": InvalidClient,
    "access_denied": AccessDenied,
    "authorization_declined": AccessDenied,
    "expired_token": ExpiredToken,
    "code_expired": ExpiredToken,
}
_BY_STATUS: dict[int, type[AuthorityError]] = {
    401: InvalidClient,
    403: AccessDenied,
    429: Throttled,
}
_NEEDS_A_PERSON = {
    "interaction_required",
    "login_required",
    "consent_required",
    "account_selection_required",
}
_RETRYABLE = {"temporarily_unavailable", "server_error"}
_WORDS = {*_BY_ERROR, *_NEEDS_A_PERSON, *_RETRYABLE, "authorization_pending", "slow_down"}
_LATER = "Try again later: the server is in trouble."
_UNSAID = (
    "Where it takes a client secret, check that first: some authorities answer so to a wrong one."
)


_PROOF_REMEDIES = {
    "invalid_dpop_proof": "Check this machine's clock, for a proof is good for a short time; and "
    "that the authority knows itself by the address that it is asked at.",
    "invalid_grant": "A refresh token of a client without a secret serves only with the key that "
    "it was issued to, which rests in the token cache; sign in again where that is gone.",
}


class JsonObject(Unshown[object]):
    """A JSON object that may hold tokens, even as a name: it shows how many members it has."""

    def __repr__(self) -> str:
        return f"<JSON object of {len(self)} members>"


@attrs.frozen
class Answer:
    """What came back, not yet understood."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def json_object(answer: Answer, request: AuthorityRequest, context: Context) -> JsonObject:
    """The JSON object of a good answer.

    Raises:
        ProtocolViolation: a redirect.
        AuthorityError, InteractionRequired: the authority refused.
        MalformedResponse: it is neither a refusal nor a JSON object.
    """
    host = host_of(request.url)
    if 300 <= answer.status < 400 and answer.status != 304:
        raise ProtocolViolation(
            f"{host} answered the {request.endpoint} request with a redirect, which is not "
            "followed: it would carry secrets elsewhere.",
            remedy="Name the authority by the address it redirects to, if you trust that.",
        )
    if not 200 <= answer.status < 300:
        _refuse(answer, request, context)
    content_type = answer.content_type
    if content_type and not _JSON.fullmatch(content_type):
        raise _malformed(
            answer, request, context, f"{_shown_type(answer, context)} instead of JSON"
        )
    parsed = _parsed(answer.body, request.list_name)
    if parsed is None:
        raise _malformed(answer, request, context, "no JSON object")
    return parsed


def token_answer(answer: Answer, request: AuthorityRequest, context: Context) -> JsonObject:
    """The JSON object of a token endpoint's good answer; it has a usable access token.

    Raises:
        as `json_object`.
    """
    parsed = json_object(answer, request, context)
    too_long = _learn_secrets(parsed, context)
    if not too_long and "error" in parsed and "access_token" not in parsed:
        raise refusal(parsed, answer, request, context)
    fault = f"no usable {too_long}: it is too long" if too_long else _unusable(parsed)
    if not fault:
        return parsed
    if too_long != "refresh_token":
        _keep_successor(parsed, request, context)
    raise _malformed(answer, request, context, fault)


def _keep_successor(
    parsed: Mapping[str, object], request: AuthorityRequest, context: Context
) -> None:
    """Keep a new refresh token: the one that was sent may be spent, whatever else is wrong."""
    successor = parsed.get("refresh_token")
    if _is_usable(successor) and "refresh_token" in dict(request.fields):
        context.keep_refresh_token(Secret(str(successor)))


def _unusable(parsed: Mapping[str, object]) -> str:
    """What is wrong with the tokens of an answer; "": nothing."""
    for name in ("access_token", "refresh_token", "id_token"):
        if (name == "access_token" or parsed.get(name)) and not _is_usable(parsed.get(name)):
            return f"no usable {name}"
    return ""


def refusal(
    facts: Mapping[str, object], answer: Answer | None, request: AuthorityRequest, context: Context
) -> GrantwayError:
    """The error for a refusal in the authority's words, with the environment's advice.

    `answer` is None where the words came by way of a person's browser.
    """
    if isinstance(inner := facts.get("error"), dict):
        # Some say it in an object of its own, with other names.
        said_in = JsonObject(cast("dict[str, object]", inner))
        words = {"error": said_in.get("code"), "error_description": said_in.get("message")}
        facts = JsonObject({**facts, **words})

    def text(*names: str, most: int = 200) -> str:
        for name in names:
            value = facts.get(name)
            if isinstance(value, str) and value:
                return context.redactor.clean(value)[:most]
        return ""

    code = facts.get("error")
    # A word of the standards is none of a secret, though a short secret may be a part of it.
    is_word = isinstance(code, str) and code in _WORDS
    error = str(code) if is_word else text("error")
    description = text("error_description", "detail", "title", "message", most=2000)
    codes = _codes(facts, description, context)
    known = context.environment.advice
    advice = next((known[code] for code in codes if code in known), "")
    wait = retry_after(answer.headers, context.clock.time()) if answer else None
    status = answer.status if answer else None
    kind = _BY_ERROR.get(error) or _unsaid_kind(error, status, request)
    host = host_of(request.url)
    said = ": ".join(part for part in (error, description) if part).removesuffix(".")
    where = f"HTTP {status}" if status else "in the browser"
    passes = error in _RETRYABLE or status in (429, 500, 502, 503, 504)
    refused = kind(
        f"{host} refused the {request.endpoint} request ({where})"
        f"{f': {said}' if said else ', without saying why'}.",
        remedy=advice
        or _proof_remedy(error, context)
        or (_LATER if passes and not said else "")
        or _remedy(kind, said, in_browser=answer is None)
        or (_LATER if passes else ""),
        error=error,
        description=description,
        codes=codes,
        suberror=text("suberror"),
        claims=text("claims", most=20_000),
        correlation_id=text("correlation_id") or context.correlation_id,
        trace_id=text("trace_id"),
        timestamp=text("timestamp"),
        status=status,
        retry_after=wait,
        retryable=passes,
        advice=advice,
        challenge=context.redactor.clean(answer.headers.get("WWW-Authenticate", ""))[:1000]
        if answer
        else "",
    )
    if error not in _NEEDS_A_PERSON:
        return refused
    needed = InteractionRequired(
        f"{host} asks for a person: {said}.",
        remedy=advice or "Sign in interactively, and consent where it asks for it.",
        claims=refused.claims,
    )
    needed.__cause__ = refused
    return needed


def throttled(answer: Answer, request: AuthorityRequest, context: Context) -> GrantwayError:
    """The error for an answer that asks to wait longer than the caller's time allows."""
    facts = _parsed(answer.body) or JsonObject()
    wait = retry_after(answer.headers, context.clock.time()) or 0.0
    error = facts.get("error")
    return Throttled(
        f"{host_of(request.url)} asks to wait {wait:.0f} seconds (HTTP {answer.status}).",
        remedy="Try again then, or give more time with timeout=.",
        error=context.redactor.clean(error)[:200] if isinstance(error, str) else "",
        status=answer.status,
        retry_after=wait,
        retryable=True,
        correlation_id=context.correlation_id,
    )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by the `Retry-After` header (RFC 9110, section 10.2.3); None without one."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    until = http_date(value)
    return None if until is None else max(0.0, until - now)


def http_date(value: str) -> float | None:
    """Seconds since the epoch of a date in a header (RFC 9110, section 5.6.7); None: it is none."""
    try:
        instant = parsedate_to_datetime(value)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return instant.timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def seconds(value: object) -> float | None:
    """A number of seconds as authorities write it: a number, or a text that is one; else None.

    Negative ones and those beyond any calendar are None too: nothing can be told from them.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= 1e11 else None


def expiry(answer: Mapping[str, object], now: float) -> datetime | None:
    """When a token expires: by the local clock and `expires_in`, which no wrong clock can spoil.

    A negative lifetime is one that is over. `expires_on` (seconds since the epoch, which some
    protocols send) counts where `expires_in` is missing. None: the authority did not say.
    """
    lifetime = answer.get("expires_in")
    if (valid_for := seconds(lifetime)) is not None:
        return instant(now + valid_for)
    if isinstance(lifetime, int | float | str) and str(lifetime).strip().startswith("-"):
        return instant(now)
    if (until := seconds(answer.get("expires_on"))) is not None:
        return instant(until)
    return None


def later(answer: Mapping[str, object], name: str, now: float) -> datetime | None:
    """The instant that a further number of seconds in the answer stands for."""
    value = seconds(answer.get(name))
    return None if value is None else instant(now + value)


def instant(timestamp: float) -> datetime:
    """An aware UTC datetime; beyond the calendar's end, its end."""
    return datetime.fromtimestamp(min(timestamp, 253402300799.0), UTC)


def passes(error: GrantwayError) -> bool:
    """Whether it is a matter of the moment that something could not be had."""
    match error:
        case (
            TransportError(retryable=True)
            | MalformedResponse(retryable=True)
            | AuthorityError(retryable=True)
            | DeadlineExceeded()
            | Cancelled()
        ):
            return True
        case _:
            return False


def _refuse(answer: Answer, request: AuthorityRequest, context: Context) -> NoReturn:
    parsed = _parsed(answer.body)
    is_client_error = 400 <= answer.status < 500
    if parsed is not None and (isinstance(parsed.get("error"), str | dict) or is_client_error):
        raise refusal(parsed, answer, request, context)
    challenged = answer.status == 401 and "WWW-Authenticate" in answer.headers
    # A challenge (RFC 9110, section 11.6.1) says why, whatever page comes with it.
    if is_client_error and (challenged or not answer.body.strip()):
        raise refusal({}, answer, request, context)
    what = _shown_type(answer, context) or "nothing that says why"
    raise _malformed(answer, request, context, what)


def _learn_secrets(parsed: Mapping[str, object], context: Context) -> str:
    """Have the tokens of an answer masked; returns the name of one that is too long for that."""
    for name in ("access_token", "refresh_token", "id_token"):
        value = parsed.get(name)
        if isinstance(value, str):
            if len(value) > LONGEST_TOKEN:
                return name
            context.redactor.add(value)
    return ""


def _is_usable(token: object) -> bool:
    """Whether it can be sent as it is; asked in a frame of its own, which no traceback shows."""
    return isinstance(token, str) and _TOKEN.fullmatch(token) is not None


def _proof_remedy(error: str, context: Context) -> str:
    """What to do about a refusal that is often one of a proof of possession (RFC 9449)."""
    return _PROOF_REMEDIES.get(error, "") if context.environment.dpop else ""


def _remedy(kind: type[AuthorityError], said: str, *, in_browser: bool) -> str:
    if in_browser and kind is AccessDenied:
        return (
            "Start again, and agree to the sign-in; if that is not offered, ask whoever "
            "administers the application."
        )
    return "" if said else _UNSAID


def _codes(facts: Mapping[str, object], description: str, context: Context) -> list[int]:
    """The authority's own numbers: those it lists, else those that it puts into its words."""
    numbers = facts.get("error_codes")
    listed = cast("list[object]", numbers) if isinstance(numbers, list) else []
    codes = [code for code in listed if type(code) is int]
    pattern = context.environment.protocol.error_code
    if codes or not pattern:
        return codes
    return [int(number) for number in re.findall(pattern, description)]


def _unsaid_kind(error: str, status: int | None, request: AuthorityRequest) -> type[AuthorityError]:
    """The kind of a refusal that has no words of its own."""
    if status is None or (error and status != 429):
        return AuthorityError
    sent = (*dict(request.fields), *(request.json or ()))
    if status == 400 and any(name in ("refresh_token", "code") for name in sent):
        return InvalidGrant
    return _BY_STATUS.get(status, AuthorityError)


def issued_token_type(answer: Mapping[str, object]) -> str:
    """The kind of token that was issued, a URI (RFC 8693, section 2.2.1); "": none is said."""
    said = answer.get("issued_token_type")
    is_uri = isinstance(said, str) and ":" in said and _TOKEN_TYPE.fullmatch(said)
    return str(said) if is_uri else ""


def token_type(answer: Mapping[str, object], request: AuthorityRequest) -> str:
    """The type of the token, which stands in headers: one that RFC 6749 allows.

    `N_A` for a token of a kind that is no access token, whatever else is said of it: nothing may
    send it as one (RFC 8693, section 2.2.1).

    Raises:
        MalformedResponse: it is none.
    """
    if issued_token_type(answer) in _NO_ACCESS_TOKENS:
        return NOT_APPLICABLE
    said = answer.get("token_type")
    if not isinstance(said, str) or not said or said.casefold() == "bearer":
        return "Bearer"
    if not _TOKEN_TYPE.fullmatch(said):
        host = host_of(request.url)
        raise MalformedResponse(
            f"{host} answered the {request.endpoint} request with no usable token_type.",
            remedy="Check that the address is an authority's, and that no proxy answers in its "
            "place.",
            host=host,
            status=200,
        )
    return said


def _shown_type(answer: Answer, context: Context) -> str:
    return context.redactor.clean(answer.content_type)[:80]


def _malformed(
    answer: Answer, request: AuthorityRequest, context: Context, what: str
) -> MalformedResponse:
    host = host_of(request.url)
    passes = answer.status >= 500 or answer.status == 429
    return MalformedResponse(
        f"{host} answered the {request.endpoint} request with HTTP {answer.status} and {what}.",
        remedy=_LATER
        if passes
        else "Check that the address is an authority's, and that no proxy answers in its place.",
        host=host,
        status=answer.status,
        content_type=_shown_type(answer, context),
        retryable=passes,
        retry_after=retry_after(answer.headers, context.clock.time()),
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _parsed(body: bytes, list_name: str = "") -> JsonObject | None:
    try:
        parsed: object = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if list_name and isinstance(parsed, list):
        parsed = {list_name: cast("list[object]", parsed)}
    return JsonObject(cast("dict[str, object]", parsed)) if isinstance(parsed, dict) else None
