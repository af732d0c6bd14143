"""What goes wrong on the way to an authority: each its own error, with what to do about it."""

import io
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from urllib3 import HTTPResponse

from grantway import Dispatcher, Trust
from grantway.clock import SystemClock
from grantway.errors import (
    AccessDenied,
    Cancelled,
    DeadlineExceeded,
    MalformedResponse,
    ProtocolViolation,
    TransportError,
)
from grantway.nearby import NearbyTrust
from grantway.oauth import watchdog
from grantway.oauth.transport import _body as body_of
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeClock,
    acquire,
    context,
    environment,
    granted,
    token_request,
)
from servers.raw import (
    MIB,
    Behaviour,
    RawServer,
    close_at_once,
    cut_short,
    deaf,
    drip_body,
    drip_headers,
    empty,
    exact,
    hang_up,
    html,
    json_answer,
    large,
    late,
    redirect,
    reset,
    respond,
    silence,
)
from servers.tls import LocalCa, self_signed

GOOD = b'{"access_token": "sentinel-access-token", "expires_in": 3600}'


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# Connections that are not made.


def test_a_refused_connection_is_tried_thrice_in_all() -> None:
    clock = FakeClock()
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(TransportError, match="it was refused") as caught:
        acquire(url, clock=clock)
    assert clock.waits == pytest.approx([0.2, 0.6])
    assert caught.value.retryable
    assert caught.value.host == url.removeprefix("http://")
    assert "Check the address" in caught.value.remedy


def test_a_server_that_comes_up_meanwhile_is_found(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.serve(granted())
    here = socket.getaddrinfo("127.0.0.1", raw_server.port, type=socket.SOCK_STREAM)
    nowhere = socket.getaddrinfo("127.0.0.1", unused_port(), type=socket.SOCK_STREAM)
    ways = iter((nowhere, nowhere, here))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(ways))
    acquire(raw_server.url, clock=FakeClock())
    assert len(raw_server.requests) == 1
    assert not list(ways)


def test_a_code_is_not_sent_again_even_where_no_connection_was_made() -> None:
    clock = FakeClock()
    of = environment(f"http://127.0.0.1:{unused_port()}")
    given = context(of, clock=clock)
    with pytest.raises(TransportError):
        given.transport.fetch_token(token_request(f"{of.authority}/token", single_use=True), given)
    assert not clock.waits


def test_a_name_that_cannot_be_resolved_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransportError, match="the name cannot be resolved"):
        acquire("https://refused.example", clock=FakeClock())


def test_all_addresses_of_a_host_together_have_the_callers_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A firewall that drops everything must not cost five seconds for each of many addresses."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    fillers = [socket.socket() for _ in range(8)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(address)
    there = (socket.AF_INET, socket.SOCK_STREAM, 0, "", address)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [there] * 16)
    started = time.monotonic()
    try:
        with pytest.raises(DeadlineExceeded):
            acquire(f"http://127.0.0.1:{address[1]}", timeout=0.7)
    finally:
        for each in (full, *fillers):
            each.close()
    assert time.monotonic() - started < 2


