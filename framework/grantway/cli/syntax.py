"""A parameter set as the reference command's SYNTAX writes it, with options.

    ServicePrincipal
      --credential USER=REFERENCE --tenant-id TEXT [--application-id TEXT] [COMMON]

What is required stands bare, what may be left out in brackets; of what stands in braces one or
more are to be given. The parameters that every set takes are one word, `COMMON`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from grantway import secret as secrets_
from grantway.candidate import Candidate
from grantway.parameters import (
    ENVIRONMENT,
    Parameter,
    ParameterSet,
    json_object,
    reference,
    words,
)
from grantway.registry import Registry

_METAVARS: dict[Callable[..., object], str] = {
    secrets_.credential: "USER=REFERENCE",
    secrets_.secret: "REFERENCE",
    reference: "REFERENCE",
    words: "WORDS",
    json_object: "JSON",
    ENVIRONMENT.parse: "NAME",
    int: "INTEGER",
    float: "NUMBER",
}


def metavar(parameter: Parameter[object]) -> str:
    """What stands for the value of a parameter: `USER=REFERENCE`; nothing for a flag."""
    if parameter.is_flag:
        return ""
    if parameter.choices:
        return "|".join(parameter.choices)
    return _METAVARS.get(parameter.parse, "REFERENCE" if parameter.secret else "TEXT")


def item(parameter: Parameter[object]) -> str:
    """An option and its value: `--tenant-id TEXT`."""
    return f"{parameter.option} {metavar(parameter)}".rstrip()


def items(
    parameter_set: ParameterSet, implied: Collection[Parameter[object]] = ()
) -> Iterator[str]:
    """The parts of a set's syntax line, in its order; none of them should be broken.

    What is `implied` need not be said, and is left out.
    """
    for parameter in parameter_set.required:
        if parameter not in implied:
            yield item(parameter)
    if parameter_set.at_least_one:
        yield f"{{{' | '.join(item(each) for each in parameter_set.at_least_one)}}}"
    for parameter in parameter_set.optional:
        yield f"[{item(parameter)}]"
    yield "[COMMON]"


def wrapped(parts: Iterable[str], width: int) -> list[str]:
    """The parts in lines of at most `width`, unbroken."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + 1 + len(part) > width:
            lines.append("")
        lines[-1] += f" {part}" if lines[-1] else part
    return lines


def title(candidate: Candidate, selectable: Sequence[Candidate]) -> str:
    """The name of a set, that it is the default, and how it is reached if not by selection."""
    default = " (default)" if candidate.parameter_set.default else ""
    if candidate not in selectable:
        return f"{candidate.label}{default}: with --provider {candidate.provider.name}"
    return f"{candidate.label}{default}"


def candidates(registry: Registry) -> tuple[Candidate, ...]:
    """Every parameter set there is, those that only `--provider` reaches last."""
    every = [
        each
        for provider in registry.providers
        for each in registry.provider_candidates(provider.name)
    ]
    return (
        *registry.candidates,
        *(each for each in every if each not in registry.candidates),
    )


def blocks(
    found: Sequence[Candidate],
    selectable: Sequence[Candidate],
    width: int = 98,
    implied: Collection[Parameter[object]] = (),
) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of each set's syntax."""
    for candidate in sorted(found, key=lambda each: not each.parameter_set.default):
        parts = items(candidate.parameter_set, implied)
        yield title(candidate, selectable), wrapped(parts, width - 4)
