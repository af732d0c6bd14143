"""What every command has: an Examples section, `-h`, and advice on typing mistakes.

A command line is read by others (process lists, shell histories, logs), and by mistake a secret
may stand anywhere in it. So a message about a mistake names options and commands, never the
value that was in the wrong place.
"""

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import click

from grantway.cli import output

F = TypeVar("F", bound=Callable[..., object])

Examples = tuple[tuple[str, str], ...]

# `-h` everywhere; help as wide as the terminal, within reason.
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Helped(click.Command):
    """Writes its help as any answer is written, so that what cannot be written is told as such."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option that shows the help."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


def _show_help(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        output.write(ctx.get_help())
        ctx.exit()


class Command(_Helped):
    """A command of the core; `examples` are pairs of what is done and the line that does it."""

    # What it is made with is handed on to click.
    def __init__(self, *args: Any, examples: Examples = (), **extra: Any) -> None:  # noqa: ANN401
        extra.setdefault("context_settings", {**SETTINGS, "allow_extra_args": True})
        super().__init__(*args, **extra)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; what is left over is refused without being repeated."""
        options = {opt for param in self.get_params(ctx) for opt in param.opts}
        given = list(args)
        if not ctx.resilient_parsing:
            refuse_single_dashes(ctx, args, options)
        try:
            rest = super().parse_args(ctx, args)
        except click.MissingParameter as error:
            name = error.param.human_readable_name if error.param else "an argument"
            choices = getattr(error.param.type, "choices", ()) if error.param else ()
            known = f" It is one of {', '.join(choices)}." if choices else ""
            raise click.UsageError(f"{name.upper()} is missing.{known}", ctx) from None
        except click.BadParameter as error:
            # click would repeat the value.
            raise click.BadParameter(_expected(error.param), error.ctx, error.param) from None
        if not ctx.resilient_parsing:
            self._refuse_repeated(ctx, given)
        if ctx.args and not ctx.resilient_parsing:
            count = len(ctx.args)
            raise click.UsageError(
                f"{count} argument{'s' if count > 1 else ''} too many (not shown: it may be a "
                "secret). Every value follows an option: --name VALUE.",
                ctx,
            )
        return rest

    def _refuse_repeated(self, ctx: click.Context, args: list[str]) -> None:
        """Refuse a value that is given twice: click would take the last without a word."""
        _, _, order = self.make_parser(ctx).parse_args(args=args)
        for param in self.get_params(ctx):
            count = order.count(param)
            if isinstance(param, click.Option) and count > 1 and _takes_one_value(param):
                raise click.UsageError(
                    f"{max(param.opts, key=len)} is given {count} times. Give it once.", ctx
                )

    def invoke(self, ctx: click.Context) -> object:
        """Invoke it, with standard output for its answer alone, to its own end."""
        try:
            with output.reserved():
                return super().invoke(ctx)
        except SystemExit:
            # None of ours leaves so, and nothing was answered.
            from grantway.errors import PluginError

            raise PluginError(
                "A plugin has tried to leave the program.",
                remedy="`grantway plugins` lists them; --no-plugins does without.",
            ) from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the options."""
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)


class Group(_Helped, click.Group):
    """Commands under one name. Each is imported when its name is used.

    Args:
        modules: command name to the module whose `command` it is.
        bare: the command that is meant when none is named.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401  # handed on to click
        modules: dict[str, str] | None = None,
        bare: str | None = None,
        examples: Examples = (),
        **extra: Any,  # noqa: ANN401  # likewise
    ) -> None:
        extra.setdefault("context_settings", SETTINGS)
        extra.setdefault("subcommand_metavar", "COMMAND [OPTIONS]" if not bare else "[COMMAND]")
        super().__init__(*args, **extra)
        self.modules = modules or {}
        self.bare = bare
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Every command's name, in the order of their declaration."""
        return [*self.modules, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name in self.modules and cmd_name not in self.commands:
            command: click.Command = import_module(self.modules[cmd_name]).command
            return command
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; options without a command are those of the bare one."""
        bare = self.bare if not ctx.resilient_parsing else None
        if bare and (not args or args[0].startswith("-")) and not _asks_for_help(args):
            args = [bare, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            from grantway.suggest import did_you_mean

            known = self.list_commands(ctx)
            hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
            raise click.UsageError(
                f"{ctx.command_path} has no such command (not shown: it may be a secret). {hint}",
                ctx,
            )
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the commands."""
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)


def refuse_single_dashes(ctx: click.Context, args: Sequence[str], options: set[str]) -> None:
    """Refuse `-TenantId X` and `-tenant-id=X`, which would be read as a heap of short options."""
    for arg in args:
        if arg == "--":
            return
        if not re.match(r"-[A-Za-z][A-Za-z]", arg):
            continue
        word, equals, _ = arg[1:].partition("=")
        kebab = "--" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", word).replace("_", "-").lower()
        if kebab in options:
            raise click.UsageError(f"Options have two dashes: {kebab}.", ctx)
        if equals:
            raise click.UsageError("Options have two dashes: --name=VALUE.", ctx)


def write_examples(examples: Examples, formatter: click.HelpFormatter) -> None:
    """Write the section Examples: what is done, and below it the line, unwrapped."""
    if examples:
        with formatter.section("Examples"):
            for done, line in examples:
                indent = " " * formatter.current_indent
                formatter.write(f"{indent}# {done}\n{indent}{line}\n")


def _takes_one_value(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)


def _expected(param: click.Parameter | None) -> str:
    """What the value of an option or argument has to be."""
    if param is not None and isinstance(param.type, click.Choice):
        return f"it must be one of {', '.join(str(each) for each in param.type.choices)}."
    kinds = {"float": "a number", "integer": "a whole number"}
    kind = kinds.get(param.type.name if param is not None else "", "another value")
    return f"it must be {kind} (what was given is not shown: it may be a secret)."


def _asks_for_help(args: Sequence[str]) -> bool:
    return bool(args) and args[0] in SETTINGS["help_option_names"]


def json_option(function: F) -> F:
    """The option `--json`, as the parameter `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Answer in JSON; errors in JSON too."
    )(function)
