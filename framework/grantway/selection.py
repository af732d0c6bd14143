"""Selection: from the parameters that were given to the one parameter set that takes them.

This module is pure: no registry, no network, no environment variable is read here.

A set *matches* the given names when it requires no other and takes each of them: required <=
given <= allowed, and one of `at_least_one` is given where that is declared. At most one set may
match a call:

* Built-in sets never overlap, so one of them at most matches.
* A third party's set that *overlaps* a built-in one, so that some call could match both, is out
  of selection altogether; `provider=` reaches it. So installing a plugin never changes a call
  that a built-in set takes, and never diverts its secrets.
* Where two third parties' sets both match, the call is ambiguous, and says so.

Only when nothing matches, *layers* (the environment's tenant, the profile, the environment
variables) complete what is missing, one after the other. They can complete a set, never
disqualify one: the given names alone have to be allowed. Of several built-in sets that a layer
completes, the one that uses most of what the layers offer is meant: a profile with a credential
is a service principal, though its application id would do for a user.

Afterwards the layers fill the gaps of the chosen set, save two: a parameter whose rival
(`excludes`) is there already, and a credential of another application than the one given.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import attrs

from grantway.errors import AmbiguousParameters, NoParameterSetMatches
from grantway.parameters import APPLICATION_ID, COMMON, Parameter, ParameterSet
from grantway.provider import CredentialProvider
from grantway.secret import Credential


def _names(parameters: Iterable[Parameter[object]]) -> frozenset[str]:
    return frozenset(parameter.name for parameter in parameters)


class Candidate:
    """A parameter set as selection sees it: whose it is, and its names as sets."""

    __slots__ = (
        "allowed",
        "at_least_one",
        "builtin",
        "excludes",
        "label",
        "parameter_set",
        "provider",
        "required",
    )

    def __init__(
        self, provider: CredentialProvider, parameter_set: ParameterSet, *, builtin: bool
    ) -> None:
        self.provider = provider
        self.parameter_set = parameter_set
        self.builtin = builtin
        self.required = _names(parameter_set.required)
        self.at_least_one = _names(parameter_set.at_least_one)
        self.allowed = _names(parameter_set.parameters)
        self.excludes = {each.name: each.excludes for each in parameter_set.parameters}
        same = provider.name == parameter_set.name
        self.label = provider.name if same else f"{provider.name}/{parameter_set.name}"

    def __repr__(self) -> str:
        return f"<Candidate {self.label}>"

    def matches(self, given: frozenset[str]) -> bool:
        """Whether the set takes exactly these names."""
        return given <= self.allowed and self.is_complete(given)

    def is_complete(self, names: frozenset[str]) -> bool:
        """Whether all it requires is among these names."""
        return self.required <= names and (
            not self.at_least_one or not self.at_least_one.isdisjoint(names)
        )

    def missing(self, given: frozenset[str]) -> tuple[str, ...]:
        """The parameters to add; of `at_least_one` the first, where none is given."""
        missing = [each.name for each in self.parameter_set.required if each.name not in given]
        if self.at_least_one and self.at_least_one.isdisjoint(given):
            missing.append(self.parameter_set.at_least_one[0].name)
        return tuple(missing)

    def unexpected(self, given: frozenset[str]) -> tuple[str, ...]:
        """The parameters to leave out."""
        return tuple(sorted(given - self.allowed))

    def overlaps(self, other: "Candidate") -> bool:
        """Whether some call would match both sets."""
        both = self.allowed & other.allowed
        return (self.required | other.required) <= both and all(
            not one or not one.isdisjoint(both) for one in (self.at_least_one, other.at_least_one)
        )


class Layer(Protocol):
    """A place that gaps are filled from: a name to show, and values by parameter name."""

    @property
    def name(self) -> str:
        """What the place is called in explanations."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """The parameters it has a value for."""
        ...

    def read(self, name: str) -> object:
        """The parsed value of a parameter.

        Raises:
            InvalidParameter: it cannot be parsed; the message says where it stands.
        """
        ...


@attrs.frozen(eq=False)
class Choice:
    """What was selected, with all values and where each came from.

    Attributes:
        candidate: the parameter set.
        values: parameter name to parsed value.
        origins: for each value that the caller did not give, the name of its layer.
        completed_by: names of the layers that were needed for the set to match.
    """

    candidate: Candidate
    values: Mapping[str, object]
    origins: Mapping[str, str]
    completed_by: tuple[str, ...] = ()


def given_names(values: Mapping[str, object]) -> frozenset[str]:
    """The names that count as given: not None, and a flag only when it is true."""
    return frozenset(
        name for name, value in values.items() if value is not None and value is not False
    )


def choose(
    values: Mapping[str, object], candidates: Sequence[Candidate], layers: Sequence[Layer] = ()
) -> Choice:
    """Select the parameter set for the given values and fill its gaps from the layers.

    Raises:
        NoParameterSetMatches: none takes them, even with what the layers offer.
        AmbiguousParameters: two third parties' sets match alike.
        InvalidParameter: a value that a layer offers for the chosen set cannot be parsed.
    """
    given = given_names(values)
    candidate = _single([each for each in candidates if each.matches(given)], given)
    used: tuple[str, ...] = ()
    offered = given
    for layer in layers:
        if candidate is not None:
            break
        offered |= usable(layer, values, offered)
        used = (*used, layer.name)
        completed = [
            each for each in candidates if given <= each.allowed and each.is_complete(offered)
        ]
        candidate = _single(_fullest(completed, offered), given)
    if candidate is None:
        raise _no_match(given, candidates, offered)
    return fill(candidate, values, layers, completed_by=used)


def fill(
    candidate: Candidate,
    values: Mapping[str, object],
    layers: Sequence[Layer],
    *,
    completed_by: tuple[str, ...] = (),
) -> Choice:
    """Fill the gaps of a chosen set, each from the first layer that has a value for it."""
    filled = {name: value for name, value in values.items() if value is not None}
    origins: dict[str, str] = {}
    for layer in layers:
        for name in sorted(usable(layer, filled, frozenset(filled)) & candidate.allowed):
            if not any(rival in filled for rival in candidate.excludes.get(name, ())):
                filled[name] = layer.read(name)
                origins[name] = layer.name
    for parameter in candidate.parameter_set.parameters:
        if parameter.default is not None and parameter.name not in filled:
            filled[parameter.name] = parameter.default
            origins[parameter.name] = "default"
    return Choice(candidate, filled, origins, completed_by)


def usable(layer: Layer, values: Mapping[str, object], taken: frozenset[str]) -> frozenset[str]:
    """What a layer may add to these values: gaps only, and no other application's credential."""
    names = layer.names - taken - frozenset(values)
    application_id = values.get(APPLICATION_ID.name)
    if application_id is None:
        return names
    return frozenset(
        name
        for name in names
        if not (
            isinstance(offered := layer.read(name), Credential)
            and offered.user_name.casefold() != str(application_id).casefold()
        )
    )


