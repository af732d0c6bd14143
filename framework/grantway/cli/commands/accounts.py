"""`grantway accounts`: who has signed in."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from grantway.cli import output
from grantway.cli.calls import complete_environment
from grantway.cli.command import Command, json_option
from grantway.cli.session import Session, pass_session
from grantway.cli.unreadable import warn_of_another_key

if TYPE_CHECKING:
    from grantway.accounts import Account

F = TypeVar("F", bound=Callable[..., object])


def narrowing_options(function: F) -> F:
    """The options `--environment` and `--application-id`, which narrow accounts down."""
    for decorate in (
        click.option("--application-id", metavar="TEXT", help="Only of this application."),
        click.option(
            "--environment",
            metavar="NAME",
            shell_complete=complete_environment,
            help="Only of this environment.",
        ),
    ):
        function = decorate(function)
    return function


@click.command(
    "accounts",
    cls=Command,
    examples=(
        ("All of them", "grantway accounts"),
        ("For a program", "grantway accounts --environment Sandbox --json"),
    ),
)
@narrowing_options
@json_option
@pass_session
def command(
    session: Session, environment: str | None, application_id: str | None, as_json: bool
) -> None:
    """List who has signed in.

    These are served without being asked again. An account is a person at an authority, with an
    application: one who has signed in to two applications is there twice.
    """
    warn_of_another_key(session)
    with session.dispatcher() as dispatcher:
        found = dispatcher.accounts(environment, application_id)
    if as_json:
        output.write_json([each.as_dict() for each in found])
    elif found:
        output.write(table(found))
    else:
        output.write(nobody(environment, application_id))


def nobody(environment: str | None, application_id: str | None) -> str:
    """That nobody is signed in, or nobody there."""
    # What was given is not repeated: it may be a secret in the wrong place.
    where = " at that environment" if environment is not None else ""
    what = " with that application" if application_id is not None else ""
    return f"Nobody is signed in{where}{what}."


def table(found: "tuple[Account, ...]") -> str:
    """Accounts as a table."""
    return output.table(
        ("USER", "TENANT", "ENVIRONMENT", "APPLICATION"),
        (
            [
                output.printable(cell or "-")
                for cell in (each.name, each.tenant_id, each.environment, each.application_id)
            ]
            for each in found
        ),
    )
