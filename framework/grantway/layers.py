"""Layers: the places that gaps of a call are filled from (see `grantway.offer`).

Each value is parsed only when it is used, so that a mistake in one that a call does not need is
not felt.
"""

from collections.abc import Mapping
from functools import partial

from grantway.errors import ConfigurationError
from grantway.parameters import Parameter
from grantway.reading import Unread, read
from grantway.secret import Credential, Unshown


class ValuesLayer:
    """A layer whose values are parsed when they are read; see `grantway.offer.Layer`.

    They stand where others can read them, so a secret among them must be a reference.
    """

    def __init__(
        self,
        name: str,
        values: Mapping[str, object],
        parameters: Mapping[str, Parameter[object]],
        *,
        spelled: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._values = Unshown(values)
        self._parameters = parameters
        self._spelled = spelled or {}
        self._read: dict[str, object] = {}
        self._names = frozenset(name for name in self._values if name in parameters)
        self._given: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """What explanations call it."""
        return self._name

    @property
    def names(self) -> frozenset[str]:
        """The parameters it has a value for."""
        return self._names

    @property
    def given(self) -> frozenset[str]:
        """Those of them that count as given: a flag only when it is true.

        A flag that cannot be parsed counts, so that whoever reads it hears of it.
        """
        if self._given is None:
            self._given = frozenset(name for name in self._names if not self._is_off(name))
        return self._given

    def _is_off(self, name: str) -> bool:
        parameter = self._parameters[name]
        return parameter.is_flag and read(parameter.read, self._values, name, parameter) is False

    def read(self, name: str) -> object:
        """The parsed value of a parameter; see `Layer.read`."""
        if name not in self._read:
            parameter = self._parameters[name]
            found = read(partial(_parsed, parameter), self._values, name, parameter)
            if isinstance(found, Unread):
                spelled = self._spelled.get(name, name)
                where = self._name if spelled == name else f"{self._name} ({spelled})"
                raise ConfigurationError(
                    f"{name} from {where}: {found.reason}",
                    remedy="Correct it there, or give the parameter in the call.",
                )
            self._read[name] = found
        return self._read[name]


def _parsed(parameter: Parameter[object], value: object) -> object:
    if isinstance(value, str):
        return parameter.read_text(value)
    if parameter.secret and not isinstance(value, Credential):
        raise ValueError("a secret must be given as text that is a reference")
    return parameter.read(value)
