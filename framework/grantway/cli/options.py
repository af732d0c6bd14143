"""Options out of the parameters that plugins declare.

A command that takes a call's parameters (`token`, `explain`) has one option for each parameter
of any installed provider: its kebab-case name, and its aliases. The registry is loaded when the
options are first needed, not when the command is imported; and a line that the built-in plugins'
options do for is parsed with these, before the import of any other plugin.

Values are handed on as text, for the parameter's own `parse` to read, save secrets: those must
be references here, to a vault that is installed. A value that looks like a reference but names
no vault may be a secret with a colon in it, and is not repeated either.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from grantway.cli.command import Command
from grantway.cli.session import Session
from grantway.errors import InvalidParameter
from grantway.parameters import (
    COMMON,
    ENVIRONMENT,
    RESOURCE,
    Parameter,
    ParameterSet,
    reference,
    words,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from grantway.catalogue import Catalogue
    from grantway.provider import CredentialProvider
    from grantway.registry import Registry


class ParameterOption(click.Option):
    """The option of one parameter."""

    def __init__(self, parameter: Parameter[object], *, negatable: bool) -> None:
        from grantway.cli.syntax import metavar

        self.parameter = parameter
        names = [parameter.option, *("--" + each.replace("_", "-") for each in parameter.aliases)]
        if negatable:
            names[0] += f"/--no-{names[0][2:]}"
        extra: dict[str, Any] = {"is_flag": True, "default": None}
        if not parameter.is_flag:
            # Several are taken so that a second one is an error here, not a silent victor.
            extra = {"multiple": True, "metavar": metavar(parameter)}
        if parameter.choices and not parameter.is_flag:
            extra |= {"type": click.Choice(parameter.choices, case_sensitive=False)}
        super().__init__([parameter.name, *names], help=_help(parameter), **extra)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Names of environments and resources, beside what click knows."""
        found: list[str] = []
        if self.parameter is ENVIRONMENT:
            found = [each.name for each in Session.of(ctx).known.environments]
        elif self.parameter is RESOURCE:
            every = Session.of(ctx).known.environments
            found = sorted({name for each in every for name in each.resources})
        if found:
            return completions(found, incomplete)
        if self.parameter.secret or self.parameter.parse is reference:
            return _paths(incomplete)
        return super().shell_complete(ctx, incomplete)


class ParameterCommand(Command):
    """A command that takes the parameters of a call, beside options of its own.

    With `implies`, a flag that the command stands for, it takes those of the sets that require
    this flag, and the flag itself is no option.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401  # handed on to click
        implies: Parameter[bool] | None = None,
        **extra: Any,  # noqa: ANN401  # likewise
    ) -> None:
        super().__init__(*args, **extra)
        self.implies = implies

    def takes(self, provider: "CredentialProvider", parameter_set: ParameterSet) -> bool:  # noqa: ARG002  # others look at it
        """Whether the parameters of a set are options here."""
        return self.implies is None or self.implies in parameter_set.required

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, and one for each parameter."""
        # Kept with the run, not with the command: another run may have other plugins.
        cached = ctx.meta.get(__name__)
        if cached is None:
            cached = ctx.meta[__name__] = self._derived(Session.of(ctx).known)
        own = super().get_params(ctx)
        return [*cached, *own]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, with the options of built-in plugins; only if that fails with those of all."""
        if not ctx.resilient_parsing:
            registry = Session.of(ctx).known
            ctx.meta[__name__] = self._derived(registry, registry.builtin)
            try:
                return super().parse_args(ctx, [*args])
            except click.UsageError:
                del ctx.meta[__name__]
        return super().parse_args(ctx, args)

    def _derived(
        self, registry: "Registry", catalogue: "Catalogue | None" = None
    ) -> list[ParameterOption]:
        found = derived(registry, self.takes, catalogue)
        return [each for each in found if each.parameter is not self.implies]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the syntax of each set, then parameters, common parameters and other options."""
        from grantway.cli.syntax import blocks, candidates

        registry = Session.of(ctx).known
        # Help has the options of all plugins.
        ctx.meta.pop(__name__, None)
        with formatter.section("Syntax"):
            found = [
                each
                for each in candidates(registry)
                if self.takes(each.provider, each.parameter_set)
            ]
            implied = {self.implies} if self.implies else set[Parameter[object]]()
            for name, lines in blocks(found, registry.candidates, formatter.width, implied):
                formatter.write(f"  {name}\n")
                formatter.write("".join(f"    {line}\n" for line in lines))
        sections: dict[str, list[tuple[str, str]]] = {"Parameters": [], "COMMON": [], "Options": []}
        for param in self.get_params(ctx):
            section = "Options"
            if isinstance(param, ParameterOption):
                section = "COMMON" if param.parameter in COMMON else "Parameters"
            if record := param.get_help_record(ctx):
                sections[section].append(record)
        titles = {"COMMON": "COMMON (each parameter set takes these)"}
        for section, rows in sections.items():
            if rows:
                with formatter.section(titles.get(section, section)):
                    formatter.write_dl(rows)


def _any(_: "CredentialProvider", __: ParameterSet) -> bool:
    return True


