"""Roads to the network that lead nowhere, or that are watched.

`ScriptedTransport` and `FaultyTransport` are the real transport with another wire: which hosts may
be asked, what is tried again, what is masked and how an answer is understood is all as it is in
use. Only what comes over the wire is a script.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

import attrs

from grantway.authority import AuthorityRequest, PlannedRequest
from grantway.context import Context, Transport
from grantway.errors import TransportError
from grantway.oauth.answers import Answer
from grantway.oauth.failures import NotConnected
from grantway.oauth.routes import Route
from grantway.oauth.transport import HttpTransport, Message
from grantway.testing.replies import Reply

Script = Mapping[str, Reply | Sequence[Reply]]
"""By endpoint (`token`, `metadata` ...) what is answered there, in order; "" is any other."""


@attrs.frozen(eq=False)
class Sent:
    """A request that was sent: as it was made, and as it may be shown."""

    request: AuthorityRequest = attrs.field(repr=False)
    shown: PlannedRequest


class ScriptedTransport(HttpTransport):
    """A `Transport` that answers from a script, and remembers what it was asked.

    The last reply of an endpoint goes on for ever.

    Args:
        replies: what is answered in order, at whatever endpoint has no script of its own.
        at: scripts by the name of the endpoint.

    Attributes:
        sent: each request that went out, those that were tried again among them.
    """

    def __init__(self, *replies: Reply, at: Script | None = None) -> None:
        super().__init__(environ={})
        self._scripts = {
            endpoint: [script] if callable(script) else list(script)
            for endpoint, script in (at or {}).items()
        }
        if replies:
            self._scripts[""] = list(replies)
        self._script_lock = threading.Lock()
        self.sent: list[Sent] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} that has sent {len(self.sent)} requests>"

    def requests(self, endpoint: str) -> list[PlannedRequest]:
        """The requests that went to an endpoint, fit to be shown."""
        return [each.shown for each in self.sent if each.request.endpoint == endpoint]

    def _attempt(
        self,
        request: AuthorityRequest,
        message: Message,
        way: Route,
        context: Context,
        prove: Callable[[], str] | None,
    ) -> Answer | NotConnected:
        context.remaining()
        with self._script_lock:
            self.sent.append(Sent(request, request.masked()))
            reply = self._next(request.endpoint)
        return (
            self._unscripted(request, message, way, context, prove)
            if reply is None
            else reply(request, context)
        )

    def _next(self, endpoint: str) -> Reply | None:
        script = self._scripts.get(endpoint) or self._scripts.get("")
        if not script:
            return None
        return script.pop(0) if len(script) > 1 else script[0]

    def _unscripted(
        self,
        request: AuthorityRequest,
        message: Message,  # noqa: ARG002  # of the parent
        way: Route,  # noqa: ARG002  # likewise
        context: Context,  # noqa: ARG002  # likewise
        prove: Callable[[], str] | None,  # noqa: ARG002  # likewise
    ) -> Answer | NotConnected:
        raise TransportError(
            f"No answer is scripted for a request to the {request.endpoint} endpoint.",
            remedy=f"Script one: at={{{request.endpoint!r}: ...}}.",
        )


class FaultyTransport(ScriptedTransport):
    """The real transport, the first answers of which are a script: faults before it works.

    Each reply is given once; then what is asked goes over the real wire.
    """

    def _next(self, endpoint: str) -> Reply | None:
        script = self._scripts.get(endpoint) or self._scripts.get("") or []
        return script.pop(0) if script else None

    def _unscripted(
        self,
        request: AuthorityRequest,
        message: Message,
        way: Route,
        context: Context,
        prove: Callable[[], str] | None,
    ) -> Answer | NotConnected:
        # Past the script, which is the parent's.
        return super(ScriptedTransport, self)._attempt(request, message, way, context, prove)


class RecordingTransport:
    """Any other transport, and a record of what it was asked.

    Attributes:
        sent: each request that was handed over, before anything became of it.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.sent: list[Sent] = []

    def __repr__(self) -> str:
        return f"<RecordingTransport of {len(self.sent)} requests>"

    def fetch_token(self, request: AuthorityRequest, context: Context) -> Mapping[str, object]:
        """See `Transport.fetch_token`."""
        self.sent.append(Sent(request, request.masked()))
        return self._transport.fetch_token(request, context)

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> Mapping[str, object]:
        """See `Transport.fetch_json`."""
        self.sent.append(Sent(request, request.masked()))
        return self._transport.fetch_json(request, context, max_age=max_age)
