"""The built-in token caches, offered through the same hook as everybody's.

Each is a module of its own, imported when a cache of its kind is made.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from grantway.hookspecs import hookimpl
from grantway.offerings import TokenCacheFactory

if TYPE_CHECKING:
    from grantway.token_cache import TokenCache


@hookimpl
def grantway_token_caches() -> Iterable[TokenCacheFactory]:
    """The caches in memory, in a database file, and on a Redis server."""
    return [
        TokenCacheFactory("memory", _memory, summary="in memory, for one process"),
        TokenCacheFactory(
            "sqlite", _sqlite, summary="sqlite:///PATH, an encrypted file for one user's processes"
        ),
        TokenCacheFactory(
            "redis", _redis, summary="redis://HOST/0, a server for a fleet, with the extra redis"
        ),
        TokenCacheFactory("rediss", _redis, summary="rediss://HOST/0, the same over TLS"),
    ]


def _memory(_: str) -> "TokenCache":
    cache: TokenCache = import_module("grantway.cache.memory").MemoryTokenCache()
    return cache


def _sqlite(url: str) -> "TokenCache":
    cache: TokenCache = import_module("grantway.cache.sqlite").from_url(url)
    return cache


def _redis(url: str) -> "TokenCache":
    cache: TokenCache = import_module("grantway.cache.redis").from_url(url)
    return cache
