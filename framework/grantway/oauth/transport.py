"""The only road to the network, on requests-oauthlib.

Each token request has a short-lived `OAuth2Session` of its own over a pool of connections that
all share. The session drives the grant and reads the answer as OAuth 2; the policy is ours, and
stands around it:

* a host is asked only if the environment names it, by https only (or an allowed loopback);
* what a session sends goes to urllib3's connections directly: so there is nobody who would follow
  a redirect, keep a cookie, read `.netrc` or settle proxies anew at each request;
* connecting to an address may take 5 seconds, each wait for the server 30, and all of it the
  caller's time, however the server drips (`grantway.oauth.watchdog`);
* only what surely had no effect is sent again: a connection that was not made, and an answer 429
  or 503 that says when to come back. A code is never sent twice;
* in an environment that says `dpop`, a proof of possession goes with each sending of a token
  request (`grantway.oauth.dpop`), and one that lacked the server's nonce is made once more;
* an answer is read up to a limit, also when it unfolds from a compressed one, and understood by
  `grantway.oauth.answers`;
* what the libraries would log, with secrets in it, is not logged.

No exception of the libraries leaves this module, not even as a cause: they carry the request,
and that carries its secrets.
"""

import io
import json
import logging
import math
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import attrs
from oauthlib.oauth2 import Client
from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict
from requests_oauthlib import OAuth2Session
from urllib3 import BaseHTTPResponse, Timeout

from grantway import json_body
from grantway.authority import AuthorityRequest, Fields
from grantway.context import Context
from grantway.environment import Environment, Trust, host_of
from grantway.errors import AuthorityError, GrantwayError, ProtocolViolation, TransportError
from grantway.flights import Flights
from grantway.json_body import JsonMembers
from grantway.oauth.answers import (
    LARGEST,
    Answer,
    JsonObject,
    json_object,
    passes,
    retry_after,
    throttled,
    token_answer,
)
from grantway.oauth.client_authentication import TlsClientAuth, revealed
from grantway.oauth.connections import Connections
from grantway.oauth.dpop import Nonces, demanded, key
from grantway.oauth.failures import NotConnected, Unreadable, failure_of
from grantway.oauth.routes import READ_TIMEOUT, Route, route, written
from grantway.oauth.watchdog import Watch
from grantway.secret import Secret, Unshown
from grantway.version import __version__

POOL_SIZE = 128
"""Connections kept per host: as many as there are threads in the largest use we know of."""

_CONNECT_PAUSES = (0.2, 0.6)
_MOST_WAITS = 5
_CHUNK = 64 * 1024
_MOST_DOCUMENTS = 512

# A server that has its metadata at one of two places is not asked at the other for each token;
# and one that could not give a newer document is not asked for that by each token either.
_ABSENCE = 60.0
_NOT_THERE = Answer(404, {}, b"")
_NEVER = (-math.inf, None)

# requests-oauthlib looks at the scheme of the address it is given, and lets a process-wide variable
# overrule it. Ours is looked at in `_admit`, which no variable changes.
_SHOWN = "https://token-endpoint/"

_log = logging.getLogger(__name__)

_LOGGERS = ("requests_oauthlib.oauth2_session", "oauthlib.oauth2.rfc6749.clients.base")


def _nothing(_: logging.LogRecord) -> bool:
    return False


class _Shared:
    """What all requests of a process share: the connections and the documents at hand."""

    def __init__(self, pool_size: int) -> None:
        self.pid = os.getpid()
        self.connections = Connections(pool_size)
        self.lock = threading.Lock()
        self.flights: Flights[JsonObject] = Flights()
        self.nonces = Nonces()
        # An environment that trusts others must not be served by what these vouched for.
        # Where None is kept, there was no document.
        self.documents: OrderedDict[tuple[str, Trust], tuple[float, JsonObject | None]] = (
            OrderedDict()
        )
        # When a newer document than that at hand was asked for in vain, and whether it may come.
        self.failures: dict[tuple[str, Trust], tuple[float, bool]] = {}

    def keep(self, key: tuple[str, Trust], fetched: float, document: JsonObject | None) -> None:
        """Have a document at hand, and no more of them than there is room for."""
        with self.lock:
            self.documents[key] = (fetched, document)
            self.failures.pop(key, None)
            while len(self.documents) > _MOST_DOCUMENTS:
                gone, _ = self.documents.popitem(last=False)
                self.failures.pop(gone, None)


