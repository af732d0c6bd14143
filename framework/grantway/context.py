"""Everything that a provider may touch while it serves one request.

The only road to the network, the clock, a way to ask a person, the time that is left. Because all
of it is passed in, a provider is tested without patching anything.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import attrs

from grantway.environment import Environment
from grantway.errors import Cancelled, DeadlineExceeded, Throttled
from grantway.parts import Clock, Prompter
from grantway.proof_key import Possession
from grantway.redaction import Redactor
from grantway.secret import Secret

if TYPE_CHECKING:
    import logging

    from grantway.authority import AuthorityRequest
    from grantway.result import UserInfo


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


class Pauses(Protocol):
    """What is known of an authority's wishes not to be asked by a client for a while."""

    def until(self) -> float:
        """Until when, in seconds since the epoch; 0.0: it may be asked."""
        ...

    def put(self, until: float) -> None:
        """Tell all who share the token cache."""
        ...


def _new_id() -> str:
    from random import getrandbits
    from uuid import UUID

    # A name, not a secret: it is not worth waiting for the system's randomness.
    return str(UUID(int=getrandbits(128), version=4))


def _keep_nowhere(context: "Context", token: Secret, account: "UserInfo | None") -> None:
    """Where no dispatcher is at work, as in an author's test, there is nowhere to keep it."""


@attrs.frozen(eq=False)
class Context:
    """What a provider may use while it serves one request.

    Attributes:
        environment: the cloud of the request.
        transport: the road to the network.
        clock: the only source of time.
        prompter: a way to reach a person, or None: then raise `InteractionRequired` before
            any network.
        deadline: when the caller's time is up, on `clock.monotonic()`; see `remaining`.
        timeout: how many seconds that was, for messages.
        pauses: until when the authority wants nobody of this client to ask; see `keep_pause`.
        prolong: told the new deadline by `with_time`; None: the caller has set the time.
        cancelled: set when nobody waits any more.
        correlation_id: this request's id; sent where the protocol has a header for it.
        possession: the key that tokens are bound to, in an environment that says `dpop`.
        redactor: knows the secrets of this request, and masks them in any text: `add(secret)`
            has it know one more, `text(words)` masks.
        keep: see `keep_refresh_token`.
    """

    environment: Environment
    transport: Transport
    clock: Clock
    prompter: Prompter | None
    deadline: float
    timeout: float
    cancelled: threading.Event = attrs.field(factory=threading.Event, repr=False)
    possession: Possession = attrs.field(factory=Possession)
    redactor: Redactor = attrs.field(factory=Redactor)
    correlation_id: str = attrs.field(factory=_new_id)
    pauses: "Pauses | None" = attrs.field(default=None, repr=False)
    prolong: Callable[[float], None] | None = attrs.field(default=None, repr=False)
    keep: "Callable[[Context, Secret, UserInfo | None], None]" = attrs.field(
        default=_keep_nowhere, repr=False
    )

    @classmethod
    def lasting(
        cls,
        seconds: float,
        environment: Environment,
        transport: Transport,
        clock: Clock,
        *,
        prompter: Prompter | None = None,
        cancelled: threading.Event | None = None,
    ) -> "Context":
        """A context with so many seconds from now on, for what is asked without a dispatcher."""
        return cls(
            environment=environment,
            transport=transport,
            clock=clock,
            prompter=prompter,
            deadline=clock.monotonic() + seconds,
            timeout=seconds,
            cancelled=cancelled or threading.Event(),
        )

    def remaining(self) -> float:
        """Seconds until the deadline.

        Raises:
            DeadlineExceeded: there are none.
            Cancelled: nobody waits any more.
        """
        if self.cancelled.is_set():
            raise Cancelled("The request was cancelled.")
        left = self.deadline - self.clock.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                f"The {self.timeout:g} seconds for this request are up.",
                remedy="Give more time with timeout=.",
                timeout=self.timeout,
            )
        return left

    def with_time(self, seconds: float) -> "Context":
        """The same context with `seconds` from now on, unless the caller has set the time.

        For a wait whose length only the authority knows, as that for a device code.
        """
        if self.prolong is None:
            return self
        deadline = self.clock.monotonic() + seconds
        self.prolong(deadline)
        return attrs.evolve(self, deadline=deadline, timeout=seconds)

    def pause(self, seconds: float) -> None:
        """Note that the authority wants nobody of this client to ask for so many seconds."""
        if self.pauses is not None:
            self.pauses.put(self.clock.time() + seconds)

    def keep_pause(self) -> None:
        """Wait until the authority may be asked again, whoever was told not to.

        Raises:
            Throttled: that is longer than there is time.
            DeadlineExceeded, Cancelled: as `sleep`.
        """
        left = self.pauses.until() - self.clock.time() if self.pauses is not None else 0.0
        if left <= 0:
            return
        if left >= self.remaining():
            raise Throttled(
                f"{self.environment.name} has asked this client to wait {left:.0f} more seconds.",
                remedy="Try again then, or give more time with timeout=.",
                retry_after=left,
                retryable=True,
            )
        self.sleep(left)

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than the deadline allows and only while somebody waits.

        Raises:
            DeadlineExceeded: the deadline came first.
            Cancelled: nobody waits any more.
        """
        until = self.clock.monotonic() + seconds
        while (left := until - self.clock.monotonic()) > 0:
            self.clock.wait(self.cancelled, min(left, self.remaining()))
        self.remaining()

    def keep_refresh_token(self, token: str | Secret, account: "UserInfo | None" = None) -> None:
        """Put a refresh token that has just arrived where it is safe, before anything else.

        It goes to the vault the caller named (`save_refresh_token`) and to the token cache.
        Call it as soon as a rotating refresh token is in hand: whatever fails afterwards, the
        token is not lost. Calling it again with the same token does nothing.
        """
        token = token if isinstance(token, Secret) else Secret(token)
        self.redactor.add(token)
        self.keep(self, token, account)

    @property
    def logger(self) -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
        """A logger that masks every secret this request has seen."""
        return self.redactor.logger("grantway.provider")
