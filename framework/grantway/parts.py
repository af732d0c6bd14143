"""The parts of the world that a provider is given: time, people, the network.

Each is a protocol, and is passed in: the real ones by the dispatcher, others by tests and by
whoever has a clock, a window or a network of their own.
"""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from grantway.authority import AuthorityRequest
    from grantway.context import Context


class Clock(Protocol):
    """Time, as the whole framework sees it; tests pass one of their own."""

    def time(self) -> float:
        """Seconds since the epoch (UTC), as `time.time`."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, as `time.monotonic`."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, `seconds` at most; whether it is set."""
        ...


class Prompter(Protocol):
    """A way to reach a person. One that can only show is enough for a device code."""

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Ask and return the answer; a secret one is not echoed.

        Raises:
            InteractionRequired: nobody can answer here.
        """
        ...

    def show(self, text: str) -> None:
        """Show a text."""
        ...

    def open(self, url: str) -> bool:
        """Open a page in the person's browser; False where that cannot be done."""
        ...


@runtime_checkable
class Screen(Prompter, Protocol):
    """A prompter with a screen, which can draw and keep a line up to date. Both are extras."""

    def show_qr(self, url: str) -> None:
        """Draw an address as a QR code, where there is room for it."""
        ...

    def progress(self, text: str) -> None:
        """Show a line in place of the last such; "" ends it."""
        ...


class Transport(Protocol):
    """The only road to the network. It refuses every host the environment does not name."""

    def fetch_token(self, request: "AuthorityRequest", context: "Context") -> Mapping[str, object]:
        """Send a request to a token endpoint and return its answer, which has an access token.

        Raises:
            AuthorityError, MalformedResponse, ProtocolViolation, TransportError,
            DeadlineExceeded: see `grantway.errors`.
        """
        ...

    def fetch_json(
        self, request: "AuthorityRequest", context: "Context", *, max_age: float = 0
    ) -> Mapping[str, object]:
        """Send a request to any other endpoint and return the JSON object it answers.

        An answer to a GET that is at most `max_age` seconds old may be given again.

        Raises:
            as `fetch_token`.
        """
        ...
