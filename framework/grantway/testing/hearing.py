"""All that a process says while something runs: logs, standard output and error, warnings."""

import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import TextIO

from grantway.testing.leaks import assert_unseen


class Heard:
    """What was said, as texts.

    Attributes:
        logged: each record that a handler of anybody could have been given, with all it holds.
        printed: what came out at standard output, by Python or by its file descriptor.
        complained: likewise at standard error.
        warned: each warning.
    """

    def __init__(self) -> None:
        self.logged: list[str] = []
        self.printed: list[str] = []
        self.complained: list[str] = []
        self.warned: list[str] = []

    def assert_unseen(self, secrets: Iterable[str]) -> None:
        """Assert that no secret is in any of it.

        Raises:
            AssertionError: there is one.
        """
        known = tuple(secrets)
        assert_unseen(known, "The log", *self.logged)
        assert_unseen(known, "Standard output", *self.printed)
        assert_unseen(known, "Standard error", *self.complained)
        assert_unseen(known, "A warning", *self.warned)


@contextmanager
def hearing() -> Generator[Heard, None, None]:
    """Hear all that is said by anybody; what `Heard` has is whole when this has ended.

    Nothing of it is heard elsewhere, save what is logged.
    """
    heard = Heard()
    with (
        _logged(heard.logged),
        _warned(heard.warned),
        _written("stdout", 1, heard.printed),
        _written("stderr", 2, heard.complained),
    ):
        yield heard


@contextmanager
def _logged(found: list[str]) -> Generator[None, None, None]:
    """Keep all that is logged, at whatever level.

    Taken where a logger hands a record to handlers: what its filters have dropped nobody sees, and
    one that does not propagate hands on all the same.
    """
    hand_on = logging.Logger.callHandlers

    def keep(self: logging.Logger, record: logging.LogRecord) -> None:
        found.append(f"{record.getMessage()} {vars(record)}")
        hand_on(self, record)

    known = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    before = [(each, each.level) for each in known if isinstance(each, logging.Logger)]
    for logger, _ in before:
        logger.setLevel(1)
    logging.Logger.callHandlers = keep  # type: ignore[method-assign]
    try:
        yield
    finally:
        logging.Logger.callHandlers = hand_on  # type: ignore[method-assign]
        for logger, level in before:
            logger.setLevel(level)


@contextmanager
def _warned(found: list[str]) -> Generator[None, None, None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            found.extend(repr(each.message) for each in caught)


@contextmanager
def _written(name: str, number: int, found: list[str]) -> Generator[None, None, None]:
    """Keep what is written to a standard stream, by the name in `sys` or by the file descriptor."""
    before = getattr(sys, name)
    kept = io.BytesIO()
    # It is never closed: a handler that was made meanwhile writes to it for as long as it lives.
    taken = io.TextIOWrapper(kept, "utf-8", "backslashreplace", write_through=True)
    with tempfile.TemporaryFile() as file:
        _flush(before, getattr(sys, f"__{name}__"))
        setattr(sys, name, taken)
        try:
            with _redirected(number, file.fileno()):
                try:
                    yield
                finally:
                    _flush(before, getattr(sys, f"__{name}__"))
        finally:
            setattr(sys, name, before)
            file.seek(0)
            texts = (kept.getvalue(), file.read())
            found.extend(each.decode("utf-8", "backslashreplace") for each in texts if each)


@contextmanager
def _redirected(number: int, to: int) -> Generator[None, None, None]:
    try:
        saved = os.dup(number)
    except OSError:
        # It is closed, as in a program without a console: nobody writes there.
        yield
        return
    os.dup2(to, number)
    try:
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


def _flush(*streams: TextIO | None) -> None:
    for each in streams:
        if each is not None:
            with suppress(OSError, ValueError):
                each.flush()
