"""A local authority for trying things out, shaped like Microsoft Entra.

    server.py, web.py ...  the authority itself: `with Sandbox() as sandbox`
    sign_in.py, steps.py   people: from an authorization request through the pages to a code
    device_routes.py       the same for a device that waits
    person.py              somebody who fills in these pages, for tests and demonstrations
    machine.py             a machine with an identity: tokens for code on it, without a secret
    misbehaviour.py        answers that no client should believe, on demand
    environment.py         the environment `Sandbox`, which finds it
    extra.py               what is said where that extra is not installed
    state.py               what a running sandbox leaves for other processes to find
    commands.py            the commands `grantway sandbox run` and `grantway sandbox demo`
    running.py             the first: run until stopped
    demo_run.py            the second: what it does
    demo_text.py           and how it is told
    paper.py               text for a terminal of any width

The authority needs the extra `grantway[sandbox]`. The environment and the commands do not, and
importing this package imports next to nothing: `Sandbox` is loaded when it is first used.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grantway import Environment, hookimpl

if TYPE_CHECKING:
    import click

    from grantway_sandbox.server import Sandbox as Sandbox

__all__ = ["Sandbox", "grantway_commands", "grantway_environments"]


@hookimpl
def grantway_environments() -> Iterable[Environment]:
    """Return the environment `Sandbox`."""
    from grantway_sandbox.environment import sandbox_environment

    return (sandbox_environment(),)


@hookimpl
def grantway_commands() -> "Iterable[click.Command]":
    """Return the command `sandbox`."""
    from grantway_sandbox.commands import sandbox

    return (sandbox,)


def __getattr__(name: str) -> object:
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grantway.errors import ConfigurationError
    from grantway_sandbox.extra import sandbox_class

    try:
        return sandbox_class()
    except ConfigurationError as error:
        raise ImportError(str(error)) from None
