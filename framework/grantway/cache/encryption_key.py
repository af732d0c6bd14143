"""Where the key comes from that a token cache is encrypted with.

The first of these that there is:

1. `GRANTWAY_CACHE_KEY`: 256 bits as hexadecimal or base64, or a reference to them, `file:PATH` or
   `env:NAME`. That the value itself is taken here is an exception from the rule that variables
   carry references: a fleet's secrets reach its containers as variables, and `env:` would only
   name another one;
2. the key file that the cache's URL names: `?key_file=PATH`;
3. the key file beside the database, if one was made there;
4. the entry of the system's keyring, where the extra `keyring` and a backend that keeps secrets
   are installed.

Where neither has a key yet, one is made: in the keyring if there is one, else in the file. A key
that is there is never replaced, for all that it encrypts would be lost with it. A keyring that
cannot be reached now (locked, no session) counts as none. So a file is there only where there was
no keyring to be had, and then counts for all sessions alike; and a keyring, which takes longer to
load than all the rest, is looked for only where there is no file.

A key in clear is in no frame that raises: functions that read one return an error, for a caller to
raise who has not seen it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import attrs

from grantway.cache import private
from grantway.cache.references import is_reference, opened
from grantway.cache.sealing import KEY_LENGTH
from grantway.errors import CacheError

if TYPE_CHECKING:
    from grantway.cache.locks import Locks
    from grantway.cache.references import Getenv

VARIABLE = "GRANTWAY_CACHE_KEY"
SERVICE, ENTRY = "grantway", "token-cache-key"

_OTHERWISE = (
    f"give the key of the token cache by {VARIABLE}, or by key_file=PATH in the URL of the cache"
)
_SHAPE = (
    "A key is 32 random bytes as hexadecimal or base64. Make one with: "
    'python -c "import secrets; print(secrets.token_hex(32))"'
)
_IN_VARIABLE = f"Set {VARIABLE} to a key, or to file:PATH or env:NAME of one. {_SHAPE}"
_IN_FILE = f"Write a key into it, or {_OTHERWISE}. {_SHAPE}"
_BESIDE = (
    "Bring its content back from a copy; else remove the file, and a new key is made, under which "
    f"what the cache holds cannot be read; or {_OTHERWISE}."
)
_IN_KEYRING = (
    "Put a key there; else remove the entry, and a new key is made, under which what the cache "
    f"holds cannot be read; or {_OTHERWISE}. {_SHAPE}"
)
# Backends that keep nothing, or that keep secrets in clear: a private file is then better.
_UNFIT = r"keyring\.backends\.(fail|null)|keyrings\.alt\b.*"


@attrs.frozen(repr=False)
class EncryptionKey:
    """A key, and where it came from in words."""

    value: bytes
    source: str


class Keyring(Protocol):
    """What is used of keyring's `KeyringBackend`."""

    def get_password(self, service: str, username: str) -> str | None:
        """See keyring."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """See keyring."""
        ...


def configured(getenv: Callable[[str], str | None], key_file: Path | None) -> EncryptionKey | None:
    """The key that the user named, by variable or file; None where neither was.

    Raises:
        CacheError: it was, and there is no key.
    """
    found = _of_variable(getenv)
    if found is None and key_file is not None:
        found = _of_file(key_file, _IN_FILE)
    return _settled(found)


def kept(beside: Path, locks: "Locks", sleep: Callable[[float], None]) -> EncryptionKey:
    """The key in the file `beside` the database, else that in the keyring; made if need be.

    Raises:
        CacheError: it can be neither read nor made.
    """
    found = kept_in_file(beside)
    if found is not None:
        return found
    keyring = system_keyring()
    found = _settled(_of_keyring(keyring))
    if found is None:
        # Of all processes that come first together, one makes the key.
        with locks.hold("the encryption key", sleep):
            found = kept_in_file(beside) or _settled(_of_keyring(keyring)) or _made(keyring, beside)
    if found is None:
        raise CacheError(
            f"The key file {beside} was removed.", remedy=f"Try again, or {_OTHERWISE}."
        )
    return found


def system_keyring() -> Keyring | None:
    """The system's keyring; None where there is none that keeps secrets."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        backend = cast("Keyring", keyring.get_keyring())
    except Exception as error:  # noqa: BLE001  # backends raise whatever their system does
        _unreachable(error)
        return None
    # A chain tries each of its backends in turn.
    chain = cast("tuple[object, ...]", tuple(getattr(backend, "backends", (backend,))))
    fit = [each for each in chain if not re.fullmatch(_UNFIT, type(each).__module__)]
    return backend if fit and len(fit) == len(chain) else None


