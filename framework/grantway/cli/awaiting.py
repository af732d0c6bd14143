"""Something done when a module is first imported, whoever imports it.

Hardly any call logs anything, and `logging` takes longer to import than a short call has work to
do. So what belongs to it is put in place the moment somebody has imported it, and before they can
use it.
"""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class _Awaited:
    """A finder of one module, which it leaves to the usual one; then it is done."""

    def __init__(self, name: str, then: Callable[[], object]) -> None:
        self._name = name
        self._then = then

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002  # as importlib calls it
    ) -> ModuleSpec | None:
        """The module's spec, with what follows its execution; None for any other module."""
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_first(module: ModuleType) -> None:
                execute(module)
                self._then()

            spec.loader.exec_module = execute_first  # type: ignore[method-assign]  # of this one
        return spec


@contextmanager
def when_imported(name: str, then: Callable[[], object]) -> Generator[None]:
    """Have `then` called once the module is there; at once if it is there already."""
    if name in sys.modules:
        then()
        yield
        return
    awaited = _Awaited(name, then)
    sys.meta_path.insert(0, awaited)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.meta_path.remove(awaited)