def _fullest(candidates: Sequence[Candidate], offered: frozenset[str]) -> list[Candidate]:
    """Of the built-in sets among these, those that use most of what is offered; else all."""
    builtin = [each for each in candidates if each.builtin]
    return [
        each
        for each in builtin
        if not any(each.allowed & offered < other.allowed & offered for other in builtin)
    ] or list(candidates)


def _single(matching: Sequence[Candidate], given: frozenset[str]) -> Candidate | None:
    if len(matching) > 1:
        labels = sorted(each.label for each in matching)
        raise AmbiguousParameters(
            f"{', '.join(sorted(given)) or 'Nothing given'}: {' and '.join(labels)} match alike.",
            remedy=f"Name the one you mean: provider={matching[0].provider.name!r} "
            "(with parameter_set= where it has several).",
            candidates=labels,
        )
    return matching[0] if matching else None


def nearest(given: frozenset[str], candidates: Sequence[Candidate]) -> Candidate:
    """The set that takes the fewest changes to the call; with nothing given the default one."""

    def distance(each: Candidate) -> tuple[bool, int, int, bool, str]:
        lacking, surplus = each.missing(given), each.unexpected(given)
        undecided = not given and not each.parameter_set.default
        return (
            undecided,
            len(lacking) + len(surplus),
            len(surplus),
            not (each.builtin and each.parameter_set.default),
            each.label,
        )

    return min(candidates, key=distance)


def _no_match(
    given: frozenset[str], candidates: Sequence[Candidate], offered: frozenset[str]
) -> NoParameterSetMatches:
    if not candidates:
        return NoParameterSetMatches(
            "No credential provider is installed.",
            remedy="`grantway plugins` shows what was set aside, and why.",
        )
    near = nearest(given, candidates)
    missing = near.missing(given | (offered & near.allowed))
    unexpected = near.unexpected(given)
    common = _names(COMMON)
    shown = ", ".join(sorted(given - common)) or "nothing"
    needs = f"{near.label} needs {' and '.join(missing)}" if missing else ""
    refuses = f"{near.label} does not take {' or '.join(unexpected)}" if unexpected else ""
    return NoParameterSetMatches(
        f"No parameter set takes {shown} as given: {'; '.join(filter(None, (needs, refuses)))}.",
        remedy=" ".join(
            filter(
                None,
                (
                    f"Add {', '.join(missing)}." if missing else "",
                    f"Leave out {', '.join(unexpected)}." if unexpected else "",
                    "`grantway providers` lists all sets.",
                ),
            )
        ),
        nearest=near.label,
        missing=missing,
        unexpected=unexpected,
    )
