"""`grantway providers`: the ways to get a credential that are installed."""

from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.command import Command, Group, json_option
from grantway.cli.options import completions
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from grantway.candidate import Candidate
    from grantway.parameters import Parameter
    from grantway.provider import CredentialProvider
    from grantway.registry import Registry


@click.group(
    "providers",
    cls=Group,
    bare="list",
    examples=(
        ("All of them", "grantway providers"),
        ("The parameters of one", "grantway providers show ServicePrincipal"),
        ("Its parameter sets as JSON schemas", "grantway providers show ServicePrincipal --json"),
    ),
)
def command() -> None:
    """List the credential providers, or show one with its parameters.

    A credential provider is one way to get a token. Which of them serves a call is selected by
    the parameters given. Without a command, they are listed.
    """


@command.command(
    "list", cls=Command, examples=(("Names and sets", "grantway providers list --json"),)
)
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the credential providers.

    Each with its parameter sets and the plugin it comes from. Those of plugins that were set
    aside are not there: see `grantway plugins`.
    """
    registry = session.registry
    facts = [
        {
            "name": each.name,
            "summary": each.summary,
            "plugin": _plugin_of(registry, each),
            "parameter_sets": [one.name for one in each.parameter_sets],
        }
        for each in registry.providers
    ]
    if as_json:
        output.write_json(facts)
        return
    output.write(
        output.table(
            ("NAME", "PARAMETER SETS", "PLUGIN", "SUMMARY"),
            (
                (
                    output.printable(each.name),
                    output.printable(", ".join(one.name for one in each.parameter_sets)),
                    output.printable(_plugin_of(registry, each)),
                    output.printable(each.summary),
                )
                for each in registry.providers
            ),
        )
    )


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    return completions([each.name for each in Session.of(ctx).known.providers], incomplete)


@command.command(
    "show", cls=Command, examples=(("One of them", "grantway providers show RefreshToken"),)
)
@click.argument("name", shell_complete=_complete)
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one credential provider: the syntax of its parameter sets, and its parameters.

    In JSON, each parameter set comes with its schema (JSON Schema 2020-12).
    """
    from grantway.cli.calls import check_names
    from grantway.parameters import schema

    registry = session.registry
    check_names(registry, name)
    candidates = registry.provider_candidates(name)
    provider = candidates[0].provider
    if as_json:
        output.write_json(
            {
                "name": provider.name,
                "summary": provider.summary,
                "plugin": _plugin_of(registry, provider),
                "parameter_sets": [
                    {
                        "name": each.parameter_set.name,
                        "summary": each.parameter_set.summary,
                        "default": each.parameter_set.default,
                        "selectable": each in registry.candidates,
                        "schema": schema(each.parameter_set),
                    }
                    for each in candidates
                ],
            }
        )
        return
    output.write("\n\n".join(_sections(registry, provider, candidates)))


def _sections(
    registry: "Registry", provider: "CredentialProvider", candidates: "tuple[Candidate, ...]"
) -> list[str]:
    from grantway.cli.syntax import blocks
    from grantway.parameters import COMMON

    rows = [
        ("Provider", provider.name),
        ("Summary", provider.summary),
        ("Plugin", _plugin_of(registry, provider)),
        ("Interactive", ", ".join(provider.interactive)),
    ]
    sections = [
        output.pairs((output.heading(name), output.printable(text)) for name, text in rows if text)
    ]
    syntax = [
        "\n".join([f"  {output.printable(title)}", *(f"    {output.printable(line)}"
                                                     for line in lines)])
        for title, lines in blocks(candidates, registry.candidates)
    ]  # fmt: skip
    sections.append("\n".join([output.heading("Syntax"), *syntax]))
    own = {each.name: each for one in provider.parameter_sets for each in one.own}
    for heading, parameters in (("Parameters", own.values()), ("COMMON", COMMON)):
        if parameters:
            rows_ = [_row(provider, each) for each in parameters]
            table = output.table(
                ("PARAMETER", "TYPE", "REQUIRED BY", "VARIABLE", "ALIASES", "HELP"), rows_
            )
            sections.append(f"{output.heading(heading)}\n{table}")
    return sections


def _row(provider: "CredentialProvider", parameter: "Parameter[object]") -> tuple[str, ...]:
    from grantway.cli.syntax import metavar

    required: list[str] = []
    for each in provider.parameter_sets:
        if parameter.name in {one.name for one in each.required}:
            required.append(each.name)
        elif parameter.name in {one.name for one in each.at_least_one}:
            required.append(f"{each.name} (one of)")
    cells = (
        parameter.option,
        metavar(parameter) or "flag",
        ", ".join(required) or "-",
        parameter.env or "-",
        ", ".join("--" + each.replace("_", "-") for each in parameter.aliases) or "-",
        parameter.help,
    )
    return tuple(output.printable(cell) for cell in cells)


def _plugin_of(registry: "Registry", provider: "CredentialProvider") -> str:
    return next((each.name for each in registry.plugins if provider in each.providers), "")
