"""What a call would do, and why, without doing it.

The same intake that serves `acquire` settles the call; then the provider's own `plan` lists the
requests it would send, and every secret in them is a mask. Nothing is opened: no secret, no
socket.
"""

from collections.abc import Mapping
from itertools import islice
from typing import cast

import attrs

from grantway.authority import PlannedRequest
from grantway.candidate import Candidate, given_names
from grantway.errors import (
    AmbiguousParameters,
    GrantwayError,
    NoParameterSetMatches,
    PluginError,
    SelectionError,
)
from grantway.intake import ENVIRONMENTS_TENANT, Intake, check_names, take
from grantway.parameters import SAVE_REFRESH_TOKEN, TENANT_ID
from grantway.registry import Registry
from grantway.request import TokenRequest
from grantway.secret import MASK, Credential, HoldsSecret, Made, Reference, Secret
from grantway.selection import Choice
from grantway.suggest import text_of, type_of

# More than any flow has; a plan that yields without end is cut off here.
_MOST_REQUESTS = 100


@attrs.frozen
class Considered:
    """One parameter set that was considered: what it would still need, what it does not take."""

    label: str
    matches: bool
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


@attrs.frozen
class Explanation:
    """What `acquire` would do with the same parameters.

    Attributes:
        environment: name of the environment.
        provider, parameter_set: what would be chosen; "" where nothing matches.
        because: why, in a sentence.
        values: parameter to value, secrets masked; a reference is shown by its text.
        origins: where each value comes from that the call did not give.
        considered: every parameter set that selection looked at.
        requests: what would be sent, in order; `(from metadata)` where an endpoint is only
            known from the authority.
        warnings: what the call would be warned of.
        problem: the error that `acquire` would raise, or what is wrong with the plan; or None.
    """

    environment: str
    provider: str = ""
    parameter_set: str = ""
    because: str = ""
    values: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    origins: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    considered: tuple[Considered, ...] = ()
    requests: tuple[PlannedRequest, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: GrantwayError | None = attrs.field(default=None, eq=False)

    def as_dict(self) -> dict[str, object]:
        """The explanation as JSON-ready facts."""
        return {
            "environment": self.environment,
            "provider": self.provider,
            "parameter_set": self.parameter_set,
            "because": self.because,
            "values": dict(self.values),
            "origins": dict(self.origins),
            "considered": [
                {
                    "label": each.label,
                    "matches": each.matches,
                    "missing": list(each.missing),
                    "unexpected": list(each.unexpected),
                }
                for each in self.considered
            ],
            "requests": [each.as_dict() for each in self.requests],
            "warnings": list(self.warnings),
            "problem": self.problem.as_dict() if self.problem else None,
        }


def explain(
    registry: Registry,
    intake: Intake,
    parameters: dict[str, object],
    *,
    provider: str | None = None,
    parameter_set: str | None = None,
) -> Explanation:
    """Explain a call; see `Dispatcher.explain`."""
    given_parameters = take(parameters)
    check_names(provider, parameter_set)
    values = intake.read(given_parameters)
    environment = intake.environment(values)
    given = given_names(values)
    candidates = (
        registry.candidates
        if provider is None
        else registry.provider_candidates(provider, parameter_set)
    )
    considered = tuple(_considered(each, given) for each in candidates)
    try:
        choice = intake.choose(values, environment, provider=provider, parameter_set=parameter_set)
    except (NoParameterSetMatches, AmbiguousParameters) as error:
        return Explanation(
            environment.name,
            values={name: shown(value) for name, value in values.items()},
            considered=considered,
            problem=error,
        )
    settled = intake.validate(choice, environment)
    request, origins = settled.request, dict(choice.origins)
    told = {name: shown(value) for name, value in request.values.items()}
    if not environment.has_tenant and origins.get(TENANT_ID.name) == ENVIRONMENTS_TENANT:
        # A word that stands in where a tenant is required, and is none.
        del told[TENANT_ID.name], origins[TENANT_ID.name]
    requests, problem = _planned(registry, choice.candidate, request)
    return Explanation(
        environment.name,
        provider=request.provider,
        parameter_set=request.parameter_set,
        because=_because(choice, given, origins, named=provider is not None),
        values=told,
        origins=origins,
        considered=considered,
        requests=requests,
        warnings=settled.warnings,
        problem=problem,
    )


def _planned(
    registry: Registry, candidate: Candidate, request: TokenRequest
) -> tuple[tuple[PlannedRequest, ...], GrantwayError | None]:
    """The requests that the provider plans, or else what is wrong with its plan."""
    provider = candidate.provider
    if provider.plan is None:
        return (), None
    try:
        requests = tuple(
            each.masked() for each in islice(provider.plan(_unopened(request)), _MOST_REQUESTS)
        )
        for each in requests:
            _check(each)
        if request.environment.dpop:
            requests = tuple(_proven(each) for each in requests)
    except (SelectionError, KeyboardInterrupt):
        raise
    except GrantwayError as error:
        return (), error
    except BaseException as error:
        if candidate.builtin:
            raise
        kind = type_of(error)
    else:
        return requests, None
    plugin = registry.plugin_of(provider)
    return (), PluginError(
        f"The provider {provider.name} cannot say what it would send ({kind}).",
        remedy=f"That is a fault of {plugin.name}: tell its author, or disable it.",
        plugin=plugin.name,
        distribution=plugin.distribution,
    )


def _check(request: object) -> None:
    """Refuse a planned request that could not be shown."""
    if type(request) is not PlannedRequest:
        raise TypeError
    texts = (request.endpoint, request.method, request.url)
    pairs = (*request.headers.items(), *request.fields)
    if not all(type(text) is str for text in (*texts, *(text for pair in pairs for text in pair))):
        raise TypeError


def _proven(planned: PlannedRequest) -> PlannedRequest:
    """The request as the transport sends it where tokens are bound to a key (RFC 9449)."""
    if planned.endpoint != "token":
        return planned
    return attrs.evolve(planned, headers={**planned.headers, "DPoP": MASK})


def _unopened(request: TokenRequest) -> TokenRequest:
    """The request with a stand-in for every secret, so that a plan has nothing to give away."""
    stand_in = Secret(MASK)
    values: dict[str, object] = {}
    for name, value in request.values.items():
        kept = value.held if isinstance(value, HoldsSecret) else value
        if not isinstance(kept, Secret | Reference | Made) or name == SAVE_REFRESH_TOKEN.name:
            values[name] = value
        else:
            values[name] = value.holding(stand_in) if isinstance(value, HoldsSecret) else stand_in
    return attrs.evolve(request, values=values)


def shown(value: object) -> str:
    """A value as it may be shown."""
    match value:
        case Reference() | Made():
            return str(value)
        case tuple():
            return " ".join(text_of(word) for word in cast("tuple[object, ...]", value))
        case bool():
            return str(value).lower()
        case str():
            return value
        case Credential(user_name=user_name, password=password):
            return f"{user_name}={shown(password)}"
        case _:
            # A Secret masks itself; so must a type of a plugin's own.
            return text_of(value)


def _considered(candidate: Candidate, given: frozenset[str]) -> Considered:
    return Considered(
        candidate.label,
        candidate.matches(given),
        candidate.missing(given),
        candidate.unexpected(given),
    )


def _because(
    choice: Choice, given: frozenset[str], origins: Mapping[str, str], *, named: bool
) -> str:
    takes = ", ".join(sorted(given))
    if named:
        return f"The call names the provider; {choice.candidate.label} takes {takes or 'that'}."
    layers = [layer for layer in choice.completed_by if layer in origins.values()]
    if layers:
        added = sorted(choice.candidate.required & frozenset(origins)) or sorted(
            choice.candidate.at_least_one & frozenset(origins)
        )
        completed = f"{', '.join(added)} from {' and '.join(layers)}"
        if not takes:
            return f"{choice.candidate.label} is complete with {completed}."
        return f"{choice.candidate.label} takes {takes}, completed with {completed}."
    return f"{choice.candidate.label} is the one set that takes {takes}."
