"""A peer as a process of its own, which ends when its standard input does.

It says where it is in one line of JSON on standard output; what it writes on standard error is
kept, for whoever wants to know why it did not start.
"""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any


class AnnouncedProcess:
    """Runs from `start` to `stop`, or as long as this process."""

    def __init__(self, name: str, start_timeout: float) -> None:
        self._name = name
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(
        self, command: Sequence[str], variables: Mapping[str, str], folder: Path | None = None
    ) -> dict[str, Any]:
        """Start it, with these variables beside our own; what it announces."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        try:
            return self._announcement(self._process)
        except BaseException:
            self.stop()
            raise

    def _announcement(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None
        watchdog = threading.Timer(self._start_timeout, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise RuntimeError(f"{self._name} did not start:\n{self.log}")
        announced: dict[str, Any] = json.loads(line)
        return announced

    @property
    def log(self) -> str:
        """What it wrote on standard error."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def stop(self) -> None:
        """End it. Calling it twice is fine."""
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
