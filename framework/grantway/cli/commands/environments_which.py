"""`grantway environments which`: the cloud that a tenant is in."""

from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.calls import complete_environment
from grantway.cli.command import Command, json_option
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grantway.environment import Environment
    from grantway.tenants import Finding

_REFUSED, _NO_ANSWER = 5, 6
_COLOURS = {"here": "green", "elsewhere": "yellow", "unknown": "dim", "failed": "red"}


@click.command(
    "which",
    cls=Command,
    examples=(
        ("Over all clouds", "grantway environments which contoso.example"),
        (
            "Of two that are named",
            "grantway environments which contoso.example -e Hill -e Dale",
        ),
    ),
)
@click.argument("tenant")
@click.option(
    "-e", "--environment", "names", multiple=True, metavar="NAME",
    shell_complete=complete_environment,
    help="Only ask this one. Can be repeated. [default: all that are open and have tenants]",
)  # fmt: skip
@click.option(
    "--timeout", type=float, default=10.0, metavar="SECONDS", show_default=True,
    help="Seconds within which each has to answer.",
)  # fmt: skip
@json_option
@pass_session
def command(
    session: Session, tenant: str, names: tuple[str, ...], timeout: float, as_json: bool
) -> None:
    """Find the cloud that a tenant is in, and the tenant's id.

    TENANT is a domain or a GUID. Each cloud is asked for the tenant's public metadata, at its own
    host and without a secret; so each learns that somebody asks for it.

    Exit codes: 0 found; 5 no cloud has it; 6 no cloud is known to have it, and one did not answer.
    """
    from grantway.tenants import which

    environments = _asked(session, names)
    transport, close = session.network()
    try:
        found = which(tenant, environments, transport, session.clock, timeout=timeout)
    finally:
        close()
    if as_json:
        output.write_json([each.as_dict() for each in found])
    else:
        output.write(
            output.table(
                ("ENVIRONMENT", "TENANT", "TENANT ID", "REGION", "NOTES"), map(_row, found)
            )
        )
    states = {each.state for each in found}
    if "here" not in states:
        raise click.exceptions.Exit(_NO_ANSWER if "failed" in states else _REFUSED)


def _asked(session: Session, names: "Sequence[str]") -> "list[Environment]":
    """Those named; else all that are open and have tenants.

    Raises:
        UnknownEnvironment: there is none of a name.
        InvalidParameter: there is nobody to ask.
    """
    from grantway.errors import InvalidParameter
    from grantway.tenants import has_tenants

    registry = session.registry
    if names:
        return list(dict.fromkeys(registry.environment(name) for name in names))
    found = [
        each
        for each in registry.environments
        if has_tenants(each) and not (each.closed or each.unavailable)
    ]
    if not found:
        raise InvalidParameter(
            "environment: no installed environment has tenants.", parameter="environment"
        )
    return found


def _row(finding: "Finding") -> tuple[str, ...]:
    region = "/".join(each for each in (finding.region, finding.sub_region) if each)
    notes = ""
    if finding.state == "elsewhere":
        notes = f"says: {finding.cloud or finding.issuer}"
    elif finding.state == "failed" and finding.error is not None:
        notes = finding.error.message
    return (
        output.printable(finding.environment.name),
        output.paint(finding.state, _COLOURS[finding.state]),
        output.printable(finding.tenant_id or "-"),
        output.printable(region or "-"),
        output.printable(notes),
    )
