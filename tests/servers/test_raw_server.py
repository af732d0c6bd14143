"""The scripted server does what each behaviour says, as clients see it."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from .raw import (
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
    json_list,
    large,
    late,
    redirect,
    reset,
    silence,
)
from .tls import LocalCa, self_signed


def get(server: RawServer, path: str = "/", *, timeout: float = 5) -> requests.Response:
    return requests.get(server.url + path, timeout=timeout, allow_redirects=False)


def test_a_request_is_recorded_byte_for_byte(raw_server: RawServer) -> None:
    raw_server.serve(empty(200))
    sent = b"POST /token?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\na=1&b=+"
    with socket.create_connection(("127.0.0.1", raw_server.port)) as client:
        client.sendall(sent)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    (request,) = raw_server.requests
    assert request.raw == sent
    assert (request.method, request.path, request.target) == ("POST", "/token", "/token?a=1")
    assert request.form == {"a": ["1"], "b": [" "]}
    assert request.connection == 1


def test_a_script_is_played_in_order_and_its_last_line_repeats(raw_server: RawServer) -> None:
    raw_server.serve(html(503, [("Retry-After", "1")]), empty(403), json_list())
    raw_server.serve(redirect("https://elsewhere.example/"), path="/else")
    first, second, third, fourth = (get(raw_server) for _ in range(4))
    assert (first.status_code, first.headers["retry-after"]) == (503, "1")
    assert first.headers["content-type"].startswith("text/html")
    assert (second.status_code, second.content) == (403, b"")
    assert isinstance(third.json(), list)
    assert third.content == fourth.content
    other = get(raw_server, "/else")
    assert (other.status_code, other.headers["location"]) == (302, "https://elsewhere.example/")


def test_exact_bytes_arrive_unchanged(raw_server: RawServer) -> None:
    raw_server.serve(exact(b"not HTTP at all\r\n"))
    with socket.create_connection(("127.0.0.1", raw_server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with client.makefile("rb") as reader:
            assert reader.read() == b"not HTTP at all\r\n"


def test_a_kept_connection_counts_once(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({}))
    with requests.Session() as session:
        for _ in range(3):
            session.get(raw_server.url, timeout=5)
    assert raw_server.connections == 1
    assert [request.connection for request in raw_server.requests] == [1, 1, 1]


@pytest.mark.parametrize("behaviour", [silence(), deaf(), drip_headers(0.01), late(9, empty())])
def test_no_answer_within_the_timeout(raw_server: RawServer, behaviour: Behaviour) -> None:
    raw_server.serve(behaviour)
    with socket.create_connection(("127.0.0.1", raw_server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        client.settimeout(0.3)
        received = bytearray()
        with pytest.raises(TimeoutError):
            _receive(client, received, until=time.monotonic() + 0.3)
        assert b"\r\n\r\n" not in received


@pytest.mark.parametrize("behaviour", [close_at_once(), hang_up(), reset(), cut_short(b"{}")])
def test_a_broken_connection(raw_server: RawServer, behaviour: Behaviour) -> None:
    raw_server.serve(behaviour)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(raw_server)


def test_a_reset_is_a_reset(raw_server: RawServer) -> None:
    raw_server.serve(reset())
    with socket.create_connection(("127.0.0.1", raw_server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_body_drips_byte_by_byte(raw_server: RawServer) -> None:
    raw_server.serve(drip_body(b'{"a": 1}', 0.01))
    started = time.monotonic()
    assert get(raw_server).json() == {"a": 1}
    assert time.monotonic() - started >= 0.08


@pytest.mark.parametrize("content_length", [True, False])
def test_a_large_body_has_its_size(raw_server: RawServer, content_length: bool) -> None:
    raw_server.serve(large(3 * MIB + 1, content_length=content_length))
    answer = get(raw_server)
    assert len(answer.content) == 3 * MIB + 1
    assert ("content-length" in answer.headers) is content_length


def test_an_endless_body_stops_when_the_client_has_enough(raw_server: RawServer) -> None:
    raw_server.serve(large(None))
    with requests.get(raw_server.url, timeout=5, stream=True) as answer:
        assert len(answer.raw.read(2 * MIB)) == 2 * MIB
    assert raw_server.bytes_sent < 100 * MIB


def test_an_unscripted_server_knows_nothing(raw_server: RawServer) -> None:
    assert get(raw_server).status_code == 404


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behaviour", [silence(), deaf(), drip_headers(30), large(None)])
def test_stopping_is_prompt_whatever_goes_on(
    local_ca: LocalCa, behaviour: Behaviour, scheme: str
) -> None:
    identity = local_ca.issue("127.0.0.1") if scheme == "https" else None
    server = RawServer(identity=identity).start()
    server.serve(behaviour)
    with socket.create_connection(("127.0.0.1", server.port)), requests.Session() as session:

        def ask() -> None:
            # The body is not read, so a server that streams one sits in send().
            with suppress(requests.RequestException):
                session.get(server.url, timeout=20, verify=str(local_ca.bundle), stream=True)

        client = threading.Thread(target=ask)
        client.start()
        while server.connections < 2:
            time.sleep(0.01)
        time.sleep(0.1)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 1
        client.join(5)
        assert not client.is_alive()
    assert not [thread for thread in threading.enumerate() if thread.name == "raw-server"]


def test_tls_that_a_client_may_trust(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa
) -> None:
    server = raw_servers(identity=local_ca.issue("localhost", "127.0.0.1"), host="localhost")
    server.serve(json_answer({"a": 1}))
    assert requests.get(server.url, timeout=5, verify=str(local_ca.bundle)).json() == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("self-signed", "self.signed certificate"),
        ("wrong name", "doesn't match|not valid for|mismatch"),
        ("expired", "expired"),
    ],
)
def test_tls_that_no_client_may_trust(
    raw_servers: Callable[..., RawServer],
    local_ca: LocalCa,
    tmp_path: Path,
    kind: str,
    complaint: str,
) -> None:
    if kind == "self-signed":
        identity = self_signed(tmp_path, "127.0.0.1")
    elif kind == "wrong name":
        identity = local_ca.issue("other.example")
    else:
        identity = local_ca.issue("127.0.0.1", age=LocalCa.LIFETIME * 2)
    server = raw_servers(identity=identity)
    with pytest.raises(requests.exceptions.SSLError, match=complaint):
        requests.get(server.url, timeout=5, verify=str(local_ca.bundle))
    assert server.requests == []


def test_a_script_needs_a_line(raw_server: RawServer) -> None:
    with pytest.raises(ValueError, match="at least one"):
        raw_server.serve()
    with pytest.raises(ValueError, match="path"):
        raw_server.serve(close_at_once(), path="/token")


def _receive(client: socket.socket, received: bytearray, *, until: float) -> None:
    while data := client.recv(4096):
        received += data
        if time.monotonic() > until:
            raise TimeoutError
