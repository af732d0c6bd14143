"""What a dispatcher works with: plugins, cache, network, clock and a way to reach a person.

Each part can be passed in; what is not is furnished here. The transport is made when it is first
needed, for a process that only reads its cache never pays for HTTP.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from grantway.caches import cache_of
from grantway.clock import SystemClock
from grantway.config import Configuration, load
from grantway.errors import CacheError
from grantway.provider import Clock, Prompter, TokenCache, Transport

if TYPE_CHECKING:
    from pathlib import Path

    from grantway.oauth.transport import HttpTransport
    from grantway.registry import Registry

R = TypeVar("R")


class Workplace:
    """The parts, and the two rules of using them: lazily, and without feeling a broken cache."""

    def __init__(
        self,
        registry: "Registry",
        cache: TokenCache,
        transport: Transport | None,
        clock: Clock,
        prompter: Prompter | None,
        configuration: Configuration,
        *,
        owns_cache: bool,
    ) -> None:
        self.registry = registry
        self.cache = cache
        self.clock = clock
        self.prompter = prompter
        self._transport = transport
        self._made: dict[str, HttpTransport] = {}
        self._environ = configuration.environ
        self._owns_cache = owns_cache

    @classmethod
    def furnish(
        cls,
        registry: "Registry",
        configuration: Configuration,
        cache: TokenCache | str | None,
        transport: Transport | None,
        clock: Clock | None,
        prompter: Prompter | Literal[False] | None,
    ) -> "Workplace":
        """Take the parts that are given and make the others."""
        from grantway.terminal import terminal

        owns_cache = False
        if cache is None or isinstance(cache, str):
            cache, owns_cache = cache_of(cache, registry.token_caches, configuration), True
        return cls(
            registry,
            cache,
            transport,
            clock or SystemClock(),
            terminal(configuration.environ) if prompter is None else prompter or None,
            configuration,
            owns_cache=owns_cache,
        )

    @property
    def transport(self) -> Transport:
        """The road to the network."""
        if self._transport is None:
            # Imported here: requests is by far the heaviest thing we use.
            from grantway.oauth.transport import HttpTransport

            # Threads that come first together may each make one; setdefault, which is atomic,
            # lets all of them use the same. A lock would have to survive a fork.
            made = HttpTransport(environ=self._environ)
            self._transport = self._made.setdefault("transport", made)
        return self._transport

    def with_cache(self, operation: str, use: Callable[[TokenCache], R]) -> R | None:
        """Use the token cache; its failure is told and otherwise not felt."""
        try:
            return use(self.cache)
        except CacheError as error:
            import logging

            from grantway.events import emit

            logging.getLogger("grantway.cache").warning("the token cache failed: %s", error)
            emit(
                self.registry.observers,
                self.clock.time(),
                "cache.failed",
                operation=operation,
                error=type(error).__name__,
            )
            return None

    def close(self) -> None:
        """Close what was made here; what was passed in is its owner's to close."""
        for made in self._made.values():
            made.close()
        if self._owns_cache:
            self.with_cache("close", lambda cache: cache.close())


def configuration_of(config: "Configuration | str | Path | None") -> Configuration:
    """The configuration meant: one given, a file to read, or none at all."""
    if isinstance(config, Configuration):
        return config
    return Configuration() if config is None else load(config)
