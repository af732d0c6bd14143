"""`keyring:SERVICE/NAME`: a secret in the system's keyring, by the library `keyring`.

The library is an extra, and slow to import; it is loaded when a reference of this kind is used.
The last slash divides: a service may be a URL, a name has no slash.

Backends are other people's, so three things are not left to them. A backend that keeps nothing
(`fail`, `null`) is refused by `check`, before a token is fetched. What was put is read back. And
the Windows store, which holds 2,560 bytes of UTF-16, is measured beforehand: it would refuse with
a number, after the old secret was moved.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from grantway import Secret
from grantway.errors import VaultError
from grantway_vaults.contents import Fault, fault_of, from_text, settled

if TYPE_CHECKING:
    from grantway import Context

SCHEME = "keyring"

_WINDOWS = "keyring.backends.Windows"
_WINDOWS_MOST = 2_560
_KEEPS_NOTHING = ("keyring.backends.fail", "keyring.backends.null")

R = TypeVar("R")


class _Backend(Protocol):
    """What is used of keyring's `KeyringBackend`."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...


def get(name: str, context: "Context") -> Secret:
    """Read the entry.

    Raises:
        VaultError: there is no such entry, no keyring, or no way in.
    """
    service, entry = _address(name)
    backend = _backend()

    def read() -> Secret | Fault | None:
        password = backend.get_password(service, entry)
        return None if password is None else from_text(password)

    found = _attempt(read, context.redactor.text)
    if found is None:
        raise _error(
            f"The keyring has no entry {entry!r} of the service {service!r}",
            f"Make one: keyring set {service} {entry}",
        )
    return settled(found, f"The keyring entry {name}", SCHEME)


def put(name: str, secret: Secret, context: "Context") -> None:
    """Keep a secret in the entry, in place of what it holds.

    Raises:
        VaultError: that failed, or it is not there afterwards.
    """
    service, entry = _address(name)
    backend = _backend()
    _refuse_unfit(backend)
    context.redactor.add(secret)
    fault = fault_of(secret) or _too_long(secret, backend)
    if fault is not None:
        raise _error(f"What is to be kept in the keyring {fault.what}", fault.remedy)

    def write() -> bool | Fault:
        backend.set_password(service, entry, secret.reveal())
        return backend.get_password(service, entry) == secret.reveal()

    kept = _attempt(write, context.redactor.text)
    if isinstance(kept, Fault):
        raise _error(f"The keyring {kept.what}", kept.remedy)
    if not kept:
        raise _error(
            f"The keyring did not keep the entry {entry!r} of the service {service!r}",
            "Choose another backend: https://keyring.readthedocs.io; or use file:PATH.",
        )


def check(name: str) -> None:
    """Find out whether there is a keyring that keeps what it is given.

    Raises:
        VaultError: there is none.
    """
    _address(name)
    _refuse_unfit(_backend())


def _address(name: str) -> tuple[str, str]:
    service, _, entry = name.rpartition("/")
    if not service.strip() or not entry.strip():
        raise _error(
            "A reference to the keyring names a service and an entry",
            "Write keyring:SERVICE/NAME.",
        )
    return service, entry


def _backend() -> _Backend:
    try:
        import keyring
    except ImportError:
        raise _error(
            "The vault keyring: needs a package that is not installed",
            "Install it: pip install 'grantway[keyring]'",
        ) from None
    found = _attempt(lambda: cast("_Backend", keyring.get_keyring()), str)
    if isinstance(found, Fault):
        raise _error(f"The keyring {found.what}", found.remedy)
    return found


def _refuse_unfit(backend: _Backend) -> None:
    if type(backend).__module__ in _KEEPS_NOTHING:
        raise _error(
            "There is no system keyring here",
            "Install or choose a backend: https://keyring.readthedocs.io; or use file:PATH.",
        )


def _too_long(secret: Secret, backend: _Backend) -> Fault | None:
    # A chain of backends tries each in turn.
    chain = cast("tuple[object, ...]", tuple(getattr(backend, "backends", ())))
    if not any(type(each).__module__ == _WINDOWS for each in (backend, *chain)):
        return None
    size = len(secret.reveal().encode("utf-16-le"))
    if size <= _WINDOWS_MOST:
        return None
    return Fault(
        f"is {size:,} bytes long, and the Windows store takes {_WINDOWS_MOST:,} at most",
        "Use file:PATH.",
    )


def _attempt(use: Callable[[], R], mask: Callable[[str], str]) -> R | Fault:
    """Return what `use` does, or why it failed: the backend's own words, known secrets masked."""
    # Imported here: only reached once the package is known to be there.
    from keyring.errors import KeyringLocked, NoKeyringError

    try:
        return use()
    except NoKeyringError:
        return Fault(
            "has no backend on this machine",
            "Install or choose one: https://keyring.readthedocs.io; or use file:PATH.",
        )
    except KeyringLocked:
        return Fault("is locked", "Unlock it, in a session that can ask for its password.")
    except Exception as error:  # noqa: BLE001  # backends raise whatever their system does
        words = " ".join(mask(str(error)).split())[:200]
        return Fault(
            f"failed: {type(error).__name__}{f': {words}' if words else ''}",
            "`keyring diagnose` shows which backend is used.",
        )


def _error(what: str, remedy: str) -> VaultError:
    return VaultError(f"{what}.", remedy=remedy, scheme=SCHEME)