def test_the_next_address_is_tried_where_one_is_refused(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", unused_port()))
    serving = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", raw_server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [refusing, serving])
    clock = FakeClock()
    acquire(raw_server, granted(), clock=clock)
    assert not clock.waits


# TLS.


def test_a_certificate_of_the_trusted_ca_is_accepted(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa
) -> None:
    server = raw_servers(identity=local_ca.issue("localhost"), host="localhost")
    server.serve(granted())
    acquire(server, environment=environment(server, trust=Trust(ca_bundle=str(local_ca.bundle))))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("unknown", "signed by nobody we trust"),
        ("self-signed", "self-signed"),
        ("other name", "is for another name"),
        ("other address", "is for another"),
        ("expired", "has expired"),
    ],
)
def test_each_tls_failure_says_what_it_is(
    raw_servers: Callable[..., RawServer],
    local_ca: LocalCa,
    tmp_path: Path,
    kind: str,
    words: str,
) -> None:
    identity = {
        "unknown": lambda: LocalCa(tmp_path).issue("localhost"),
        "self-signed": lambda: self_signed(tmp_path, "localhost"),
        "other name": lambda: local_ca.issue("other.example"),
        "other address": lambda: local_ca.issue("127.0.0.2"),
        "expired": lambda: local_ca.issue("localhost", age=timedelta(days=3)),
    }[kind]()
    host = "127.0.0.1" if kind == "other address" else "localhost"
    server = raw_servers(identity=identity, host=host)
    clock = FakeClock()
    trust = Trust(ca_bundle=str(local_ca.bundle))
    with pytest.raises(TransportError, match=words) as caught:
        acquire(server, environment=environment(server, trust=trust), clock=clock)
    assert "is not trusted" in str(caught.value)
    assert "trust.ca_bundle" in caught.value.remedy
    assert not caught.value.retryable
    assert not clock.waits
    assert not server.requests


def test_a_port_that_speaks_no_tls_is_said_to_speak_none(raw_server: RawServer) -> None:
    answer = exact(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    raw_server.serve(Behaviour(answer.act, reads=False))
    with pytest.raises(TransportError, match="does not speak TLS"):
        acquire(f"https://127.0.0.1:{raw_server.port}", clock=FakeClock())


def test_a_server_that_never_agrees_on_tls_is_said_to_be_one(raw_server: RawServer) -> None:
    raw_server.serve(deaf())
    url = f"https://127.0.0.1:{raw_server.port}"
    hasty = environment(url, trust=NearbyTrust(connect_timeout=0.3))
    with pytest.raises(TransportError, match=r"did not agree on TLS in 0\.3 seconds"):
        acquire(url, environment=hasty)


def test_a_deaf_tls_server_cannot_outlast_the_deadline(raw_server: RawServer) -> None:
    raw_server.serve(deaf())
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        acquire(f"https://127.0.0.1:{raw_server.port}", timeout=1)
    assert time.monotonic() - started < 2


# Silence, dripping, breaking off.


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(silence(), id="silence"),
        pytest.param(deaf(), id="deaf"),
        pytest.param(drip_headers(0.05), id="headers-dripped"),
        pytest.param(drip_body(GOOD + b" " * 500, 0.05), id="body-dripped"),
        pytest.param(late(5, granted()), id="late"),
        pytest.param(
            exact(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + GOOD[:20]),
            id="ends",
        ),
    ],
)
def test_no_server_outlasts_the_deadline(raw_server: RawServer, behaviour: Behaviour) -> None:
    started = time.monotonic()
    with pytest.raises((DeadlineExceeded, MalformedResponse)) as caught:
        acquire(raw_server, behaviour, timeout=1)
    assert time.monotonic() - started < 1.6
    if isinstance(caught.value, DeadlineExceeded):
        assert caught.value.timeout == 1
        assert "timeout=" in caught.value.remedy


@pytest.mark.parametrize("behaviour", [drip_headers(0.05), drip_body(GOOD + b" " * 500, 0.05)])
def test_no_tls_server_outlasts_the_deadline(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, behaviour: Behaviour
) -> None:
    server = raw_servers(identity=local_ca.issue("localhost"), host="localhost")
    server.serve(behaviour)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        acquire(
            server,
            environment=environment(server, trust=Trust(ca_bundle=str(local_ca.bundle))),
            timeout=1,
        )
    assert time.monotonic() - started < 1.6


