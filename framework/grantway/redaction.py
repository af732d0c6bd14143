"""Masking: the last line that keeps secrets out of texts.

Secrets travel as `Secret` and mask themselves. But an authority may echo one in an error
description, and a library may log what it was handed; so every request has a `Redactor` that
knows the secrets it has met, and everything that leaves as text goes through it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

from grantway.secret import MASK, Secret

if TYPE_CHECKING:
    import logging

# Shorter texts than this are too common to be told from ordinary words.
_SHORTEST = 6
# Half a character is one too: nobody could write down a text with one in it.
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"


class Redactor:
    """Knows secrets and masks them in texts, as they are and as a URL, form or page spells them."""

    __slots__ = ("_known", "_spellings")

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._known: set[str] = set()
        # Of each once, when a text is first masked: most requests succeed and show none.
        self._spellings: dict[str, frozenset[str]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | str | None) -> None:
        """Learn one more secret."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if value and len(value) >= _SHORTEST:
            self._known.add(value)

    def text(self, text: str) -> str:
        """Return `text` with every known secret masked."""
        # tuple() takes them in one step: another thread may be adding one.
        spelled = frozenset[str]().union(*map(self._spelled, tuple(self._known)))
        for spelling in sorted(spelled, key=len, reverse=True):
            text = text.replace(spelling, MASK)
        return text

    def _spelled(self, value: str) -> frozenset[str]:
        known = self._spellings.get(value)
        if known is None:
            known = self._spellings[value] = frozenset(_spellings(value))
        return known

    def clean(self, text: str) -> str:
        """Return `text` masked, and with each run of control characters made one space."""
        # Masked twice: cleaning can take a secret apart, and can put one together.
        return self.text(re.sub(_CONTROL, " ", self.text(text))).strip()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Redactor cannot be pickled: it knows secrets")

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


def _spellings(value: str) -> Iterator[str]:
    """The ways in which others write a text: as it is, cleaned, and escaped in their formats."""
    import html
    import json
    from urllib.parse import quote, quote_plus

    cleaned = re.sub(_CONTROL, " ", value).strip()
    for each in {value, cleaned} if len(cleaned) >= _SHORTEST else {value}:
        # An authority may send what UTF-8 cannot hold.
        as_bytes = each.encode("utf-8", "surrogatepass")
        for escaped in (quote(as_bytes, safe=""), quote_plus(as_bytes)):
            yield escaped
            yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), escaped)
        page = html.escape(each)
        yield from (each, html.escape(each, quote=False), page, page.replace("&#x27;", "&#39;"))
        yield json.dumps(each)[1:-1]
