"""`grantway environments`: the clouds and authorities that are known."""

from typing import TYPE_CHECKING, cast

import click

from grantway.cli import output
from grantway.cli.calls import complete_environment
from grantway.cli.command import Command, Group, json_option
from grantway.cli.commands import environments_test
from grantway.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grantway.environment import Environment, Trust
    from grantway.errors import GrantwayError

_CONFIGURED = "configuration"


@click.group(
    "environments",
    cls=Group,
    bare="list",
    modules={
        name: f"grantway.cli.commands.environments_{name}" for name in ("add", "remove", "which")
    },
    examples=(
        ("All of them", "grantway environments"),
        ("The resources and hosts of one", "grantway environments show Sandbox"),
        (
            "One more, learned from its issuer",
            "grantway environments add Home --discover oidc=https://id.example.org/realms/main",
        ),
        ("The cloud that a tenant is in", "grantway environments which contoso.example"),
    ),
)
def command() -> None:
    """List the environments, show one, add or remove one, or find that of a tenant.

    An environment is a cloud or an authority: where it is, how it is spoken to, what tokens can
    be for, and which hosts may see a secret. It comes from a plugin or from the configuration.
    Without a command, they are listed.
    """


@command.command(
    "list", cls=Command, examples=(("For a program", "grantway environments list --json"),)
)
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the environments.

    Says which one calls without an environment mean, which are closed, and where each is from.
    One that the configuration describes wrongly is there with its fault.

    A built-in environment's names are its own. Then the configuration has precedence: one of its
    environments can take a name from a plugin's, which is told. No two plugins share a name. A
    project's file (grantway.toml, here or above) adds environments, and takes no name.
    """
    registry = session.registry
    default = _default(session)
    if as_json:
        output.write_json(
            [
                *(_brief(session, each, default) for each in registry.environments),
                *(
                    {"name": name, "from": origin, "fault": str(fault)}
                    for name, origin, fault in _faults(session)
                ),
            ]
        )
        return
    rows = [
        (
            output.printable(each.name),
            # Where it would be is not known of one that is nowhere now.
            "-" if each.unavailable else output.printable(each.authority),
            output.printable(each.protocol.name),
            output.printable(_from(session, each)),
            _notes(session, each, default),
        )
        for each in registry.environments
    ]
    for name, origin, fault in _faults(session):
        told = output.paint(output.printable(f"faulty: {fault}"), "red")
        rows.append((output.printable(name), "-", "-", output.printable(origin), told))
    output.write(output.table(("NAME", "AUTHORITY", "PROTOCOL", "FROM", "NOTES"), rows))


@command.command(
    "show", cls=Command, examples=(("One of them", "grantway environments show Sandbox"),)
)
@click.argument("name", shell_complete=complete_environment)
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show all that is known of one environment, by its name or an alias.

    Values of fixed headers and the user of a proxy are masked.
    """
    environment = session.registry.environment(name)
    if as_json:
        output.write_json(facts_of(session, environment))
    else:
        output.write(shown(session, environment))


def shown(session: Session, environment: "Environment") -> str:
    """All of an environment, for people."""
    facts = {**facts_of(session, environment), "advice": _grouped(environment.advice)}
    return output.pairs(
        (output.heading(key.replace("_", " ").capitalize()), _text(value))
        for key, value in facts.items()
        if value not in (None, "", [], {}, False)
    )


command.add_command(environments_test.command)


def facts_of(session: Session, environment: "Environment") -> dict[str, object]:
    """All of an environment as JSON-ready facts."""
    protocol = environment.protocol
    return {
        **_brief(session, environment, _default(session)),
        "protocol_summary": protocol.summary,
        "audience": protocol.audience,
        "tenant": environment.tenant,
        "default_tenant": protocol.default_tenant,
        "resources": dict(environment.resources),
        "default_resource": environment.default_resource,
        "hosts": sorted(environment.secret_hosts),
        "issuers": [*environment.issuers, *protocol.issuers],
        "endpoints": {
            name: environment.expand(path, tenant="{tenant}") if path else "(from metadata)"
            for name, path in (
                ("token", protocol.token_path),
                ("authorization", protocol.authorization_path),
                ("device_authorization", protocol.device_authorization_path),
            )
        },
        "metadata": [environment.expand(url, tenant="{tenant}") for url in protocol.metadata_urls],
        "client_authentication": environment.client_authentication
        or protocol.client_authentication,
        "dpop": environment.dpop,
        "pushed_authorization": environment.pushed_authorization,
        "trust": _trust(environment.trust),
        "advice": {str(code): text for code, text in environment.advice.items()},
    }


