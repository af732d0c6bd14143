"""The only road to the network, on requests-oauthlib.

Each token request has a short-lived `OAuth2Session` of its own over a pool of connections that
all share. The session drives the grant and reads the answer as OAuth 2; the policy is ours, and
stands around it:

* a host is asked only if the environment names it, by https only (or an allowed loopback);
* a redirect is never followed, cookies are never kept, `.netrc` is never read;
* connecting may take 5 seconds, each wait for the server 30, and all of it the caller's time;
* only what surely had no effect is sent again: a connection that was not made, and an answer 429
  or 503 that says when to come back. A code is never sent twice;
* an answer is read up to a limit, and understood by `grantway.oauth.answers`;
* what the libraries would log, with secrets in it, is not logged.

No exception of the libraries leaves this module, not even as a cause: they carry the request,
and that carries its secrets.
"""

import io
import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy

import requests
from oauthlib.oauth2 import Client
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth2Session
from urllib3.exceptions import MaxRetryError, NewConnectionError

from grantway.authority import AuthorityRequest
from grantway.environment import Environment, host_of
from grantway.errors import (
    Cancelled,
    DeadlineExceeded,
    GrantwayError,
    MalformedResponse,
    ProtocolViolation,
    TransportError,
)
from grantway.oauth.answers import (
    LARGEST,
    Answer,
    JsonObject,
    json_object,
    retry_after,
    throttled,
    token_answer,
    too_large,
)
from grantway.oauth.client_authentication import FormAuth, revealed
from grantway.oauth.routes import Route, route
from grantway.provider import Context
from grantway.version import __version__

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
"""Seconds, the usual for a token endpoint; both are cut to what is left of the caller's time."""

POOL_SIZE = 128
"""Connections kept per host: as many as there are threads in the largest use we know of."""

_CONNECT_PAUSES = (0.2, 0.6)
_MOST_WAITS = 5
_CHUNK = 64 * 1024
_MOST_DOCUMENTS = 512

_LOGGERS = ("requests_oauthlib.oauth2_session", "oauthlib.oauth2.rfc6749.clients.base")


def _nothing(_: logging.LogRecord) -> bool:
    return False


