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
    """Ways to get a credential.

    Each is a `CredentialProvider`: the ways it can be called, and the function that gets a token.
    It is selected by the parameters of a call if it requires one that no built-in set takes, and
    can always be named: `provider=`.

        from datetime import UTC, datetime, timedelta

        from grantway import AuthenticationResult, CredentialProvider, Parameter, ParameterSet
        from grantway import Registry, hookimpl
        from grantway.parameters import text

        BADGE = Parameter("badge", text, "The number on your badge.", env="BADGE")

        def authenticate(request, context):
            expires = datetime.fromtimestamp(context.clock.time(), UTC) + timedelta(hours=1)
            return AuthenticationResult(f"token of {request[BADGE]}", expires_on=expires)

        class Plugin:
            @hookimpl
            def grantway_providers(self):
                return [CredentialProvider("Badge", [ParameterSet("Badge", [BADGE])], authenticate)]

        from grantway import Dispatcher

        with Dispatcher(Registry.of(Plugin())) as dispatcher:
            assert dispatcher.acquire(provider="Badge", badge="7").access_token == "token of 7"
    """


@hookspec
def grantway_environments() -> "Iterable[Environment]":  # type: ignore[empty-body]  # a hook
    """Clouds and authorities.

    Each is an `Environment`: data alone, with every host that may ever see a secret of it.

        from grantway import Environment, Registry, hookimpl

        class Plugin:
            @hookimpl
            def grantway_environments(self):
                return [Environment("Hill", authority="https://id.hill.example", aliases=["Berg"])]

        registry = Registry.of(Plugin())
        assert registry.environment("berg").authority == "https://id.hill.example"
    """


@hookspec
def grantway_token_caches() -> "Iterable[TokenCacheFactory]":  # type: ignore[empty-body]  # a hook
    """Kinds of token cache, by name.

    Each is a `TokenCacheFactory`, which makes a `TokenCache` from the URL that a caller names.

        from grantway import Dispatcher, Registry, TokenCacheFactory, hookimpl
        from grantway.cache.memory import MemoryTokenCache

        class Plugin:
            @hookimpl
            def grantway_token_caches(self):
                return [TokenCacheFactory("shelf", lambda url: MemoryTokenCache())]

        with Dispatcher(Registry.of(Plugin()), cache="shelf:top") as dispatcher:
            assert dispatcher.accounts() == ()
    """


@hookspec
def grantway_vaults() -> "Iterable[Vault]":  # type: ignore[empty-body]  # a hook
    """Places that secrets come from or go to, by scheme.

    Each is a `Vault`: `get`, and `put` where it can be written to. A reference `drawer:top` is
    opened by the vault of the scheme `drawer`, and only for the provider that was chosen.

        from grantway import Registry, Secret, Vault, hookimpl

        class Plugin:
            @hookimpl
            def grantway_vaults(self):
                return [Vault("drawer", lambda name, context: Secret(f"what lies in {name}"))]

        vault = Registry.of(Plugin()).vaults["drawer"]
        assert vault.get("top", None).reveal() == "what lies in top"
    """


@hookspec
def grantway_discoveries() -> "Iterable[Discovery]":  # type: ignore[empty-body]  # a hook
    """Ways to learn an environment from a URL.

    Each is a `Discovery`: it asks the host of the URL, and no other, and returns an `Environment`.
    A person names it: `grantway environments add Hill --discover notice=https://id.hill.example`.

        from grantway import Discovery, Environment, Registry, hookimpl

        def read_notice(url, context):
            return Environment(context.environment.name, authority=url)

        class Plugin:
            @hookimpl
            def grantway_discoveries(self):
                return [Discovery("notice", read_notice)]

        assert "notice" in Registry.of(Plugin()).discoveries
    """


@hookspec
def grantway_commands() -> "Iterable[click.Command]":  # type: ignore[empty-body]  # a hook
    """Further commands of the command line.

    Each is a `click.Command`. Called only when a name is not one of the core's, and for help.

        import click

        from grantway import Registry, hookimpl

        @click.command("hello")
        def hello():
            click.echo("Hello.")

        class Plugin:
            @hookimpl
            def grantway_commands(self):
                return [hello]

        assert Registry.of(Plugin()).commands()["hello"] is hello
    """


@hookspec
def grantway_event(event: "Event") -> None:
    """Observe what happened; the event carries no secret. What this raises is logged, not felt.

    `Event` lists what there is. It is called in the thread in which it happened, so it
    has to be quick; a call that the cache answers makes no event.

        from grantway import Dispatcher, Registry, hookimpl
        from grantway.errors import GrantwayError

        class Plugin:
            def __init__(self):
                self.seen = []

            @hookimpl
            def grantway_event(self, event):
                self.seen.append(event.name)

        plugin = Plugin()
        with Dispatcher(Registry.of(plugin)) as dispatcher:
            try:
                dispatcher.acquire(application_id="11111111-2222-3333-4444-555555555555")
            except GrantwayError:
                pass  # nobody can be asked to sign in here
        assert plugin.seen == ["token.failed"]
    """
