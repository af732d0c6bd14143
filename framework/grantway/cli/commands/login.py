"""`grantway login`: a person signs in, so that nobody is asked for a while."""

import logging
from typing import TYPE_CHECKING, cast

import click

from grantway.cli import output
from grantway.cli.asking import nobody_is_there, signs_in
from grantway.cli.calls import (
    call_options,
    check_names,
    explained,
    refresh_token_expiry,
    timeout_option,
)
from grantway.cli.command import json_option
from grantway.cli.options import ParameterCommand, given
from grantway.cli.probe import Probe
from grantway.cli.session import Session
from grantway.errors import (
    CacheError,
    ConfigurationError,
    GrantwayError,
    InteractionRequired,
    InvalidParameter,
    NoParameterSetMatches,
    SelectionError,
)
from grantway.parameters import ACCOUNT, PROMPT
from grantway.suggest import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from grantway.dispatcher import Dispatcher
    from grantway.explain import Explanation
    from grantway.parameters import ParameterSet
    from grantway.protocol import Protocol
    from grantway.provider import CredentialProvider
    from grantway.result import AuthenticationResult


_ELSEWHERE = (
    "Run it at a terminal, or add --device-code: the code is then shown on standard error, to be "
    "entered on any device."
)


class LoginCommand(ParameterCommand):
    """Takes the parameters of those sets by which a person signs in and is renewed silently."""

    def takes(self, provider: "CredentialProvider", parameter_set: "ParameterSet") -> bool:
        """Whether a person signs in by the set, and is renewed silently."""
        return signs_in(provider, parameter_set.name)


@click.command(
    "login",
    cls=LoginCommand,
    examples=(
        (
            "In the browser, or with a code on another device",
            "grantway login --application-id 11111111-2222-3333-4444-555555555555",
        ),
        (
            "On a server without a browser",
            (
                "grantway login --device-code \\\n"
                "    --application-id 11111111-2222-3333-4444-555555555555"
            ),
        ),
        ("As somebody else, whoever is signed in", "grantway login -p work --prompt login"),
        ("What it is for: later, without being asked", "grantway token --profile work"),
    ),
)
@call_options
@timeout_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    provider: str | None,
    parameter_set: str | None,
    profile: str | None,
    timeout: float | None,
    as_json: bool,
    **_: object,
) -> None:
    """Have a person sign in, and say who it is and for how long.

    The tokens go to the token cache, and none is printed. `grantway token` with the same
    parameters, or for another resource or tenant, is then served without asking anybody. Who is
    signed in already is told so; --prompt login asks all the same.
    """
    session = Session.of(context)
    parameters = given(context, session.registry)
    check_names(session.registry, provider, parameter_set)
    call = {"provider": provider, "parameter_set": parameter_set, **parameters}
    # Nobody is asked who need not be. Where somebody must, nothing is sent this time.
    with session.dispatcher(profile, parameters, silent=True) as dispatcher:
        if session.verbosity:
            explained(dispatcher, call)
        explanation = _explanation(dispatcher, call)
        # Before anybody is asked: a sign-in that is lost at once serves nobody.
        _make_sure_it_outlasts(session)
        result = _silently(dispatcher, call, timeout)
    already = result is not None
    kept = True
    if result is None:
        with session.dispatcher(profile, parameters) as dispatcher:
            try:
                result = _acquired(dispatcher, call, timeout)
            except InteractionRequired as error:
                if error.accounts or session.prompter_of(profile, parameters):
                    raise
                raise nobody_is_there(error, session, _ELSEWHERE) from error.__cause__
        with session.dispatcher(profile, parameters, silent=True) as dispatcher:
            again = _again(dispatcher, call, explanation, result)
            kept = _is_kept(dispatcher, again, timeout)
        if not kept:
            logging.getLogger("grantway").warning(
                "this sign-in is kept nowhere: the token cache failed (see `grantway cache info`)"
            )
    protocol = session.registry.environment(result.environment).protocol
    until = _until(result, protocol) if kept else None
    facts = _facts(result, until, explanation, already=already, kept=kept)
    if as_json:
        output.write_json(facts)
    else:
        output.write(_told(facts, until))


def _explanation(dispatcher: "Dispatcher", call: "Mapping[str, object]") -> "Explanation":
    """How the call is understood.

    Raises:
        InvalidParameter: it is one in which no person signs in.
        NoParameterSetMatches: no set in which a person does takes it.
    """
    explain = cast("Callable[..., Explanation]", dispatcher.explain)
    found = explain(**call)
    if isinstance(found.problem, NoParameterSetMatches):
        raise _no_match(dispatcher, call, found) or found.problem
    chosen = [
        each
        for provider in dispatcher.registry.providers
        if provider.name == found.provider
        for each in dispatcher.registry.provider_candidates(provider.name, found.parameter_set)
    ]
    if any(not signs_in(each.provider, each.parameter_set.name) for each in chosen):
        raise InvalidParameter(
            f"With these parameters {found.provider} gets the token, and nobody signs in.",
            remedy="Give --application-id, without a credential; `grantway explain` says why.",
        )
    return found


