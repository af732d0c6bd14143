"""What the contents of a vault must look like to be a secret.

Files and pipes come from editors, shells and other tools, and each has its ways: a newline at the
end, a byte order mark, another encoding. What is harmless is taken off, what cannot be a secret
is a `Fault`. A fault is returned, not raised: the functions here hold the secret in clear, and an
error raised in one of them would carry that frame along.
"""

import attrs

from grantway import Secret
from grantway.errors import VaultError

# Far more than any token or key; what is larger is the wrong file.
MOST = 64 * 1024
# Whoever reads stops here: room for what is taken off, and more than may be.
ENOUGH = MOST + 8

_MARK = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@attrs.frozen
class Fault:
    """Why there is no secret: the end of a sentence, and what to do about it."""

    what: str
    remedy: str = ""


_TOO_LARGE = Fault(f"holds more than {MOST:,} bytes", "Check that it is what you mean.")


def from_bytes(content: bytes) -> Secret | Fault:
    """Read a secret from bytes that a tool wrote: UTF-8, less one newline at the end."""
    if len(content) >= ENOUGH:
        return _TOO_LARGE
    if content.startswith(_UTF_16):
        return Fault("is UTF-16, not UTF-8", "Save it as UTF-8, without a byte order mark.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return Fault("is not UTF-8 text", "Save it as UTF-8; what is binary has to be encoded.")
    text = text.removeprefix(_MARK)
    text = text[:-1].removesuffix("\r") if text.endswith("\n") else text
    return from_text(text)


def to_bytes(secret: Secret) -> bytes:
    """Spell a secret so that `from_bytes` gives it back, and otherwise as it is.

    Other programs read these files too, so nothing is added but where it would be taken off.
    """
    text = secret.reveal()
    mark = _MARK if text.startswith(_MARK) else ""
    end = "\n" if text.endswith("\n") else ""
    return (mark + text + end).encode()


def from_text(text: str) -> Secret | Fault:
    """Take a text that is exactly the secret."""
    if not text.strip():
        return Fault("is empty", "Put the secret there.")
    if "\0" in text:
        return Fault("has a NUL character in it", "Save it as UTF-8 text.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        # Half a surrogate pair stands for a byte that was not text; it could not be sent.
        return Fault("is not text", "Save it as UTF-8 text.")
    return Secret(text) if size <= MOST else _TOO_LARGE


def fault_of(secret: Secret) -> Fault | None:
    """Why a secret could not be read again if it were kept; None where it could."""
    found = from_text(secret.reveal())
    return found if isinstance(found, Fault) else None


def settled(found: Secret | Fault, where: str, scheme: str) -> Secret:
    """Return the secret that was found.

    Raises:
        VaultError: none was; `where` begins the sentence.
    """
    if isinstance(found, Fault):
        raise VaultError(f"{where} {found.what}.", remedy=found.remedy, scheme=scheme)
    return found
