"""A provider on a stage: what it is called with, and a world that answers by a script."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import attrs

from grantway.candidate import Candidate
from grantway.dispatcher import Dispatcher
from grantway.environment import Environment
from grantway.errors import GrantwayError, PluginError
from grantway.events import Event
from grantway.explain import Explanation
from grantway.hookspecs import hookimpl
from grantway.result import AuthenticationResult
from grantway.testing.clock import ManualClock
from grantway.testing.deeds import Deeds, noting
from grantway.testing.environments import metadata_of, scripted_environment
from grantway.testing.leaks import secrets_in
from grantway.testing.patience import PATIENCE, within
from grantway.testing.plugin_checks import PluginChecks
from grantway.testing.prompters import ScriptedPrompter
from grantway.testing.registries import dispatcher_of, registry_with
from grantway.testing.replies import ACCESS_TOKEN, REFRESH_TOKEN, Reply, granted, json_reply
from grantway.testing.transports import Script, ScriptedTransport

TIMEOUT = 60.0

_SHORTEST = 12

# Long after any date of this machine: an instant that was not told by the injected clock is past.
_BEGINNING = 4_000_000_000.0

_DEEDS: WeakKeyDictionary[type, Deeds] = WeakKeyDictionary()


class Watching:
    """A plugin that keeps the events it is told of."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def grantway_event(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def told(self, name: str) -> list[Event]:
        """The events of that name."""
        return [each for each in self.events if each.name == name]


@attrs.frozen(eq=False, repr=False)
class Stage:
    """One dispatcher with the provider, and all that it can reach."""

    contract: "ProviderSetting"
    dispatcher: Dispatcher
    transport: ScriptedTransport
    clock: ManualClock
    prompter: ScriptedPrompter | None
    watching: Watching

    def acquire(self, timeout: float = TIMEOUT) -> AuthenticationResult:
        """Make the call of the contract; what hangs is an error."""
        asked = self.contract
        return within(
            lambda: self.dispatcher.acquire(
                provider=asked.provider,
                parameter_set=asked.parameter_set,
                timeout=timeout,
                environment=asked.environment,
                **asked.parameters,
            ),
            asked.patience,
        )

    def explain(self) -> Explanation:
        """Explain the same call."""
        asked = self.contract
        return self.dispatcher.explain(
            provider=asked.provider,
            parameter_set=asked.parameter_set,
            environment=asked.environment,
            **asked.parameters,
        )


class ProviderSetting(PluginChecks):
    """What an author says of the provider; see `ProviderContract`."""

    provider: str
    parameter_set: str | None = None
    parameters: Mapping[str, Any] = {}
    secrets: tuple[str, ...] = ()
    environment: Environment = scripted_environment()
    endpoint: str = "token"
    asks_authority: bool = True
    interactive: bool = False
    renews: bool = False
    reads_cache: bool = True
    plans: bool = True
    only_by_name: bool = False
    new_each_time: tuple[str, ...] = ()
    patience: float = PATIENCE

    def answers(self) -> Script:
        """What the authority answers at each of its endpoints when all is well."""
        return {
            "token": granted(refresh_token=REFRESH_TOKEN if self.renews else None),
            "metadata": json_reply(metadata_of(self.environment)),
        }

    def person(self) -> ScriptedPrompter:
        """Who can be asked; by default somebody without a browser who knows no answer."""
        return ScriptedPrompter()

    @contextmanager
    def stage(
        self, *replies: Reply, at: str = "", someone: bool = True
    ) -> Generator[Stage, None, None]:
        """A stage on which these replies, if any, are all that comes from one endpoint.

        Args:
            replies: in order; by default those of `answers`.
            at: the endpoint; by default `endpoint`.
            someone: whether a person can be asked.
        """
        self.registry()  # which ends the check where the plugin is set aside
        script = dict(self.answers())
        if replies:
            script[at or self.endpoint] = replies
        watching, transport = Watching(), ScriptedTransport(at=script)
        clock, prompter = ManualClock(_BEGINNING), self.person() if someone else None
        with (
            noting(self.deeds()),
            dispatcher_of(
                registry=registry_with(self.plugin, watching),
                transport=transport,
                clock=clock,
                prompter=prompter or False,
            ) as dispatcher,
        ):
            yield Stage(self, dispatcher, transport, clock, prompter, watching)

    def deeds(self) -> Deeds:
        """What has been done on all stages of this class: what is done but once is done early."""
        return _DEEDS.setdefault(type(self), Deeds())

    def failure(self, *replies: Reply, timeout: float = TIMEOUT) -> GrantwayError:
        """The error of ours that a call ends with.

        Raises:
            AssertionError: it ends with none, or with another.
        """
        with self.stage(*replies) as stage:
            try:
                stage.acquire(timeout)
            except PluginError as error:
                raise AssertionError(f"No error of the tree came out. {error}") from None
            except GrantwayError as error:
                return error
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(
                    f"{type(error).__name__} is no GrantwayError: see grantway.errors for which "
                    "of them to raise."
                ) from error
        raise AssertionError("The call came back with a result, and the authority had failed.")

    def candidate(self) -> Candidate:
        """The parameter set that is tested.

        Raises:
            AssertionError: the provider has several, and none is named.
        """
        found = self.registry().provider_candidates(self.provider, self.parameter_set)
        assert len(found) == 1, (
            f"{self.provider} has several parameter sets. Say which: parameter_set = "
            f"{found[0].parameter_set.name!r}, and write a class for each."
        )
        return found[0]

    def given_secrets(self) -> tuple[str, ...]:
        """Every secret that goes into the call.

        Raises:
            AssertionError: one is so short that it could be found by chance.
        """
        known = self.registry().parameters
        own = [
            secret
            for name, value in self.parameters.items()
            if name in known and known[name].secret
            for secret in secrets_in(value)
        ]
        found = (*own, *self.secrets)
        assert all(len(secret) >= _SHORTEST for secret in found), (
            f"A secret of the call has fewer than {_SHORTEST} characters, and would be found where "
            "it is not. Make it long and unlike anything else."
        )
        return found

    def all_secrets(self) -> tuple[str, ...]:
        """These, and what comes back for them."""
        return (*self.given_secrets(), ACCESS_TOKEN, REFRESH_TOKEN)
