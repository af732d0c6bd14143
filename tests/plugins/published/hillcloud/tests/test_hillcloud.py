"""What grantway asks of an environment, and a call to a server that its CA vouches for."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import grantway_hillcloud
import pytest
from cryptography.x509 import load_pem_x509_certificates
from grantway_hillcloud import HILL_CLOUD, ROOTS

from grantway import Environment, Registry, Trust
from grantway.errors import TransportError
from grantway.testing import EnvironmentContract, dispatcher_of

SERVER = Path(__file__).with_name("server.pem")


class TestHillCloud(EnvironmentContract):
    """Its contract."""

    api_version = (0, 1)
    plugin = grantway_hillcloud
    environment = "HillCloud"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        base = f"https://{self.headers['Host']}"
        self._answer(
            {
                "issuer": base,
                "token_endpoint": f"{base}/token",
                "authorization_endpoint": f"{base}/authorize",
                "jwks_uri": f"{base}/keys",
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": "of-the-hill", "token_type": "Bearer", "expires_in": 600})

    def _answer(self, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Who does not trust it hangs up."""


@pytest.fixture
def authority() -> Iterator[str]:
    """The address of a server with a certificate of the hill's CA."""
    server = _Server(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SERVER)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def call(environment: Environment) -> str:
    """Redeem a refresh token there."""
    with dispatcher_of(registry=Registry.of(grantway_hillcloud)) as dispatcher:
        return dispatcher.acquire(
            environment=environment, application_id="an application", refresh_token="a token"
        ).access_token


def test_its_root_vouches_for_its_servers(authority: str) -> None:
    assert call(attrs.evolve(HILL_CLOUD, authority=authority)) == "of-the-hill"


def test_without_its_root_nobody_does(authority: str) -> None:
    with pytest.raises(TransportError):
        call(attrs.evolve(HILL_CLOUD, authority=authority, trust=Trust()))


def test_its_root_is_installed_and_good_for_years() -> None:
    found = load_pem_x509_certificates(ROOTS.read_bytes())
    assert found
    for each in found:
        assert each.not_valid_after_utc > datetime.now(UTC) + timedelta(days=730)
