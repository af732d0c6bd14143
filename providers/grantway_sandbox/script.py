"""What a test can see and steer: the log of received requests, and faults to come.

The log keeps what arrived, in order and before anything was understood, so that a test can hold a
request against the wire shape it should have. It is bounded: a sandbox may run for days. A script
of faults is a queue; each request to the endpoint that a fault is meant for takes at most one from
it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, overload

from attrs import field, frozen

from grantway_sandbox.errors import EntraError
from grantway_sandbox.misbehaviour import Misbehaviour

KEPT_REQUESTS: Final = 10_000


@frozen
class RecordedRequest:
    """A request as it arrived. `fields` are the form's pairs in their order, repeats included.

    Fields and headers hold secrets and stay out of `repr`.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    def field(self, name: str) -> str | None:
        """Return the first value of a form field, or None."""
        return next((value for key, value in self.fields if key == name), None)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever the case of its name, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class RequestLog(Sequence[RecordedRequest]):
    """The requests received since the start or the last `clear()`, the latest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=KEPT_REQUESTS)

    def add(self, request: RecordedRequest) -> None:
        """Append a request, dropping the oldest when the log is full."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def to_tokens(self) -> list[RecordedRequest]:
        """Return the requests that went to a token endpoint."""
        return [request for request in self if request.path.endswith("/token")]

    def _copy(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(self._copy())

    @overload
    def __getitem__(self, index: int) -> RecordedRequest: ...
    @overload
    def __getitem__(self, index: slice) -> list[RecordedRequest]: ...
    def __getitem__(self, index: int | slice) -> RecordedRequest | list[RecordedRequest]:
        return self._copy()[index]

    def __repr__(self) -> str:
        return f"RequestLog({self._copy()!r})"


@frozen
class Fault:
    """An answer sent as it stands, in place of a token: what proxies and broken servers say."""

    status: int = 503
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: str | bytes = ""
    content_type: str | None = "text/html"


FaultSpec: TypeAlias = int | str | EntraError | Fault | Misbehaviour
FaultPlace: TypeAlias = Literal["token", "authorize", "device"]


@frozen
class _Scripted:
    answer: EntraError | Fault | Misbehaviour
    at: FaultPlace
    when: Callable[[RecordedRequest], bool] | None


def as_fault(spec: FaultSpec) -> EntraError | Fault | Misbehaviour:
    """Read a fault: 50076, "AADSTS50076", "wrong_state", an `EntraError` or a `Fault`."""
    if isinstance(spec, str):
        if spec in set(Misbehaviour):
            return Misbehaviour(spec)
        spec = int(spec.upper().removeprefix("AADSTS"))
    return EntraError(spec) if isinstance(spec, int) else spec


class Script:
    """Faults waiting for requests, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Scripted] = deque()

    def add(
        self,
        spec: FaultSpec,
        times: int = 1,
        when: Callable[[RecordedRequest], bool] | None = None,
        at: FaultPlace = "token",
    ) -> None:
        """Queue a fault for the next `times` requests, or those of which `when` holds.

        Raises:
            ValueError: a misbehaviour of authorization answers, meant for another endpoint.
        """
        scripted = _Scripted(as_fault(spec), at, when)
        if isinstance(scripted.answer, Misbehaviour) and at != "authorize":
            raise ValueError(f"{scripted.answer} is for authorization answers: at='authorize'")
        with self._lock:
            self._waiting.extend([scripted] * times)

    def take(
        self, request: RecordedRequest, at: FaultPlace = "token"
    ) -> EntraError | Fault | Misbehaviour | None:
        """Return and remove the first fault meant for `request`, or None."""
        with self._lock:
            for place, scripted in enumerate(self._waiting):
                if scripted.at == at and (scripted.when is None or scripted.when(request)):
                    del self._waiting[place]
                    return scripted.answer
        return None

    def clear(self) -> None:
        """Forget the faults still waiting."""
        with self._lock:
            self._waiting.clear()
