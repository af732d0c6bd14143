"""Run django-oauth-toolkit, an authorization server on Django and oauthlib, beside the tests."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import PeerUnavailable

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
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        """Start it; raises PeerUnavailable where it is not installed."""
        if importlib.util.find_spec("oauth2_provider") is None:
            raise PeerUnavailable(REMEDY)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), *self._options],
            # oauthlib refuses plain http otherwise, be it on loopback.
            env={**os.environ, "OAUTHLIB_INSECURE_TRANSPORT": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        try:
            self._read_announcement(self._process)
        except BaseException:
            self.stop()
            raise

    def _read_announcement(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        watchdog = threading.Timer(self._start_timeout, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise RuntimeError(f"django-oauth-toolkit did not start:\n{self.log}")
        announced: dict[str, Any] = json.loads(line)
        self.issuer = announced["issuer"]
        self.clients = {name: Client(**facts) for name, facts in announced["clients"].items()}

    @property
    def log(self) -> str:
        """What the server wrote on standard error."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def stop(self) -> None:
        """End the server. Calling it twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        if self._log is not None:
            self._log.close()
            self._log = None
