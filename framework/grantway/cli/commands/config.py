"""`grantway config`: where the configuration is, what it says, whether it is right."""

from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.command import Command, Group, json_option
from grantway.cli.session import DEFAULT_CACHE, Session, pass_session
from grantway.config import CACHE, CACHE_KEY, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grantway.config import Configuration
    from grantway.layers import ValuesLayer

_FAULTY = "faulty: see `grantway config check`"


@click.group(
    "config",
    cls=Group,
    examples=(
        ("Where it is", "grantway config path"),
        ("What is in effect, and where it comes from", "grantway config show --profile work"),
        ("Whether all of it is right", "grantway config check"),
    ),
)
def command() -> None:
    """Show the configuration, check it, or print its schema.

    It is one TOML file: the one that GRANTWAY_CONFIG names, else config.toml in the user's
    configuration folder; with profiles, environments, and which plugins may be loaded. A file
    grantway.toml in the current folder or above it adds the environments of a project.
    """


@command.command(
    "path", cls=Command, examples=(("Open it", '"$EDITOR" "$(grantway config path)"'),)
)
def path() -> None:
    """Print the path of the configuration file, whether it is there or not."""
    from grantway.config import user_file

    output.write(str(user_file()))


@command.command(
    "show", cls=Command, examples=(("With a profile", "grantway config show -p work"),)
)
@click.option("-p", "--profile", metavar="NAME", help="The profile to use, as in a call.")
@json_option
@pass_session
def show(session: Session, profile: str | None, as_json: bool) -> None:
    """Show the settings in effect, and where each comes from.

    Secrets are not opened: references are shown as they stand.
    """
    from grantway.config import user_file

    configuration = session.configuration
    settings = list(_effective(session, profile))
    in_effect = profile or configuration.environ.get("GRANTWAY_PROFILE")
    environ = configuration.environ
    variables = {name: _shown(name, environ[name]) for name in VARIABLES if name in environ}
    cache, cache_from = _cache(configuration)
    facts: dict[str, object] = {
        "file": str(configuration.file or user_file()),
        "exists": configuration.file is not None,
        "project": str(configuration.project.file) if configuration.project else None,
        "profile": in_effect or configuration.default_profile,
        "profiles": list(configuration.profiles),
        "environments": list(configuration.environments),
        "cache": cache,
        "cache_from": cache_from,
        "plugins_enabled": None if configuration.enable is None else list(configuration.enable),
        "plugins_disabled": list(configuration.disable),
        "variables": variables,
    }
    if as_json:
        output.write_json(
            {
                **facts,
                "values": [
                    {"parameter": name, "value": value, "from": origin, "fault": fault}
                    for name, value, origin, fault in settings
                ],
            }
        )
        return
    rows = [
        (
            output.heading("File"),
            f"{output.printable(str(facts['file']))}{'' if facts['exists'] else ' (not there)'}",
        ),
        (output.heading("Project"), output.printable(str(facts["project"] or "none"))),
        (output.heading("Profile"), output.printable(str(facts["profile"] or "none"))),
        (output.heading("Profiles"), _listed(configuration.profiles)),
        (output.heading("Environments"), _listed(configuration.environments)),
        (output.heading("Token cache"), output.printable(f"{cache} ({cache_from})")),
        (
            output.heading("Plugins"),
            "all" if configuration.enable is None else _listed(configuration.enable),
        ),
    ]
    if configuration.disable:
        rows.append((output.heading("Disabled plugins"), _listed(configuration.disable)))
    if variables:
        rows.append(
            (
                output.heading("Variables"),
                output.pairs((name, output.printable(value)) for name, value in variables.items()),
            )
        )
    output.write(output.pairs(rows))
    if settings:
        table = output.table(
            ("PARAMETER", "VALUE", "FROM"),
            (
                (
                    name,
                    output.paint(_FAULTY, "red") if fault else output.printable(value),
                    output.printable(origin),
                )
                for name, value, origin, fault in settings
            ),
        )
        output.write(f"\n{table}")


@command.command(
    "check", cls=Command, examples=(("In a script", "grantway config check && echo fine"),)
)
@json_option
@pass_session
def check(session: Session, as_json: bool) -> None:
    """Check the whole configuration: file, environments, profiles, variables.

    Every value is parsed, no secret opened. What is wrong is told with its file, its line and
    what to do; the exit code is then 3.
    """
    from grantway.cli.checking import FaultyConfiguration, faults
    from grantway.config import user_file

    found = sorted(faults(session), key=lambda each: each.line or 0)
    if found:
        raise FaultyConfiguration.of(found)
    configuration = session.configuration
    counts = {
        "profiles": len(configuration.profiles),
        "environments": len(configuration.environments),
    }
    if as_json:
        file = str(configuration.file or user_file())
        output.write_json({"file": file, "exists": configuration.file is not None, **counts,
                           "faults": []})  # fmt: skip
    elif configuration.file is None:
        output.write(f"There is no configuration file; it would be {user_file()}.")
    else:
        told = ", ".join(
            output.counted(count, name.removesuffix("s")) for name, count in counts.items()
        )
        output.write(f"{configuration.file} is right: {told}.")


@command.command(
    "schema",
    cls=Command,
    examples=(("For an editor", "grantway config schema > grantway.schema.json"),),
)
def schema() -> None:
    """Print the JSON schema of the configuration file.

    Editors complete and check by it. What stands below `$defs/environment` is the schema of one
    environment's table, as `grantway environments add --from` reads it from a file.
    """
    from grantway.config_schema import schema as schema_of_file

    output.write_json(schema_of_file())


def _cache(configuration: "Configuration") -> tuple[str, str]:
    """The token cache that commands use, and where that is said."""
    from grantway.caches import shown

    chosen = configuration.chosen_cache
    if chosen is None:
        return DEFAULT_CACHE, "the default"
    if configuration.environ.get(CACHE):
        return shown(chosen), CACHE
    line = configuration.document.line_of(("cache",))
    return shown(chosen), f"{configuration.file}:{line}"


def _shown(name: str, value: str) -> str:
    """The value of a variable; of the cache's key and URL, no secret."""
    if name == CACHE:
        from grantway.caches import shown

        return shown(value)
    if name == CACHE_KEY:
        from grantway.cache.references import is_reference
        from grantway.secret import MASK

        return value if is_reference(value) else MASK
    return value


def _listed(names: "Iterable[str]") -> str:
    return output.printable(", ".join(names)) or "none"


def _effective(session: Session, profile: str | None) -> "Iterator[tuple[str, str, str, str]]":
    """Parameter, value, origin and fault of every value that the layers offer."""
    from grantway.errors import GrantwayError
    from grantway.explain import shown
    from grantway.vaults import reference_in, vault_of

    registry, configuration = session.registry, session.configuration
    own = {each.name: each for each in registry.parameters.values()}
    layers: list[ValuesLayer | None] = [
        configuration.profile_layer(profile, registry.parameters),
        configuration.variables_layer(own),
    ]
    seen: set[str] = set()
    for layer in layers:
        for name in sorted(layer.names - seen) if layer else ():
            seen.add(name)
            assert layer is not None  # noqa: S101  # or it would have no names
            try:
                value = layer.read(name)
                if reference := reference_in(value):
                    # What only looks like a reference may be the secret.
                    vault_of(reference, registry.vaults, name)
            except GrantwayError as error:
                yield name, "", layer.name, error.message
            else:
                yield name, shown(value), layer.name, ""
