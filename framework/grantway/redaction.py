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
        self._known: dict[str, None] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | str | None) -> None:
        """Learn one more secret."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if value and len(value) >= _SHORTEST:
            from urllib.parse import quote, quote_plus

            # An authority may send what UTF-8 cannot hold.
            as_bytes = value.encode("utf-8", "surrogatepass")
            for spelling in (value, quote(as_bytes, safe=""), quote_plus(as_bytes)):
                self._known[spelling] = None

    def text(self, text: str) -> str:
        """Return `text` with every known secret masked."""
        # list() first, in one step: another thread may be adding one.
        for secret in sorted(list(self._known), key=len, reverse=True):  # noqa: C414
            text = text.replace(secret, MASK)
        return text

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._known)} spellings>"

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