def _no_match(
    dispatcher: "Dispatcher", call: "Mapping[str, object]", found: "Explanation"
) -> SelectionError | None:
    """The error that says what to change, in the terms of those sets in which a person signs in.

    None where there is no such set.
    """
    from grantway.cli.failures import option

    labels = {
        each.label
        for each in dispatcher.registry.candidates
        if signs_in(each.provider, each.parameter_set.name)
    }
    if not labels:
        return None
    possible = [each for each in found.considered if each.label in labels]
    if not possible:
        return InvalidParameter(
            f"{call['provider']} signs nobody in.",
            remedy=f"Leave --provider out, or name one of these: {', '.join(sorted(labels))}.",
            parameter="provider",
        )
    near = min(possible, key=lambda each: len(each.missing) + len(each.unexpected))
    add, drop = (", ".join(map(option, names)) for names in (near.missing, near.unexpected))
    return NoParameterSetMatches(
        "A person cannot sign in with these parameters."
        if drop
        else "Too little is given for a person to sign in.",
        remedy=" ".join(
            (
                *([f"Add {add}."] if add else ()),
                *([f"Leave out {drop}."] if drop else ()),
                "`grantway login --help` shows what there is.",
            )
        ),
        missing=near.missing,
        unexpected=near.unexpected,
    )


def _make_sure_it_outlasts(session: Session) -> None:
    """Make sure that the token cache gives to another command what this one puts into it.

    Raises:
        ConfigurationError: it does not, or what is chosen cannot be used.
        CacheError: it fails.
    """
    probe = Probe.made(session.clock.time())
    try:
        with session.cache() as cache:
            probe.put_into(cache)
        with session.cache() as cache:
            if probe.is_taken_from(cache):
                return
    except GrantwayError:
        raise
    except Exception as error:  # noqa: BLE001  # of a plugin; its text may hold anything
        failure = type_of(error)
    else:
        raise ConfigurationError(
            "Nobody is asked to sign in: the token cache does not outlast this command, and the "
            "sign-in would be lost with it.",
            remedy="Choose another with GRANTWAY_CACHE, or with `cache` in the configuration file; "
            "without either it is a file of this user's. `grantway token` signs in for one token.",
        )
    raise CacheError(
        f"The token cache failed: it raised {failure}.",
        remedy="That is a fault of its plugin: tell its author, or choose another cache.",
    )


def _silently(
    dispatcher: "Dispatcher", call: "Mapping[str, object]", timeout: float | None
) -> "AuthenticationResult | None":
    """The result for whoever has signed in already; None where somebody has to.

    Raises:
        InteractionRequired: several have.
        GrantwayError: as the call raises it.
    """
    try:
        return _acquired(dispatcher, call, timeout)
    except InteractionRequired as error:
        if not error.accounts:
            return None
        raise InteractionRequired(
            error.message,
            remedy="Name one with --account; --prompt select_account signs in another.",
            accounts=error.accounts,
        ) from None


def _again(
    dispatcher: "Dispatcher",
    call: "Mapping[str, object]",
    explanation: "Explanation",
    result: "AuthenticationResult",
) -> dict[str, object]:
    """The call that whoever has just signed in would make next: who it is, and no prompt."""
    (chosen,) = dispatcher.registry.provider_candidates(
        explanation.provider, explanation.parameter_set
    )
    again = dict(call)
    # Not left out: the profile may have one.
    if PROMPT.name in explanation.values:
        again[PROMPT.name] = "none"
    if result.account is not None and ACCOUNT.name in chosen.allowed:
        again[ACCOUNT.name] = result.account.subject
    return again


def _is_kept(
    dispatcher: "Dispatcher", again: "Mapping[str, object]", timeout: float | None
) -> bool:
    """Whether a call after the sign-in is served by it; another failure is not the cache's."""
    try:
        _acquired(dispatcher, again, timeout)
    except InteractionRequired as error:
        # Where the authority does not say who has signed in, it may be any of several.
        return bool(error.accounts)
    except GrantwayError:
        return True
    return True


def _acquired(
    dispatcher: "Dispatcher", call: "Mapping[str, object]", timeout: float | None
) -> "AuthenticationResult":
    acquire = cast("Callable[..., AuthenticationResult]", dispatcher.acquire)
    return acquire(**call, timeout=timeout)


def _until(result: "AuthenticationResult", protocol: "Protocol") -> "datetime | None":
    """When somebody has to sign in again; None: nobody says."""
    return refresh_token_expiry(result, protocol) if result.refresh_token else result.expires_on


def _facts(
    result: "AuthenticationResult",
    until: "datetime | None",
    explanation: "Explanation",
    *,
    already: bool,
    kept: bool,
) -> dict[str, object]:
    account = result.account
    return {
        "user_name": account.user_name if account else "",
        "subject": account.subject if account else "",
        "tenant_id": result.tenant_id,
        "environment": result.environment,
        "application_id": explanation.values.get("application_id", ""),
        "already_signed_in": already,
        "kept": kept,
        "has_refresh_token": bool(result.refresh_token),
        "signed_in_until": until.isoformat() if until else None,
    }


def _told(facts: "Mapping[str, object]", expiry: "datetime | None") -> str:
    who = str(facts["user_name"] or facts["subject"] or "somebody; the authority does not say who")
    until = output.instant(expiry) if expiry else "the authority says otherwise"
    if not facts["kept"]:
        until = "the next command: this sign-in is kept nowhere"
    elif not facts["has_refresh_token"]:
        until += "; no refresh token came, by which it would be longer"
    rows = {
        "Signed in": f"{who} (already; nobody was asked)" if facts["already_signed_in"] else who,
        "Tenant": str(facts["tenant_id"]),
        "Environment": str(facts["environment"]),
        "Application": str(facts["application_id"]),
        "Nothing to do until": until,
    }
    return output.pairs(
        (output.heading(name), output.printable(each)) for name, each in rows.items() if each
    )
