"""From a call's named parameters to a settled request: the first four stops of `acquire`.

`acquire` and `explain` share this road, so that what is explained is what would be done. Nothing
here opens a secret or a socket.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

import attrs

from grantway.cache.keys import circumstances, result_key
from grantway.candidate import Candidate, given_names
from grantway.environment import Environment
from grantway.errors import (
    ConfigurationError,
    GrantwayError,
    InvalidParameter,
    NoParameterSetMatches,
    PluginError,
    SelectionError,
    UnknownEnvironment,
)
from grantway.layers import ValuesLayer
from grantway.offer import Layer, Offer
from grantway.parameters import (
    APPLICATION_ID,
    CREDENTIAL,
    ENVIRONMENT,
    TENANT_ID,
    Parameter,
)
from grantway.reading import Unread, read
from grantway.request import Holder, TokenRequest
from grantway.secret import STANDARD_INPUT, Credential, Reference, Secret, Unshown
from grantway.selection import Choice, choose
from grantway.suggest import did_you_mean, type_of
from grantway.vaults import reference_in, vault_of

if TYPE_CHECKING:
    from grantway.config import Configuration
    from grantway.registry import Registry

Given = Unshown[object]

ENVIRONMENTS_TENANT = "the environment's tenant"
"""The name of the layer that gives it."""

_REMEMBERED = 4096
_CONSTANT = frozenset((str, bool, int, type(None), Secret, Reference, Credential, Environment))


class _Call(tuple[object, ...]):
    """A call as a key, secrets in clear in it: shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<call>"


def take(parameters: dict[str, object]) -> Given:
    """Take the parameters out of a caller's dictionary, so that no traceback shows them."""
    given = Given(parameters)
    parameters.clear()
    return given


@attrs.frozen(eq=False, repr=False)
class Settled:
    """A request, how it came about, and what its caller should be warned of."""

    request: TokenRequest
    choice: Choice
    warnings: tuple[str, ...] = ()
    #: Names of the tokens that the caller has presented; see `Parameter.presented`.
    presented: tuple[str, ...] = ()
    _keys: dict[tuple[bytes, str], str] = attrs.field(
        factory=dict[tuple[bytes, str], str], repr=False
    )

    def key(self, fingerprint_key: bytes, account: str) -> str:
        """The name under which the result rests in a cache; see `grantway.cache.keys`."""
        known = self._keys.get((fingerprint_key, account))
        if known is None:
            parameters = self.choice.candidate.parameter_set.parameters
            known = result_key(
                fingerprint_key, self.request, parameters, account, self._surroundings()
            )
            self._keys[fingerprint_key, account] = known
        return known

    @property
    def may_change(self) -> bool:
        """Whether the same call may stand for somebody else by the next time it is made."""
        values = self.request.values
        return any(isinstance(values[name], Reference) for name in self.presented)

    def _surroundings(self) -> tuple[str | Secret, ...]:
        candidate = self.choice.candidate
        provider = candidate.provider
        if provider.surroundings is None:
            return ()
        try:
            found = tuple(provider.surroundings(self.request))
            if all(isinstance(each, str | Secret) for each in found):
                return found
            wrong = "tells other things than texts"
        except GrantwayError:
            raise
        except Exception as error:
            if candidate.builtin:
                raise
            # Raised after this block: what a plugin raises may hold the secrets it knows.
            wrong = f"raised {type_of(error)}"
        raise PluginError(
            f"The provider {provider.name} cannot tell its surroundings: it {wrong}.",
            remedy="That is a fault of its plugin: tell its author, or disable it.",
        )

    def circumstances(self, fingerprint_key: bytes) -> tuple[str, ...]:
        """What sets this call apart from others for the same result; see `cache.keys`."""
        parameters = self.choice.candidate.parameter_set.parameters
        return circumstances(fingerprint_key, self.request, parameters)


