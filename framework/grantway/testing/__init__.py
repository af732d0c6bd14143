"""What authors of plugins test with: contracts to subclass, and stand-ins for the world.

    from grantway.testing import ProviderContract, granted

    import my_plugin

    class TestMyProvider(ProviderContract):
        api_version = (0, 1)
        plugin = my_plugin
        provider = "Mine"
        parameters = {"my_key": "a secret"}

A contract is a class of pytest tests, each of them one promise that grantway relies on. The author
says what is to be tested and what it can do; what it does not claim is skipped, and so is what a
later version of grantway has added to the contract.

    *_contract.py                what providers, environments, token caches and vaults promise
    *_checks.py                  parts of these, and what all of them have in common
    gate.py                      which checks hold for whom
    clock.py, prompters.py       stand-ins for time and for people
    transports.py, replies.py    stand-ins for the network, and what an authority may say
    registries.py, sandbox.py    dispatchers with these plugins and no others; a local authority
    leaks.py, network.py ...     how the checks find out
    pytest_plugin.py             fixtures, known to pytest by themselves

It needs pytest: `pip install 'grantway[testing]'`. The names below are the public ones; each is
loaded when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grantway.testing.clock import ManualClock as ManualClock
    from grantway.testing.environment_contract import EnvironmentContract as EnvironmentContract
    from grantway.testing.environments import metadata_of as metadata_of
    from grantway.testing.environments import scripted_environment as scripted_environment
    from grantway.testing.gate import API_VERSION as API_VERSION
    from grantway.testing.gate import needs as needs
    from grantway.testing.gate import since as since
    from grantway.testing.leaks import assert_unseen as assert_unseen
    from grantway.testing.leaks import texts_of as texts_of
    from grantway.testing.network import no_network as no_network
    from grantway.testing.prompters import ScriptedPrompter as ScriptedPrompter
    from grantway.testing.prompters import signing_in as signing_in
    from grantway.testing.provider_contract import ProviderContract as ProviderContract
    from grantway.testing.registries import dispatcher_of as dispatcher_of
    from grantway.testing.registries import registry_of as registry_of
    from grantway.testing.replies import Reply as Reply
    from grantway.testing.replies import broken as broken
    from grantway.testing.replies import garbage as garbage
    from grantway.testing.replies import granted as granted
    from grantway.testing.replies import json_reply as json_reply
    from grantway.testing.replies import page as page
    from grantway.testing.replies import refused as refused
    from grantway.testing.replies import reply as reply
    from grantway.testing.replies import silent as silent
    from grantway.testing.replies import throttled as throttled
    from grantway.testing.replies import unreachable as unreachable
    from grantway.testing.token_cache_contract import TokenCacheContract as TokenCacheContract
    from grantway.testing.transports import FaultyTransport as FaultyTransport
    from grantway.testing.transports import RecordingTransport as RecordingTransport
    from grantway.testing.transports import ScriptedTransport as ScriptedTransport
    from grantway.testing.vault_contract import VaultContract as VaultContract

_MODULES = {
    "clock": ("ManualClock",),
    "environment_contract": ("EnvironmentContract",),
    "environments": ("metadata_of", "scripted_environment"),
    "gate": ("API_VERSION", "needs", "since"),
    "leaks": ("assert_unseen", "texts_of"),
    "network": ("no_network",),
    "prompters": ("ScriptedPrompter", "signing_in"),
    "provider_contract": ("ProviderContract",),
    "registries": ("dispatcher_of", "registry_of"),
    "replies": (
        "Reply", "broken", "garbage", "granted", "json_reply", "page", "refused", "reply",
        "silent", "throttled", "unreachable",
    ),
    "token_cache_contract": ("TokenCacheContract",),
    "transports": ("FaultyTransport", "RecordingTransport", "ScriptedTransport"),
    "vault_contract": ("VaultContract",),
}  # fmt: skip
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # loaded on demand, and pinned by a test
    "API_VERSION",
    "EnvironmentContract",
    "FaultyTransport",
    "ManualClock",
    "ProviderContract",
    "RecordingTransport",
    "Reply",
    "ScriptedPrompter",
    "ScriptedTransport",
    "TokenCacheContract",
    "VaultContract",
    "assert_unseen",
    "broken",
    "dispatcher_of",
    "garbage",
    "granted",
    "json_reply",
    "metadata_of",
    "needs",
    "no_network",
    "page",
    "refused",
    "registry_of",
    "reply",
    "scripted_environment",
    "signing_in",
    "silent",
    "since",
    "texts_of",
    "throttled",
    "unreachable",
]

if not TYPE_CHECKING:

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
