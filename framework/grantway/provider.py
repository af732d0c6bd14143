"""What plugins are made of: a credential provider, and the parts of the world it is given.

A `CredentialProvider` is data with two or three functions in it. The dispatcher selects it,
then calls `authenticate(request, context)`; the `Context` is everything the provider may touch:
the only road to the network, the clock, a way to ask a person, the time that is left. Because
all of these are passed in, a provider is tested without patching anything.

`Vault`, `TokenCacheFactory` and `Discovery` are the other things a plugin can offer. They are
records of functions too: an author writes functions and fills in a form.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from grantway.environment import Environment
from grantway.errors import Cancelled, DeadlineExceeded, Throttled
from grantway.named import Named
from grantway.parameters import ParameterSet
from grantway.redaction import Redactor
from grantway.secret import Secret

# Beside the other parts of the contract, where authors look for them.
from grantway.token_cache import StoredRefreshToken as StoredRefreshToken  # noqa: PLC0414
from grantway.token_cache import TokenCache as TokenCache  # noqa: PLC0414

if TYPE_CHECKING:
    import logging

    from grantway.authority import AuthorityRequest
    from grantway.request import TokenRequest
    from grantway.result import AuthenticationResult, UserInfo


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


class Pauses(Protocol):
    """What is known of an authority's wishes not to be asked by a client for a while."""

    def until(self) -> float:
        """Until when, in seconds since the epoch; 0.0: it may be asked."""
        ...

    def put(self, until: float) -> None:
        """Tell all who share the token cache."""
        ...


def _as_tuple(given: Iterable[ParameterSet]) -> tuple[ParameterSet, ...]:
    return tuple(given)


def _new_id() -> str:
    from uuid import uuid4

    return str(uuid4())


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
        deadline: when the caller's time is up, on `clock.monotonic()`; `timeout` is the length
            it had, in seconds.
        pauses: until when the authority wants nobody of this client to ask; see `keep_pause`.
        prolong: told the new deadline by `with_time`; None: the caller has set the time.
        cancelled: set when nobody waits any more.
        correlation_id: this request's id; sent where the protocol has a header for it.
        redactor: knows the secrets of this request, and masks them in any text.
        keep: see `keep_refresh_token`.
    """

    environment: Environment
    transport: Transport
    clock: Clock
    prompter: Prompter | None
    deadline: float
    timeout: float
    cancelled: threading.Event = attrs.field(factory=threading.Event, repr=False)
    redactor: Redactor = attrs.field(factory=Redactor)
    correlation_id: str = attrs.field(factory=_new_id)
    pauses: "Pauses | None" = attrs.field(default=None, repr=False)
    prolong: Callable[[float], None] | None = attrs.field(default=None, repr=False)
    keep: "Callable[[Context, Secret, UserInfo | None], None]" = attrs.field(
        default=_keep_nowhere, repr=False
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


@attrs.frozen(eq=False, repr=False)
class CredentialProvider(Named):
    """One way to get a credential.

    Attributes:
        name: unique among providers, compared without regard to case.
        parameter_sets: the ways it can be called.
        authenticate: obtains a token. Called with the secrets opened, at most once at a time
            for one key.
        renew: obtains a token from the refresh token that an earlier call brought, without a
            person. None: the provider has no such way.
        plan: the requests that `authenticate` would send first, for `explain`. Opens nothing,
            sends nothing.
        interactive: names of the parameter sets that need a person, and so more time.
        reads_cache: whether a fresh token at rest may answer instead; False where each call is
            meant to be an act of its own.
        summary: one line for lists.

    A provider in full:

    >>> from grantway import AuthenticationResult, CredentialProvider, ParameterSet
    >>> def authenticate(request, context):
    ...     return AuthenticationResult("a token")
    >>> CredentialProvider("Fixed", (ParameterSet("Fixed"),), authenticate).name
    'Fixed'
    """

    name: str
    parameter_sets: tuple[ParameterSet, ...] = attrs.field(converter=_as_tuple)
    authenticate: "Callable[[TokenRequest, Context], AuthenticationResult]"
    renew: "Callable[[TokenRequest, Secret, Context], AuthenticationResult] | None" = attrs.field(
        default=None, kw_only=True
    )
    plan: "Callable[[TokenRequest], Iterable[AuthorityRequest]] | None" = attrs.field(
        default=None, kw_only=True
    )
    interactive: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    reads_cache: bool = attrs.field(default=True, kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)


@attrs.frozen(eq=False)
class Vault:
    """A place that secrets come from or go to.

    Attributes:
        scheme: the word before the colon of a reference, such as `env`.
        get: the secret of that name. Raises `VaultError`.
        put: keeps a secret under that name, or fails with `VaultError`. None: read only.
        check: raises `VaultError` where `put` could not work; called before any network, so
            that no token is fetched which then has no place to rest.
        summary: one line for lists.
    """

    scheme: str
    get: Callable[[str, Context], Secret]
    put: Callable[[str, Secret, Context], None] | None = None
    check: Callable[[str], None] | None = attrs.field(default=None, kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)


@attrs.frozen(eq=False, repr=False)
class TokenCacheFactory(Named):
    """A kind of token cache: its name (and URL scheme), and how one is made from a URL.

    `create` is given the whole of what the caller named it by: the name alone, or a URL. It opens
    nothing yet: a cache that cannot be reached says so by `CacheError` when it is used. It raises
    `ConfigurationError` for a URL that cannot be understood. See `grantway.token_cache`.
    """

    name: str
    create: Callable[[str], TokenCache]
    summary: str = attrs.field(default="", kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Discovery(Named):
    """A way to learn an environment from a URL: its name, and the function that asks."""

    name: str
    discover: Callable[[str, Transport], Environment]
    summary: str = attrs.field(default="", kw_only=True)