class Intake:
    """Settles calls against one registry, one configuration and one profile."""

    def __init__(
        self, registry: "Registry", configuration: "Configuration", profile: str | None
    ) -> None:
        self._registry = registry
        self._configuration = configuration
        profile_layer = configuration.profile_layer(profile, registry.parameters)
        self._profile: tuple[Layer, ...] = () if profile_layer is None else (profile_layer,)
        ours = configuration.variables_layer(by_name(registry.builtin.parameters))
        self._layers: tuple[Layer, ...] = (*self._profile, ours)
        ours_alone = registry.builtin.parameters.keys()
        self._is_builtin_profile = all(each.names <= ours_alone for each in self._profile)
        self._every_layer: tuple[Layer, ...] | None = None
        self._tenants: dict[str, Layer] = {}
        self._settled: dict[tuple[object, ...], Settled] = {}

    def settle(
        self,
        parameters: dict[str, object],
        *,
        provider: str | None = None,
        parameter_set: str | None = None,
    ) -> Settled:
        """Take the parameters out of the caller's dictionary, to the request that they mean.

        Registry, configuration and variables do not change while we live, so the same call
        means the same request, and the last few thousand are remembered.

        Raises:
            SelectionError: the call is wrong; see its subclasses.
            PluginError: `provider` or `parameter_set` names nothing.
        """
        given = take(parameters)
        if not all(map(_is_constant, given.values())):
            # A list, or whatever else may be another thing by the next call.
            return self._settle(given, provider, parameter_set)
        # With their types: 1 is no True, though it equals it.
        kinds = map(type, given.values())
        call = _Call((provider, parameter_set, *kinds, *given.items()))
        try:
            known = self._settled.get(call)
        except TypeError:
            # A name is none, and is refused below.
            known = None
        if known is None:
            known = self._settle(given, provider, parameter_set)
            if len(self._settled) >= _REMEMBERED:
                self._settled.clear()
            self._settled[call] = known
        return known

    def fuller(self, settled: Settled, more: Mapping[str, object]) -> Settled:
        """The same call by the same parameter set, with more in it.

        Raises:
            InvalidParameter: the set does not take it, or the environment does not.
        """
        choice = settled.choice
        taken = {each.name for each in choice.candidate.parameter_set.parameters}
        values = self.read(Given(more))
        for name in values:
            if name not in taken:
                raise InvalidParameter(
                    f"{name}: {choice.candidate.label} does not take it.",
                    remedy="What is demanded is a person's to give: have one sign in.",
                    parameter=name,
                )
        fuller = attrs.evolve(choice, values={**choice.values, **values})
        return self.validate(fuller, settled.request.environment)

    def _settle(
        self, parameters: Given, provider: str | None, parameter_set: str | None
    ) -> Settled:
        check_names(provider, parameter_set)
        values = self.read(parameters)
        environment = self.environment(values)
        choice = self.choose(values, environment, provider=provider, parameter_set=parameter_set)
        return self.validate(choice, environment)

    def read(self, parameters: Given) -> dict[str, object]:
        """Parse what was given, by name or alias; None is not given.

        Raises:
            InvalidParameter: an unknown name, a name given twice, a value that cannot be.
        """
        known = self._registry.parameters
        values: dict[str, object] = {}
        for name in parameters:
            parameter = known.get(name)
            if parameter is None:
                raise InvalidParameter(
                    f"There is no parameter {name!r}.",
                    remedy=did_you_mean(name, known) or "`grantway providers` lists them.",
                    parameter=name,
                )
            if parameters[name] is None:
                continue
            if parameter.name in values:
                raise InvalidParameter(
                    f"{parameter.name} is given twice: {name} is another word for it.",
                    remedy="Give it once.",
                    parameter=parameter.name,
                )
            values[parameter.name] = _checked(parameter.read, parameters, name, parameter)
        given = given_names(values)
        for name in sorted(given):
            for rival in sorted(given.intersection(known[name].excludes)):
                raise InvalidParameter(
                    f"{name} and {rival} exclude each other.",
                    remedy="Give one of them.",
                    parameter=name,
                )
        return values

    def environment(self, values: dict[str, object]) -> Environment:
        """Resolve the environment: given, of the profile, of the variables, the default."""
        given, origin = values.get(ENVIRONMENT.name), ""
        if given is None:
            for layer in self._layers:
                if ENVIRONMENT.name in layer.names:
                    given, origin = layer.read(ENVIRONMENT.name), layer.name
                    break
        if isinstance(given, Environment):
            return given
        try:
            return self._registry.environment(None if given is None else str(given))
        except UnknownEnvironment as error:
            if not origin:
                raise
            raise ConfigurationError(
                f"environment from {origin}: {error.message}", remedy=error.remedy
            ) from None

    def choose(
        self,
        values: Mapping[str, object],
        environment: Environment,
        *,
        provider: str | None = None,
        parameter_set: str | None = None,
    ) -> Choice:
        """Select the parameter set and fill its gaps (see `grantway.selection`)."""
        if provider is None and parameter_set is not None:
            raise SelectionError(
                "parameter_set is given without provider.", remedy="Name the provider too."
            )
        canonical = environment.protocol.client_id.spelling

        def among(candidates: Sequence[Candidate]) -> Choice:
            layers = self._layers_for(candidates, environment)
            return choose(Offer(values, layers, canonical=canonical), candidates)

        if provider is not None:
            return among(self._registry.provider_candidates(provider, parameter_set))
        ours, given = self._registry.builtin.candidates, given_names(values)
        if self._is_builtin_profile and any(given <= each.allowed for each in ours):
            # What built-in sets settle, no third party changes (`grantway.selection`), save by
            # what a profile gives for it: then they need not even be loaded.
            with suppress(NoParameterSetMatches):
                return among(ours)
        return among(self._registry.candidates)

    def _layers_for(
        self, candidates: Sequence[Candidate], environment: Environment
    ) -> tuple[Layer, ...]:
        """Where gaps of these sets are filled from, in order."""
        layers = self._layers
        if not all(each.builtin for each in candidates):
            if self._every_layer is None:
                parameters = by_name(self._registry.parameters)
                variables = self._configuration.variables_layer(parameters)
                self._every_layer = (*self._profile, variables)
            layers = self._every_layer
        single = environment.single_tenant
        if single is None:
            return layers
        tenant = self._tenants.get(single)
        if tenant is None:
            tenant = self._tenants[single] = ValuesLayer(
                ENVIRONMENTS_TENANT,
                {TENANT_ID.name: single},
                {TENANT_ID.name: TENANT_ID},
            )
        return (tenant, *layers)

    def validate(self, choice: Choice, environment: Environment) -> Settled:
        """Hold each value against the environment and make the request.

        Raises:
            InvalidParameter: a value cannot be used in this environment.
            ConfigurationError: likewise, where it is not the call's own.
        """
        parameter_set, vaults = choice.candidate.parameter_set, self._registry.vaults
        first = ""
        for name, value in choice.values.items():
            if (reference := reference_in(value)) is None:
                continue
            vault_of(reference, vaults, name)
            if reference.text == STANDARD_INPUT:
                if first:
                    raise InvalidParameter(
                        f"{name}: standard input is that of {first} already, and is one secret.",
                        remedy="Give one of them by another reference.",
                        parameter=name,
                    )
                first = name
        values = {**choice.values, ENVIRONMENT.name: environment.name}
        for parameter in parameter_set.parameters:
            validator = parameter.validator
            if validator is not None and parameter.name in values:
                validate = partial(_validate, validator, environment)
                try:
                    values[parameter.name] = _checked(validate, values, parameter.name, parameter)
                except InvalidParameter as error:
                    origin = choice.origins.get(parameter.name)
                    if origin is None:
                        raise
                    raise ConfigurationError(
                        f"{parameter.name} from {origin}{error.message[len(parameter.name) :]}",
                        remedy="Correct it there, or give the parameter in the call.",
                    ) from None
        request = TokenRequest(
            environment,
            choice.candidate.provider.name,
            parameter_set.name,
            values,
            holder=self._holder(choice.candidate),
        )
        presented = tuple(
            each.name
            for each in parameter_set.parameters
            if each.presented and each.name in request.values
        )
        return Settled(request, choice, _warnings(request, choice), presented)

    def _holder(self, candidate: Candidate) -> Holder | None:
        if candidate.builtin:
            return None
        plugin = self._registry.plugin_of(candidate.provider)
        own = candidate.parameter_set.own
        shared = (APPLICATION_ID.name, TENANT_ID.name)
        apart = tuple(each for each in own if each.identity and each.name not in shared)
        return Holder(plugin.name, apart)


