"""Masking: the last line that keeps secrets out of texts.

Secrets travel as `Secret` and mask themselves. But an authority may echo one in an error
description, and a library may log what it was handed; so every request has a `Redactor` that
knows the secrets it has met, and everything that leaves as text goes through it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grantway.secret import MASK, Secret

if TYPE_CHECKING:
    import logging

# Shorter texts than this are too common to be told from ordinary words.
_SHORTEST = 6


class Redactor:
    """Knows secrets and masks them in texts, as they are and as a URL or form spells them."""

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._known: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | str | None) -> None:
        """Learn one more secret."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if value and len(value) >= _SHORTEST:
            self._known.add(value)

    def text(self, text: str) -> str:
        """Return `text` with every known secret masked."""
        from urllib.parse import quote, quote_plus

        spelled: set[str] = set()
        # tuple() takes them in one step: another thread may be adding one.
        for value in tuple(self._known):
            # An authority may send what UTF-8 cannot hold.
            as_bytes = value.encode("utf-8", "surrogatepass")
            spelled |= {value, quote(as_bytes, safe=""), quote_plus(as_bytes)}
        for spelling in sorted(spelled, key=len, reverse=True):
            text = text.replace(spelling, MASK)
        return text

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._known)} secrets>"

    def logger(self, name: str) -> "logging.LoggerAdapter[logging.Logger]":
        """A logger of that name whose messages pass through `text`, arguments and all."""
        import logging

        redact = self.text

        class Masking(logging.LoggerAdapter[logging.Logger]):
            def log(self, level: int, msg: object, *args: object, **_: object) -> None:
                # Formatted here, for a secret may be in an argument. Tracebacks are left out:
                # they would show what only the Redactor knows to be secret.
                if self.isEnabledFor(level):
                    text = str(msg) % args if args else str(msg)
                    self.logger.log(level, "%s", redact(text), stacklevel=3)

        return Masking(logging.getLogger(name), {})
