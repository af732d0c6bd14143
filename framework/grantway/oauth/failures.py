"""What it means when a request fails: an error of ours for each exception of the libraries.

The exceptions of requests and urllib3 carry the request, and that carries its secrets. So they
end here: what is returned has neither their text nor themselves as a cause.
"""

import errno
import http.client
import re
import socket
import ssl
import zlib

import attrs
import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    InvalidHeader,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.environment import host_of
from grantway.errors import (
    ConfigurationError,
    DeadlineExceeded,
    GrantwayError,
    MalformedResponse,
    TransportError,
)
from grantway.oauth.routes import CONNECT_TIMEOUT, READ_TIMEOUT

_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
# What the other side says of a certificate of ours (RFC 8446, section 6.2), as OpenSSL writes it.
_REFUSED = (
    r"alert ((?:bad |unsupported )certificate|certificate (?:revoked|expired|unknown)|unknown ca)"
)
_OURS = "trust.client_certificate."
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


@attrs.frozen
class NotConnected:
    """No connection was made, so nothing was sent: it can be tried again; else raise `error`."""

    error: TransportError


class Unreadable(Exception):  # a signal from the transport
    """The body of an answer cannot be read; the text says why."""


def failure_of(
    error: BaseException,
    request: AuthorityRequest,
    context: Context,
    *,
    asked: bool,
    within: float = CONNECT_TIMEOUT,
) -> BaseException | NotConnected:
    """What to raise in the place of `error`; an interrupt stays itself.

    `asked` says whether the request had been sent, `within` how many seconds connecting had.
    """
    if not isinstance(error, Exception):
        error.__context__ = None
        return error.with_traceback(None)
    try:
        context.remaining()
    except DeadlineExceeded as ended:
        return DeadlineExceeded(
            f"{ended.message.removesuffix('.')}, and {host_of(request.url)} had not answered the "
            f"{request.endpoint} request.",
            remedy=ended.remedy,
            timeout=ended.timeout,
        )
    except GrantwayError as ended:
        # Whatever broke off, the reason is that nobody waits.
        ended.__context__ = None
        return ended.with_traceback(None)
    return _failure(error, _root(error), request, asked=asked, within=within)


def _failure(
    error: Exception, root: BaseException, request: AuthorityRequest, *, asked: bool, within: float
) -> GrantwayError | NotConnected:
    host = host_of(request.url)
    if isinstance(error, ConnectTimeoutError | NewConnectionError):
        timed_out = not isinstance(error, NewConnectionError)
        cause = TimeoutError() if timed_out else error.__cause__
        return NotConnected(no_connection(host, cause, within))
    if isinstance(error, ReadTimeoutError) and not asked:
        return TransportError(
            f"{host} took the connection and did not agree on TLS in {within:g} seconds.",
            remedy="Check the address and its port.",
            host=host,
        )
    return _on_the_way(error, root, host) or _unanswered(error, root, host, request.endpoint)


def _on_the_way(error: Exception, root: BaseException, host: str) -> GrantwayError | None:
    """The error for a proxy or a certificate."""
    match error:
        case (
            requests.exceptions.InvalidURL()
            | requests.exceptions.InvalidSchema()
            | LocationValueError()
        ):
            # The authority's own address has been looked at before.
            return ConfigurationError(
                f"The proxy on the way to {host} cannot be used: its address is none, or of a "
                "kind that is not installed.",
                remedy="Check HTTPS_PROXY and ALL_PROXY, or the environment's proxy; SOCKS needs "
                "`pip install pysocks`.",
            )
        case ProxyError() if isinstance(root, ssl.SSLError):
            return TransportError(
                f"The proxy on the way to {host} is not trusted: {_tls_reason(root)}.",
                remedy="Check its address; a private one needs its CA in the environment's bundle "
                "(trust.ca_bundle) or REQUESTS_CA_BUNDLE.",
                host=host,
                retryable=False,
            )
        case ProxyError():
            status = re.search(r"Tunnel connection failed: ([0-9]{3})\b", str(root))
            what = f"refuses it (HTTP {status[1]})" if status else "does not serve"
            asks = status is not None and status[1] == "407"
            who = "It asks for USER:PASSWORD@ before its host. " if asks else ""
            return TransportError(
                f"The proxy on the way to {host} {what}.",
                remedy=f"{who}Check HTTPS_PROXY and NO_PROXY, or the environment's proxy.",
                host=host,
            )
        case SSLError():
            return _no_agreement(root, host)
        case _:
            return None


