"""Whether anything reaches for the network but by the transport.

Python tells of each address that is looked up and of each connection; see `audit`. An address of
this machine is let pass where that is asked for: a sign-in listens at one.
"""

import ipaddress
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from grantway.testing.audit import listening

_LOOKUPS = frozenset(
    f"socket.{name}" for name in ("getaddrinfo", "gethostbyaddr", "gethostbyname", "getnameinfo")
)
_EVENTS = _LOOKUPS | {"socket.connect", "socket.sendmsg", "socket.sendto"}


def _host_of(event: str, arguments: tuple[object, ...]) -> str | None:
    """The host that an event is about; None: none that leads out of this machine."""
    if event not in _EVENTS:
        return None
    host = arguments[0 if event in _LOOKUPS else 1]
    if isinstance(host, tuple):
        return str(cast("tuple[object, ...]", host)[0])
    # A socket in the file system leads to nobody but this machine, and one that says no address
    # has been connected before.
    return str(host) if event in _LOOKUPS else None


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def no_network(*, loopback: bool = False) -> Generator[list[str], None, None]:
    """Refuse all connections of this process, and list what was tried.

    The list tells even where whoever tried has made nothing of the refusal.

    Args:
        loopback: whether literal addresses of this machine may be reached all the same.
    """
    record: list[str] = []

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        host = _host_of(event, arguments)
        if host is not None and not (loopback and _is_here(host)):
            record.append(f"{event}: {host}")
            raise ConnectionRefusedError("there is no network in this test")

    with listening(refuse):
        yield record