class HttpTransport:
    """A `Transport` over HTTP. Safe across threads; a forked child starts with no connections.

    Args:
        pool_size: connections kept open per host.
        environ: the environment variables that say which proxy and roots to use.
        adapter: makes the `requests` adapter; for a caller with a network of their own.
    """

    def __init__(
        self,
        *,
        pool_size: int = POOL_SIZE,
        environ: Mapping[str, str] | None = None,
        adapter: Callable[[], HTTPAdapter] | None = None,
    ) -> None:
        # These log codes, secrets and tokens; a filter stays where a level can be changed.
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_nothing)
        self._environ = dict(os.environ if environ is None else environ)
        self._make_adapter = adapter or (
            lambda: HTTPAdapter(pool_connections=32, pool_maxsize=pool_size, max_retries=0)
        )
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._adapter = self._make_adapter()
        self._routes: dict[tuple[int, str], tuple[Environment, Route]] = {}
        self._documents: OrderedDict[str, tuple[float, JsonObject]] = OrderedDict()
        self._fetching: dict[str, threading.Lock] = {}

    def __repr__(self) -> str:
        return "<HttpTransport>"

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._adapter.close()

    def fetch_token(self, request: AuthorityRequest, context: Context) -> Mapping[str, object]:
        """See `Transport.fetch_token`."""
        session = _TokenSession(self, request, context)
        # The session's own check of the scheme obeys a process-wide variable; ours, in
        # `_admit`, does not. So it is shown an https URL, and the real one is used below it.
        url = f"https://{host_of(request.url)}/"
        session.fetch_token(url)  # pyright: ignore[reportUnknownMemberType]  # untyped upstream
        return session.answer

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> Mapping[str, object]:
        """See `Transport.fetch_json`."""
        if request.method != "GET" or max_age <= 0:
            return self._fetch_json(request, context)
        with self._lock:
            fetching = self._fetching.setdefault(request.url, threading.Lock())
        # One at a time per document: a herd asks for it once.
        with fetching:
            now = context.clock.monotonic()
            known = self._documents.get(request.url)
            if known is not None and now - known[0] < max_age:
                return known[1]
            document = self._fetch_json(request, context)
            with self._lock:
                self._documents[request.url] = (now, document)
                while len(self._documents) > _MOST_DOCUMENTS:
                    oldest, _ = self._documents.popitem(last=False)
                    self._fetching.pop(oldest, None)
            return document

    def _fetch_json(self, request: AuthorityRequest, context: Context) -> JsonObject:
        with requests.Session() as session:
            return json_object(self.send(session, request, context), request, context)

    def send(
        self, session: requests.Session, request: AuthorityRequest, context: Context
    ) -> Answer:
        """Send a request by the rules above and return what came back, not yet understood.

        Raises:
            ProtocolViolation: the environment does not allow the address.
            TransportError, DeadlineExceeded, MalformedResponse, Throttled: as they say.
        """
        way = self._admit(request, context.environment)
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = self._current_adapter()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        pauses = iter(_CONNECT_PAUSES)
        waits = 0
        while True:
            context.remaining()
            try:
                answer = self._attempt(session, request, way, context)
            except _NotConnected as failure:
                pause = next(pauses, None)
                if pause is None or request.single_use:
                    raise failure.error from None
                context.sleep(pause)
                continue
            if answer.status not in (429, 503):
                return answer
            wait = retry_after(answer.headers, context.clock.time())
            if wait is None or request.single_use:
                return answer
            waits += 1
            if waits > _MOST_WAITS or wait >= context.remaining():
                raise throttled(answer, request, context)
            context.sleep(wait)

    def _admit(self, request: AuthorityRequest, environment: Environment) -> Route:
        """The way to the request's host, if the environment allows to go there at all."""
        try:
            host = host_of(request.url)
            environment.check_scheme(request.url)
        except ValueError as error:
            raise ProtocolViolation(f"The {request.endpoint} address: {error}.") from None
        if not environment.names(host):
            raise ProtocolViolation(
                f"{environment.name} does not name the host {host}; nothing is sent there.",
                remedy=f'If it is the authority\'s, add to the environment: hosts = ["{host}"]',
            )
        key = (id(environment), host)
        known = self._routes.get(key)
        if known is None or known[0] is not environment:
            known = (environment, route(environment, request.url, self._environ))
            if len(self._routes) >= _MOST_DOCUMENTS:
                self._routes.clear()
            self._routes[key] = known
        return known[1]

    def _current_adapter(self) -> HTTPAdapter:
        if self._pid != os.getpid():
            # A forked child must not speak on its parent's connections.
            with self._lock:
                if self._pid != os.getpid():
                    self._adapter, self._pid = self._make_adapter(), os.getpid()
        return self._adapter

    def _attempt(
        self, session: requests.Session, request: AuthorityRequest, way: Route, context: Context
    ) -> Answer:
        left = context.remaining()
        headers = {"User-Agent": f"grantway/{__version__}", **way.headers}
        if correlation := context.environment.protocol.correlation_header:
            headers[correlation] = context.correlation_id
        failure: GrantwayError | _NotConnected
        try:
            with requests.Session.request(
                session,
                request.method,
                request.url,
                headers=headers,
                auth=_Contents(request),
                allow_redirects=False,
                timeout=(min(CONNECT_TIMEOUT, left), min(READ_TIMEOUT, left)),
                stream=True,
                verify=way.verify,
                cert=way.cert,
                proxies=way.proxies,
            ) as response:
                return self._read(response, request, context)
        except (requests.RequestException, OSError) as error:
            # Raised after this block, so that not even the context of ours holds the request.
            failure = _failure(error, request, context)
        raise failure

    def _read(self, response: Response, request: AuthorityRequest, context: Context) -> Answer:
        answer = Answer(response.status_code, response.headers, b"")
        if 300 <= response.status_code < 400:
            return answer
        chunks: list[bytes] = []
        size = 0
        for chunk in _chunks(response):
            size += len(chunk)
            if size > LARGEST:
                raise too_large(answer, request)
            chunks.append(chunk)
            context.remaining()
        return Answer(response.status_code, response.headers, b"".join(chunks))


class _Contents(FormAuth):
    """Puts a request's form and headers on the wire, exactly as its plan shows them."""

    def __init__(self, request: AuthorityRequest) -> None:
        self._request = request

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Write the form, then the headers."""
        fields = [(name, revealed(value)) for name, value in self._request.all_fields()]
        if fields:
            r.prepare_body(fields, None)  # pyright: ignore[reportUnknownMemberType]  # untyped upstream
        for name, value in self._request.all_headers().items():
            r.headers[name] = revealed(value)
        return r


class _Grant(Client):
    """An oauthlib client for whatever grant a request is: the form is the request's own."""

    def prepare_request_body(self, *_: object, **__: object) -> str:
        """Nothing: `_Contents` writes the form."""
        return ""