@pytest.mark.parametrize(
    "behaviour", [silence(), drip_headers(0.05), drip_body(GOOD + b" " * 500, 0.05)]
)
def test_cancellation_ends_every_wait_for_the_network(
    raw_server: RawServer, behaviour: Behaviour
) -> None:
    raw_server.serve(behaviour)
    cancelled = threading.Event()
    of = environment(raw_server)
    given = context(of, timeout=60, cancelled=cancelled)
    threading.Timer(0.3, cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        given.transport.fetch_token(token_request(f"{of.authority}/token"), given)
    assert time.monotonic() - started < 1.5


def test_a_connection_that_was_cut_is_not_used_again(raw_server: RawServer) -> None:
    raw_server.serve(drip_headers(0.05), granted())
    with Dispatcher(prompter=False) as asking:
        given = {"environment": environment(raw_server), "credential": (CLIENT_ID, CLIENT_SECRET)}
        with pytest.raises(DeadlineExceeded):
            asking.acquire(**given, timeout=0.5)  # type: ignore[call-overload]
        assert asking.acquire(**given).access_token  # type: ignore[call-overload]
    assert raw_server.connections == 2


def test_a_watch_costs_microseconds_and_nothing_stays_behind() -> None:
    given = context(environment("https://login.example"))
    with watchdog.Watch(given):
        pass
    started = time.perf_counter()
    for _ in range(10_000):
        with watchdog.Watch(given):
            pass
    assert (time.perf_counter() - started) / 10_000 < 50e-6
    assert not watchdog._watchdog.watches
    assert sum(each.name == "grantway-watchdog" for each in threading.enumerate()) == 1


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (cut_short(GOOD), "in the middle of the answer"),
        (hang_up(), "broke off"),
        (reset(), "broke off"),
        (close_at_once(), "broke off"),
    ],
)
def test_a_connection_that_breaks_off_is_no_answer_and_nothing_is_sent_again(
    raw_server: RawServer, behaviour: Behaviour, words: str
) -> None:
    clock = FakeClock()
    with pytest.raises(TransportError, match=words) as caught:
        acquire(raw_server, behaviour, clock=clock)
    assert caught.value.retryable
    assert not clock.waits
    assert len(raw_server.requests) <= 1
    assert raw_server.connections == 1


