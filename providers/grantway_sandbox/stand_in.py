"""Whoever stands in for a person in a demonstration: reads what is shown, and goes to the pages.

The pages are the sandbox's own, and are gone through as a browser would. Nothing is known that a
person would not see: the address that is opened, or the address and the code that are shown.
"""

import re
import threading
from typing import TYPE_CHECKING, Self

from grantway.errors import InteractionRequired

if TYPE_CHECKING:
    from grantway_sandbox.person import Person

# Where a sign-in shows an address or a code, it stands on a line of its own.
_ALONE = re.compile(r"^\s*(\S+)\s*$", re.MULTILINE)


class StandIn:
    """A `Prompter` with one of the sandbox's people behind it. Used as a context manager."""

    def __init__(self, person: "Person") -> None:
        self._person = person
        self._entering: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._entering is not None:
            self._entering.join()
        self._person.close()

    def ask(self, question: str, *, secret: bool = False) -> str:  # noqa: ARG002  # of the protocol
        """Refuse: nobody is here who could know."""
        raise InteractionRequired(f"Nobody is here to answer: {question}")

    def show(self, text: str) -> None:
        """Read it; where a device's code is shown, go and enter it."""
        alone = _ALONE.findall(text)
        if len(alone) == 2 and alone[0].startswith("http"):
            self._entering = threading.Thread(
                target=self._person.enter_code, args=alone, name="person", daemon=True
            )
            self._entering.start()

    def open(self, url: str) -> bool:
        """Sign in there."""
        return self._person.open(url)
