"""`grantway consent`: a person agrees once; the refresh token goes to where it is to rest."""

from typing import TYPE_CHECKING, cast

import click

from grantway.cli import output
from grantway.cli.calls import (
    call_options,
    check_names,
    explained,
    refresh_token_expiry,
    timeout_option,
)
from grantway.cli.command import json_option
from grantway.cli.options import ParameterCommand, given
from grantway.cli.session import Session
from grantway.errors import InvalidParameter
from grantway.parameters import CONSENT, SAVE_REFRESH_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from grantway.explain import Explanation
    from grantway.protocol import Protocol
    from grantway.result import AuthenticationResult

_MULTIFACTOR = "mfa"


@click.command(
    "consent",
    cls=ParameterCommand,
    implies=CONSENT,
    examples=(
        (
            "Partner consent; the refresh token goes into a file, and must come with MFA",
            (
                "grantway consent --require-mfa --save-refresh-token file:refresh-token \\\n"
                "    --credential 11111111-2222-3333-4444-555555555555=env:APP_SECRET"
            ),
        ),
        (
            "On a server without a browser",
            (
                "grantway consent --device-code --save-refresh-token file:refresh-token \\\n"
                "    --application-id 11111111-2222-3333-4444-555555555555"
            ),
        ),
        (
            "What is done with it every day",
            (
                "grantway token --refresh-token file:refresh-token \\\n"
                "    --save-refresh-token file:refresh-token --tenant-id customer.example \\\n"
                "    --credential 11111111-2222-3333-4444-555555555555=env:APP_SECRET"
            ),
        ),
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
    """Have a person consent, and save the refresh token that comes of it.

    The person signs in, whatever session the browser has, and agrees to what the application
    asks for. The refresh token is written to --save-refresh-token before anything else is done,
    and no token is printed. `grantway token --refresh-token` then works without the person.
    """
    session = Session.of(context)
    parameters = given(context, session.registry)
    check_names(session.registry, provider, parameter_set)
    choice = {"provider": provider, "parameter_set": parameter_set, CONSENT.name: True}
    with session.dispatcher(profile, parameters) as dispatcher:
        if session.verbosity:
            explained(dispatcher, {**choice, **parameters})
        # Explained and not looked up in the parameters: a profile may say it.
        explain = cast("Callable[..., Explanation]", dispatcher.explain)
        saved_to = explain(**choice, **parameters).values.get(SAVE_REFRESH_TOKEN.name)
        if saved_to is None:
            raise InvalidParameter(
                "save_refresh_token: without it, nothing would be left of the consent.",
                remedy="Say where the refresh token is to rest: --save-refresh-token file:PATH, "
                "or keyring:SERVICE/NAME.",
                parameter=SAVE_REFRESH_TOKEN.name,
            )
        acquire = cast("Callable[..., AuthenticationResult]", dispatcher.acquire)
        result = acquire(**choice, timeout=timeout, **parameters)
        environment = dispatcher.registry.environment(result.environment)
    expiry = refresh_token_expiry(result, environment.protocol)
    facts = _facts(result, saved_to, expiry, environment.protocol)
    if as_json:
        output.write_json(facts)
    else:
        output.write(_told(facts, expiry))


def _facts(
    result: "AuthenticationResult", saved_to: str, expiry: "datetime | None", protocol: "Protocol"
) -> dict[str, object]:
    idle = protocol.refresh_token_idle_days
    account, methods = result.account, result.authentication_methods
    return {
        "saved_to": saved_to,
        "expires_on": expiry.isoformat() if expiry else None,
        "idle_days": idle or None,
        "account": (account.user_name or account.subject) if account else None,
        "tenant_id": result.tenant_id,
        "environment": result.environment,
        "authentication_methods": list(methods),
        "mfa": _MULTIFACTOR in methods if methods else None,
        "correlation_id": result.correlation_id,
    }


def _told(facts: dict[str, object], expiry: "datetime | None") -> str:
    expires = output.instant(expiry) if expiry else "the authority does not say when"
    if facts["idle_days"]:
        expires += f", and {facts['idle_days']} days after each use"
    mfa = {True: "yes", False: "no", None: "no token tells"}[cast("bool | None", facts["mfa"])]
    rows = {
        "Refresh token": f"saved to {facts['saved_to']}",
        "Expires": expires,
        "Account": str(facts["account"] or "no token tells"),
        "Several factors": mfa,
        "Tenant": str(facts["tenant_id"]),
        "Environment": str(facts["environment"]),
    }
    return output.pairs(
        (output.heading(name), output.printable(each)) for name, each in rows.items() if each
    )
