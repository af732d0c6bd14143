"""The built-in token caches, offered through the same hook as everybody's."""

from collections.abc import Iterable

from grantway.cache.memory import MemoryTokenCache
from grantway.hookspecs import hookimpl
from grantway.provider import TokenCacheFactory


@hookimpl
def grantway_token_caches() -> Iterable[TokenCacheFactory]:
    """The cache in memory."""
    return [
        TokenCacheFactory(
            "memory", lambda _: MemoryTokenCache(), summary="in memory, for one process"
        )
    ]
