"""`grantway explain`: what a call would do, and why, without doing it."""

from typing import TYPE_CHECKING, cast

import click

from grantway.cli import output
from grantway.cli.calls import call_options, check_names
from grantway.cli.failures import option
from grantway.cli.options import ParameterCommand, given
from grantway.cli.session import Session
from grantway.parameters import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from grantway.authority import PlannedRequest
    from grantway.environment import Environment
    from grantway.explain import Explanation


@click.command(
    "explain",
    cls=ParameterCommand,
    examples=(
        (
            "What would be sent, and to whom",
            (
                "grantway explain --tenant-id contoso.example \\\n"
                "    --credential 11111111-2222-3333-4444-555555555555=env:APP_SECRET"
            ),
        ),
        ("What a profile completes", "grantway explain --profile work"),
        (
            "What an authority's error number means, and what to do",
            "grantway explain --error 50076 --environment Sandbox",
        ),
        ("Why nothing matches", "grantway explain --tenant-id contoso.example"),
    ),
)
@call_options
@click.option(
    "--error",
    metavar="CODE",
    help="Tell what is known of an authority's own error number instead, of --environment.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON; errors in JSON too.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    provider: str | None,
    parameter_set: str | None,
    profile: str | None,
    error: str | None,
    as_json: bool,
    **_: object,
) -> None:
    """Show what a call would do, and why, without doing it.

    Takes the parameters of `grantway token`, and shows what is selected and why, where each
    value comes from, and the requests that would be sent, every secret masked. Nothing is
    opened: no secret, no socket. Exits with 2 where nothing matches.

    With --error it tells what to do about a number that an authority has given for a refusal.
    """
    session = Session.of(context)
    parameters = given(context, session.registry)
    check_names(session.registry, provider, parameter_set)
    if error is not None and (provider or parameters.keys() - {ENVIRONMENT.name}):
        raise click.UsageError("--error goes with --environment and --profile alone.", context)
    with session.dispatcher(profile, cached=False) as dispatcher:
        names = frozenset(parameters)
        ask = cast("Callable[..., Explanation]", dispatcher.explain)
        explanation = ask(provider=provider, parameter_set=parameter_set, **parameters)
    if error is not None:
        _advise(error, session.registry.environment(explanation.environment), as_json=as_json)
        return
    if as_json:
        output.write_json(explanation.as_dict())
    else:
        output.write("\n\n".join(sections(explanation, names)))
    if explanation.problem is not None:
        if not as_json:
            output.write("")
        raise explanation.problem


def _advise(error: str, environment: "Environment", *, as_json: bool) -> None:
    """Tell what to do about an authority's error number.

    Raises:
        InvalidParameter: nothing is known of it.
    """
    from grantway.cli.advice import advice_on

    facts = advice_on(error, environment)
    if as_json:
        output.write_json(facts)
    else:
        output.write(output.printable(str(facts["advice"])))


def sections(explanation: "Explanation", given_here: "Collection[str]") -> "Iterator[str]":
    """An explanation, section by section, for a person."""
    yield _summary(explanation)
    if explanation.values:
        yield _section("Values", _values(explanation, given_here))
    if explanation.requests:
        requests = "\n".join(
            _request(number, each) for number, each in enumerate(explanation.requests, start=1)
        )
        yield _section("Requests", requests)
    others = [
        (each.label, _lack(each.missing, each.unexpected))
        for each in explanation.considered
        if each.label not in _chosen(explanation)
    ]
    if others:
        yield _section("Parameter sets not chosen", output.pairs(others, indent=2))
    if explanation.warnings:
        warnings = "\n".join(f"  {output.printable(each)}" for each in explanation.warnings)
        yield _section("Warnings", warnings)


def _summary(explanation: "Explanation") -> str:
    chosen = _chosen(explanation)
    rows = [("Environment", explanation.environment)]
    rows.append(
        ("Chosen", output.paint(output.printable(chosen[0]), "green") if chosen else "nothing")
    )
    if explanation.because:
        rows.append(("Because", output.printable(explanation.because)))
    return output.pairs((output.heading(name), value) for name, value in rows)


def _chosen(explanation: "Explanation") -> tuple[str, ...]:
    provider, name = explanation.provider, explanation.parameter_set
    if not provider:
        return ()
    return (provider,) if provider == name else (f"{provider}/{name}",)


def _values(explanation: "Explanation", given_here: "Collection[str]") -> str:
    rows = [
        (
            f"  {name}",
            output.printable(value),
            output.paint(
                "given" if name in given_here else explanation.origins.get(name, "default"), "dim"
            ),
        )
        for name, value in explanation.values.items()
    ]
    return output.columns(rows)


def _request(number: int, request: "PlannedRequest") -> str:
    lines = [f"  {number} {request.endpoint}: {request.method} {request.url}"]
    lines += [f"      {name}: {value}" for name, value in request.headers.items()]
    lines += [f"      {name}={value}" for name, value in request.fields]
    return "\n".join(output.printable(line) for line in lines)


def _lack(missing: tuple[str, ...], unexpected: tuple[str, ...]) -> str:
    needs = f"needs {', '.join(option(name) for name in missing)}" if missing else ""
    refuses = (
        f"does not take {', '.join(option(name) for name in unexpected)}" if unexpected else ""
    )
    return "; ".join(filter(None, (needs, refuses))) or "matches too"


def _section(title: str, body: str) -> str:
    return f"{output.heading(title)}\n{body}"
