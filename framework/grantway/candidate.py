"""A parameter set as selection sees it: whose it is, and its names as sets.

A set *matches* the given names when it requires no other and takes each of them: required <=
given <= allowed, and one of `at_least_one` is given where that is declared.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from grantway.parameters import APPLICATION_ID, Parameter, ParameterSet
from grantway.secret import credential

if TYPE_CHECKING:
    from grantway.provider import CredentialProvider


def names_of(parameters: Iterable[Parameter[object]]) -> frozenset[str]:
    """The names of these parameters."""
    return frozenset(parameter.name for parameter in parameters)


def _rivals(parameters: Iterable[Parameter[object]]) -> Mapping[str, frozenset[str]]:
    """For each name those that exclude it or that it excludes: one declaration serves both."""
    pairs = {(each.name, rival) for each in parameters for rival in each.excludes}
    pairs |= {(rival, name) for name, rival in pairs}
    return {name: frozenset(b for a, b in pairs if a == name) for name, _ in pairs}


class Candidate:
    """One parameter set. It does not take the rival of what it requires.

    Attributes:
        provider, parameter_set, builtin: whose it is.
        required, at_least_one, allowed: its parameters' names.
        rivals: for each name those that cannot be given beside it.
        clients: the parameters that say which application it is.
        label: how it is called in messages.
    """

    __slots__ = (
        "allowed",
        "at_least_one",
        "builtin",
        "clients",
        "label",
        "parameter_set",
        "provider",
        "required",
        "rivals",
    )

    def __init__(
        self, provider: "CredentialProvider", parameter_set: ParameterSet, *, builtin: bool
    ) -> None:
        parameters = parameter_set.parameters
        self.provider = provider
        self.parameter_set = parameter_set
        self.builtin = builtin
        self.required = names_of(parameter_set.required)
        self.at_least_one = names_of(parameter_set.at_least_one)
        self.rivals = _rivals(parameters)
        self.allowed = names_of(parameters) - self.rivals_of(self.required)
        self.clients = frozenset(
            each.name
            for each in parameters
            if each.name == APPLICATION_ID.name or each.parse is credential
        )
        same = provider.name == parameter_set.name
        self.label = provider.name if same else f"{provider.name}/{parameter_set.name}"

    def __repr__(self) -> str:
        return f"<Candidate {self.label}>"

    def rivals_of(self, names: Iterable[str]) -> frozenset[str]:
        """The parameters that cannot be given beside these."""
        return frozenset[str]().union(*(self.rivals.get(name, ()) for name in names))

    def matches(self, given: frozenset[str]) -> bool:
        """Whether the set takes exactly these names."""
        return given <= self.allowed and self.is_complete(given)

    def is_complete(self, names: frozenset[str]) -> bool:
        """Whether all it requires is among these names."""
        return self.required <= names and (
            not self.at_least_one or not self.at_least_one.isdisjoint(names)
        )

    def missing(self, given: frozenset[str]) -> tuple[str, ...]:
        """The parameters to add; of `at_least_one` the first that can be, where none is given."""
        missing = [each.name for each in self.parameter_set.required if each.name not in given]
        # One that the set does not take, for its rival is required, fills no gap.
        if self.at_least_one and self.at_least_one.isdisjoint(given & self.allowed):
            names = [each.name for each in self.parameter_set.at_least_one]
            possible = [name for name in names if name in self.allowed] or names
            rivals = self.rivals_of(given)
            missing.append(next((name for name in possible if name not in rivals), possible[0]))
        return tuple(missing)

    def unexpected(self, given: frozenset[str]) -> tuple[str, ...]:
        """The parameters to leave out, rivals of what has to be added among them."""
        rivals = self.rivals_of(self.missing(given))
        return tuple(sorted((given - self.allowed) | (given & rivals)))

    def overlaps(self, other: "Candidate") -> bool:
        """Whether some call would match both sets."""
        both = self.allowed & other.allowed
        return (self.required | other.required) <= both and all(
            not one or not one.isdisjoint(both) for one in (self.at_least_one, other.at_least_one)
        )

    def shadows(self, other: "Candidate") -> bool:
        """Whether some call that matches this set would match the other too, once completed.

        That is so where the other takes all that this one requires: what it requires itself may
        come from a layer. Sets that overlap shadow each other.
        """
        return self.required <= other.allowed and (
            not self.at_least_one or not self.at_least_one.isdisjoint(other.allowed)
        )


def given_names(values: Mapping[str, object]) -> frozenset[str]:
    """The names that count as given: not None, and a flag only when it is true."""
    return frozenset(
        name for name, value in values.items() if value is not None and value is not False
    )
