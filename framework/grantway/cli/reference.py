"""What there is to know of a credential provider's parameters, from their declarations alone.

`grantway providers show` and the reference of the providers are both made of it, so neither can
say what is not so. The syntax looks as PowerShell writes it, for who comes from the reference
command; an example is a line that the parameter set takes.
"""

from collections.abc import Callable, Iterator, Sequence

from grantway import secret as secrets_
from grantway.candidate import Candidate
from grantway.cli.syntax import metavar, title, wrapped
from grantway.parameters import (
    APPLICATION_ID,
    COMMON,
    TENANT_ID,
    Parameter,
    json_object,
    reference,
    words,
)
from grantway.provider import CredentialProvider


def syntax(
    candidate: Candidate, selectable: Sequence[Candidate], width: int = 94
) -> tuple[str, list[str]]:
    """Title and lines of a set's syntax: `grantway token --tenant-id <TenantId> [--quick]`.

    What is required stands bare, what may be left out in brackets; of what stands in braces one
    or more are to be given.
    """
    parameter_set = candidate.parameter_set
    parts = ["grantway token", *_named(candidate, selectable)]
    parts += map(_usage, parameter_set.required)
    if parameter_set.at_least_one:
        parts.append(f"{{{' | '.join(map(_usage, parameter_set.at_least_one))}}}")
    parts += (f"[{_usage(each)}]" for each in parameter_set.optional)
    first, *rest = wrapped([*parts, "[<CommonParameters>]"], width)
    return title(candidate, selectable), [first, *(f" {line}" for line in rest)]


def example(candidate: Candidate, selectable: Sequence[Candidate]) -> str:
    """A command line that gives what the set requires, and no more."""
    parameter_set = candidate.parameter_set
    given = (*parameter_set.required, *parameter_set.at_least_one[:1])
    parts = ["grantway token", *_named(candidate, selectable)]
    parts += (f"{each.option} {_sample(each)}".rstrip() for each in given)
    return " ".join(parts)


def sources(parameter: Parameter[object]) -> tuple[str, ...]:
    """Where the value of a parameter may come from, in the order in which that is looked for."""
    found = ["call"]
    if parameter.name == TENANT_ID.name:
        found.append("environment")
    found.append("profile")
    if parameter.env:
        found.append(f"variable {parameter.env}")
    if parameter.default is not None:
        found.append(f"default {parameter.default}")
    return tuple(found)


def parameters(provider: CredentialProvider) -> tuple[Parameter[object], ...]:
    """The parameters of all its sets, each once, without the common ones."""
    own = {each.name: each for one in provider.parameter_sets for each in one.own}
    return tuple(own.values())


def required_by(provider: CredentialProvider, parameter: Parameter[object]) -> Iterator[str]:
    """The sets that ask for a parameter; `SET (one of)` where another one would do."""
    for each in provider.parameter_sets:
        if parameter.name in {one.name for one in each.required}:
            yield each.name
        elif parameter.name in {one.name for one in each.at_least_one}:
            yield f"{each.name} (one of)"


def facts(provider: CredentialProvider, parameter: Parameter[object]) -> dict[str, object]:
    """All that there is to know of a parameter, JSON-ready."""
    default = parameter.default
    return {
        "name": parameter.name,
        "option": parameter.option,
        "type": metavar(parameter) or "flag",
        "secret": parameter.secret,
        "required_by": [*required_by(provider, parameter)],
        "sources": [*sources(parameter)],
        "variable": parameter.env,
        "default": default if default is None or isinstance(default, bool | int) else str(default),
        "choices": [*parameter.choices],
        "aliases": [*parameter.aliases],
        "excludes": [*parameter.excludes],
        "common": parameter in COMMON,
        "identity": parameter.identity,
        "deprecated": parameter.deprecated,
        "help": parameter.help,
    }


def _named(candidate: Candidate, selectable: Sequence[Candidate]) -> list[str]:
    """What a call has to name where the parameters alone do not lead to a set."""
    if candidate in selectable:
        return []
    provider = candidate.provider
    several = len(provider.parameter_sets) > 1
    chosen = [f"--parameter-set {candidate.parameter_set.name}"] if several else []
    return [f"--provider {provider.name}", *chosen]


def _usage(parameter: Parameter[object]) -> str:
    if parameter.is_flag:
        return parameter.option
    value = "|".join(parameter.choices) or parameter.name.replace("_", " ").title().replace(" ", "")
    return f"{parameter.option} <{value}>{'...' if parameter.parse is words else ''}"


def _sample(parameter: Parameter[object]) -> str:
    """A value that stands for any other, as it is typed."""
    if parameter.is_flag:
        return ""
    word = parameter.option[2:]
    by_kind: dict[Callable[..., object], str] = {
        secrets_.credential: f"{APPLICATION_ID.example}=env:APP_SECRET",
        reference: f"file:{word}",
        json_object: "'{}'",
        int: "1",
        float: "1",
    }
    usual = f"env:{parameter.name.upper()}" if parameter.secret else word.upper()
    known = parameter.example or by_kind.get(parameter.parse, usual)
    return parameter.choices[0] if parameter.choices else known
