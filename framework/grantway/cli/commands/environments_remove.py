"""`grantway environments remove`: an environment out of the user's configuration file."""

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from grantway.cli import output
from grantway.cli.command import Command, json_option
from grantway.cli.options import completions
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from grantway.errors import InvalidParameter


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return completions(list(Session.of(ctx).configuration.environments), incomplete)


@click.command(
    "remove", cls=Command, examples=(("One of them", "grantway environments remove Hill"),)
)
@click.argument("name", shell_complete=_complete)
@json_option
@pass_session
def command(session: Session, name: str, as_json: bool) -> None:
    """Remove an environment from the configuration file.

    Only those that the file describes, healthy or faulty. The rest of the file stays as it is;
    tokens in the cache stay until they expire.
    """
    from grantway.config import user_file
    from grantway.editing import without_environment, write
    from grantway.errors import InvalidParameter

    configuration = session.configuration
    spelled = {each.casefold(): each for each in configuration.environments}
    found = spelled.get(name.casefold())
    if found is None:
        raise _not_configured(session, name)
    for other, table in configuration.environments.items():
        if other != found and str(table.get("like", "")).casefold() == found.casefold():
            raise InvalidParameter(
                f"The environment {other!r} is like {found!r}.",
                remedy=f"Remove {other} first, or give it values of its own.",
                parameter="name",
            )
    path = configuration.file or user_file()
    write(configuration.document, without_environment(configuration.document, found), path)
    if as_json:
        output.write_json({"file": str(path), "removed": found})
    else:
        output.write(f"{output.printable(found)} is removed from {output.printable(str(path))}.")


def _not_configured(session: Session, name: str) -> "InvalidParameter":
    """Why there is nothing to remove."""
    from grantway.errors import InvalidParameter, UnknownEnvironment
    from grantway.suggest import did_you_mean

    try:
        known = session.registry.environment(name)
    except UnknownEnvironment:
        names = session.configuration.environments
        return InvalidParameter(
            f"The configuration has no environment {name!r}.",
            remedy=did_you_mean(name, names) or f"It has: {', '.join(names) or 'none'}.",
            parameter="name",
        )
    plugin = next((each for each in session.registry.plugins if known in each.environments), None)
    project = session.configuration.project
    if plugin is None and project is not None and known.name in project.environments:
        return InvalidParameter(
            f"{known.name} is an environment of the project, in {project.file}.",
            remedy="Take it out of that file.",
            parameter="name",
        )
    if plugin is None:
        return InvalidParameter(
            f"{name!r} is an alias of {known.name}.",
            remedy=f"Remove {known.name}, or take the alias out of its table.",
            parameter="name",
        )
    return InvalidParameter(
        f"{known.name} is an environment of the plugin {plugin.name}, not of the configuration.",
        remedy="A built-in one cannot be removed."
        if plugin.builtin
        else f"Uninstall {plugin.distribution}, or disable it: plugins.disable.",
        parameter="name",
    )
