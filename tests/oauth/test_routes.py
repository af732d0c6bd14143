"""The way to a server: proxies, roots, client certificates; found out once per environment."""

import base64
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from traceback import TracebackException
from typing import Any

import pytest
from requests.utils import should_bypass_proxies

from grantway import Configuration, Credential, Dispatcher, Environment, Registry, Trust
from grantway.errors import ConfigurationError, TransportError
from grantway.oauth.routes import is_exempt, route
from grantway.oauth.transport import HttpTransport
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeClock,
    acquire,
    environment,
    granted,
)
from servers.raw import Behaviour, RawServer, empty
from servers.tls import LocalCa

FAR = "https://login.example.org"


def way(environ: Mapping[str, str], url: str = FAR, **trust: Any) -> Any:
    return route(environment(FAR, trust=Trust(**trust)), f"{url}/token", environ)


def ask(server: Environment, environ: Mapping[str, str], **parts: Any) -> None:
    with (
        closing(HttpTransport(environ=environ)) as transport,
        Dispatcher(transport=transport, prompter=False, **parts) as asking,
    ):
        asking.acquire(environment=server, credential=Credential(CLIENT_ID, CLIENT_SECRET))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"HTTPS_PROXY": "http://p:1"}, {"https": "http://p:1"}),
        ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, {"https": "http://p:1"}),
        ({"HTTP_PROXY": "http://p:1"}, {}),
        ({"ALL_PROXY": "http://p:1"}, {"https": "http://p:1"}),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:1"}, {"https": "http://q:1"}),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.org"}, {}),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": ".example.org"}, {}),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, {}),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other.org"}, {"https": "http://p:1"}),
    ],
)
def test_a_proxy_is_the_one_that_users_of_requests_expect(
    environ: dict[str, str], expected: dict[str, str]
) -> None:
    assert way(environ).proxies == expected


def test_the_environments_own_proxy_comes_first() -> None:
    environ = {"HTTPS_PROXY": "http://p:1"}
    assert way(environ, proxy="http://own:2").proxies == {"https": "http://own:2"}
    assert way({**environ, "NO_PROXY": "*"}, proxy="http://own:2").proxies
    assert way(environ, proxy="").proxies == {}


