"""The group `grantway`: its options, its commands, and how a run begins and ends.

A run goes: shell completion answers and leaves, if it is that; options are parsed; the command
is imported and invoked with logging in place; the answer is flushed. Whatever is raised on the
way, anywhere, ends in `failures`, which tells it on standard error and gives the exit code.

Commands of plugins come last: they are loaded when a name is not one of the core's, and for
help, so that no plugin can slow down or take over a command of the core.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from grantway.cli import output
from grantway.cli.command import Group, refuse_single_dashes
from grantway.cli.session import Session
from grantway.commands import COMMANDS
from grantway.version import __version__

_COMPLETE = "_GRANTWAY_COMPLETE"


class Program(Group):
    """The command line as a whole."""

    def run(self, args: Sequence[str], session: Session | None = None) -> int:
        """Run one command line; returns the exit code, and raises nothing."""
        session = session or Session()
        session.as_json = output.answers_in_json(args)
        try:
            self._prepare()
            code = self._work(args, session)
            output.flush()
        except BaseException as error:  # noqa: BLE001  # the one place where every failure ends
            from grantway.cli.failures import report

            return report(error, session)
        return code

    def main(self, *args: Any, **extra: Any) -> NoReturn:  # noqa: ANN401  # as click has it
        """As `run`, with the arguments of `click.Command.main`; leaves the process."""
        given = extra.get("args", args[0] if args else None)
        sys.exit(self.run(sys.argv[1:] if given is None else given, extra.get("obj")))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands, then those of plugins."""
        core = super().list_commands(ctx)
        return [*core, *sorted(set(Session.of(ctx).commands) - set(core))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command of the core, else of a plugin."""
        return super().get_command(ctx, cmd_name) or Session.of(ctx).commands.get(cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options that stand before the command."""
        before = [arg for arg in args[:1] if arg.startswith("-")]
        refuse_single_dashes(ctx, before, {opt for param in self.params for opt in param.opts})
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Invoke the command, with logging in place."""
        from grantway.cli.awaiting import when_imported

        with ExitStack() as stack:

            def put_in_place() -> None:
                from grantway.cli.logs import installed

                stack.enter_context(installed(Session.of(ctx)))

            def warn(*args: Any, **extra: Any) -> None:  # noqa: ANN401  # as warnings has it
                # Python's own warnings go by the same way: from here on they are logging's.
                warnings.showwarning = usual
                import_module("logging")
                warnings.showwarning(*args, **extra)

            usual = warnings.showwarning
            stack.callback(setattr, warnings, "showwarning", usual)
            warnings.showwarning = warn
            stack.enter_context(when_imported("logging", put_in_place))
            if Session.of(ctx).verbosity:
                import_module("logging")
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, those of plugins apart."""
        names = self.list_commands(ctx)
        core = [name for name in names if name in self.modules]
        for title, chosen in (
            ("Commands", core),
            ("Commands of plugins", [name for name in names if name not in core]),
        ):
            found = [(name, self.get_command(ctx, name)) for name in chosen]
            rows = [(name, each.get_short_help_str(80)) for name, each in found if each]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _work(self, args: Sequence[str], session: Session) -> int:
        try:
            with self.make_context("grantway", [*args], obj=session) as context:
                self.invoke(context)
        except click.exceptions.Exit as done:
            return done.exit_code
        return 0

    def _prepare(self) -> None:
        # Before any work is done: a refresh token may be spent by it.
        output.prepare()
        if os.environ.get(_COMPLETE):
            # One that fails completes nothing: the person is in the middle of a line.
            with suppress(Exception):
                from grantway.cli.bash import install

                install()
                self._main_shell_completion({}, "grantway", _COMPLETE)
            raise SystemExit(0)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        output.write(f"grantway {__version__}")
        ctx.exit()


def _remember(ctx: click.Context, option: click.Parameter, value: object) -> None:
    """Put a global option where every command finds it, while the line is still being parsed."""
    setattr(Session.of(ctx), str(option.name), value)


@click.command(
    "grantway",
    cls=Program,
    modules={name: f"grantway.cli.commands.{name}" for name in COMMANDS},
    examples=(
        (
            "A token for a service principal; its secret rests in a variable",
            (
                "grantway token --tenant-id contoso.example \\\n"
                "    --credential 11111111-2222-3333-4444-555555555555=env:APP_SECRET"
            ),
        ),
        ("What a call would do, and why, without doing it", "grantway explain --profile work"),
        ("What is wrong, if something does not work", "grantway doctor"),
    ),
)
@click.option(
    "--no-plugins",
    is_flag=True,
    # Known before help asks for the commands of plugins.
    is_eager=True,
    expose_value=False,
    callback=_remember,
    help="Load no plugins of third parties.",
)
@click.option(
    "--no-input",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Never ask anybody; fail instead.",
)
@click.option(
    "-v",
    "--verbose",
    "verbosity",
    count=True,
    expose_value=False,
    callback=_remember,
    help="Say on standard error what is done; twice: in detail. No secrets are shown.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
def program() -> None:
    """Access tokens from any cloud, with any grant, through plugins.

    Standard output carries the answer alone; questions, warnings and errors go to standard
    error. A secret on the command line is always a reference: env:NAME, file:PATH, -
    (standard input), prompt:TEXT or keyring:SERVICE/NAME.

    Exit codes: 0 done; 1 a bug, or doctor found faults; 2 the call is wrong; 3 the set-up here is
    wrong (plugin, configuration, cache, vault); 4 somebody has to sign in; 5 the authority said
    no; 6 no answer, or none to be trusted; 130 interrupted; 141 nobody read the answer.
    """
