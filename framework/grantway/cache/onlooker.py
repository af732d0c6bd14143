"""The token cache in its usual place, looked at and left as it is.

For a process that wants to know whether an answer lies there, before it pays for what looks after
a cache. What is not there is not made (save a folder), what is damaged is neither mended nor told
of, and no use is noted: where any of that is due, nothing is found. Then the cache itself is asked,
and sees to it.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from grantway.cache import codec, rows
from grantway.cache.database import NOTED_EVERY, Database, beside, usual_path
from grantway.cache.encryption_key import kept_in_file
from grantway.cache.locks import Locks
from grantway.cache.rows import Rows
from grantway.errors import CacheError

if TYPE_CHECKING:
    from grantway.cache.encryption_key import EncryptionKey
    from grantway.cache.sealing import Sealer
    from grantway.result import AuthenticationResult
    from grantway.token_cache import StoredRefreshToken

# What is found only where the key of it is known to the database: else there is something to tell.
_RESULT = """
    SELECT body FROM results WHERE name=? AND used>=?
    AND EXISTS (SELECT 1 FROM keys WHERE key=?)
"""
_OWNED = "SELECT name, body FROM refresh_tokens WHERE owner=? ORDER BY id"

Accounts = Sequence[tuple[str, "StoredRefreshToken"]]


class Onlooker:
    """Looks at what is encrypted with the key in the file beside the database.

    Each method raises `CacheError` where there is no such key, or a file is not this user's alone.

    Args:
        now: the wall clock.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._path = usual_path()
        # Nobody is waited for: the cache itself would do that.
        self._database = Database(self._path, Locks(beside(self._path, ".locks")), 0.0)
        self._rows = Rows(self._find_key)
        self._now = now

    @property
    def sealer(self) -> "Sealer":
        """What seals under the cache's key."""
        return self._rows.sealer

    def result(self, key: str) -> "AuthenticationResult | None":
        """The result under `key`; None: see above."""
        name = self.sealer.name(rows.RESULT, key)
        values = (name, self._now() - NOTED_EVERY, self.sealer.tag)
        found = self._database.look(lambda link: link.execute(_RESULT, values).fetchone())
        if found is None:
            return None
        read = self._rows.opened(rows.RESULT, name, found[0], codec.decode_result)
        return read[1] if read is not None else None

    def accounts(self, owner: str) -> Accounts | None:
        """Slot and refresh token of all who have signed in there; None: one cannot be read."""
        values = (self.sealer.name("owner", owner),)
        found = self._database.look(lambda link: link.execute(_OWNED, values).fetchall())
        if found is None:
            return None
        decode = codec.decode_refresh_token
        read = [self._rows.opened(rows.REFRESH_TOKEN, name, body, decode) for name, body in found]
        if not all(read):
            return None
        # One of another owner is passed by, as the cache itself does.
        return [each for each in cast("Accounts", read) if each[1].owner == owner]

    def told_apart(self, accounts: Accounts) -> str:
        """A word for who they are, from which it cannot be told."""
        facts = [
            (slot, stored.account and (stored.account.subject, stored.account.user_name))
            for slot, stored in accounts
        ]
        return self.sealer.name("accounts", json.dumps(facts)).hex()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _find_key(self) -> "EncryptionKey":
        found = kept_in_file(beside(self._path, ".key"))
        if found is None:
            raise CacheError("There is no file with a key.", remedy="Ask the cache itself.")
        return found
