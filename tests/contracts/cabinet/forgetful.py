"""A plugin whose token cache forgets everything with its process, whatever is said of it."""

from collections.abc import Iterable

from grantway import TokenCacheFactory, hookimpl
from grantway.cache.memory import MemoryTokenCache


@hookimpl
def grantway_token_caches() -> Iterable[TokenCacheFactory]:
    return [TokenCacheFactory("forgetful", lambda _: MemoryTokenCache(), summary="forgets")]
