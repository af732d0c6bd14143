"""What a dispatcher works with: plugins, cache, network, clock and a way to reach a person.

Each part can be passed in; what is not is furnished here. The transport is made when it is first
needed, for a process that only reads its cache never pays for HTTP.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from grantway.clock import SystemClock
from grantway.errors import (
    CacheError,
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    InteractionRequired,
)
from grantway.freshness import Freshness
from grantway.parts import Clock, Prompter
from grantway.suggest import type_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grantway.config import Configuration
    from grantway.context import Transport
    from grantway.environment import Environment
    from grantway.oauth.kept_assertions import KeptAssertions
    from grantway.oauth.transport import HttpTransport
    from grantway.registry import Registry
    from grantway.token_cache import TokenCache

R = TypeVar("R")

# What is not the cache's failure but the answer to whoever asked: it is no longer waited for, or
# several accounts could be meant.
_ASKERS = (DeadlineExceeded, Cancelled, InteractionRequired)
_OPERATIONS = (
    "get", "put", "get_refresh_token", "put_refresh_token", "remove_refresh_token",
    "refresh_tokens", "clear", "close",
)  # fmt: skip
_KEY_SIZE = 32


class Workplace:
    """The parts, and the two rules of using them: lazily, and without feeling a broken cache."""

    def __init__(
        self,
        registry: "Registry",
        cache: "TokenCache",
        transport: "Transport | None",
        clock: Clock,
        prompter: Prompter | None,
        configuration: "Configuration",
        *,
        owns_cache: bool,
    ) -> None:
        self.registry = registry
        self.cache = cache
        self.clock = clock
        self.prompter = prompter
        self.freshness = Freshness(clock)
        self.key_is_checked = False
        self._assertions: dict[str, KeptAssertions] = {}
        #: By environment and client; see `grantway.coordination`.
        self.pause_keys: dict[tuple[int, str], tuple[Environment, str]] = {}
        self._told: set[str] = set()
        #: Until when those who wait for a key may, where its work has been given more time.
        self.prolonged: dict[str, float] = {}
        self._transport = transport
        self._made: dict[str, HttpTransport] = {}
        self._environ = configuration.environ
        self._owns_cache = owns_cache

    @classmethod
    def furnish(
        cls,
        registry: "Registry",
        configuration: "Configuration",
        cache: "TokenCache | str | None",
        transport: "Transport | None",
        clock: Clock | None,
        prompter: Prompter | Literal[False] | None,
    ) -> "Workplace":
        """Take the parts that are given and make the others."""
        from grantway.terminal import terminal

        owns_cache = False
        if cache is None or isinstance(cache, str):
            from grantway.caches import cache_of

            cache, owns_cache = cache_of(cache, registry.token_caches, configuration), True
        return cls(
            registry,
            _checked(cache),
            transport,
            clock or SystemClock(),
            terminal(configuration.environ) if prompter is None else prompter or None,
            configuration,
            owns_cache=owns_cache,
        )

    @cached_property
    def coordinates(self) -> bool:
        """Whether the cache is shared in such a way that those who do can take turns."""
        # Imported here, as below: whoever finds a token at rest does without.
        from grantway.token_cache import Coordinator

        return isinstance(self.cache, Coordinator)

    @property
    def assertions(self) -> "KeptAssertions":
        """What others have made for clients, as long as it lasts."""
        if not self._assertions:
            from grantway.oauth.kept_assertions import KeptAssertions

            # As with the transport below.
            self._assertions.setdefault("kept", KeptAssertions())
        return self._assertions["kept"]

    @property
    def transport(self) -> "Transport":
        """The road to the network."""
        if self._transport is None:
            # Imported here: requests is by far the heaviest thing we use.
            from grantway.oauth.transport import HttpTransport

            # Threads that come first together may each make one; setdefault, which is atomic,
            # lets all of them use the same. A lock would have to survive a fork.
            made = HttpTransport(environ=self._environ)
            self._transport = self._made.setdefault("transport", made)
        return self._transport

    def check_key(self) -> None:
        """Make sure, once, that the cache has a key under which names are made.

        Raises:
            CacheError: it has none.
        """
        try:
            key: object = self.cache.fingerprint_key
        except CacheError:
            raise
        except Exception as error:  # noqa: BLE001  # of a plugin's
            failure = f"it raised {type_of(error)}"
        else:
            self.key_is_checked = type(key) is bytes and len(key) >= _KEY_SIZE
            failure = f"it is not {_KEY_SIZE} bytes"
            del key
        if not self.key_is_checked:
            raise CacheError(
                f"The fingerprint_key of the token cache cannot be used: {failure}.",
                remedy="That is a fault of its plugin: tell its author, or choose another cache.",
            )

    def with_cache(
        self, operation: str, use: "Callable[[TokenCache], R]", kind: type | None = None
    ) -> R | None:
        """Use the token cache; its failure is told and otherwise not felt.

        So is whatever else a plugin's cache may raise, whose text may hold a token, and an answer
        that is neither None nor of the `kind` that is asked for.
        """
        failure: object
        try:
            found = use(self.cache)
            if kind is None or found is None or type(found) is kind:
                return found
            error, failure = CacheError.__name__, f"it gave a {type_of(found)}"
        except (KeyboardInterrupt, *_ASKERS):
            raise
        except CacheError as raised:
            error, failure = type_of(raised), raised
        except BaseException as raised:  # noqa: BLE001  # of a plugin's
            error = type_of(raised)
            failure = f"it raised {error}"
        import logging

        from grantway.events import emit

        # A cache that is out of order fails at each step: that is told once.
        level = logging.DEBUG if str(failure) in self._told else logging.WARNING
        self._told.add(str(failure))
        logging.getLogger("grantway.cache").log(level, "the token cache failed: %s", failure)
        now = self.clock.time()
        emit(self.registry.observers, now, "cache.failed", operation=operation, error=error)
        return None

    def close(self) -> None:
        """Close what was made here; what was passed in is its owner's to close."""
        for made in self._made.values():
            made.close()
        if self._owns_cache:
            self.with_cache("close", lambda cache: cache.close())


def check_available(environment: "Environment") -> None:
    """Make sure that an environment is there to be asked.

    Raises:
        ConfigurationError: it is not now, as its plugin says.
    """
    if environment.unavailable:
        raise ConfigurationError(
            f"{environment.name} cannot be used now.", remedy=environment.unavailable
        )


def configuration_of(config: "Configuration | str | Path | None") -> "Configuration":
    """The configuration meant: one given, a file to read, or none at all."""
    from grantway.config import Configuration, load

    if isinstance(config, Configuration):
        return config
    return Configuration() if config is None else load(config)


def _checked(cache: "TokenCache") -> "TokenCache":
    """A cache that has all that a cache must have.

    Raises:
        ConfigurationError: it has not.
    """
    missing = [name for name in _OPERATIONS if not callable(getattr(cache, name, None))]
    if missing:
        raise ConfigurationError(
            f"A {type_of(cache)} is no token cache: it has no {missing[0]}.",
            remedy="Give a TokenCache, or the name or URL of one.",
        )
    return cache