def test_a_post_is_not_sent_again_after_a_read_timeout(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grantway.oauth.transport.READ_TIMEOUT", 0.3)
    with pytest.raises(TransportError, match="took the token request and did not answer"):
        acquire(raw_server, silence())
    assert len(raw_server.requests) == 1


def test_what_is_no_http_is_malformed(raw_server: RawServer) -> None:
    with pytest.raises(MalformedResponse, match="no HTTP"):
        acquire(raw_server, exact(b"220 mail.example ESMTP\r\n"))


def test_an_answer_of_two_lengths_is_malformed(raw_server: RawServer) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n"
    with pytest.raises(MalformedResponse, match="no HTTP"):
        acquire(raw_server, exact(head + b"{}"))


# Bodies.


def peak_of(server: RawServer) -> int:
    """Memory that asking for a token takes at most, where the answer is too large."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        with pytest.raises(MalformedResponse, match="more than 1 MiB"):
            acquire(server)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content_length", [True, False])
def test_a_huge_body_is_left_where_it_is(raw_server: RawServer, content_length: bool) -> None:
    raw_server.serve(large(100 * MIB, content_length=content_length))
    started = time.monotonic()
    assert peak_of(raw_server) < 24 * MIB
    assert time.monotonic() - started < 10
    assert raw_server.bytes_sent < 50 * MIB


def test_an_endless_error_is_left_where_it_is(raw_server: RawServer) -> None:
    page = b"HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\n\r\n" + b"x" * 3 * MIB
    with pytest.raises(MalformedResponse, match="more than 1 MiB"):
        acquire(raw_server, exact(page))


def encoded(body: bytes, encoding: str) -> Behaviour:
    return respond(
        body=body, content_type="application/json", headers=[("Content-Encoding", encoding)]
    )


def test_a_gzip_bomb_does_not_unfold(raw_server: RawServer) -> None:
    import gzip

    bomb = gzip.compress(b'{"access_token": "' + b"a" * 200 * MIB + b'"}', 9)
    assert len(bomb) < MIB
    raw_server.serve(encoded(bomb, "gzip"))
    assert peak_of(raw_server) < 24 * MIB


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity", ""])
def test_a_compressed_answer_is_understood_though_not_asked_for(
    raw_server: RawServer, encoding: str
) -> None:
    import gzip
    import zlib

    body = {"gzip": gzip.compress(GOOD), "deflate": zlib.compress(GOOD)}.get(encoding, GOOD)
    assert acquire(raw_server, encoded(body, encoding)).access_token == "sentinel-access-token"
    assert raw_server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("body", [b"no such thing", b"\x1f\x8b\x08"])
def test_a_broken_encoding_is_malformed(raw_server: RawServer, encoding: str, body: bytes) -> None:
    with pytest.raises(MalformedResponse, match="a broken encoding"):
        acquire(raw_server, encoded(body, encoding))


def test_an_unknown_encoding_is_malformed(raw_server: RawServer) -> None:
    with pytest.raises(MalformedResponse, match="encoding that was not asked for"):
        acquire(raw_server, encoded(GOOD, "br"))


def test_a_chunked_answer_is_read(raw_server: RawServer) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (GOOD[:7], GOOD[7:]))
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    result = acquire(raw_server, exact(head + chunks + b"0\r\n\r\n"))
    assert result.access_token == "sentinel-access-token"


# Where it may go at all.


def test_plain_http_is_refused(raw_server: RawServer) -> None:
    from grantway import Environment

    with pytest.raises(ValueError, match="is not https"):
        Environment("Raw", authority=raw_server.url)


def test_localhost_is_no_literal_loopback_address(raw_servers: Callable[..., RawServer]) -> None:
    server = raw_servers(host="localhost")
    with pytest.raises(ValueError, match="literal loopback"):
        environment(server)


@pytest.mark.parametrize("value", ["1", "true", "0"])
def test_the_variable_that_allows_insecure_transport_has_no_effect(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", value)
    of = environment(raw_server)
    given = context(of)
    with pytest.raises(ProtocolViolation, match="is not https"):
        given.transport.fetch_token(
            token_request(f"http://localhost:{raw_server.port}/token"), given
        )
    assert not raw_server.requests
    with pytest.raises(ValueError, match="is not https"):
        environment("http://login.example")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["same", "other"])
def test_a_redirect_at_the_token_endpoint_is_never_followed(
    raw_servers: Callable[..., RawServer], status: int, where: str
) -> None:
    server, target = raw_servers(), raw_servers()
    target.serve(granted())
    to = target if where == "other" else server
    server.serve(redirect(f"{to.url}/elsewhere", status))
    server.serve(granted(), path="/elsewhere")
    with pytest.raises(ProtocolViolation, match="a redirect, which is not followed"):
        acquire(server)
    assert not target.connections
    assert [request.path for request in server.requests] == ["/token"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_at_the_metadata_endpoint_is_never_followed(
    raw_servers: Callable[..., RawServer], status: int
) -> None:
    from oauth.support import oidc

    server, target = raw_servers(), raw_servers()
    server.serve(redirect(f"{target.url}/.well-known/openid-configuration", status))
    with pytest.raises(ProtocolViolation, match="metadata request with a redirect"):
        acquire(server, environment=oidc(server))
    assert not target.connections
    assert len(server.requests) == 1


def test_a_redirect_with_an_endless_body_is_not_read(raw_server: RawServer) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"
    with pytest.raises(ProtocolViolation, match="redirect"):
        acquire(raw_server, exact(head + b"x" * 8 * MIB), timeout=5)


# Answers that are no JSON object.


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_html_page_of_a_failing_server_is_malformed_and_worth_another_try(
    raw_server: RawServer, status: int
) -> None:
    with pytest.raises(MalformedResponse, match=f"HTTP {status} and text/html") as caught:
        acquire(raw_server, html(status))
    assert caught.value.retryable
    assert caught.value.status == status
    assert caught.value.content_type == "text/html"
    assert "Try again later" in caught.value.remedy


def test_a_failing_server_with_a_token_in_its_answer_is_not_believed(
    raw_server: RawServer,
) -> None:
    with pytest.raises(MalformedResponse, match="HTTP 503"):
        acquire(raw_server, json_answer({"access_token": "sentinel-access-token"}, 503))


def test_an_html_page_with_a_good_status_is_malformed(raw_server: RawServer) -> None:
    with pytest.raises(MalformedResponse, match="text/html instead of JSON") as caught:
        acquire(raw_server, html(200))
    assert not caught.value.retryable
    assert "proxy" in caught.value.remedy


def test_an_empty_403_says_what_it_may_mean(raw_server: RawServer) -> None:
    with pytest.raises(AccessDenied, match="without saying why") as caught:
        acquire(raw_server, empty(403))
    assert "client secret" in caught.value.remedy
    assert caught.value.error == ""
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"sentinel-access-token"',
        b'[{"access_token": "sentinel-access-token"}]',
        b'{"access_token": "sentinel-access-token", "expires_in": NaN}',
        b'{"access_token": "sentinel-access-token", "expires_in": Infinity}',
        b'{"access_token": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"access_token": "sentinel-access-token"',
        b"\xff\xfe\xfa",
        b'{"n": ' + b"9" * 10_000 + b"}",
    ],
    ids=[
        "nothing",
        "null",
        "number",
        "text",
        "list",
        "NaN",
        "Infinity",
        "deep",
        "half",
        "bytes",
        "digits",
    ],
)
def test_what_is_no_json_object_is_malformed(raw_server: RawServer, body: bytes) -> None:
    with pytest.raises(MalformedResponse, match="no JSON object") as caught:
        acquire(raw_server, respond(body=body, content_type="application/json"))
    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/jwt+json",
        "text/json",
    ],
)
def test_a_json_object_is_one_by_any_usual_content_type(
    raw_server: RawServer, content_type: str | None
) -> None:
    acquire(raw_server, respond(body=GOOD, content_type=content_type))


@pytest.mark.skipif(sys.platform == "win32", reason="a fork is needed")
def test_a_forked_child_starts_a_watchdog_of_its_own(raw_server: RawServer) -> None:
    import os

    raw_server.serve(granted(), drip_headers(0.05))
    acquire(raw_server)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            acquire(raw_server, timeout=0.5)
        except DeadlineExceeded:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_a_clock_that_breaks_ends_the_wait() -> None:
    class Broken(SystemClock):
        def __init__(self) -> None:
            super().__init__()
            self.monotonic = self.broken  # type: ignore[assignment]

        def broken(self) -> float:
            raise OSError

    one, other = socket.socketpair()
    with one, other:
        of = environment("https://login.example")
        watch = watchdog.Watch(context(of))
        object.__setattr__(watch.context, "clock", Broken())
        watch.socket = one
        watch.look()
        assert watch.cut
        assert one.recv(1) == b""


def test_a_request_that_is_over_ends_no_other_on_its_connection() -> None:
    one, other = socket.socketpair()
    with one, other:
        clock = FakeClock()
        watch = watchdog.Watch(context(environment("https://login.example"), clock=clock))
        with watch:
            watch.socket = one
        clock.advance(1e6)
        # As the watchdog does that has begun with it before it was over.
        watch.look()
        other.send(b"x")
        assert one.recv(1) == b"x"


@pytest.mark.parametrize("headers", [{"Content-Length": "2"}, {}])
def test_an_answer_that_is_whole_counts_though_its_time_was_up_meanwhile(
    headers: dict[str, str],
) -> None:
    watch = watchdog.Watch(context(environment("https://login.example")))
    watch.cut = True
    response = HTTPResponse(io.BytesIO(b"{}"), headers, preload_content=False)
    if headers:
        assert body_of(response, watch) == b"{}"
    else:
        with pytest.raises(TimeoutError):
            body_of(response, watch)
