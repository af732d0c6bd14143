"""Which token cache is used, and what kinds there are to choose from.

The first of these that there is:

1. what the caller gives: a `TokenCache`, or the name or URL of one;
2. `GRANTWAY_CACHE`;
3. `cache` at the top of the configuration file;
4. the one in memory. The command line gives `sqlite` in its place, for its processes are short.

A cache that is made here has opened nothing yet: whether it can be reached shows when it is used.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from grantway.config import CACHE, Configuration
from grantway.environment import masked_url
from grantway.errors import ConfigurationError, GrantwayError
from grantway.secret import MASK
from grantway.suggest import did_you_mean, type_of

if TYPE_CHECKING:
    from grantway.offerings import TokenCacheFactory
    from grantway.token_cache import TokenCache

Factories = Mapping[str, "TokenCacheFactory"]

MEMORY = "memory"

_NAME = r"[A-Za-z][A-Za-z0-9+._-]*"
_IN_CLEAR = r"(?i)([?&][^=&]*(?:password|secret|token|key)=)(?!env:|file:)[^&]*"


def cache_of(named: str | None, factories: Factories, configuration: Configuration) -> "TokenCache":
    """The token cache that is meant: the one named, else the one chosen, else in memory.

    Raises:
        ConfigurationError: there is no such kind, or its URL cannot be understood; it says where
            that was chosen.
    """
    if named is not None:
        return _made(named, factories)
    found = of_variable(factories, configuration)
    if found is None:
        found = of_file(factories, configuration)
    return _made(MEMORY, factories) if found is None else found


def of_variable(factories: Factories, configuration: Configuration) -> "TokenCache | None":
    """The token cache that `GRANTWAY_CACHE` chooses.

    Raises:
        as `cache_of`.
    """
    named = configuration.environ.get(CACHE)
    if not named:
        return None
    try:
        return _made(named, factories)
    except ConfigurationError as error:
        raise ConfigurationError(f"{CACHE}: {error.message}", remedy=error.remedy) from None


def of_file(factories: Factories, configuration: Configuration) -> "TokenCache | None":
    """The token cache that the configuration file chooses.

    Raises:
        as `cache_of`, with file and line.
    """
    if configuration.cache is None:
        return None
    try:
        return _made(configuration.cache, factories)
    except ConfigurationError as error:
        configuration.document.fail(f"cache: {error.message}", error.remedy, at=("cache",))


def shown(named: str) -> str:
    """The name or URL of a cache for people: a secret that stands in it by mistake is masked."""
    return re.sub(_IN_CLEAR, rf"\1{MASK}", masked_url(named))


def _made(named: str, factories: Factories) -> "TokenCache":
    kind = named.partition(":")[0].casefold()
    factory = factories.get(kind)
    if factory is None:
        known = ", ".join(sorted(factories))
        if not re.fullmatch(_NAME, kind):
            raise ConfigurationError(
                "This names no token cache.", remedy=f"Give a name or URL of one: {known}."
            )
        raise ConfigurationError(
            f"There is no token cache {kind!r}.",
            remedy=did_you_mean(kind, factories) or f"There are: {known}.",
        )
    try:
        return factory.create(named)
    except GrantwayError:
        raise
    except Exception as error:  # noqa: BLE001  # of a plugin; its text may hold a part of the URL
        failure = type_of(error)
    raise ConfigurationError(
        f"The token cache {kind} cannot be made ({failure}).",
        remedy="That is a fault of its plugin: tell its author, or choose another cache.",
    )
