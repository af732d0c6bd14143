"""Run redis-server beside the tests, on a socket of its own, with nothing kept."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from . import PeerUnavailable

REMEDY = "redis-server: install it (Debian: redis-server) and have it on PATH"


class RedisServer:
    """One server, on a free port of loopback."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise PeerUnavailable(REMEDY)
        self._program = program
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, or start it again, empty; ready when this returns."""
        self._process = subprocess.Popen(
            [
                self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
                "--dir", self._folder.name, "--logfile", str(Path(self._folder.name) / "log"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()
