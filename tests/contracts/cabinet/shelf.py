"""What the wrong plugins have in common: an object that offers what it is given."""

import logging
from collections.abc import Iterable

from grantway import CredentialProvider, Environment, TokenCacheFactory, Vault, hookimpl


class Shelf:
    """A plugin with these things in it."""

    def __init__(
        self,
        *,
        providers: Iterable[CredentialProvider] = (),
        environments: Iterable[Environment] = (),
        token_caches: Iterable[TokenCacheFactory] = (),
        vaults: Iterable[Vault] = (),
    ) -> None:
        self.providers, self.environments = tuple(providers), tuple(environments)
        self.token_caches, self.vaults = tuple(token_caches), tuple(vaults)

    @hookimpl
    def grantway_providers(self) -> Iterable[CredentialProvider]:
        return self.providers

    @hookimpl
    def grantway_environments(self) -> Iterable[Environment]:
        return self.environments

    @hookimpl
    def grantway_token_caches(self) -> Iterable[TokenCacheFactory]:
        return self.token_caches

    @hookimpl
    def grantway_vaults(self) -> Iterable[Vault]:
        return self.vaults


APART = logging.getLogger("apart from all others")
"""A logger with a handler of its own, which hands on nothing to those of others."""

APART.propagate = False
APART.setLevel(logging.INFO)
APART.addHandler(logging.NullHandler())
