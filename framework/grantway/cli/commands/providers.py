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
            "plugin": registry.plugin_of(each).name,
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
                    output.printable(registry.plugin_of(each).name),
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

    Each set comes with a line that it takes. In JSON, it comes with its schema (JSON Schema
    2020-12) too.
    """
    from grantway.cli.calls import check_names

    registry = session.registry
    check_names(registry, name)
    candidates = registry.provider_candidates(name)
    provider = candidates[0].provider
    if as_json:
        output.write_json(_facts(registry, provider, candidates))
        return
    output.write("\n\n".join(_sections(registry, provider, candidates)))


def _facts(
    registry: "Registry", provider: "CredentialProvider", candidates: "tuple[Candidate, ...]"
) -> dict[str, object]:
    from grantway.cli import reference
    from grantway.parameters import COMMON, schema

    return {
        "name": provider.name,
        "summary": provider.summary,
        "plugin": registry.plugin_of(provider).name,
        "interactive": [*provider.interactive],
        "parameter_sets": [
            {
                "name": each.parameter_set.name,
                "summary": each.parameter_set.summary,
                "default": each.parameter_set.default,
                "selectable": each in registry.candidates,
                "syntax": " ".join(reference.syntax(each, registry.candidates)[1]),
                "example": reference.example(each, registry.candidates),
                "schema": schema(each.parameter_set),
            }
            for each in candidates
        ],
        "parameters": [
            reference.facts(provider, each) for each in (*reference.parameters(provider), *COMMON)
        ],
    }


def _sections(
    registry: "Registry", provider: "CredentialProvider", candidates: "tuple[Candidate, ...]"
) -> list[str]:
    from grantway.cli import reference
    from grantway.parameters import COMMON

    rows = [
        ("Provider", provider.name),
        ("Summary", provider.summary),
        ("Plugin", registry.plugin_of(provider).name),
        ("Interactive", ", ".join(provider.interactive)),
    ]
    sections = [
        output.pairs((output.heading(name), output.printable(text)) for name, text in rows if text)
    ]
    syntax = [reference.syntax(each, registry.candidates) for each in candidates]
    examples = [(each.label, [reference.example(each, registry.candidates)]) for each in candidates]
    for heading, blocks in (("Syntax", syntax), ("Examples", examples)):
        lines = [
            "\n".join((f"  {title}", *(f"    {line}" for line in below))) for title, below in blocks
        ]
        sections.append("\n".join((output.heading(heading), *map(output.printable_lines, lines))))
    for heading, parameters in (
        ("Parameters", reference.parameters(provider)),
        ("<CommonParameters>", COMMON),
    ):
        if parameters:
            table = output.table(
                ("PARAMETER", "TYPE", "REQUIRED BY", "SECRET", "FROM", "ALIASES", "NOT WITH",
                 "HELP"),
                (_row(provider, each) for each in parameters),
            )  # fmt: skip
            sections.append(f"{output.heading(heading)}\n{table}")
    return sections


def _row(provider: "CredentialProvider", parameter: "Parameter[object]") -> tuple[str, ...]:
    from grantway.cli import reference
    from grantway.cli.syntax import metavar

    def options(names: tuple[str, ...]) -> str:
        return ", ".join("--" + each.replace("_", "-") for each in names) or "-"

    cells = (
        parameter.option,
        metavar(parameter) or "flag",
        ", ".join(reference.required_by(provider, parameter)) or "-",
        "yes" if parameter.secret else "-",
        ", ".join(reference.sources(parameter)),
        options(parameter.aliases),
        options(parameter.excludes),
        parameter.help,
    )
    return tuple(output.printable(cell) for cell in cells)