def _made(keyring: Keyring | None, beside: Path) -> EncryptionKey | None:
    # Imported here: hardly any process makes a key.
    from secrets import token_hex

    if keyring is not None:
        try:
            keyring.set_password(SERVICE, ENTRY, token_hex(KEY_LENGTH))
        except Exception as error:  # noqa: BLE001  # as above
            _unreachable(error)
        found = _settled(_of_keyring(keyring))
        if found is not None:
            return found
    private.write_new(beside, f"{token_hex(KEY_LENGTH)}\n".encode(), _OTHERWISE)
    return _settled(_of_file(beside, _BESIDE))


def kept_in_file(beside: Path) -> EncryptionKey | None:
    """The key in the file `beside` the database; None: there is no such file.

    Raises:
        CacheError: there is no key in it, or it is not this user's alone.
    """
    there = private.check_file(beside, _OTHERWISE)
    return _settled(_of_file(beside, _BESIDE)) if there else None


def _unreachable(error: Exception) -> None:
    import logging

    logging.getLogger("grantway.cache").debug(
        "the keyring cannot be used for the key: %s", type(error).__name__
    )


# What reads a key, and raises nothing while it holds one.

_Found = EncryptionKey | CacheError | None


def _settled(found: _Found) -> EncryptionKey | None:
    if isinstance(found, CacheError):
        raise found
    return found


def _of_variable(getenv: "Getenv") -> _Found:
    text = getenv(VARIABLE)
    if not text:
        return None
    if is_reference(text):
        source = f"{VARIABLE} ({text})"
        found = opened(text, getenv, f"set {VARIABLE} to a key, or to file:PATH or env:NAME of one")
        if isinstance(found, CacheError):
            return CacheError(f"{source}: {found.message}", remedy=found.remedy)
        return _parsed(found, source, _IN_VARIABLE)
    return _parsed(text.strip(), VARIABLE, _IN_VARIABLE)


def _of_keyring(keyring: Keyring | None) -> _Found:
    if keyring is None:
        return None
    try:
        text = keyring.get_password(SERVICE, ENTRY)
    except Exception as error:  # noqa: BLE001  # as above
        _unreachable(error)
        return None
    if not text:
        return None
    return _parsed(text.strip(), f"the entry {SERVICE}/{ENTRY} of the keyring", _IN_KEYRING)


def _of_file(path: Path, remedy: str) -> _Found:
    found = opened(f"file:{path}", os.getenv, _OTHERWISE)
    return found if isinstance(found, CacheError) else _parsed(found, f"the file {path}", remedy)


def _parsed(text: str, source: str, remedy: str) -> EncryptionKey | CacheError:
    value = _bytes_of(text)
    if value is None:
        return CacheError(f"There is no 256-bit key in {source}.", remedy=remedy)
    return EncryptionKey(value, source)


def _bytes_of(text: str) -> bytes | None:
    try:
        if len(text) == 2 * KEY_LENGTH:
            return bytes.fromhex(text)
        from base64 import b64decode

        spelled = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        value = b64decode(spelled, validate=True)
    except ValueError:
        return None
    return value if len(value) == KEY_LENGTH else None
