"""An interaction: an errand on its way from one page to the next."""

from attrs import frozen

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
