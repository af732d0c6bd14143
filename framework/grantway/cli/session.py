"""What the commands of one run share.

Everything here is made when it is first asked for, so that a command pays only for what it uses.
A test passes a session of its own (`CliRunner.invoke(program, args, obj=Session(...))`) with a
registry, a transport or a clock in it.
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from grantway.config import Configuration
    from grantway.context import Transport
    from grantway.dispatcher import Dispatcher
    from grantway.parts import Clock, Prompter
    from grantway.registry import Registry
    from grantway.token_cache import TokenCache


DEFAULT_CACHE = "sqlite"
"""The token cache of a run that chooses none: the next one is another process."""


def manifest() -> "Path":
    """Where it is remembered which plugins are installed, for this Python and its path."""
    import sys
    from binascii import crc32

    from grantway.folders import user_folder

    path = map(str, (sys.prefix, sys.version, *sys.path))
    # What the file system has is not always text.
    which = crc32("\0".join(path).encode(errors="surrogatepass"))
    return user_folder("cache") / "plugins" / f"{which:08x}.json"


class Session:
    """Global options, configuration, plugins and the dispatcher of one run.

    Attributes:
        no_plugins, no_input, verbosity: the global options.
        as_json: errors are told in JSON.
        transport: one to use in place of HTTP.
        told: something was said beside the answer.
        warnings: what was warned of and not yet shown, because the run answers in JSON.
        situation: the one in which this call may be recalled; see `grantway.cli.recall`.
        printed: the format of the token that was printed, and whether with all tokens.
        latest: the dispatcher made last.
    """

    def __init__(
        self,
        *,
        registry: "Registry | None" = None,
        configuration: "Configuration | None" = None,
        transport: "Transport | None" = None,
        clock: "Clock | None" = None,
        prompter: "Prompter | Literal[False] | None" = None,
        cache: "TokenCache | None" = None,
    ) -> None:
        self.no_plugins = False
        self.no_input = False
        self.verbosity = 0
        self.as_json = False
        self.told = False
        self.warnings: list[str] = []
        self.situation: bytes | None = None
        self.printed: tuple[str, bool] | None = None
        self.latest: Dispatcher | None = None
        self._registry = registry
        self._spare: Registry | None = None
        self._commands: Mapping[str, click.Command] | None = None
        self._configuration = configuration
        self.transport = transport
        self._clock = clock
        self._prompter: Prompter | Literal[False] | None = prompter
        self._cache = cache

    @staticmethod
    def of(context: click.Context) -> "Session":
        """The session of a run."""
        return context.ensure_object(Session)

    @property
    def configuration(self) -> "Configuration":
        """The user's configuration.

        Raises:
            ConfigurationError: it cannot be used.
        """
        if self._configuration is None:
            from grantway.project import load_with_project

            self._configuration = load_with_project()
        return self._configuration

    @property
    def registry(self) -> "Registry":
        """The plugins that the configuration and `--no-plugins` allow.

        Raises:
            ConfigurationError: the configuration cannot be used.
        """
        if self._registry is None:
            from grantway.registry import Registry

            self._registry = Registry.load(
                self.configuration, third_parties=not self.no_plugins, manifest=manifest()
            )
        return self._registry

    @property
    def known(self) -> "Registry":
        """The registry for parsing, help and completion, which a broken configuration spares.

        Then it is that of the built-in plugins: which others may be loaded is not known.
        """
        from grantway.errors import ConfigurationError

        try:
            return self.registry
        except ConfigurationError:
            if self._spare is None:
                from grantway.config import Configuration
                from grantway.registry import Registry

                self._spare = Registry.load(
                    Configuration(), third_parties=False, manifest=manifest()
                )
            return self._spare

    @property
    def commands(self) -> "Mapping[str, click.Command]":
        """The commands of plugins, by name."""
        if self._commands is None:
            self._commands = self.known.commands()
        return self._commands

    def leave(self, code: int) -> None:
        """Leave the process, without taking the interpreter down where nobody waits for that.

        It takes longer than many a call has work to do. It is done all the same where a thread is
        at work, or code of a third party may have something left to do.
        """
        if self._registry is None or not self._registry.has_others:
            from grantway.cli.leaving import leave

            leave(code)

    @property
    def clock(self) -> "Clock":
        """The source of time."""
        if self._clock is None:
            from grantway.clock import SystemClock

            self._clock = SystemClock()
        return self._clock

    @property
    def prompter(self) -> "Prompter | Literal[False] | None":
        """As `Dispatcher` takes it: False when nobody is to be asked, None when nobody can be."""
        if self.no_input:
            return False
        if self._prompter is None:
            from grantway.terminal import terminal

            self._prompter = terminal(self.configuration.environ)
        return self._prompter

    def shown(self, prompter: "Prompter | Literal[False] | None") -> "Prompter | Literal[False]":
        """A way to show a device code to whoever asked for one.

        Without a terminal that is standard error, which a container's log has; in continuous
        integration nobody reads that in time.
        """
        from grantway.terminal import StreamPrompter, in_ci

        if prompter is not None:
            return prompter
        return False if in_ci(self.configuration.environ) else StreamPrompter()

    def network(self) -> "tuple[Transport, Callable[[], None]]":
        """A road to the network for a command without a dispatcher, and how to leave it."""
        if self.transport is not None:
            return self.transport, lambda: None
        from grantway.oauth.transport import HttpTransport

        made = HttpTransport(environ=self.configuration.environ)
        return made, made.close

    def clear_line(self) -> None:
        """Make room for a text beside the answer: a line of progress gives way to it."""
        if self._prompter:
            from grantway.parts import Screen

            if isinstance(self._prompter, Screen):
                self._prompter.progress("")

    @contextmanager
    def cache(self) -> "Generator[TokenCache]":
        """The token cache, for a command that looks into it.

        Raises:
            ConfigurationError: what is chosen cannot be used.
        """
        from grantway.caches import cache_of

        if self._cache is not None:
            yield self._cache
            return
        made = cache_of(self._named_cache, self.registry.token_caches, self.configuration)
        try:
            yield made
        finally:
            made.close()

    @property
    def _named_cache(self) -> str | None:
        return None if self.configuration.chosen_cache else DEFAULT_CACHE

    def dispatcher(
        self,
        profile: str | None = None,
        parameters: "Mapping[str, object] | None" = None,
        *,
        cached: bool = True,
        silent: bool = False,
    ) -> "Dispatcher":
        """A dispatcher on this session's parts; the caller closes it.

        Where the `parameters` of a call are given and it asks for a device code, a way to show
        that is enough.

        Args:
            profile: of the configuration.
            parameters: of the call.
            cached: with the token cache of the user; without, nothing is kept.
            silent: nobody is asked.
        """
        from grantway.caches import MEMORY
        from grantway.dispatcher import Dispatcher

        make = Dispatcher
        if self.situation is not None:
            from grantway.cli.attentive import AttentiveDispatcher

            make = AttentiveDispatcher
        made = make(
            self.registry,
            cache=(self._cache or self._named_cache) if cached else MEMORY,
            transport=self.transport,
            clock=self._clock,
            prompter=False if silent else self.prompter_of(profile, parameters),
            config=self.configuration,
            profile=profile,
        )
        self.latest = made
        return made

    def prompter_of(
        self, profile: str | None, parameters: "Mapping[str, object] | None"
    ) -> "Prompter | Literal[False] | None":
        """The prompter of a call: where it asks for a device code, one that shows is enough."""
        asks = parameters is not None and self._asks_for_code(profile, parameters)
        return self.shown(self.prompter) if asks else self.prompter

    def _asks_for_code(self, profile: str | None, parameters: "Mapping[str, object]") -> bool:
        """Whether the call or its profile asks for a device code."""
        from grantway.parameters import DEVICE_CODE

        if DEVICE_CODE.name in parameters:
            return bool(parameters[DEVICE_CODE.name])
        layer = self.configuration.profile_layer(profile, self.registry.parameters)
        return layer is not None and DEVICE_CODE.name in layer.given


pass_session = click.make_pass_decorator(Session, ensure=True)
