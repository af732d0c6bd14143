"""The server's life, its log, and what keeps it on this machine."""

import contextlib
import gc
import http.client
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from grantway_sandbox.server import Sandbox
from sandbox.support import Ask


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost", "192.168.1.1", "", "example.com"])
def test_only_literal_loopback_addresses_are_bound(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(host=host)


def test_a_sandbox_that_never_ran_can_be_stopped() -> None:
    sandbox = Sandbox()
    sandbox.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.url


def test_stopping_frees_the_port_and_ends_all_threads() -> None:
    before = set(threading.enumerate())
    with Sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        session = requests.Session()
        session.get(sandbox.url, timeout=10)
        workers = set(threading.enumerate()) - before
    for worker in workers:
        worker.join(5)
    assert set(threading.enumerate()) <= before
    with Sandbox(port=port) as again:
        assert again.url.endswith(f":{port}")
    session.close()


def test_stopping_ends_a_slow_answer_at_once() -> None:
    sandbox = Sandbox(latency=300)
    sandbox.start()
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.post, f"{sandbox.url}/common/oauth2/token", timeout=30)
        while not len(sandbox.requests):
            assert time.monotonic() - started < 20
        sandbox.stop()
        waiting.exception()
    assert time.monotonic() - started < 20


def test_state_survives_a_restart() -> None:
    sandbox = Sandbox()
    with sandbox:
        token = sandbox.issue_refresh_token(application_id=sandbox.public_application_id)
    with sandbox:
        answer = requests.post(
            f"{sandbox.url}/common/oauth2/v2.0/token",
            data={
                "client_id": sandbox.public_application_id,
                "grant_type": "refresh_token",
                "refresh_token": token,
                "scope": f"{sandbox.url}/.default",
            },
            timeout=10,
        )
        assert answer.ok
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert requests.get(sandbox.api, headers=bearer, timeout=10).ok


def test_secrets_differ_from_start_to_start_and_identifiers_do_not() -> None:
    one, two = Sandbox(), Sandbox()
    assert one.application.secret != two.application.secret
    assert one.application.application_id == two.application.application_id
    assert one.tenant == two.tenant
    assert Sandbox(secret="mine").application.secret == "mine"


def test_connections_stay_open_between_requests(sandbox: Sandbox) -> None:
    host = sandbox.url.partition("//")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    sockets = set()
    for body in (b"", b"grant_type=x"):
        connection.request("POST", "/common/oauth2/token", body=body)
        assert connection.getresponse().read()
        sockets.add(connection.sock)
    assert len(sockets) == 1
    assert None not in sockets
    connection.close()


@pytest.mark.parametrize("length", ["99999999999", "-1", "x"])
def test_a_body_of_absurd_length_is_refused_and_the_connection_closed(
    sandbox: Sandbox, length: str
) -> None:
    host = sandbox.url.partition("//")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.putrequest("POST", "/common/oauth2/token")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status in (400, 413)
    connection.close()


def test_a_chunked_body_is_understood(sandbox: Sandbox) -> None:
    chunks = iter([b"grant_type=client_", b"credentials"])
    answer = requests.post(
        f"{sandbox.url}/common/oauth2/token",
        data=chunks,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )
    assert "client_id" in answer.json()["error_description"]


def test_another_host_name_is_not_served(sandbox: Sandbox) -> None:
    answer = requests.get(sandbox.url, headers={"Host": "rebound.example"}, timeout=10)
    assert answer.status_code == 421


def test_the_info_page_names_the_tenants(sandbox: Sandbox) -> None:
    page = requests.get(sandbox.url, timeout=10).text
    for tenant in sandbox.tenants:
        assert tenant.tenant_id in page
    assert sandbox.application.secret not in page


def test_the_log_keeps_fields_in_their_order_and_hides_them_from_repr(sandbox: Sandbox) -> None:
    data = [("b", "1"), ("a", ""), ("b", "secret"), ("ü", "a b")]
    requests.post(
        f"{sandbox.url}/common/oauth2/token?x=1", data=data, headers={"X-Mine": "y"}, timeout=10
    )
    (request,) = sandbox.requests
    assert request.fields == tuple(data)
    assert (request.method, request.path) == ("POST", "/common/oauth2/token")
    assert request.query == (("x", "1"),)
    assert request.field("b") == "1"
    assert request.header("x-mine") == "y"
    assert "secret" not in repr(sandbox.requests)
    sandbox.requests.clear()
    assert len(sandbox.requests) == 0


def test_the_log_misses_nothing_under_load(sandbox: Sandbox, ask: Ask) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(), range(64)))
    assert all(answer.ok for answer in answers)
    assert len(sandbox.requests.to_tokens()) == 64


def test_no_secret_shows_in_a_repr(sandbox: Sandbox) -> None:
    application = sandbox.authority.find_application(sandbox.application.application_id)
    for thing in (sandbox, sandbox.application, application):
        assert sandbox.application.secret not in repr(thing)


def test_private_files_are_their_owners_only_and_gone_afterwards() -> None:
    with Sandbox(tls=True) as sandbox:
        assert sandbox.ca_bundle is not None
        paths = [sandbox.application.certificate_path, sandbox.ca_bundle]
        assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600
        assert stat.S_IMODE(paths[0].parent.stat().st_mode) == 0o700
    assert not any(path.exists() for path in paths)
    assert sandbox.ca_bundle is None


def test_tls_is_trusted_through_its_ca_and_not_otherwise(tls_sandbox: Sandbox) -> None:
    url = f"{tls_sandbox.url}/common/v2.0/.well-known/openid-configuration"
    assert tls_sandbox.url.startswith("https://127.0.0.1:")
    assert requests.get(url, verify=str(tls_sandbox.ca_bundle), timeout=10).ok
    assert requests.get(
        url.replace("127.0.0.1", "localhost"), verify=str(tls_sandbox.ca_bundle), timeout=10
    ).ok
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url, timeout=10)


def test_the_ca_passes_strict_verification(tls_sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(tls_sandbox.ca_bundle))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    host, _, port = tls_sandbox.url.partition("//")[2].rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        assert secured.version() in ("TLSv1.2", "TLSv1.3")


def test_a_peer_that_stalls_in_the_handshake_holds_up_nobody(tls_sandbox: Sandbox) -> None:
    host, _, port = tls_sandbox.url.partition("//")[2].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10):
        answer = requests.get(tls_sandbox.url, verify=str(tls_sandbox.ca_bundle), timeout=10)
        assert answer.ok


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = (
        "import sys, grantway_sandbox;"
        "print([n for n in ('flask', 'authlib', 'cryptography', 'werkzeug') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_nothing_is_left_open() -> None:
    with Sandbox(tls=True) as sandbox:
        requests.get(sandbox.url, verify=str(sandbox.ca_bundle), timeout=10)
    gc.collect()


def test_a_failed_handshake_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    with Sandbox(tls=True) as sandbox:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(sandbox.url, timeout=10)
        with socket.create_connection(
            ("127.0.0.1", int(sandbox.url.rpartition(":")[2])), 10
        ) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                raw.recv(1)
        workers = set(threading.enumerate()) - before
    for worker in workers:
        worker.join(5)
    assert set(threading.enumerate()) <= before