class HttpTransport:
    """A `Transport` over HTTP. Safe across threads; a forked child starts with no connections.

    Args:
        pool_size: connections kept open per host.
        environ: the environment variables that say which proxy and roots to use.
    """

    def __init__(
        self,
        *,
        pool_size: int = POOL_SIZE,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        # These log codes, secrets and tokens; a filter stays where a level can be changed.
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_nothing)
        self._environ = Unshown(os.environ if environ is None else environ)
        self._pool_size = pool_size
        self._routes: dict[tuple[object, ...], tuple[Environment, Route]] = {}
        self._inherited = _Shared(self._pool_size)

    def __repr__(self) -> str:
        return "<HttpTransport>"

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._shared.connections.close()

    def fetch_token(self, request: AuthorityRequest, context: Context) -> Mapping[str, object]:
        """See `Transport.fetch_token`."""
        session = _TokenSession(self, request, context)
        session.fetch_token(_SHOWN)  # pyright: ignore[reportUnknownMemberType]  # untyped upstream
        return session.answer

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> Mapping[str, object]:
        """See `Transport.fetch_json`."""
        if request.method != "GET" or max_age <= 0:
            return self._fetch_json(request, context)
        self._admit(request, context.environment)
        shared, key = self._shared, (request.url, context.environment.trust)

        def known() -> JsonObject | None:
            fetched, document = shared.documents.get(key, _NEVER)
            age = context.clock.monotonic() - fetched
            if document is None and age < min(max_age, _ABSENCE):
                return json_object(_NOT_THERE, request, context)
            if document is None or age < max_age:
                return document
            when, may_come = shared.failures.get(key, (-math.inf, False))
            if max_age <= _ABSENCE and context.clock.monotonic() - when < max_age:
                raise _in_vain(request, may_come=may_come)
            return None

        def fetch(_: threading.Event) -> JsonObject:
            document = known()
            if document is None:
                try:
                    document = self._fetch_json(request, context)
                except GrantwayError as error:
                    asked = context.clock.monotonic()
                    if max_age <= _ABSENCE and shared.documents.get(key, _NEVER)[1] is not None:
                        shared.failures[key] = (asked, passes(error))
                    elif isinstance(error, AuthorityError) and error.status == _NOT_THERE.status:
                        shared.keep(key, asked, None)
                    raise
                shared.keep(key, context.clock.monotonic(), document)
            return document

        document = known()
        # One at a time per document: a herd asks for it once.
        return shared.flights.run(key, fetch, context.remaining) if document is None else document

    def _fetch_json(self, request: AuthorityRequest, context: Context) -> JsonObject:
        return json_object(self.send(request, context), request, context)

    def send_grant(self, request: AuthorityRequest, context: Context) -> Answer:
        """Send a token request, with a proof of possession where the environment has them.

        One that is refused because its proof lacks the server's nonce has had no effect, and is
        sent once more with it, whatever it carries (RFC 9449, section 8).

        Raises:
            as `send`, and as `grantway.oauth.dpop.key`.
        """
        if not context.environment.dpop:
            return self.send(request, context)
        self._admit(request, context.environment)
        nonces, host, bound = self._shared.nonces, host_of(request.url), key(context)

        def prove() -> str:
            proof = bound.proof(
                request.method, request.url, nonce=nonces.newest(host), now=context.clock.time()
            )
            context.redactor.add(proof)
            return proof

        answer = self.send(request, context, prove)
        if nonces.learn(host, answer.headers) and demanded(answer):
            answer = self.send(request, context, prove)
            nonces.learn(host, answer.headers)
        return answer

    def send(
        self,
        request: AuthorityRequest,
        context: Context,
        prove: Callable[[], str] | None = None,
    ) -> Answer:
        """Send a request by the rules above and return what came back, not yet understood.

        `prove` makes a proof of possession; each sending has one of its own.

        Raises:
            ProtocolViolation: the environment does not allow the address.
            TransportError, DeadlineExceeded, Cancelled, MalformedResponse, Throttled: as they say.
        """
        way = self._admit(request, context.environment)
        pauses = iter(_CONNECT_PAUSES)
        waits = 0
        while True:
            # What anybody may read is not asked for as this client.
            if request.method == "POST":
                context.keep_pause()
            context.remaining()
            # A query is left out; it is the one part of an address that could hold anything.
            _log.info("%s %s", request.method, request.url.partition("?")[0])
            # Made for this sending: what a client signs is never sent twice.
            message = Message(request.all_headers(), request.all_fields(), request.all_members())
            _learn_secrets(message, context)
            answer = self._attempt(request, message, way, context, prove)
            if isinstance(answer, NotConnected):
                pause = None if request.single_use else next(pauses, None)
                if pause is None:
                    raise answer.error
                context.sleep(pause)
                continue
            _log.info("answered %s", answer.status)
            if answer.status not in (429, 503):
                return answer
            wait = retry_after(answer.headers, context.clock.time())
            if wait is not None and request.method == "POST":
                context.pause(wait)
            if wait is None or request.single_use:
                return answer
            waits += 1
            if waits > _MOST_WAITS or wait >= context.remaining():
                raise throttled(answer, request, context)
            context.sleep(wait)

    def _admit(self, request: AuthorityRequest, environment: Environment) -> Route:
        """The way to the request's host, if the environment allows to go there at all."""
        try:
            host = environment.destination(request.url)
        except ValueError as error:
            raise ProtocolViolation(f"The {request.endpoint} address: {error}.") from None
        if not environment.names(host):
            raise ProtocolViolation(
                f"{environment.name} does not name the host {host}; nothing is sent there.",
                remedy=f'If it is the authority\'s, add to the environment: hosts = ["{host}"]',
            )
        shown = request.authentication
        certificate = shown.certificate if isinstance(shown, TlsClientAuth) else None
        key: tuple[object, ...] = (id(environment), host)
        if certificate is not None:
            # The client's own is looked at each time: it may have been renewed.
            key = (*key, certificate, certificate.password, written(str(certificate.source)))
        known = self._routes.get(key)
        if known is None or known[0] is not environment:
            with self._shared.lock:
                known = self._routes.get(key)
                if known is None or known[0] is not environment:
                    known = (
                        environment,
                        route(environment, request.url, self._environ, certificate),
                    )
                    if len(self._routes) >= _MOST_DOCUMENTS:
                        self._routes.clear()
                    self._routes[key] = known
        return known[1]

    @property
    def _shared(self) -> _Shared:
        if self._inherited.pid != os.getpid():
            # A forked child must not speak on its parent's connections, nor wait for its threads.
            self._inherited = _Shared(self._pool_size)
        return self._inherited

    def _attempt(
        self,
        request: AuthorityRequest,
        message: "Message",
        way: Route,
        context: Context,
        prove: Callable[[], str] | None,
    ) -> Answer | NotConnected:
        """Ask once, over the wire: what `grantway.testing` puts a script in place of."""
        left = context.remaining()
        failure: BaseException | NotConnected
        watch = Watch(context)
        try:
            with (
                watch,
                self._shared.connections.send(
                    request.method,
                    request.url,
                    way,
                    # Made here: they stand in no variable of a function that may raise.
                    headers=_headers(message, request.method, way, context, prove),
                    body=_body_of(message),
                    timeout=Timeout(
                        connect=min(way.connect_timeout, left), read=min(READ_TIMEOUT, left)
                    ),
                ) as response,
            ):
                # A redirect's target is of no interest, and nor is what it says.
                told = b"" if 300 <= response.status < 400 else _body(response, watch)
                return Answer(response.status, response.headers, told)
        except BaseException as error:  # noqa: BLE001  # an interrupt too is rid of its traceback
            # Raised after this block, so that not even the context of ours holds the request.
            failure = failure_of(
                error, request, context, asked=watch.asked, within=way.connect_timeout
            )
        if isinstance(failure, NotConnected):
            return failure
        raise failure


