"""`grantway environments add`: an environment into the user's configuration file.

It is learned from a URL or read from a file, held against all that is known, shown, and written.
Where a document has named another host than the one that was asked, which then may see secrets, a
person has to say that this is right.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.shell_completion import CompletionItem

from grantway.cli import output
from grantway.cli.command import Command, json_option
from grantway.cli.options import completions
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from grantway.document import Table
    from grantway.environment import Environment, Trust

_SOURCES = "Give one of --discover and --from."


def _complete_kind(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    kinds = [f"{kind}=https://" for kind in Session.of(ctx).known.discoveries]
    return completions(sorted(kinds), incomplete)


@click.command(
    "add",
    cls=Command,
    examples=(
        (
            "Any OpenID provider, by its issuer",
            "grantway environments add Home --discover oidc=https://id.example.org/realms/main",
        ),
        (
            "A private cloud, by its resource manager; its servers are of a CA of one's own",
            (
                "grantway environments add Hill --discover arm=https://management.hill.example \\\n"
                "    --ca-bundle hill-ca.pem --dry-run"
            ),
        ),
        ("From a file with its table", "grantway environments add Hill --from hill.toml"),
    ),
)
@click.argument("name")
@click.option(
    "--discover", "source", metavar="KIND=URL", shell_complete=_complete_kind,
    help="Learn it from a URL. KIND is oidc, for an issuer, or one that a plugin brings.",
)  # fmt: skip
@click.option("--from", "file", metavar="FILE", help="Read its table from a TOML or JSON file.")
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST",
    help="With --discover: a further host that may be sent secrets. Can be repeated.",
)  # fmt: skip
@click.option("--ca-bundle", metavar="FILE", help="With --discover: the roots its servers are of.")
@click.option(
    "--client-certificate", nargs=2, metavar="CERTIFICATE KEY",
    help="With --discover: what is shown to its servers.",
)  # fmt: skip
@click.option("--proxy", metavar="URL", help="With --discover: the proxy to reach it by.")
@click.option(
    "--loopback-http", is_flag=True,
    help="With --discover: plain http is accepted, to a literal loopback address.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Take the place of a configured one of this name.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def command(
    session: Session,
    name: str,
    source: str | None,
    file: str | None,
    hosts: tuple[str, ...],
    ca_bundle: str | None,
    client_certificate: tuple[str, str] | None,
    proxy: str | None,
    loopback_http: bool,
    replace: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Add an environment to the configuration file.

    It is learned from a URL of its own, or read from a file. Discovery asks the host of that URL
    alone, sends no secret, and refuses endpoints on hosts that --host does not name. A resource
    manager names the authority of its cloud; where that is on another host, you are asked whether
    it is right (--yes: it is).

    The rest of the configuration file stays as it is.
    """
    from grantway.cli.commands.environments import facts_of, shown
    from grantway.config import parse, user_file
    from grantway.described import table_of
    from grantway.editing import as_toml, with_environment, write

    about_discovery = bool(hosts or ca_bundle or client_certificate or proxy or loopback_http)
    if (source is None) == (file is None) or (file is not None and about_discovery):
        told = "--from takes all from the file. " if about_discovery and file else ""
        raise click.UsageError(told + _SOURCES)
    configuration = session.configuration
    document = configuration.document
    _refuse_names(session, name, (), replace=replace)
    if file is not None:
        table, environment = _read(session, name, Path(file))
    else:
        trust = _trust(ca_bundle, client_certificate, proxy, loopback_http=loopback_http)
        environment = _discovered(session, name, str(source), hosts, trust)
        table = table_of(environment)
    replaced = _refuse_names(session, name, environment.aliases, replace=replace)
    path = configuration.file or user_file()
    text = with_environment(document, name, table, replaces=replaced)
    # What is written can be read again, or nothing is written.
    again = parse(text, path)
    environment = session.registry.describe(again.document, name, again.environments[name])
    if not dry_run:
        if source is not None and not yes:
            _ask(session, environment, source)
        write(document, text, path)
    if as_json:
        output.write_json(
            {
                "file": str(path),
                "written": not dry_run,
                "replaced": replaced or None,
                "table": _masked(table),
                "environment": facts_of(session, environment),
            }
        )
        return
    output.write(shown(session, environment))
    done = "would be written" if dry_run else "is written"
    output.write(f"\nThis {done} to {output.printable(str(path))}:\n")
    output.write(output.printable_lines(as_toml(name, _masked(table)).rstrip()))