class _TokenSession(OAuth2Session):
    """One token request. requests-oauthlib drives it; `HttpTransport.send` is what it sends by."""

    def __init__(
        self, transport: HttpTransport, request: AuthorityRequest, context: Context
    ) -> None:
        super().__init__(client=_Grant(""))  # pyright: ignore[reportUnknownMemberType]  # untyped upstream
        self.answer: JsonObject = JsonObject()
        self._transport = transport
        self._request = request
        self._context = context

    def request(self, *_: object, **__: object) -> Response:
        """Send the request this session is for, whatever it is asked to send."""
        answer = self._transport.send(self, self._request, self._context)
        self.answer = token_answer(answer, self._request, self._context)
        return _for_oauthlib(self.answer)


def _for_oauthlib(answer: JsonObject) -> Response:
    """The checked answer in the form that oauthlib reads.

    What it would stumble over (lifetimes that are no integers, scopes in other shapes) is left
    out; the result is made from the answer itself.
    """
    response = Response()
    response.status_code = 200
    response.request = PreparedRequest()
    response.raw = io.BytesIO(
        json.dumps(
            {
                "access_token": answer["access_token"],
                "token_type": str(answer.get("token_type") or "Bearer"),
            }
        ).encode()
    )
    return response


class _NotConnected(Exception):  # a signal between two functions here
    """No connection was made, so nothing was sent: it can be tried again."""

    def __init__(self, error: TransportError) -> None:
        super().__init__()
        self.error = error


def _chunks(response: Response) -> Iterator[bytes]:
    """The body as it comes in, so that a server that drips cannot outlast the deadline."""
    read = response.raw.read1
    while chunk := read(_CHUNK, decode_content=True):
        yield chunk


def _failure(
    error: Exception, request: AuthorityRequest, context: Context
) -> GrantwayError | _NotConnected:
    """The error of ours for an exception of the libraries."""
    host = host_of(request.url)
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError(
            f"The proxy on the way to {host} does not serve.",
            remedy="Check HTTPS_PROXY and NO_PROXY, or the environment's proxy.",
            host=host,
        )
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            f"{host} is not trusted: {_tls_reason(reason)}.",
            remedy="Check the address and this machine's clock; a private authority needs its "
            "CA bundle in the environment (trust.ca_bundle) or REQUESTS_CA_BUNDLE.",
            host=host,
            retryable=False,
        )
    if isinstance(error, requests.ConnectTimeout | NewConnectionError) or isinstance(
        reason, NewConnectionError
    ):
        return _NotConnected(
            TransportError(
                f"No connection to {host}: {_network_reason(error, reason)}.",
                remedy="Check the address, the network and the proxy settings.",
                host=host,
            )
        )
    if isinstance(error, requests.Timeout | TimeoutError):
        return _unanswered(request, context)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return MalformedResponse(
            f"{host} answered the {request.endpoint} request with a broken encoding.", host=host
        )
    return TransportError(
        f"The connection to {host} broke off ({type(reason or error).__name__}).",
        remedy="Try again later.",
        host=host,
    )


def _unanswered(request: AuthorityRequest, context: Context) -> GrantwayError:
    """The error for silence: the caller's time is up, or the server's."""
    try:
        context.remaining()
    except (DeadlineExceeded, Cancelled) as ended:
        return ended
    host = host_of(request.url)
    return TransportError(
        f"{host} took the {request.endpoint} request and did not answer in "
        f"{READ_TIMEOUT:g} seconds.",
        remedy="Try again later.",
        host=host,
    )


def _tls_reason(reason: object) -> str:
    text = str(reason)
    for sign, words in (
        ("Hostname mismatch", "its certificate is for another name"),
        ("IP address mismatch", "its certificate is for another address"),
        ("certificate has expired", "its certificate has expired"),
        ("self-signed", "its certificate is signed by nobody we trust (self-signed)"),
        ("unable to get local issuer", "its certificate is signed by nobody we trust"),
        ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port"),
    ):
        if sign in text:
            return words
    return "the TLS handshake failed"


def _network_reason(error: Exception, reason: object) -> str:
    text = str(reason)
    if isinstance(error, requests.ConnectTimeout):
        return f"nobody answered within {CONNECT_TIMEOUT:g} seconds"
    for sign, words in (
        ("refused", "it was refused"),
        ("resolve", "the name cannot be resolved"),
        ("getaddrinfo", "the name cannot be resolved"),
        ("unreachable", "the network is unreachable"),
    ):
        if sign in text:
            return words
    return "it could not be made"
