"""The hooks: all that a plugin can say to grantway.

A plugin is a module or object registered under the entry-point group `grantway.plugins`; each
function of it marked `@grantway.hookimpl` implements one of these hooks. Hooks return data. They
are called once, when the registry is loaded, one plugin at a time; what one of them raises or
returns wrongly sets that plugin aside and nothing else.

    from grantway import CredentialProvider, ParameterSet, hookimpl

    @hookimpl
    def grantway_providers():
        return [CredentialProvider("Fixed", [ParameterSet("Fixed")], authenticate)]

No hook ever sees a caller's parameters: only the provider that was chosen does. There is no
hook "authenticate", for then the order of installation would decide who is asked first.
"""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from grantway.environment import Environment
    from grantway.events import Event
    from grantway.offerings import Discovery, TokenCacheFactory, Vault
    from grantway.provider import CredentialProvider

PROJECT = "grantway"
ENTRY_POINT_GROUP = "grantway.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def grantway_providers() -> "Iterable[CredentialProvider]":  # type: ignore[empty-body]  # a hook
    """Ways to get a credential."""


@hookspec
def grantway_environments() -> "Iterable[Environment]":  # type: ignore[empty-body]  # a hook
    """Clouds and authorities."""


@hookspec
def grantway_token_caches() -> "Iterable[TokenCacheFactory]":  # type: ignore[empty-body]  # a hook
    """Kinds of token cache, by name."""


@hookspec
def grantway_vaults() -> "Iterable[Vault]":  # type: ignore[empty-body]  # a hook
    """Places that secrets come from or go to, by scheme."""


@hookspec
def grantway_discoveries() -> "Iterable[Discovery]":  # type: ignore[empty-body]  # a hook
    """Ways to learn an environment from a URL."""


@hookspec
def grantway_commands() -> "Iterable[click.Command]":  # type: ignore[empty-body]  # a hook
    """Further commands of the command line.

    Called only when a name is not one of the core's, and for help.
    """


@hookspec
def grantway_event(event: "Event") -> None:
    """Observe what happened; the event carries no secret. What this raises is logged, not felt."""