def _refuse_names(session: Session, name: str, aliases: tuple[str, ...], *, replace: bool) -> str:
    """Refuse a name that is taken; returns the configured one that is replaced, as it stands there.

    Raises:
        InvalidParameter: a name or alias is somebody else's.
    """
    from grantway.errors import InvalidParameter

    configured = {each.casefold(): each for each in session.configuration.environments}
    replaced = configured.get(name.casefold(), "")
    if replaced and not replace:
        line = session.configuration.document.line_of(("environments", replaced))
        raise InvalidParameter(
            f"There is an environment {replaced!r} already, in "
            f"{session.configuration.file}:{line}.",
            remedy="Give another name, or --replace to have this one in its place.",
            parameter="name",
        )
    taken = {
        word.casefold(): other.name
        for other in session.registry.environments
        for word in (other.name, *other.aliases)
    }
    # Faulty ones are to have their names when they are mended.
    others = {**configured, **taken}
    for each in (name, *aliases):
        other = others.get(each.casefold(), replaced)
        if other.casefold() != replaced.casefold():
            raise InvalidParameter(
                f"{each!r} is a name of the environment {other}.",
                remedy="Give another one; `grantway environments` lists those that are taken.",
                parameter="name",
            )
    return replaced


def _trust(
    ca_bundle: str | None,
    client_certificate: tuple[str, str] | None,
    proxy: str | None,
    *,
    loopback_http: bool,
) -> "Trust":
    """What the options say of trust; paths are of where the command was given.

    Raises:
        InvalidParameter: a proxy with a password, which others could read in a list of processes.
    """
    from grantway.environment import Trust
    from grantway.errors import InvalidParameter

    if proxy and "@" in proxy:
        raise InvalidParameter(
            "proxy: a user's name and password do not belong on a command line.",
            remedy="Leave them out here, and add them to the configuration file afterwards.",
            parameter="proxy",
        )

    def whole(path: str) -> str:
        return str(Path(path).expanduser().absolute())

    pair = client_certificate
    return Trust(
        ca_bundle=whole(ca_bundle) if ca_bundle else None,
        client_certificate=(whole(pair[0]), whole(pair[1])) if pair else None,
        proxy=proxy,
        loopback_http=loopback_http,
    )


def _discovered(
    session: Session, name: str, source: str, hosts: tuple[str, ...], trust: "Trust"
) -> "Environment":
    from grantway.discovery import discover

    transport, close = session.network()
    try:
        return discover(
            source,
            name=name,
            hosts=hosts,
            trust=trust,
            registry=session.registry,
            transport=transport,
            clock=session.clock,
        )
    finally:
        close()


def _read(session: Session, name: str, file: Path) -> "tuple[Table, Environment]":
    """The table of a file, and what it describes.

    Raises:
        ConfigurationError: it cannot be read, or is not as it should be; with file and line.
    """
    from grantway.table_file import read_table

    document, at, table = read_table(file)
    if str(table.get("like", "")).casefold() == name.casefold():
        document.fail(f"{name} is to be like itself", "Name another one.", at=(*at, "like"))
    return table, session.registry.describe(document, name, table, at)


def _ask(session: Session, environment: "Environment", source: str) -> None:
    """Have a person say that an authority on another host than the one asked is the right one.

    Raises:
        InteractionRequired: nobody can be asked.
        click.Abort: it is not.
    """
    from grantway.environment import host_of
    from grantway.errors import InteractionRequired

    asked, told = host_of(source.partition("=")[2].strip()), host_of(environment.authority)
    if told == asked:
        return
    what = f"{asked} says that sign-in is at {told}, which then may see secrets."
    prompter = session.prompter
    if not prompter:
        raise InteractionRequired(
            what, remedy="Look at it with --dry-run; then say --yes, if it is right."
        )
    if prompter.ask(f"{what} Is that right? [y/N] ").strip().lower() not in ("y", "yes"):
        raise click.Abort


def _masked(table: "Table") -> "Table":
    """A table without what a proxy's URL or a header may hold."""
    from grantway.environment import masked_url
    from grantway.secret import MASK

    trust = table.get("trust")
    if not isinstance(trust, Mapping):
        return table
    shown = dict(cast("Table", trust))
    if isinstance(headers := shown.get("headers"), Mapping):
        shown["headers"] = dict.fromkeys(cast("Table", headers), MASK)
    if isinstance(proxy := shown.get("proxy"), str):
        shown["proxy"] = masked_url(proxy)
    return {**table, "trust": shown}
