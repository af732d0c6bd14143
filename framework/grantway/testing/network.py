"""Whether anything reaches for the network but by the transport.

Python tells an audit hook of each address that is looked up and of each connection, whoever makes
it. The hook stays for the life of the process, for none can be taken away, and costs a look at a
flag. An address of this machine is let pass where that is asked for: a sign-in listens at one.
"""

import ipaddress
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

_LOOKUPS = frozenset(
    f"socket.{name}" for name in ("getaddrinfo", "gethostbyaddr", "gethostbyname", "getnameinfo")
)
_EVENTS = _LOOKUPS | {"socket.connect", "socket.sendmsg", "socket.sendto"}


class _Watch:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.installed = False
        self.records: list[tuple[list[str], bool]] = []

    def install(self) -> None:
        with self.lock:
            if not self.installed:
                sys.addaudithook(self.told)
                self.installed = True

    def told(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.records or event not in _EVENTS:
            return
        host = arguments[0 if event in _LOOKUPS else 1]
        if isinstance(host, tuple):
            host = cast("tuple[object, ...]", host)[0]
        elif event not in _LOOKUPS:
            # A socket in the file system leads to nobody but this machine, and one that says no
            # address has been connected before.
            return
        for record, loopback in self.records:
            if not (loopback and _is_here(host)):
                record.append(f"{event}: {host}")
                raise ConnectionRefusedError("there is no network in this test")


def _is_here(host: object) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


_watch = _Watch()


@contextmanager
def no_network(*, loopback: bool = False) -> Generator[list[str], None, None]:
    """Refuse all connections of this process, and list what was tried.

    The list tells even where whoever tried has made nothing of the refusal.

    Args:
        loopback: whether literal addresses of this machine may be reached all the same.
    """
    _watch.install()
    record: list[str] = []
    entry = (record, loopback)
    _watch.records.append(entry)
    try:
        yield record
    finally:
        _watch.records[:] = [each for each in _watch.records if each is not entry]