@pytest.mark.parametrize(
    ("environ", "own", "expected"),
    [
        ({}, None, True),
        ({"CURL_CA_BUNDLE": "curl"}, None, "curl"),
        ({"REQUESTS_CA_BUNDLE": "requests", "CURL_CA_BUNDLE": "curl"}, None, "requests"),
        ({"REQUESTS_CA_BUNDLE": "requests", "CURL_CA_BUNDLE": "curl"}, "own", "own"),
        ({"REQUESTS_CA_BUNDLE": ""}, None, True),
    ],
)
def test_the_roots_are_the_nearest_that_are_named(
    local_ca: LocalCa,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    own: str | None,
    expected: str | bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("own", "requests", "curl"):
        Path(name).write_bytes(local_ca.bundle.read_bytes())
    assert way(environ, ca_bundle=own).verify == expected


@pytest.mark.parametrize("source", ["trust", "requests", "curl", "none"])
def test_roots_are_what_is_verified_by(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, tmp_path: Path, source: str
) -> None:
    """Each call is told its roots: no variable and no session has the last word."""
    server = raw_servers(identity=local_ca.issue("localhost"), host="localhost")
    server.serve(granted())
    other = str(LocalCa(tmp_path).bundle)
    right = str(local_ca.bundle)
    trust = Trust(ca_bundle=right if source == "trust" else None)
    environ = {
        "trust": {"REQUESTS_CA_BUNDLE": other, "CURL_CA_BUNDLE": other},
        "requests": {"REQUESTS_CA_BUNDLE": right, "CURL_CA_BUNDLE": other},
        "curl": {"CURL_CA_BUNDLE": right},
        "none": {},
    }[source]
    of = environment(server, trust=trust)
    if source == "none":
        with pytest.raises(TransportError, match="is not trusted"):
            ask(of, environ, clock=FakeClock())
    else:
        ask(of, environ)


def test_variables_are_those_of_the_configuration_and_read_once(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.serve(granted(expires_in=None))
    of = environment(raw_server)
    given: dict[str, Any] = {"environment": of, "credential": (CLIENT_ID, CLIENT_SECRET)}
    with Dispatcher(Registry.of(), config=Configuration(environ={}), prompter=False) as asking:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        asking.acquire(**given)
        asking.acquire(**given)
    assert len(raw_server.requests) == 2


def test_a_way_is_found_out_once_per_environment_and_host(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.serve(granted(expires_in=None))
    found: list[str] = []

    def counted(of: Environment, url: str, environ: Mapping[str, str], *more: Any) -> Any:
        found.append(url)
        return route(of, url, environ, *more)

    monkeypatch.setattr("grantway.oauth.transport.route", counted)
    of = environment(raw_server)
    given: dict[str, Any] = {"environment": of, "credential": (CLIENT_ID, CLIENT_SECRET)}
    with Dispatcher(prompter=False) as asking:
        for _ in range(3):
            asking.acquire(**given)
    assert len(found) == 1


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_plain_request_stays_on_this_machine(
    raw_servers: Callable[..., RawServer], raw_server: RawServer, variable: str
) -> None:
    proxy = raw_servers()
    raw_server.serve(granted())
    ask(environment(raw_server), {variable: proxy.url})
    assert not proxy.connections
    assert raw_server.requests[0].target == "/token"


def test_a_plain_request_goes_by_a_proxy_of_this_machine_that_its_environment_names(
    raw_servers: Callable[..., RawServer], raw_server: RawServer
) -> None:
    proxy = raw_servers()
    proxy.serve(granted())
    trust = Trust(loopback_http=True, proxy=proxy.url)
    ask(environment(raw_server, trust=trust), {})
    assert not raw_server.connections
    assert proxy.requests[0].target == f"{raw_server.url}/token"
    for far in ("http://proxy.example:1", "proxy.example:1", ""):
        named = environment(raw_server, trust=Trust(loopback_http=True, proxy=far))
        assert route(named, f"{raw_server.url}/token", {}).proxies == {}


NAMES = ("example.org", "login.example.org", "other.org", "10.1.2.3", "192.168.0.7", "localhost")
EXEMPT = (
    "", "*", "example.org", ".example.org", "login.example.org:8443", "org", "other.org,example.org",
    "10.0.0.0/8", "10.1.2.3", "192.168.0.0/24, 10.1.2.4", " other.org , localhost ", "10.0.0.0/99",
)  # fmt: skip


@pytest.mark.parametrize("port", ["", ":8443"])
@pytest.mark.parametrize("exempt", EXEMPT)
@pytest.mark.parametrize("name", NAMES)
def test_who_is_exempt_is_as_requests_has_it(name: str, exempt: str, port: str) -> None:
    url = f"https://{name}{port}/token"
    before = dict(os.environ)
    found = is_exempt(url, {"NO_PROXY": exempt})
    assert dict(os.environ) == before
    assert found == bool(should_bypass_proxies(url, no_proxy=exempt))


def test_a_secure_request_is_tunnelled_and_the_proxy_sees_no_secret(
    raw_servers: Callable[..., RawServer],
) -> None:
    proxy = raw_servers()
    proxy.serve(empty(407))
    with pytest.raises(
        TransportError, match=r"The proxy on the way to login\.example\.org"
    ) as caught:
        ask(
            environment(FAR),
            {"HTTPS_PROXY": f"http://user:sentinel-proxy-password@127.0.0.1:{proxy.port}"},
            clock=FakeClock(),
        )
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "login.example.org:443")
    user = base64.b64decode(request.headers["proxy-authorization"].split()[1])
    assert user == b"user:sentinel-proxy-password"
    assert CLIENT_SECRET.encode() not in request.raw
    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>no</html>\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 " + b"a" * 70_000],
)
def test_a_proxy_that_answers_with_anything_else_is_the_one_that_is_blamed(
    raw_servers: Callable[..., RawServer], answer: bytes
) -> None:
    proxy = raw_servers()
    proxy.serve(Behaviour(lambda exchange: exchange.send(answer)))
    with pytest.raises(TransportError, match=r"The proxy on the way to .* does not serve"):
        acquire(FAR, environment=environment(FAR, trust=Trust(proxy=proxy.url)), clock=FakeClock())


def test_a_proxy_that_drips_cannot_outlast_the_deadline(
    raw_servers: Callable[..., RawServer],
) -> None:
    import time

    from grantway.errors import DeadlineExceeded
    from servers.raw import drip_headers

    proxy = raw_servers()
    proxy.serve(drip_headers(0.05))
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        acquire(FAR, environment=environment(FAR, trust=Trust(proxy=proxy.url)), timeout=1)
    assert time.monotonic() - started < 1.6


@pytest.mark.parametrize("proxy", ["http://", "nonsense", "socks5h://127.0.0.1:9", "gopher://x"])
def test_a_proxy_that_cannot_be_is_a_configuration_error_or_said_not_to_serve(proxy: str) -> None:
    with pytest.raises((ConfigurationError, TransportError), match="proxy"):
        acquire(FAR, environment=environment(FAR, trust=Trust(proxy=proxy)), clock=FakeClock())


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://{'a' * 70}.example:8080",
        "http://a..b:8080",
        "http://someone:sentinel%ff%e2%82%ac@127.0.0.1:9",
        "http://someone\u20ac:sentinel\u20ac@127.0.0.1:9",
        "http://[::1",
        "http://proxy:99999",
        "proxy:abc",
        "http://127.0.0.1:-1",
        "http://someone:senti/nel@127.0.0.1:9",
    ],
)
@pytest.mark.parametrize("where", ["trust", "variable"])
def test_a_proxy_that_cannot_be_spoken_to_is_named_and_not_shown(proxy: str, where: str) -> None:
    of = environment(FAR, trust=Trust(proxy=proxy) if where == "trust" else Trust())
    with pytest.raises(ConfigurationError, match="the proxy") as caught:
        ask(of, {} if where == "trust" else {"HTTPS_PROXY": proxy})
    shown = TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [str(each.locals) for each in shown.stack if "/tests/" not in each.filename]
    assert "sentinel" not in f"{caught.value} {ours}"


