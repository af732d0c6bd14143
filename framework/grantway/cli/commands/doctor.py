"""`grantway doctor`: what is wrong here, all of it, and what to do about it."""

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.calls import complete_environment, profile_option, test_timeout_option
from grantway.cli.command import Command, json_option
from grantway.cli.findings import as_facts, count, painted_summary, told
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grantway.checks.check import Check


@click.command(
    "doctor",
    cls=Command,
    examples=(
        ("Something does not work", "grantway doctor"),
        ("With the environment of a profile", "grantway doctor --profile work"),
        ("To attach to a question", "grantway doctor --json > doctor.json"),
    ),
)
@click.option(
    "--environment",
    "named",
    metavar="NAME",
    shell_complete=complete_environment,
    help="The environment to test. [default: the one of a call that names none]",
)
@profile_option
@test_timeout_option
@json_option
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    session: Session,
    named: str | None,
    profile: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Look for what is wrong, and say what to do about it.

    Looks at versions, environment variables, the configuration, the plugins, the token cache and
    the keyring, and tests the environment that is in use (see `grantway environments test`): the
    way there, this machine's clock, what answers. It works with a broken configuration and with
    every plugin broken. No secret is opened or shown; a token cache is written to and tidied up.

    Exit codes: 0 no fault was found (there may be warnings); 1 faults were found.
    """
    from grantway.checks.check import Step, run
    from grantway.cli.examination import in_use, is_readable, steps, test_steps
    from grantway.errors import ConfigurationError

    def all_of_it() -> "Iterator[Check]":
        yield from run(steps(session))
        if named is None and not is_readable(session):
            yield from run((Step(("environment",), _left_out),))
        else:
            yield from run(
                test_steps(session, lambda: in_use(session, named, profile), timeout, stack)
            )

    if named is not None:
        # A name that is wrong in the call is told as in any other call; what is wrong with what
        # it stands for is a finding.
        with suppress(ConfigurationError):
            in_use(session, named, profile)
    with ExitStack() as stack:
        checks = told(all_of_it(), as_json=as_json)
    if as_json:
        output.write_json(as_facts(checks))
    else:
        output.write(f"\n{painted_summary(checks)}")
    if count(checks, "failed"):
        ctx.exit(1)


def _left_out() -> "Iterator[Check]":
    from grantway.checks.check import Check

    yield Check("environment", "skipped", "configuration has to be right first")
