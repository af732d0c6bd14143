"""The rows of a token cache that is encrypted: a name, and sealed content.

What every such cache has in common, wherever its rows rest. The key is looked for when the first
row is made or read. A row that is asked for by its name, which only this key gives it, and cannot
be opened, or holds what this version does not know, counts as not there: it is told of, and whoever
asked drops it. Nothing fails because of it.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import attrs

from grantway.cache import codec
from grantway.cache.sealing import KEY_LENGTH, Sealer
from grantway.errors import CacheError

if TYPE_CHECKING:
    from grantway.cache.encryption_key import EncryptionKey
    from grantway.cache_inspection import CacheEntry
    from grantway.result import AuthenticationResult
    from grantway.token_cache import StoredRefreshToken

RESULT = "result"
REFRESH_TOKEN = "refresh token"  # noqa: S105  # a kind of row, no secret

T = TypeVar("T")


@attrs.frozen(eq=False, repr=False)
class Row:
    """What is stored: nothing in it tells whose it is."""

    name: bytes
    body: bytes


class Rows:
    """Makes rows of what a cache is given, and reads them again."""

    def __init__(self, find_key: "Callable[[], EncryptionKey]") -> None:
        self._find_key = find_key
        self._found: tuple[Sealer, str] | None = None
        self._without = os.urandom(KEY_LENGTH)

    @property
    def fingerprint_key(self) -> bytes:
        """See `TokenCache.fingerprint_key`: where no key can be had, one for this process."""
        try:
            return self.sealer.fingerprint_key
        except CacheError:
            return self._without

    @property
    def sealer(self) -> Sealer:
        """What seals and names.

        Raises:
            CacheError: no key can be had.
        """
        return self._settled()[0]

    @property
    def source(self) -> str:
        """Where the key came from, in words.

        Raises:
            as `sealer`.
        """
        return self._settled()[1]

    def result(self, key: str, result: "AuthenticationResult") -> Row:
        """The row of a result."""
        return self._row(RESULT, key, codec.encode_result(key, result))

    def refresh_token(self, slot: str, stored: "StoredRefreshToken") -> Row:
        """The row of a refresh token."""
        return self._row(REFRESH_TOKEN, slot, codec.encode_refresh_token(slot, stored))

    def read_result(self, name: bytes, body: object) -> "tuple[str, AuthenticationResult] | None":
        """Key and result of a row; None where they cannot be had, and the row is to be dropped."""
        return self._read(RESULT, name, body, codec.decode_result)

    def read_refresh_token(
        self, name: bytes, body: object
    ) -> tuple[str, "StoredRefreshToken"] | None:
        """Slot and refresh token of a row; None as in `read_result`."""
        return self._read(REFRESH_TOKEN, name, body, codec.decode_refresh_token)

    def entry(self, kind: str, name: bytes, body: object) -> "CacheEntry | None":
        """What a row is, for people; None where that cannot be told, which may be another's row."""
        # Imported here: few look into a cache.
        from grantway.cache_inspection import CacheEntry

        if kind == RESULT:
            result = self.opened(RESULT, name, body, codec.decode_result)
            return CacheEntry.of_result(*result) if result else None
        stored = self.opened(REFRESH_TOKEN, name, body, codec.decode_refresh_token)
        return CacheEntry.of_refresh_token(*stored) if stored else None

    def tell_of_damage(self, kind: str) -> None:
        """Warn that a row of this key is dropped, since it cannot be read."""
        import logging

        logging.getLogger("grantway.cache").warning(
            "a %s in the token cache is damaged, cannot be read, and is dropped", kind
        )

    def _row(self, kind: str, key: str, content: bytes) -> Row:
        sealer = self.sealer
        name = sealer.name(kind, key)
        return Row(name, sealer.seal(kind, name, content))

    def _read(
        self, kind: str, name: bytes, body: object, decode: Callable[[bytes], T | None]
    ) -> T | None:
        read = self.opened(kind, name, body, decode)
        if read is None:
            self.tell_of_damage(kind)
        return read

    def opened(
        self, kind: str, name: bytes, body: object, decode: Callable[[bytes], T | None]
    ) -> T | None:
        """What a row holds; None where that cannot be had, which nobody is told."""
        content = self.sealer.open(kind, name, body)
        return None if content is None else decode(content)

    def _settled(self) -> tuple[Sealer, str]:
        # Threads that come first together find the same key.
        if self._found is None:
            key = self._find_key()
            self._found = (Sealer(key.value), key.source)
        return self._found