@pytest.mark.parametrize("where", ["trust", "variable"])
@pytest.mark.parametrize("kind", ["too long", "unreadable"])
def test_a_bundle_that_cannot_be_looked_at_is_a_configuration_error(
    tmp_path: Path, kind: str, where: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    bundle = folder / ("x" * 5000 if kind == "too long" else "ca.pem")
    if kind == "unreadable":
        bundle.write_text("")
        folder.chmod(0)
        if os.access(bundle, os.R_OK):
            pytest.skip("this user may read everything")
    trust = Trust(ca_bundle=str(bundle)) if where == "trust" else Trust()
    environ = {} if where == "trust" else {"REQUESTS_CA_BUNDLE": str(bundle)}
    try:
        with pytest.raises(ConfigurationError, match="ca_bundle"):
            ask(environment("https://127.0.0.1:9", trust=trust), environ)
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("kind", ["missing", "empty", "no certificate"])
@pytest.mark.parametrize("where", ["trust", "variable", "client certificate", "client key"])
def test_a_file_that_cannot_be_used_is_a_configuration_error_before_any_network(
    local_ca: LocalCa, tmp_path: Path, kind: str, where: str
) -> None:
    bad, good = tmp_path / "bad.pem", local_ca.issue("a.example")
    if kind != "missing":
        bad.write_text("" if kind == "empty" else "-----BEGIN NONSENSE-----\n")
    trust = {
        "trust": Trust(ca_bundle=str(bad)),
        "variable": Trust(),
        "client certificate": Trust(client_certificate=(str(bad), str(good.key))),
        "client key": Trust(client_certificate=(str(good.certificate), str(bad))),
    }[where]
    environ = {"REQUESTS_CA_BUNDLE": str(bad)} if where == "variable" else {}
    with pytest.raises(ConfigurationError) as caught:
        ask(environment("https://127.0.0.1:9", trust=trust), environ)
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy
    assert caught.value.file
    assert ("there is no file" in str(caught.value)) == (kind == "missing")


def test_an_encrypted_client_key_asks_nobody(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = tmp_path / "key.pem"
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"pass")
        )
    )
    certificate = LocalCa(tmp_path).issue("a.example").certificate
    with pytest.raises(ConfigurationError, match="cannot be read"):
        way({}, client_certificate=(str(certificate), str(key)))