def _in_vain(request: AuthorityRequest, *, may_come: bool) -> TransportError:
    """The error for a newer document that could not be had a moment ago."""
    host = host_of(request.url)
    return TransportError(
        f"{host} could not give its {request.endpoint} a moment ago, and is not asked again yet.",
        remedy="Try again in a minute.",
        host=host,
        retryable=may_come,
    )


@attrs.frozen
class Message:
    """The headers and the form, or the JSON object, of one sending, secrets still masked."""

    headers: Mapping[str, str | Secret]
    fields: Fields
    members: JsonMembers | None


def _learn_secrets(message: Message, context: Context) -> None:
    """Have all that is secret of a sending masked, in the very spelling in which it is sent."""
    for value in message.headers.values():
        if isinstance(value, Secret):
            context.redactor.add(value)
            # Without its scheme too: `Basic` and the like.
            context.redactor.add(value.reveal().rpartition(" ")[2])
    for _, value in message.fields:
        if isinstance(value, Secret):
            context.redactor.add(value)
    for secret in json_body.secrets_in(message.members or {}):
        context.redactor.add(secret)


def _body(response: BaseHTTPResponse, watch: Watch) -> bytes:
    """The body of an answer, which may not be larger than any real one.

    Raises:
        Unreadable: it is larger, or encoded in a way that nobody asked for.
    """
    body = bytearray()
    # One read each, not a full chunk each: what has come is counted as it comes.
    while chunk := response.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > LARGEST:
            raise Unreadable(f"more than {LARGEST >> 20} MiB")
    if watch.cut and not (response.chunked or "Content-Length" in response.headers):
        # Where the connection's end is the body's, this may be half of it.
        raise TimeoutError
    match response.headers.get("Content-Encoding", "identity").strip().lower():
        case "identity" | "":
            return bytes(body)
        case "gzip" | "x-gzip" | "deflate":
            # Not asked for, but sent by some; no more than the limit is unfolded.
            unfold = zlib.decompressobj(zlib.MAX_WBITS | 32)
            unfolded = unfold.decompress(body, LARGEST + 1)
            if len(unfolded) > LARGEST:
                raise Unreadable(f"more than {LARGEST >> 20} MiB")
            if not unfold.eof:
                raise Unreadable("a broken encoding")
            return unfolded
        case _:
            raise Unreadable("an encoding that was not asked for")


