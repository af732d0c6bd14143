"""`grantway plugins new`: a package for a plugin of one's own, which works as it is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.command import Command, json_option
from grantway.cli.scaffold import KINDS, Names
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from grantway.errors import InvalidParameter


@click.command(
    "new",
    cls=Command,
    examples=(
        ("A provider, in the folder grantway-acme", "grantway plugins new acme --kind provider"),
        ("A vault, elsewhere", "grantway plugins new acme --kind vault --into ~/src"),
    ),
)
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(list(KINDS)), required=True, help="What the plugin begins with."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to make the package's folder in; by default the one you are in.",
)
@json_option
@pass_session
def command(session: Session, name: str, kind: str, into: Path, as_json: bool) -> None:
    """Make the package of a new plugin.

    NAME is what it is about, such as acme: the package is called grantway-acme. It can be
    installed and tested at once, and shows in the list of plugins; then make it yours.
    """
    from grantway.cli.scaffold import package, write
    from grantway.errors import ConfigurationError

    try:
        names = Names.read(name)
    except ValueError as error:
        # The name is not repeated: what is in a wrong place may be a secret.
        raise _refused(
            f"The name cannot be used: {error}.", "Name what it is about, such as acme."
        ) from None
    if taken := _taken(session, kind, names):
        raise _refused(f"{taken} is there already.", "Give the plugin another name.")
    if not into.is_dir():
        raise _refused("There is no such folder to make it in.", "Make it first.", "into")
    folder = into / names.distribution
    try:
        written = write(package(kind, names), folder)
    except FileExistsError:
        raise _refused(
            f"{folder} is there already, and stays as it is.",
            "Give another name, or make it elsewhere with --into.",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be made: {error.strerror or type(error).__name__}.",
            remedy="Nothing is left of it; make it elsewhere with --into.",
        ) from None
    if as_json:
        output.write_json(
            {
                "name": f"{names.distribution}:{names.short}",
                "kind": kind,
                "distribution": names.distribution,
                "module": names.module,
                "folder": str(folder),
                "files": list(written),
            }
        )
        return
    shown = output.printable(str(folder))
    output.write(f"{shown} holds the plugin {names.distribution}: {KINDS[kind]}.")
    output.write("")
    output.write(f"    pip install -e '{shown}[dev]'")
    output.write(f"    pytest {shown}")
    output.write(f"    grantway plugins show {names.distribution}:{names.short}")


def _refused(what: str, remedy: str, parameter: str = "name") -> "InvalidParameter":
    from grantway.errors import InvalidParameter

    return InvalidParameter(what, remedy=remedy, parameter=parameter)


def _taken(session: Session, kind: str, names: Names) -> str:
    """What has the name that the plugin would claim, and would set it aside; "": nothing."""
    registry = session.registry
    claims = {
        "provider": ("provider", names.title),
        "environment": ("environment", names.title),
        "cache": ("token cache", names.short),
        "vault": ("vault", names.short),
    }
    wanted, claimed = claims[kind]
    for plugin in registry.plugins:
        target = plugin.target.partition(".")[0].partition(":")[0]
        if plugin.builtin and target == names.module:
            return f"The module {names.module}"
        for what, name, _ in plugin.claims():
            if what == wanted and name.casefold() == claimed.casefold():
                return f"The {wanted} {name}, of {plugin.name},"
    return ""
