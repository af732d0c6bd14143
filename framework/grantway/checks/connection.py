"""A name and its addresses: which there are, and which of them take a connection.

The transport tries the addresses of a host one after the other, and is content with the first that
serves. So it does not tell of those that cost five seconds before that; this does.

Through a proxy it is the proxy's name that is looked up and the proxy that is connected to; the
host's own name is the proxy's affair.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import attrs

from grantway.checks.check import Check, Step
from grantway.checks.road import Road
from grantway.errors import TransportError
from grantway.oauth.failures import no_connection
from grantway.oauth.routes import CONNECT_TIMEOUT

_Found = tuple[Any, Any, int, str, tuple[Any, ...]]
Resolve = Callable[..., Iterable[_Found]]


@attrs.define
class Connection:
    """A connection at the beginning of a road, looked at in steps.

    Attributes:
        road: where to.
        resolve: looks up names, as `socket.getaddrinfo`.
    """

    road: Road
    resolve: Resolve = socket.getaddrinfo
    _addresses: tuple[_Found, ...] = attrs.field(default=(), init=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What there is to look at, in order."""
        return (
            Step(("dns",), self._look_up, ("proxy", "trust")),
            Step(("tcp",), self._connect, ("dns",)),
        )

    def _look_up(self) -> Iterator[Check]:
        called, host, _ = self.road.next_stop
        found = self._asked()
        if isinstance(found, Exception):
            error = no_connection(called, found)
            said = getattr(found, "strerror", None) or type(found).__name__
            yield Check("dns", "failed", f"{error.message} The system says: {said}.", error.remedy)
            return
        self._addresses = found
        listed = list(dict.fromkeys(str(each[4][0]) for each in found))
        told = "is an address" if listed == [host] else f"is at {', '.join(listed)}"
        facts = {"host": host, "addresses": listed}
        yield Check("dns", "ok", f"{called} {told}", facts=facts)

    def _asked(self) -> tuple[_Found, ...] | Exception:
        """What the system finds.

        Its look-up has a time of its own, and nothing interrupts it; so it is left behind.
        """
        called, host, port = self.road.next_stop
        answers: list[tuple[_Found, ...] | Exception] = []
        done = threading.Event()

        def ask() -> None:
            try:
                found = tuple(self.resolve(host, port, type=socket.SOCK_STREAM))
                answers.append(found or socket.gaierror(socket.EAI_NONAME, "no address"))
            except (OSError, UnicodeError) as error:
                answers.append(error)
            finally:
                done.set()

        threading.Thread(target=ask, name="grantway-look-up", daemon=True).start()
        done.wait(min(CONNECT_TIMEOUT, self.road.context.remaining()))
        if not answers:
            self.road.context.remaining()
            raise TransportError(
                f"No connection to {called}: its name was not found within {CONNECT_TIMEOUT:g} "
                "seconds.",
                remedy="Check the network, and that its name servers answer.",
                host=host,
            )
        return answers[0]

    def _connect(self) -> Iterator[Check]:
        called, host, port = self.road.next_stop
        silent: list[str] = []
        failure: OSError | None = None
        for family, kind, protocol, _, address in self._addresses:
            began = time.monotonic()
            longest = min(CONNECT_TIMEOUT, self.road.context.remaining())
            try:
                with closing(socket.socket(family, kind, protocol)) as connection:
                    connection.settimeout(longest)
                    connection.connect(address)
            except OSError as error:
                failure = failure or error
                silent.append(str(address[0]))
                continue
            took = round((time.monotonic() - began) * 1000)
            facts = {"address": address[0], "port": port, "milliseconds": took, "silent": silent}
            found = f"connected to {address[0]}, port {port}, in {took} ms"
            if not silent:
                yield Check("tcp", "ok", found, facts=facts)
                return
            yield Check(
                "tcp",
                "warning",
                f"{found}, but not to {', '.join(silent)}, which comes first.",
                "Have it serve, or be taken out of the name's addresses; or check this machine's "
                "network (IPv6).",
                facts,
            )
            return
        self.road.context.remaining()
        where = "" if silent == [host] else f" ({', '.join(silent)})"
        raise no_connection(f"{called}{where}", failure)
