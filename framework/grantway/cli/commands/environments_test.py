"""`grantway environments test`: everything between here and an authority, one thing at a time."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.calls import complete_environment, test_timeout_option
from grantway.cli.command import Command, json_option
from grantway.cli.findings import as_facts, painted_summary, told
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grantway.checks.check import Check
    from grantway.environment import Environment


@click.command(
    "test",
    cls=Command,
    examples=(
        ("One of them", "grantway environments test Sandbox"),
        ("Until when its certificate is valid", "grantway environments test Sandbox --json"),
    ),
)
@click.argument("name", shell_complete=complete_environment)
@test_timeout_option
@json_option
@pass_session
@click.pass_context
def command(ctx: click.Context, session: Session, name: str, timeout: float, as_json: bool) -> None:
    """Test the way to an environment, and what answers there.

    Looks at the proxy, the roots, the name, the connection, TLS and the certificate (whom it is
    issued by, for which name, until when), this machine's clock by the authority's, the metadata,
    its issuer, its endpoints and its keys. It goes the way a request for a token goes, to hosts
    of the environment alone, and carries no secret. One line each, with what to do about it.

    Exit codes: 0 nothing has failed (there may be warnings); 3 the first failure is one of this
    machine's set-up; 6 no answer, or none to be trusted.
    """
    from grantway.checks.check import run
    from grantway.checks.environment import LOCAL
    from grantway.cli.examination import test_steps

    found = name

    def find() -> "Environment":
        nonlocal found
        environment = session.registry.environment(name)
        found = environment.name
        return environment

    with ExitStack() as stack:
        checks = told(run(test_steps(session, find, timeout, stack)), as_json=as_json)
    if as_json:
        output.write_json({"environment": found, **as_facts(checks)})
    else:
        output.write(painted_summary(checks))
    failed = _first_failure(checks)
    if failed:
        ctx.exit(3 if failed in LOCAL else 6)


def _first_failure(checks: "Sequence[Check]") -> str:
    return next((check.name for check in checks if check.outcome == "failed"), "")