def _brief(
    session: Session, environment: "Environment", default: "Environment | None"
) -> dict[str, object]:
    return {
        "name": environment.name,
        "aliases": list(environment.aliases),
        "summary": environment.summary,
        "authority": environment.authority,
        "protocol": environment.protocol.name,
        "default": environment is default,
        "closed": environment.closed,
        "unavailable": environment.unavailable,
        "from": _from(session, environment),
        "shadows": [
            {"name": name, "environment": other.name, "from": _from(session, other)}
            for name, other in _shadowed_by(session, environment).items()
        ],
    }


def _default(session: Session) -> "Environment | None":
    from grantway.errors import UnknownEnvironment

    try:
        return session.registry.environment()
    except UnknownEnvironment:
        return None


def _from(session: Session, environment: "Environment") -> str:
    for plugin in session.registry.plugins:
        if any(each is environment for each in plugin.environments):
            return plugin.name
    return _file_of(session, environment.name)


def _file_of(session: Session, name: str) -> str:
    """Which file describes an environment: the configuration, or the project's."""
    project, configuration = session.configuration.project, session.configuration
    if project is None or name in configuration.environments or name not in project.environments:
        return _CONFIGURED
    return f"project {project.file}"


def _faults(session: Session) -> "Iterator[tuple[str, str, GrantwayError]]":
    """Name, file and fault of what is described wrongly."""
    project = session.configuration.project
    described = [*(project.environments if project else ()), *session.configuration.environments]
    spelled = {name.casefold(): name for name in described}
    for folded, fault in session.registry.faults.items():
        name, file = spelled[folded], getattr(fault, "file", "")
        is_projects = project is not None and file == str(project.file)
        yield name, f"project {file}" if is_projects else _CONFIGURED, fault
    if (whole := session.configuration.project_fault) is not None:
        yield "-", f"project {whole.file}", whole


def _shadowed_by(session: Session, environment: "Environment") -> "dict[str, Environment]":
    """Names that a configured environment has taken from environments of plugins."""
    names = {each.casefold() for each in (environment.name, *environment.aliases)}
    if environment.name not in session.configuration.environments:
        return {}
    return {name: each for name, each in session.registry.shadowed.items() if name in names}


def _notes(session: Session, environment: "Environment", default: "Environment | None") -> str:
    notes = [output.paint("default", "green")] if environment is default else []
    if environment.unavailable:
        notes.append(output.paint("cannot be used now", "yellow"))
    if environment.closed:
        closed = f"closed: {output.printable(environment.closed)}"
        notes.append(output.paint(closed, "yellow"))
    elif environment.summary:
        notes.append(output.printable(environment.summary))
    for name, other in _shadowed_by(session, environment).items():
        taken = f"shadows {other.name} ({name}) of {_from(session, other)}"
        notes.append(output.paint(output.printable(taken), "yellow"))
    return "; ".join(notes)


def _grouped(advice: "Mapping[int, str]") -> dict[str, object]:
    """Each advice once, under all the numbers it is for."""
    numbers: dict[str, list[str]] = {}
    for code, text in advice.items():
        numbers.setdefault(text, []).append(str(code))
    return {", ".join(codes): text for text, codes in numbers.items()}


def _trust(trust: "Trust") -> dict[str, object]:
    from grantway.environment import masked_url
    from grantway.secret import MASK

    facts: dict[str, object] = {
        "ca_bundle": trust.ca_bundle,
        "client_certificate": list(trust.client_certificate or ()),
        "proxy": None if trust.proxy is None else masked_url(trust.proxy),
        "headers": dict.fromkeys(trust.headers, MASK),
        "loopback_http": trust.loopback_http,
    }
    return {name: value for name, value in facts.items() if value not in (None, [], {}, False)}


def _text(value: object) -> str:
    if isinstance(value, dict):
        named = cast("dict[str, object]", value)
        return output.pairs((output.printable(name), _text(each)) for name, each in named.items())
    if isinstance(value, list):
        return "\n".join(_text(each) for each in cast("list[object]", value))
    return "yes" if value is True else output.printable(str(value))
