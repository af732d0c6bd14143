"""`prompt:TEXT`: a secret that a person types, asked for with TEXT. Read only.

The answer is not echoed. It is asked for at each use: whoever wants to be asked once keeps what
comes of it, or uses `-`.
"""

from typing import TYPE_CHECKING

from grantway import Secret
from grantway.errors import InteractionRequired
from grantway_vaults.contents import from_text, settled

if TYPE_CHECKING:
    from grantway import Context

SCHEME = "prompt"


def get(name: str, context: "Context") -> Secret:
    """Ask.

    Raises:
        InteractionRequired: nobody can be asked here.
        VaultError: the answer is empty.
    """
    return settled(from_text(ask(name, context)), "The answer", SCHEME)


def ask(question: str, context: "Context") -> str:
    """Ask a person for a secret, without echo.

    Raises:
        InteractionRequired: nobody can be asked here.
    """
    if context.prompter is None:
        raise InteractionRequired(
            "A secret has to be typed, and nobody can be asked here.",
            remedy="Run it at a terminal, or give another reference: env:NAME, file:PATH or "
            "keyring:SERVICE/NAME.",
        )
    return context.prompter.ask(question, secret=True)
