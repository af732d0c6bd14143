"""What a call gives, and what the layers behind it can add.

A *layer* is a place that gaps are filled from: the environment's tenant, the profile, the
environment variables. What layers add to a call depends on the set it is added for: gaps of that
set only, no rival (`excludes`) of what is there already, and neither an application id nor a
credential of another application than the one that is there already.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from grantway.candidate import Candidate, given_names
from grantway.errors import ConfigurationError
from grantway.parameters import APPLICATION_ID
from grantway.secret import Credential


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

    @property
    def given(self) -> frozenset[str]:
        """Those of them that count as given: a flag only when it is true."""
        ...

    def read(self, name: str) -> object:
        """The parsed value of a parameter.

        Raises:
            ConfigurationError: it cannot be parsed; the message says where it stands.
        """
        ...


class Offer:
    """The values of a call, and the layers behind them.

    `canonical` gives the one spelling of an application id, by which two are compared.
    """

    def __init__(
        self,
        values: Mapping[str, object],
        layers: Sequence[Layer] = (),
        *,
        canonical: Callable[[str], str] = str,
    ) -> None:
        self.values = values
        self.layers = layers
        self.given = given_names(values)
        self._canonical = canonical

    def reach(self, candidate: Candidate, layers: int | None = None) -> frozenset[str]:
        """The names that count as given once the first so many layers have filled a set's gaps.

        Raises:
            ConfigurationError: a layer does not say readably which application it means.
        """
        return self.given | {
            name for layer, name in self._additions(candidate, layers) if name in layer.given
        }

    def fill(self, candidate: Candidate) -> tuple[dict[str, object], dict[str, str]]:
        """All values for a set, and the layer each came from that the call did not give.

        Raises:
            ConfigurationError: a layer's value cannot be parsed, or a layer has two rivals.
        """
        filled = {name: value for name, value in self.values.items() if value is not None}
        origins: dict[str, str] = {}
        for layer, name in self._additions(candidate):
            value = layer.read(name)
            rivals = candidate.rivals_of((name,)) & given_names(filled)
            if rivals and value is not False:
                raise ConfigurationError(
                    f"{min(rivals)} and {name} exclude each other; both are in {layer.name}.",
                    remedy="Keep one of them there, or give one in the call.",
                )
            filled[name], origins[name] = value, layer.name
        for parameter in candidate.parameter_set.parameters:
            name = parameter.name
            if (
                parameter.default is not None
                and name not in filled
                and candidate.rivals_of((name,)).isdisjoint(given_names(filled))
            ):
                filled[name], origins[name] = parameter.default, "default"
        return filled, origins

    def _additions(
        self, candidate: Candidate, layers: int | None = None
    ) -> Iterator[tuple[Layer, str]]:
        """What each layer adds for a set. Only what says which application it is is read."""
        taken = {name for name, value in self.values.items() if value is not None}
        present = self.given
        client = self._client(candidate, self.values)
        for layer in self.layers[:layers]:
            names = (layer.names & candidate.allowed) - taken - candidate.rivals_of(present)
            clients = {name: layer.read(name) for name in names & candidate.clients}
            if client is not None:
                names -= {
                    name
                    for name, value in clients.items()
                    if self._client(candidate, {name: value}) != client
                }
            for name in sorted(names):
                yield layer, name
            taken |= names
            present |= names & layer.given
            client = client or self._client(candidate, clients)

    def _client(self, candidate: Candidate, values: Mapping[str, object]) -> str | None:
        """The application that values say it is; an application id beats a credential."""
        for name in sorted(candidate.clients, key=lambda name: name != APPLICATION_ID.name):
            match values.get(name):
                case str() as application_id:
                    return self._canonical(application_id)
                case Credential(user_name=user_name):
                    return self._canonical(user_name)
                case _:
                    pass
        return None
