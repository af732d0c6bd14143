"""What an authority may say to one request, the unpleasant among it.

A `Reply` stands for what comes over the wire: a status, headers, a body; or that nothing comes. The
transports of `grantway.testing.transports` understand it by the very code that understands a real
answer, so what a provider gets to see is what it would get to see.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress

from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.environment import host_of
from grantway.errors import DeadlineExceeded
from grantway.oauth.answers import Answer
from grantway.oauth.failures import NotConnected, failure_of, no_connection
from grantway.oauth.routes import READ_TIMEOUT

Reply = Callable[[AuthorityRequest, Context], Answer | NotConnected]
"""What comes back for a request, or an error of ours that is raised."""

ACCESS_TOKEN = "sentinel-access-token-5f1c"  # noqa: S105  # made up, to be looked for
REFRESH_TOKEN = "sentinel-refresh-token-8d02"  # noqa: S105  # likewise

_HTML = b"<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>"


def reply(
    status: int = 200,
    body: bytes = b"",
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Any HTTP answer."""
    all_headers = CaseInsensitiveDict({**({"Content-Type": content_type} if content_type else {})})
    all_headers.update(headers or {})
    answer = Answer(status, all_headers, body)
    return lambda _, __: answer


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    return reply(status, json.dumps(value).encode(), "application/json", headers)


def granted(**fields: object) -> Reply:
    """A token answer that is good for an hour (RFC 6749, section 5.1); a field of None is left out.

    `access_token` is `ACCESS_TOKEN` unless another is given.
    """
    answer = {
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 3600,
        **fields,
    }
    return json_reply({name: value for name, value in answer.items() if value is not None})


def refused(
    error: str = "invalid_client", description: str = "", status: int = 400, **fields: object
) -> Reply:
    """A refusal in the words of RFC 6749, section 5.2."""
    said = {"error_description": description} if description else {}
    return json_reply({"error": error, **said, **fields}, status)


def page(status: int = 503) -> Reply:
    """A page of HTML, as a proxy or a load balancer writes it in the authority's place."""
    return reply(status, _HTML, "text/html; charset=utf-8")


def garbage(body: bytes = b'{"access_token": "half of') -> Reply:
    """What calls itself JSON and is none."""
    return reply(200, body, "application/json")


def throttled(retry_after: float | None = None, status: int = 429) -> Reply:
    """Too many requests (429), or a server that cannot serve now (503)."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return json_reply({"error": "temporarily_unavailable"}, status, headers)


def broken() -> Reply:
    """The connection breaks off after the request was sent."""

    def act(request: AuthorityRequest, context: Context) -> Answer | NotConnected:
        raise _raised(ProtocolError("broken off", ConnectionResetError()), request, context)

    return act


def unreachable() -> Reply:
    """No connection is made."""

    def act(request: AuthorityRequest, context: Context) -> Answer | NotConnected:  # noqa: ARG001
        return NotConnected(no_connection(host_of(request.url), ConnectionRefusedError()))

    return act


def silent(*, cancel: bool = False) -> Reply:
    """Nothing comes, until the time of a read or of the caller is up.

    With `cancel` all who waited go in the meantime.
    """

    def act(request: AuthorityRequest, context: Context) -> Answer | NotConnected:
        if cancel:
            context.cancelled.set()
        # What is made of it says which request was not answered.
        with suppress(DeadlineExceeded):
            context.sleep(READ_TIMEOUT)
        raise _raised(ReadTimeoutError(None, None, ""), request, context)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no pool

    return act


def _raised(error: Exception, request: AuthorityRequest, context: Context) -> BaseException:
    failure = failure_of(error, request, context, asked=True)
    return failure.error if isinstance(failure, NotConnected) else failure
