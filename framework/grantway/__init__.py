"""grantway gets access tokens, from any cloud, with any grant, through plugins.

    from grantway import Credential, Dispatcher

    with Dispatcher() as dispatcher:
        result = dispatcher.acquire(
            credential=Credential("application id", "secret"), tenant_id="contoso.example"
        )

The names below are the public ones; each is loaded when it is first used.
"""

from typing import TYPE_CHECKING

from grantway.version import __version__

if TYPE_CHECKING:
    from grantway.accounts import Account as Account
    from grantway.authority import AuthorityRequest as AuthorityRequest
    from grantway.authority import ClientAuthentication as ClientAuthentication
    from grantway.authority import Endpoints as Endpoints
    from grantway.authority import PlannedRequest as PlannedRequest
    from grantway.certificate import ClientCertificate as ClientCertificate
    from grantway.certificate import Signer as Signer
    from grantway.certificate import SigningKey as SigningKey
    from grantway.config import Configuration as Configuration
    from grantway.context import Context as Context
    from grantway.context import Transport as Transport
    from grantway.discovery import discover as discover
    from grantway.dispatcher import Dispatcher as Dispatcher
    from grantway.environment import Environment as Environment
    from grantway.environment import Trust as Trust
    from grantway.events import Event as Event
    from grantway.explain import Explanation as Explanation
    from grantway.hookspecs import hookimpl as hookimpl
    from grantway.oauth.challenge import Challenge as Challenge
    from grantway.offerings import Discovery as Discovery
    from grantway.offerings import TokenCacheFactory as TokenCacheFactory
    from grantway.offerings import Vault as Vault
    from grantway.parameters import Parameter as Parameter
    from grantway.parameters import ParameterSet as ParameterSet
    from grantway.parts import Clock as Clock
    from grantway.parts import Prompter as Prompter
    from grantway.proof_key import ProofKey as ProofKey
    from grantway.protocol import OIDC as OIDC
    from grantway.protocol import Protocol as Protocol
    from grantway.provider import CredentialProvider as CredentialProvider
    from grantway.registry import Registry as Registry
    from grantway.request import TokenRequest as TokenRequest
    from grantway.result import AuthenticationResult as AuthenticationResult
    from grantway.result import UserInfo as UserInfo
    from grantway.secret import Credential as Credential
    from grantway.secret import Reference as Reference
    from grantway.secret import Secret as Secret
    from grantway.source import TokenSource as TokenSource
    from grantway.token_cache import StoredRefreshToken as StoredRefreshToken
    from grantway.token_cache import TokenCache as TokenCache

# Where each public name lives. The parameters that providers share and the errors are public in
# the modules `grantway.parameters` and `grantway.errors`.
_MODULES = {
    "accounts": ("Account",),
    "authority": ("AuthorityRequest", "ClientAuthentication", "Endpoints", "PlannedRequest"),
    "certificate": ("ClientCertificate", "Signer", "SigningKey"),
    "config": ("Configuration",),
    "context": ("Context", "Transport"),
    "discovery": ("discover",),
    "dispatcher": ("Dispatcher",),
    "environment": ("Environment", "Trust"),
    "events": ("Event",),
    "explain": ("Explanation",),
    "hookspecs": ("hookimpl",),
    "oauth.challenge": ("Challenge",),
    "parameters": ("Parameter", "ParameterSet"),
    "proof_key": ("ProofKey",),
    "protocol": ("OIDC", "Protocol"),
    "offerings": ("Discovery", "TokenCacheFactory", "Vault"),
    "parts": ("Clock", "Prompter"),
    "provider": ("CredentialProvider",),
    "registry": ("Registry",),
    "request": ("TokenRequest",),
    "result": ("AuthenticationResult", "UserInfo"),
    "secret": ("Credential", "Reference", "Secret"),
    "source": ("TokenSource",),
    "token_cache": ("StoredRefreshToken", "TokenCache"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # loaded on demand, and pinned by a test
    "OIDC",
    "Account",
    "AuthenticationResult",
    "AuthorityRequest",
    "Challenge",
    "ClientAuthentication",
    "ClientCertificate",
    "Clock",
    "Configuration",
    "Context",
    "Credential",
    "CredentialProvider",
    "Discovery",
    "Dispatcher",
    "Endpoints",
    "Environment",
    "Event",
    "Explanation",
    "Parameter",
    "ParameterSet",
    "PlannedRequest",
    "Prompter",
    "ProofKey",
    "Protocol",
    "Reference",
    "Registry",
    "Secret",
    "Signer",
    "SigningKey",
    "StoredRefreshToken",
    "TokenCache",
    "TokenCacheFactory",
    "TokenRequest",
    "TokenSource",
    "Transport",
    "Trust",
    "UserInfo",
    "Vault",
    "__version__",
    "discover",
    "hookimpl",
]


if not TYPE_CHECKING:
    # Type checkers see the imports above alone, so that a misspelt name is an error to them.
    def __getattr__(name: str) -> object:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
