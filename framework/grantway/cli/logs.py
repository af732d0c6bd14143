"""What is said on standard error while a command works: warnings, `-v`, `-vv`.

    -v     INFO of the framework's own loggers: what was selected and why, which requests
    -vv    their DEBUG too, with the name of the logger

One handler serves the loggers of the framework and, from WARNING on, those of all libraries. It
masks what looks like a token or a secret of the protocols (RFC 6749 and its kin) in whatever
they say: the last line, behind `Secret`, which masks itself, and behind each request's
`Redactor`, which knows the secrets of its request. Libraries are never asked for their DEBUG:
some of them log whole requests.

While the answer is to be JSON, warnings are held back: a failure carries them inside its one
object, a success shows them at its end.
"""

import logging
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from grantway.cli import output
from grantway.cli.session import Session

_MASK = "***"
_KEYS = (
    "client_secret|client_assertion|assertion|access_token|refresh_token|id_token|device_code|"
    "code_verifier|subject_token|actor_token|password"
)
_PATTERNS = (
    # A compact JWS or JWE.
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}"), _MASK),
    # An Authorization header.
    (re.compile(r"\b(Bearer|Basic|PoP|DPoP)(\s+)[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1\2{_MASK}"),
    # A form or query, a Python or JSON object.
    (re.compile(rf"\b((?:{_KEYS}|code)=)[^\s&'\"]+"), rf"\1{_MASK}"),
    (re.compile(rf"((['\"])(?:{_KEYS}|code)\2\s*:\s*b?(['\"])).*?\3"), rf"\1{_MASK}\3"),
)
_LEVELS = {logging.WARNING: "yellow", logging.INFO: "dim", logging.DEBUG: "dim"}


def masked(text: str) -> str:
    """`text` with what looks like a token or a secret replaced by a mask."""
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def masked_values(value: object, name: str = "") -> object:
    """JSON-ready facts with each text in them masked; `name` is that of the member it is in."""
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value).items()
        return {masked(str(key)): masked_values(each, str(key)) for key, each in members}
    if isinstance(value, list | tuple):
        return [masked_values(each, name) for each in cast("Sequence[object]", value)]
    if isinstance(value, str):
        return _MASK if value and re.fullmatch(f"{_KEYS}|code", name) else masked(value)
    return value


class Handler(logging.Handler):
    """Writes records to standard error as it is when they come, masked."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; held back when it is a warning of a run that answers in JSON."""
        self._session.told = True
        try:
            text = output.printable(masked(self.format(record)))
            if record.levelno >= logging.WARNING and self._session.as_json:
                self._session.warnings.append(text)
            else:
                self._say(record, text)
        except Exception:  # noqa: BLE001  # what is told on the side never breaks the answer
            self.handleError(record)

    def _say(self, record: logging.LogRecord, text: str) -> None:
        if self._session.verbosity > 1:
            text = f"{record.name}: {text}"
        style = _LEVELS.get(record.levelno, "red")
        word = output.paint(f"{record.levelname.capitalize()}:", style, sys.stderr)
        self._session.clear_line()
        output.note(f"{word} {text}")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Stay silent: the traceback that logging prints by itself shows arguments."""


@contextmanager
def installed(session: Session) -> Generator[None]:
    """Have the handler in place for the length of a run."""
    root, own = logging.getLogger(), logging.getLogger("grantway")
    handler = Handler(session)
    before = root.level, own.level
    own.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(session.verbosity, 2)])
    root.setLevel(logging.WARNING)
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    try:
        yield
        for warning in session.warnings:
            output.note(f"Warning: {warning}")
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        root.setLevel(before[0])
        own.setLevel(before[1])
