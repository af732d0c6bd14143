"""Generated plugins, calls and layers for the laws of selection."""

from collections.abc import Iterable, Mapping, Sequence

import attrs
from hypothesis import strategies as st

from grantway import (
    Configuration,
    Credential,
    CredentialProvider,
    Parameter,
    ParameterSet,
    Registry,
)
from grantway.candidate import Candidate
from grantway.errors import GrantwayError
from grantway.offer import Offer
from grantway.parameters import flag, text
from grantway.selection import Choice, choose

REGISTRY = Registry.load(Configuration(environ={}), third_parties=False)
BUILTIN: tuple[Candidate, ...] = REGISTRY.candidates

OWN = {
    each.name: each
    for each in (
        Parameter("own_one", text),
        Parameter("own_two", text, excludes=("own_three",)),
        Parameter("own_three", text),
        Parameter("own_flag", flag),
        Parameter("own_default", text, default="set", excludes=("own_one",)),
    )
}
KNOWN = {each.name: each for each in REGISTRY.parameters.values()} | OWN
# Those that every set takes are left out of what a set declares for itself.
COMMON = ("environment", "resource", "scopes", "claims", "capabilities")
DECLARED = tuple(name for name in KNOWN if name not in COMMON)
BUILTIN_NAMES = tuple(name for name in KNOWN if name not in OWN)

CLIENTS = ("11111111-2222-3333-4444-555555555555", "{11111111-2222-3333-4444-555555555555}", "b")


def canonical(client: str) -> str:
    return client.strip("{}").lower()


def value_of(name: str, client: str) -> object:
    """A value of the parameter's own type."""
    parameter = KNOWN[name]
    if parameter.is_flag:
        return True
    if name == "credential":
        return Credential(client, "a secret")
    return client if name == "application_id" else f"a {name}"


@attrs.frozen
class FakeLayer:
    """A layer of values that are parsed already."""

    name: str
    values: Mapping[str, object]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.values)

    @property
    def given(self) -> frozenset[str]:
        return frozenset(name for name, value in self.values.items() if value is not False)

    def read(self, name: str) -> object:
        return self.values[name]


def no_authentication(*_: object) -> object:
    raise AssertionError("nothing is authenticated here")


def candidate(name: str, parameter_set: ParameterSet, *, builtin: bool = False) -> Candidate:
    provider = CredentialProvider(name, (parameter_set,), no_authentication)  # type: ignore[arg-type]
    return Candidate(provider, parameter_set, builtin=builtin)


def consistent(values: Mapping[str, object]) -> bool:
    """Whether a call may give these: `Intake.read` refuses rivals."""
    return not any(
        rival in values for name in values for rival in KNOWN[name].excludes if values[name]
    )


@st.composite
def parameter_sets(draw: st.DrawFn, names: Sequence[str] = DECLARED) -> ParameterSet:
    """Any set that a plugin may declare."""
    required = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    if any(rival in required for name in required for rival in KNOWN[name].excludes):
        required = required[:1]
    rest = [name for name in names if name not in required]
    one_of = draw(st.lists(st.sampled_from(rest), unique=True, max_size=2)) if rest else []
    rest = [name for name in rest if name not in one_of]
    optional = draw(st.lists(st.sampled_from(rest), unique=True, max_size=4)) if rest else []
    return ParameterSet(
        "Set",
        tuple(KNOWN[name] for name in required),
        at_least_one=tuple(KNOWN[name] for name in one_of),
        optional=tuple(KNOWN[name] for name in optional),
    )


def third_parties(most: int = 3) -> st.SearchStrategy[list[Candidate]]:
    """Plugins of third parties, overlapping or not."""
    return st.lists(parameter_sets(), max_size=most).map(
        lambda found: [candidate(f"Third{number}", each) for number, each in enumerate(found)]
    )


@st.composite
def calls(
    draw: st.DrawFn, third: Sequence[Candidate] = (), *, complete: bool = False
) -> dict[str, object]:
    """What a caller gives: much or all of what some set requires, some of what it takes.

    Unless the call is to be `complete`, something that the set does not take may be among it.
    """
    meant = draw(st.sampled_from((*BUILTIN, *third)))
    needed = set(meant.required)
    if meant.at_least_one:
        needed.add(draw(st.sampled_from(sorted(meant.at_least_one))))
    names = (
        set(needed)
        if complete
        else set(draw(st.sets(st.sampled_from(sorted(needed)))) if needed else ())
    )
    names |= draw(st.sets(st.sampled_from(sorted(meant.allowed)), max_size=4))
    if not complete and draw(st.integers(0, 3)) == 0:
        names |= {draw(st.sampled_from(sorted(KNOWN)))}
    client = draw(st.sampled_from(CLIENTS))
    values: dict[str, object] = {}
    for name in sorted(names, key=lambda name: (name not in needed, name)):
        wanted = {**values, name: value_of(name, client)}
        if consistent(wanted):
            values = wanted
    return values


def layers(*names: Iterable[str]) -> st.SearchStrategy[list[FakeLayer]]:
    """A tenant's, a profile's and the variables' layer, each over names of its own."""
    return st.tuples(*map(_values, names)).map(
        lambda found: [FakeLayer(f"layer {n}", values) for n, values in enumerate(found, 1)]
    )


def _values(names: Iterable[str]) -> st.SearchStrategy[dict[str, object]]:
    pairs = st.tuples(st.lists(st.sampled_from(list(names)), unique=True), st.sampled_from(CLIENTS))
    return pairs.map(lambda pair: {name: value_of(name, pair[1]) for name in pair[0]})


@attrs.frozen
class World:
    """Plugins, a call, and the layers it is made among."""

    third: tuple[Candidate, ...]
    values: Mapping[str, object]
    layers: tuple[FakeLayer, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return installed(self.third)


@st.composite
def worlds(draw: st.DrawFn, *, builtin: bool = False, complete: bool = False) -> World:
    """Any world; with `builtin` the call is of a built-in set."""
    third = tuple(draw(third_parties()))
    values = draw(calls(() if builtin else installed(third)[len(BUILTIN) :], complete=complete))
    return World(third, values, tuple(draw(LAYERS)))


# The environment's tenant; a profile, which may name no parameter that is not known without the
# plugin; the variables of the process, which may be there whoever reads them.
LAYERS = layers(("tenant_id",), [n for n in BUILTIN_NAMES if n != "environment"], KNOWN)


def installed(third: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """What selection considers, as the registry sees to it."""
    fit = [each for each in third if not any(each.shadows(other) for other in BUILTIN)]
    return (*BUILTIN, *fit)


def outcome(
    values: Mapping[str, object],
    candidates: Sequence[Candidate],
    found: Sequence[FakeLayer] = (),
) -> Choice | GrantwayError:
    """What selection answers: a choice, or the error it raises."""
    try:
        return choose(Offer(values, found, canonical=canonical), candidates)
    except GrantwayError as error:
        return error


def comparable(answer: Choice | GrantwayError) -> object:
    """An answer, as two of them are compared."""
    if isinstance(answer, GrantwayError):
        return answer.as_dict()
    return (answer.candidate.label, dict(answer.values), dict(answer.origins), answer.completed_by)
