"""Interactions: errands on their way from one page to the next."""

from attrs import frozen

from grantway_sandbox.bounded import Bounded
from grantway_sandbox.errand import Errand
from grantway_sandbox.sessions import SignIn


@frozen
class Interaction:
    """An errand on its way. `sign_in` is as far as the person has come, which may be half way.

    It belongs to one browser. `choosing` means that an account has to be picked, `agreed` that
    consent was given in it.
    """

    interaction_id: str
    browser: str
    errand: Errand
    sign_in: SignIn | None = None
    choosing: bool = False
    agreed: bool = False


class Interactions:
    """The interactions of all browsers."""

    def __init__(self) -> None:
        self._interactions = Bounded[Interaction](1000)

    def find(self, interaction_id: str, browser: str) -> Interaction | None:
        """Return an interaction that began in this browser, or None."""
        found = self._interactions.get(interaction_id)
        return found if found is not None and found.browser == browser else None

    def keep(self, interaction: Interaction) -> None:
        """Remember how far an interaction has come."""
        self._interactions.put(interaction.interaction_id, interaction)

    def end(self, interaction: Interaction) -> bool:
        """Forget an interaction; False when that has been done: each ends once."""
        return self._interactions.pop(interaction.interaction_id) is not None
