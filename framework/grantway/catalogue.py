"""What some plugins offer, in the forms in which it is looked for.

There are two of these in a registry: of the built-in plugins alone, and of all. What is found in
the first is found in the second too, and is the same there, for no third party can take a name of
a built-in plugin. So whoever finds it in the first need not ask for the second, which takes the
import of every plugin that is installed (`BuiltinFirst`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from grantway.candidate import Candidate
from grantway.config import Configuration
from grantway.environments import Environments
from grantway.parameters import COMMON, Parameter
from grantway.plugins import Plugin

if TYPE_CHECKING:
    from grantway.offerings import Discovery, TokenCacheFactory, Vault
    from grantway.provider import CredentialProvider

V = TypeVar("V")


class Catalogue:
    """What active plugins offer, and what a configuration describes beside it.

    Attributes:
        providers: every credential provider.
        candidates: the parameter sets that selection considers.
        every_candidate: those that only `provider=` reaches too.
        parameters: by name and alias.
        vaults, token_caches, discoveries: by case-folded scheme or name.
        environments: by name, those of the configuration last.

    Args:
        active: the plugins, built-in ones first.
        configuration: what files describe.
        builtin: the catalogue of the built-in ones among them, where they are more than these.
    """

    def __init__(
        self,
        active: Sequence[Plugin],
        configuration: Configuration,
        builtin: "Catalogue | None" = None,
    ) -> None:
        self.providers: tuple[CredentialProvider, ...] = tuple(
            each for plugin in active for each in plugin.providers
        )
        self.vaults: Mapping[str, Vault] = {
            each.scheme.casefold(): each for plugin in active for each in plugin.vaults
        }
        self.token_caches: Mapping[str, TokenCacheFactory] = {
            each.name.casefold(): each for plugin in active for each in plugin.token_caches
        }
        self.discoveries: Mapping[str, Discovery] = {
            each.name.casefold(): each for plugin in active for each in plugin.discoveries
        }
        parameters: dict[str, Parameter[object]] = {}
        for parameter in (
            *COMMON,
            *(p for each in self.providers for s in each.parameter_sets for p in s.own),
        ):
            for name in (parameter.name, *parameter.aliases):
                parameters.setdefault(name, parameter)
        self.parameters: Mapping[str, Parameter[object]] = parameters
        ours = builtin.every_candidate if builtin else ()
        self.every_candidate: tuple[Candidate, ...] = ours + tuple(
            Candidate(provider, parameter_set, builtin=plugin.builtin)
            for plugin in active
            if not (plugin.builtin and builtin)
            for provider in plugin.providers
            for parameter_set in provider.parameter_sets
        )
        ours = tuple(each for each in self.every_candidate if each.builtin)
        self.candidates: tuple[Candidate, ...] = tuple(
            each
            for each in self.every_candidate
            if each.builtin or not any(each.shadows(other) for other in ours)
        )
        self.environments = Environments(
            active,
            configuration,
            (each for found in self.discoveries.values() for each in found.protocols),
        )

    def candidates_of(self, provider: str) -> tuple[Candidate, ...]:
        """The parameter sets of one provider; none where there is no such provider."""
        return tuple(
            each
            for each in self.every_candidate
            if each.provider.name.casefold() == provider.casefold()
        )


class BuiltinFirst(Mapping[str, V]):
    """What all plugins offer by name; the built-in ones are asked first."""

    def __init__(self, builtin: Mapping[str, V], every: Callable[[], Mapping[str, V]]) -> None:
        self._builtin = builtin
        self._every = every

    def __getitem__(self, name: str) -> V:
        return self._builtin[name] if name in self._builtin else self._every()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._every())

    def __len__(self) -> int:
        return len(self._every())