def test_a_client_certificate_is_shown(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, tmp_path: Path
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    mine = (str(tmp_path / "client.pem"), str(tmp_path / "client.key"))
    Path(mine[0]).write_bytes(certificate.public_bytes(form.Encoding.PEM))
    Path(mine[1]).write_bytes(
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    )
    server = raw_servers(identity=local_ca.issue("localhost"), host="localhost")
    assert server._context is not None
    server._context.load_verify_locations(mine[0])
    server._context.verify_mode = ssl.CERT_REQUIRED
    server.serve(granted())
    roots = str(local_ca.bundle)
    with pytest.raises(TransportError):
        acquire(server, environment=environment(server, trust=Trust(ca_bundle=roots)))
    assert not server.requests
    trust = Trust(ca_bundle=roots, client_certificate=mine)
    acquire(server, environment=environment(server, trust=trust))
    assert len(server.requests) == 1


def test_fixed_headers_of_an_environment_are_sent_and_shown_nowhere(raw_server: RawServer) -> None:
    trust = Trust(
        loopback_http=True,
        headers={"X-Gateway": "sentinel-gateway-key"},
        proxy="",
    )
    of = environment(raw_server, trust=trust)
    acquire(raw_server, granted(), environment=of)
    assert raw_server.requests[0].headers["x-gateway"] == "sentinel-gateway-key"
    assert "sentinel" not in repr(of)
    assert "sentinel" not in repr(Trust(proxy="http://u:sentinel@p"))


def test_netrc_is_never_read(
    raw_server: RawServer, clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = clean_environment / "home" / ".netrc"
    netrc.write_text(
        "machine 127.0.0.1 login somebody password sentinel-netrc\ndefault login a password b\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    acquire(raw_server, granted())
    assert "authorization" not in raw_server.requests[0].headers


def test_cookies_are_never_kept(raw_server: RawServer) -> None:
    from servers.raw import json_answer

    cookie = [("Set-Cookie", "session=sentinel; Path=/")]
    raw_server.serve(json_answer({"access_token": "a", "expires_in": 0}, headers=cookie))
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with Dispatcher(prompter=False) as asking:
        asking.acquire(**given)
        asking.acquire(**given)
    assert len(raw_server.requests) == 2
    assert all("cookie" not in request.headers for request in raw_server.requests)


def test_requests_share_connections(raw_server: RawServer) -> None:
    raw_server.serve(granted(expires_in=None))
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with Dispatcher(prompter=False) as asking:
        for _ in range(5):
            asking.acquire(**given)
    assert raw_server.connections == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a fork is needed")
def test_a_forked_child_speaks_on_connections_of_its_own(raw_server: RawServer) -> None:
    raw_server.serve(granted(expires_in=None))
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with Dispatcher(prompter=False) as asking:
        asking.acquire(**given)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asking.acquire(**given)
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        asking.acquire(**given)
    assert [request.connection for request in raw_server.requests] == [1, 2, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="a fork is needed")
def test_a_child_forked_amid_a_metadata_request_is_not_stuck(
    raw_server: RawServer,
) -> None:
    from oauth.support import oidc
    from servers.raw import json_answer, late

    document = json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"})
    path = "/.well-known/openid-configuration"
    raw_server.serve(late(1.5, document), document, path=path)
    raw_server.serve(granted(), path="/token")
    given: dict[str, Any] = {
        "environment": oidc(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with Dispatcher(prompter=False) as asking:
        thread = threading.Thread(target=lambda: asking.acquire(**given))
        thread.start()
        while not raw_server.requests:
            thread.join(0.01)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asking.acquire(**given, timeout=5)
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        thread.join()


def test_nothing_keeps_a_process_from_ending(raw_server: RawServer) -> None:
    raw_server.serve(granted())
    script = (
        "import sys, threading\n"
        "from grantway import Dispatcher, Environment, OIDC, Trust\n"
        "import attrs\n"
        "protocol = attrs.evolve(OIDC, name='raw', token_path='{authority}/token')\n"
        "of = Environment('Raw', authority=sys.argv[1], protocol=protocol,\n"
        "                 trust=Trust(loopback_http=True))\n"
        "Dispatcher(prompter=False).acquire(environment=of, credential=('a', 'b'))\n"
        "alive = [each for each in threading.enumerate() if not each.daemon]\n"
        "assert len(alive) == 1, alive\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, raw_server.url],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_header_of_the_environment_gives_way_however_it_is_written(
    raw_server: RawServer,
) -> None:
    raw_server.serve(granted())
    ours = {"authorization": "Gateway k", "content-type": "text/x", "accept-encoding": "gzip"}
    ask(
        environment(
            raw_server,
            trust=Trust(loopback_http=True, headers={**ours, "x-gateway": "key"}),
            client_authentication="client_secret_basic",
        ),
        {},
    )
    sent = raw_server.requests[0].raw.decode().lower()
    assert "x-gateway: key" in sent
    for name, value in {
        "authorization": "basic", "content-type": "application/x-www-form-urlencoded",
        "accept-encoding": "identity",
    }.items():  # fmt: skip
        assert sent.count(f"\n{name}:") == 1
        assert f"\n{name}: {value}" in sent
