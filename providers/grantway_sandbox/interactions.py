"""What is on its way from one page to the next, in which browser it is, and that it ends once."""

from typing import Generic, Protocol, TypeVar

from grantway_sandbox.bounded import Bounded


class InBrowser(Protocol):
    """Something on its way, known by an id and by the browser that it belongs to."""

    @property
    def interaction_id(self) -> str:
        """Its id, which the addresses of its pages have in them."""
        ...

    @property
    def browser(self) -> str:
        """The browser in which it began."""
        ...


I = TypeVar("I", bound=InBrowser)  # noqa: E741  # stands for an interaction


class Interactions(Generic[I]):
    """The interactions of all browsers."""

    def __init__(self) -> None:
        self._interactions = Bounded[I](1000)

    def find(self, interaction_id: str, browser: str) -> I | None:
        """Return an interaction that began in this browser, or None."""
        found = self._interactions.get(interaction_id)
        return found if found is not None and found.browser == browser else None

    def keep(self, interaction: I) -> None:
        """Remember how far an interaction has come."""
        self._interactions.put(interaction.interaction_id, interaction)

    def end(self, interaction: I) -> bool:
        """Forget an interaction; False when that has been done: each ends once."""
        return self._interactions.pop(interaction.interaction_id) is not None