def by_name(parameters: Mapping[str, Parameter[object]]) -> dict[str, Parameter[object]]:
    """Each parameter under its own name alone."""
    return {each.name: each for each in parameters.values()}


def check_names(provider: object, parameter_set: object) -> None:
    """Refuse what is no name.

    Raises:
        InvalidParameter: it is not text.
    """
    for what, name in (("provider", provider), ("parameter_set", parameter_set)):
        if name is not None and not isinstance(name, str):
            raise InvalidParameter(
                f"{what}: expected a name, not {type(name).__name__}.",
                remedy="`grantway providers` lists them.",
                parameter=what,
            )


def check_value(parameter: Parameter[object], value: object, environment: Environment) -> None:
    """Hold a parsed value against an environment.

    Raises:
        InvalidParameter: it cannot be used there.
    """
    if parameter.validator is not None:
        validate = partial(_validate, parameter.validator, environment)
        _checked(validate, {parameter.name: value}, parameter.name, parameter)


def _validate(
    validator: Callable[[object, Environment], object], environment: Environment, value: object
) -> object:
    return validator(value, environment)


def _checked(
    reader: Callable[[object], object],
    values: Mapping[str, object],
    name: str,
    parameter: Parameter[object],
) -> object:
    found = read(reader, values, name, parameter)
    if isinstance(found, Unread):
        raise InvalidParameter(
            f"{parameter.name}: {found.reason}",
            remedy=found.remedy or parameter.help,
            parameter=parameter.name,
        )
    return found


def _is_constant(value: object) -> bool:
    """Whether a value is the same thing by the next call, and equal only to its like."""
    if type(value) is tuple:
        return all(type(each) is str for each in cast("tuple[object, ...]", value))
    return type(value) in _CONSTANT


def _warnings(request: TokenRequest, choice: Choice) -> tuple[str, ...]:
    found: list[str] = []
    environment = request.environment
    if environment.closed:
        found.append(f"{environment.name} is closed: {environment.closed}")
    if environment.unavailable:
        found.append(f"{environment.name} cannot be used now. {environment.unavailable}")
    credential, application_id = request.get(CREDENTIAL), request.get(APPLICATION_ID)
    if (
        isinstance(credential, Credential)
        and application_id
        and application_id != credential.user_name
    ):
        found.append(
            f"application_id {application_id} is used; the credential is of {credential.user_name}."
        )
    found.extend(
        f"{each.name} is deprecated: {each.deprecated}"
        for each in choice.candidate.parameter_set.parameters
        if each.deprecated and each.name in choice.values
    )
    return tuple(found)