def _headers(
    message: Message,
    method: str,
    way: Route,
    context: Context,
    prove: Callable[[], str] | None,
) -> dict[str, str]:
    """All headers of a sending; those of its plan win."""
    headers = CaseInsensitiveDict({"User-Agent": f"grantway/{__version__}", **way.headers})
    headers["Accept-Encoding"] = "identity"
    if correlation := context.environment.protocol.correlation_header:
        headers[correlation] = context.correlation_id
    for name, value in message.headers.items():
        headers[name] = revealed(value)
    if prove is not None:
        headers["DPoP"] = prove()
    if method == "POST" and message.members is None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return dict(headers.items())


def _body_of(message: Message) -> bytes | None:
    """The form or the JSON object as it goes on the wire: exactly that of the plan."""
    if message.members is not None:
        return json_body.encoded(message.members)
    return urlencode([(name, revealed(value)) for name, value in message.fields]).encode() or None


class _Grant(Client):
    """An oauthlib client for whatever grant a request is: the form is the request's own."""

    def prepare_request_body(self, *_: object, **__: object) -> str:
        """Nothing: `_body_of` writes the form."""
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
        answer = self._transport.send_grant(self._request, self._context)
        self.answer = token_answer(answer, self._request, self._context)
        return _for_oauthlib(self.answer)


def _for_oauthlib(answer: JsonObject) -> Response:
    """The checked answer in the form that oauthlib reads.

    What it would stumble over (lifetimes that are no integers, scopes in other shapes) is left
    out; the result is made from the answer itself.
    """
    response = Response()
    response.status_code = 200
    # Said here, or requests would guess it from the bytes, at a quarter of the whole cost.
    response.encoding = "utf-8"
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