def derived(
    registry: "Registry",
    takes: "Callable[[CredentialProvider, ParameterSet], bool]" = _any,
    catalogue: "Catalogue | None" = None,
) -> list[ParameterOption]:
    """One option for each parameter of the sets that a command takes, the common ones last.

    They are those of all plugins, or of a catalogue.
    """
    providers = registry.providers if catalogue is None else catalogue.providers
    sets = [
        each for provider in providers for each in provider.parameter_sets if takes(provider, each)
    ]
    # What some set hangs on is an act; its "no" would say nothing. Of a parameter that built-in
    # sets take, theirs alone say so: an option of theirs is the same whatever is installed.
    ours = registry.builtin.every_candidate
    known = frozenset[str]().union(*(each.allowed for each in ours))
    acts = frozenset[str]().union(*(each.required | each.at_least_one for each in ours))
    acts |= {p.name for one in sets for p in (*one.required, *one.at_least_one)} - known
    found = {each.name: each for one in sets for each in one.own}
    found |= {each.name: each for each in COMMON}
    return [
        ParameterOption(each, negatable=each.is_flag and each.name not in acts)
        for each in found.values()
    ]


def given(ctx: click.Context, registry: "Registry") -> dict[str, object]:
    """The parameters of the call, as `Dispatcher.acquire` takes them.

    Raises:
        InvalidParameter: a bare secret, a reference to no vault, a parameter given twice.
    """
    parameters = [
        each.parameter for each in ctx.command.get_params(ctx) if isinstance(each, ParameterOption)
    ]
    return dict(_given(ctx.params, parameters, registry))


def _given(
    values: Mapping[str, Any], parameters: Sequence[Parameter[object]], registry: "Registry"
) -> Iterator[tuple[str, object]]:
    from grantway.secret import from_text
    from grantway.vaults import reference_in, vault_of

    for parameter in parameters:
        name = parameter.name
        value = values.get(name)
        if value is None or value == ():
            continue
        if not isinstance(value, tuple) or parameter.parse is words:
            yield name, value
            continue
        text = _once(parameter, cast("Sequence[str]", value))
        try:
            read = from_text(text) if parameter.secret else text
            if parameter.parse is reference:
                read = reference(text)
        except ValueError:
            raise _refusal(parameter) from None
        if found := reference_in(read):
            vault_of(found, registry.vaults, name)
        yield name, read


def _once(parameter: Parameter[object], values: Sequence[str]) -> str:
    if len(values) > 1:
        raise InvalidParameter(
            f"{parameter.name}: it is given {len(values)} times.",
            remedy="Give it once; its aliases count too.",
            parameter=parameter.name,
        )
    return values[0]


def completions(names: Sequence[str], incomplete: str) -> "list[CompletionItem]":
    """The names that begin like what is typed, whatever the case."""
    from click.shell_completion import CompletionItem

    typed = incomplete.casefold()
    return [CompletionItem(name) for name in names if name.casefold().startswith(typed)]


def _paths(incomplete: str) -> "list[CompletionItem]":
    """The paths that a reference to a file may go on with: `file:PATH`, `USER=file:PATH`."""
    from click.shell_completion import CompletionItem

    before, scheme, typed = incomplete.rpartition("file:")
    if not scheme or (before and not before.endswith("=")):
        return []
    folder = typed[: typed.rfind("/") + 1]
    try:
        found = sorted(
            os.scandir(Path(folder).expanduser() if folder else "."), key=lambda each: each.name
        )
    except (OSError, RuntimeError):
        return []
    return [
        CompletionItem(f"{before}{scheme}{folder}{each.name}/", type="open")
        if each.is_dir()
        else CompletionItem(f"{before}{scheme}{folder}{each.name}")
        for each in found
        if each.name.startswith(typed[len(folder) :])
    ]


def _refusal(parameter: Parameter[object]) -> InvalidParameter:
    """What was given is no reference; it may be the secret, so nobody sees it again."""
    from grantway.cli.syntax import metavar

    kind = metavar(parameter)
    shape = "USER=REFERENCE, where REFERENCE is" if kind == "USER=REFERENCE" else "a reference:"
    places = "env:NAME, file:PATH, - (standard input), prompt:TEXT or keyring:SERVICE/NAME"
    if parameter.parse is reference:
        # It is written to, not read.
        places = "file:PATH or keyring:SERVICE/NAME"
    return InvalidParameter(
        f"{parameter.name}: a secret is not accepted on the command line, which others can read."
        if parameter.secret
        else f"{parameter.name}: this is not a reference.",
        remedy=f"Give {shape} {places}.",
        parameter=parameter.name,
    )


def _help(parameter: Parameter[object]) -> str:
    parts = [parameter.help]
    if parameter.parse is words:
        parts.append("May be repeated.")
    if parameter.excludes:
        names = " or ".join("--" + each.replace("_", "-") for each in parameter.excludes)
        parts.append(f"Not with {names}.")
    if parameter.deprecated:
        parts.append(f"Deprecated: {parameter.deprecated}")
    if parameter.default is not None:
        parts.append(f"[default: {parameter.default}]")
    if parameter.env:
        parts.append(f"[env: {parameter.env}]")
    return " ".join(part for part in parts if part)
