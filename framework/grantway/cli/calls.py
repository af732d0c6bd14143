"""What the commands that take a call's parameters share."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grantway.cli.options import completions
from grantway.cli.session import Session
from grantway.errors import InvalidParameter, PluginError, SelectionError

if TYPE_CHECKING:
    from datetime import datetime

    from click.shell_completion import CompletionItem

    from grantway.dispatcher import Dispatcher
    from grantway.protocol import Protocol
    from grantway.registry import Registry
    from grantway.result import AuthenticationResult

F = TypeVar("F", bound="Callable[..., object]")


def call_options(function: F) -> F:
    """The options `--provider`, `--parameter-set` and `--profile`."""
    for decorate in (
        profile_option,
        click.option(
            "--parameter-set",
            metavar="NAME",
            help="Which parameter set of --provider, where it has several.",
        ),
        click.option(
            "--provider",
            metavar="NAME",
            shell_complete=_complete_provider,
            help="The credential provider to use, instead of selecting one.",
        ),
    ):
        function = decorate(function)
    return function


def profile_option(function: F) -> F:
    """The option `--profile`."""
    return click.option(
        "-p",
        "--profile",
        metavar="NAME",
        shell_complete=_complete_profile,
        help="The profile of the configuration to complete the call from.",
    )(function)


def timeout_option(function: F) -> F:
    """The option `--timeout` of a command for which a person acts."""
    return click.option(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="Seconds it may take. [default: 300; with a device code, until that expires]",
    )(function)


def test_timeout_option(function: F) -> F:
    """The option `--timeout` of a command that tests an environment."""
    return click.option(
        "--timeout",
        type=float,
        metavar="SECONDS",
        callback=_time,
        help="Seconds that the test of an environment may take. [default: 60]",
    )(function)


def _time(_: click.Context, __: click.Parameter, given: float | None) -> float:
    """The seconds meant; as long as a token may take that needs no person.

    Raises:
        InvalidParameter: they are none.
    """
    # Imported here: help and completion do without.
    from grantway.acquisition import TIMEOUT, checked_timeout

    return checked_timeout(TIMEOUT if given is None else given)


def check_names(
    registry: "Registry", provider: str | None, parameter_set: str | None = None
) -> None:
    """Check that what is named is there; a wrong name is a mistake in the call, not in a plugin.

    Raises:
        InvalidParameter: no such provider, no such parameter set of it.
    """
    if provider is None:
        if parameter_set is not None:
            raise InvalidParameter(
                "--parameter-set needs --provider.",
                remedy="Name the provider too.",
                parameter="parameter_set",
            )
        return
    try:
        registry.provider_candidates(provider, parameter_set)
    except PluginError as error:
        raise InvalidParameter(error.message, remedy=error.remedy, parameter="provider") from None


def explained(dispatcher: "Dispatcher", parameters: Mapping[str, Any]) -> None:
    """Log what a call selects and why, and which requests are planned."""
    import logging

    log = logging.getLogger("grantway.cli")
    try:
        explanation = dispatcher.explain(**parameters)
    except SelectionError:
        # The call itself will say so.
        return
    if explanation.problem is None:
        log.info("environment %s", explanation.environment)
        log.info("%s", explanation.because)
    for name, origin in explanation.origins.items():
        log.debug("%s from %s: %s", name, origin, explanation.values.get(name, ""))
    for request in explanation.requests:
        log.debug("planned: %s %s", request.method, request.url)


def refresh_token_expiry(result: "AuthenticationResult", protocol: "Protocol") -> "datetime | None":
    """When the refresh token of a result expires unless it is used; None: nobody says."""
    from datetime import UTC, datetime, timedelta

    idle = protocol.refresh_token_idle_days
    if result.refresh_token_expires_on is not None or not idle:
        return result.refresh_token_expires_on
    return (result.acquired_on or datetime.now(UTC)) + timedelta(days=idle)


def complete_environment(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """The environments that an argument or option may name."""
    return completions([each.name for each in Session.of(ctx).known.environments], incomplete)


def _complete_profile(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    return completions(list(Session.of(ctx).configuration.profiles), incomplete)


def _complete_provider(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    return completions([each.name for each in Session.of(ctx).known.providers], incomplete)
