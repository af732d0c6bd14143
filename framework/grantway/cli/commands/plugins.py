"""`grantway plugins`: every plugin, the healthy and the broken."""

from typing import TYPE_CHECKING, cast

import click

from grantway.cli import output
from grantway.cli.command import Command, Group, json_option
from grantway.cli.options import completions
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from grantway.plugins import Plugin

SLOW = 0.1
"""Seconds of an import from which on it is told of: as long as a short call takes by itself."""

_STYLES = {"active": "green", "disabled": "dim", "set aside": "red"}


@click.group(
    "plugins",
    cls=Group,
    bare="list",
    modules={"new": "grantway.cli.commands.plugins_new"},
    examples=(
        ("All of them, and what is wrong with which", "grantway plugins"),
        ("What one offers", "grantway plugins show grantway:grants"),
    ),
)
def command() -> None:
    """List the plugins and their states, or show one.

    A plugin is active, disabled (by GRANTWAY_PLUGINS, GRANTWAY_DISABLE_PLUGINS, the
    configuration or --no-plugins), or set aside because something is wrong with it; nothing
    else notices. Without a command, they are listed.
    """


timings_option = click.option(
    "--timings",
    is_flag=True,
    help="Tell how long the import of each took, the slowest first.",
)


@command.command(
    "list",
    cls=Command,
    examples=(
        ("For a program", "grantway plugins list --json"),
        ("Which of them is slow", "grantway plugins list --timings"),
    ),
)
@timings_option
@json_option
@pass_session
def list_(session: Session, timings: bool, as_json: bool) -> None:
    """List the plugins, their states, and the reasons.

    What is wrong with a plugin is no failure of this command. With --timings, what several of
    them import counts for the first that does.
    """
    plugins = _plugins(session)
    if timings:
        plugins = tuple(sorted(plugins, key=lambda each: -each.import_seconds))
    if as_json:
        output.write_json([_facts(each, timings=timings) for each in plugins])
        return
    rows = [
        (
            output.printable(each.name),
            output.printable(each.version) or "-",
            output.paint(each.state, _STYLES[each.state]),
            *((_import(each) or "-",) if timings else ()),
            output.printable(each.reason or _offers(each)),
        )
        for each in plugins
    ]
    columns = ("NAME", "VERSION", "STATE", *(("IMPORT",) if timings else ()), "OFFERS, OR WHY NOT")
    output.write(output.table(columns, rows))
    for each in plugins:
        if timings and each.import_seconds >= SLOW:
            output.note(
                f"{output.printable(each.name)} takes {each.import_seconds * 1000:.0f} ms to "
                "import: its author can import what is heavy where it is used."
            )
    for each in plugins:
        if each.state == "set aside":
            where = f" ({each.file})" if each.file else ""
            output.note(f"{output.printable(each.name)}: {output.printable(each.remedy + where)}")


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    return completions([each.name for each in Session.of(ctx).known.plugins], incomplete)


@command.command(
    "show", cls=Command, examples=(("One of them", "grantway plugins show grantway:grants"),)
)
@click.argument("name", shell_complete=_complete)
@timings_option
@json_option
@pass_session
def show(session: Session, name: str, timings: bool, as_json: bool) -> None:
    """Show one plugin: where it is from, how it fares, and what it offers.

    NAME is `distribution:plugin`; the part after the colon will do where only one has it.
    """
    plugin = _named(session, name)
    if as_json:
        output.write_json(_facts(plugin, timings=timings))
        return
    facts = plugin.as_dict()
    facts["import"] = _import(plugin) if timings else ""
    rows: list[tuple[str, str]] = []
    for key, value in facts.items():
        names = cast("list[str]", value) if isinstance(value, list) else [str(value)]
        text = ", ".join(names)
        if key == "builtin":
            text = "yes" if plugin.builtin else "no"
        text = output.printable(text)
        if key == "state":
            text = output.paint(text, _STYLES[plugin.state])
        if text:
            rows.append((output.heading(key.replace("_", " ").capitalize()), text))
    output.write(output.pairs(rows))


def _facts(plugin: "Plugin", *, timings: bool) -> dict[str, object]:
    facts = plugin.as_dict()
    return {**facts, "import_seconds": plugin.import_seconds} if timings else facts


def _import(plugin: "Plugin") -> str:
    """How long the import of a plugin took; "" where it was not imported."""
    return f"{plugin.import_seconds * 1000:.1f} ms" if plugin.import_seconds else ""


def _plugins(session: Session) -> "tuple[Plugin, ...]":
    # A plugin may have nothing wrong with it but its commands: have them asked for as well.
    session.registry.commands()
    return session.registry.plugins


def _named(session: Session, name: str) -> "Plugin":
    plugins = _plugins(session)
    same = [each for each in plugins if each.name.casefold() == name.casefold()] or [
        each for each in plugins if each.name.partition(":")[2].casefold() == name.casefold()
    ]
    if len(same) == 1:
        return same[0]
    from grantway.checks.unlisted import unlisted
    from grantway.errors import InvalidParameter
    from grantway.installed import canonical
    from grantway.suggest import did_you_mean

    for other in () if same else unlisted():
        if canonical(other.distribution) == canonical(name.partition(":")[0]):
            raise InvalidParameter(other.found, remedy=other.remedy, parameter="name")
    names = [each.name for each in same or plugins]
    raise InvalidParameter(
        f"{'Several plugins are' if same else 'There is no plugin'} called {name!r}.",
        remedy=("" if same else did_you_mean(name, names)) or f"There are: {', '.join(names)}.",
        parameter="name",
    )


def _offers(plugin: "Plugin") -> str:
    offered = (
        ("providers", [each.name for each in plugin.providers]),
        ("environments", [each.name for each in plugin.environments]),
        ("token caches", [each.name for each in plugin.token_caches]),
        ("vaults", [each.scheme for each in plugin.vaults]),
        ("discoveries", [each.name for each in plugin.discoveries]),
    )
    kinds = [f"{kind}: {', '.join(names)}" for kind, names in offered if names]
    # Who offers none of these adds commands, or observes.
    return "; ".join(kinds) or f"hooks: {', '.join(plugin.hooks)}"
