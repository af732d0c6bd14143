"""What Python tells of what a process does: addresses looked up, files opened, processes started.

It tells an audit hook, whoever does it and whatever comes of it. The hook stays for the life of the
process, for none can be taken away, and costs a look at an empty list while nobody listens.
"""

import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeAlias, cast

Listener: TypeAlias = Callable[[str, tuple[object, ...]], None]
"""Told the name and the arguments of an event; what it raises comes out where the event is."""


class _Hook:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.installed = False
        self.listeners: list[Listener] = []

    def install(self) -> None:
        with self.lock:
            if not self.installed:
                sys.addaudithook(self.told)
                self.installed = True

    def told(self, event: str, arguments: tuple[object, ...]) -> None:
        for listener in self.listeners:
            listener(event, arguments)


_hook = _Hook()


@contextmanager
def listening(listener: Listener) -> Generator[None, None, None]:
    """Have a listener told of all events of this process, of all its threads."""
    _hook.install()
    # A list of its own each time: an event in another thread may be going through the old one.
    _hook.listeners = [*_hook.listeners, listener]
    try:
        yield
    finally:
        _hook.listeners = [each for each in _hook.listeners if each is not listener]


def text_of(argument: object) -> str:
    """An argument of an event as text: a path and what is in a command line may be of any kind."""
    match argument:
        case str() | bytes():
            return os.fsdecode(argument)
        case os.PathLike():
            return os.fsdecode(cast("os.PathLike[str]", argument))
        case list() | tuple():
            return " ".join(text_of(each) for each in cast("Iterable[object]", argument))
        case _:
            return repr(argument)
