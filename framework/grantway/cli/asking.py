"""What a command says that needs a person to sign in, where nobody can be asked."""

from typing import TYPE_CHECKING

from grantway.cli.session import Session
from grantway.errors import InteractionRequired

if TYPE_CHECKING:
    from grantway.explain import Explanation
    from grantway.provider import CredentialProvider
    from grantway.registry import Registry


def signs_in(provider: "CredentialProvider", parameter_set: str) -> bool:
    """Whether a person signs in by a parameter set, and is renewed silently."""
    return provider.renew is not None and parameter_set in provider.interactive


def is_a_sign_in(registry: "Registry", found: "Explanation") -> bool:
    """Whether a call, as it is explained, is one that `grantway login` may be made ahead of."""
    return any(
        signs_in(each, found.parameter_set)
        for each in registry.providers
        if each.name == found.provider
    )


def nobody_is_there(
    error: InteractionRequired, session: Session, otherwise: str, *, ahead: str = ""
) -> InteractionRequired:
    """The error with a remedy in which nothing is that the command does not take.

    Args:
        error: as it was raised.
        session: of this run.
        otherwise: the remedy where it is only for want of a terminal.
        ahead: what there is to do beside leaving out `--no-input`.
    """
    from grantway.terminal import in_ci

    remedy = otherwise
    if session.no_input:
        remedy = f"Leave --no-input out{ahead}."
    elif in_ci(session.configuration.environ):
        remedy = (
            "Nobody is asked in continuous integration (the variable CI is set): get the token "
            "there as an application by itself, by `grantway token` with --credential and "
            "--tenant-id."
        )
    advice = getattr(error.__cause__, "advice", "")
    return InteractionRequired(
        error.message, remedy=f"{advice} {remedy}".strip(), claims=error.claims
    )
