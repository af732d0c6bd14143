"""Run django-oauth-toolkit, an authorization server on Django and oauthlib, beside the tests."""

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import PeerUnavailable
from .announced import AnnouncedProcess

SERVER = Path(__file__).with_name("django_oauth_toolkit") / "server.py"
REMEDY = "django-oauth-toolkit: pip install --editable '.[dev]'"


@dataclass(frozen=True)
class Client:
    """A client that the server knows, as server.py makes it."""

    client_id: str
    client_secret: str = ""


class DjangoOAuthToolkit:
    """Runs from `start` to `stop`, or as long as this process.

    `certificate` and `key`, paths of PEM files, make it speak TLS.
    """

    issuer: str
    clients: Mapping[str, Client]

    def __init__(
        self,
        certificate: Path | None = None,
        key: Path | None = None,
        *,
        start_timeout: float = 60,
    ) -> None:
        self._options: list[str] = []
        if certificate is not None and key is not None:
            self._options = ["--cert", str(certificate), "--key", str(key)]
        self._process = AnnouncedProcess("django-oauth-toolkit", start_timeout)

    def start(self) -> None:
        """Start it; raises PeerUnavailable where it is not installed."""
        if importlib.util.find_spec("oauth2_provider") is None:
            raise PeerUnavailable(REMEDY)
        announced = self._process.start(
            [sys.executable, str(SERVER), *self._options],
            # oauthlib refuses plain http otherwise, be it on loopback.
            {"OAUTHLIB_INSECURE_TRANSPORT": "1"},
        )
        self.issuer = announced["issuer"]
        self.clients = {name: Client(**facts) for name, facts in announced["clients"].items()}

    @property
    def log(self) -> str:
        """What the server wrote on standard error."""
        return self._process.log

    def stop(self) -> None:
        """End the server. Calling it twice is fine."""
        self._process.stop()