def _no_agreement(root: BaseException, host: str) -> TransportError:
    """The error where the two sides do not agree on TLS: who is not believed, and why."""
    text = str(root)
    what = f"is not trusted: {_tls_reason(root)}"
    remedy = (
        "Check the address and this machine's clock; a private authority needs its CA bundle in "
        "the environment (trust.ca_bundle) or REQUESTS_CA_BUNDLE."
    )
    if "alert certificate required" in text:
        what, remedy = "asks for a client certificate", "Give the environment one: " + _OURS
    elif refusal := re.search(_REFUSED, text):
        what = f"refuses the client certificate ({refusal[1]})"
        remedy = "Give the environment one that is valid there: " + _OURS
    elif isinstance(root, ssl.SSLError) and (why := _no_tls(root)):
        what, remedy = why, "Check the address and its port."
    return TransportError(f"{host} {what}.", remedy=remedy, host=host, retryable=False)


def _unanswered(
    error: Exception, root: BaseException, host: str, endpoint: str
) -> TransportError | MalformedResponse:
    """The error where the server was reached: it said nothing, or what cannot be read."""
    # A header of the answer that cannot be: of two lengths neither can be believed.
    is_http = not isinstance(root, http.client.HTTPException | InvalidHeader) or isinstance(
        root, OSError
    )
    is_half = isinstance(root, http.client.IncompleteRead)
    match error:
        case Unreadable() | DecodeError() | zlib.error():
            what = str(error) if isinstance(error, Unreadable) else "a broken encoding"
        case _ if not is_http and not is_half:
            what = "what is no HTTP"
        case TimeoutError() | ReadTimeoutError():
            return TransportError(
                f"{host} took the {endpoint} request and did not answer in "
                f"{READ_TIMEOUT:g} seconds.",
                remedy="Try again later.",
                host=host,
            )
        case HTTPError() | OSError() if not isinstance(error, ValueError):
            where = " in the middle of the answer" if is_half else f" ({type(root).__name__})"
            return TransportError(
                f"The connection to {host} broke off{where}.",
                remedy="Try again later.",
                host=host,
            )
        case _:
            return TransportError(
                f"The {endpoint} request to {host} cannot be sent ({type(error).__name__}).",
                remedy="Check the values that it carries for characters that HTTP does not take.",
                host=host,
                retryable=False,
            )
    return MalformedResponse(
        f"{host} answered the {endpoint} request with {what}.",
        remedy="Check that the address is an authority's, and its port.",
        host=host,
    )


def _root(error: BaseException) -> BaseException:
    """The innermost exception that another was made of."""
    inner = next((each for each in error.args if isinstance(each, BaseException)), None)
    if inner is None and isinstance(error, HTTPError):
        inner = error.__cause__
    return error if inner is None else _root(inner)


def no_connection(
    host: str, cause: BaseException | None, within: float = CONNECT_TIMEOUT
) -> TransportError:
    """The error where no connection to `host` was made because of `cause`."""
    return TransportError(
        f"No connection to {host}: {_unconnected(cause, within)}.",
        remedy="Check the address, the network and the proxy settings.",
        host=host,
    )


def _unconnected(cause: BaseException | None, within: float) -> str:
    """Why no connection was made, in words."""
    match cause:
        case socket.gaierror():
            return "the name cannot be resolved"
        case TimeoutError():
            return f"nobody answered within {within:g} second{'s' if within != 1 else ''}"
        case ConnectionRefusedError():
            return "it was refused"
        case OSError() if cause.errno in _UNREACHABLE:
            return "the network is unreachable"
        case _:
            return "it could not be made"


def _no_tls(root: ssl.SSLError) -> str:
    """What shows that a port may not be one for TLS, in words; empty where nothing does."""
    if any(sign in str(root) for sign in _NO_TLS):
        return "does not speak TLS on this port"
    # Many a server for plain http hangs up on what it cannot read, without a word.
    if isinstance(root, ssl.SSLEOFError):
        return "broke off the TLS handshake: perhaps there is no TLS on this port"
    return ""


def _tls_reason(root: BaseException) -> str:
    text = str(root)
    for sign, words in (
        ("Hostname mismatch", "its certificate is for another name"),
        ("IP address mismatch", "its certificate is for another address"),
        ("Fingerprints did not match", "its certificate is not the one of the thumbprint"),
        ("certificate has expired", "its certificate has expired"),
        ("not yet valid", "its certificate is not valid yet"),
        ("self-signed", "its certificate is signed by nobody we trust (self-signed)"),
        ("self signed", "its certificate is signed by nobody we trust (self-signed)"),
        ("unable to get local issuer", "its certificate is signed by nobody we trust"),
    ):
        if sign in text:
            return words
    return "the TLS handshake failed"
