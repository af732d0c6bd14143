"""`grantway token`: an access token, on standard output."""

from typing import TYPE_CHECKING, cast

import click

from grantway.cli.asking import is_a_sign_in, nobody_is_there
from grantway.cli.calls import call_options, check_names, explained
from grantway.cli.options import ParameterCommand, given
from grantway.cli.session import Session
from grantway.cli.showing import FORMATS, show
from grantway.errors import InteractionRequired, VaultError
from grantway.parameters import CONSENT, SAVE_REFRESH_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grantway.explain import Explanation
    from grantway.result import AuthenticationResult

_AHEAD = (
    "Sign in ahead with `grantway login` and the same parameters, at a terminal or with "
    "--device-code; or get the token as an application by itself, with --credential and "
    "--tenant-id."
)
_OR_AHEAD = ", or sign in ahead with `grantway login` and the same parameters"


@click.command(
    "token",
    cls=ParameterCommand,
    examples=(
        (
            "A token for a service principal; the secret rests in a variable",
            (
                "grantway token --tenant-id contoso.example \\\n"
                "    --credential 11111111-2222-3333-4444-555555555555=env:APP_SECRET"
            ),
        ),
        (
            "A person signs in, in the browser, or with a code on another device",
            "grantway token --application-id 11111111-2222-3333-4444-555555555555",
        ),
        (
            "A refresh token from a file is redeemed, and its successor put in its place",
            (
                "grantway token --refresh-token file:rt --save-refresh-token file:rt \\\n"
                "    --application-id 11111111-2222-3333-4444-555555555555"
            ),
        ),
        ("With what a profile of the configuration says", "grantway token --profile work"),
        (
            "In a request",
            'curl -H "$(grantway token -p work -o header)" https://api.example/me',
        ),
        (
            "After an API has refused it for want of claims",
            'grantway token -p work --challenge "$(cat www-authenticate.txt)"',
        ),
        (
            "In a request with a token that is bound to a key",
            (
                "url=https://api.example/me\n  "
                "grantway token -p work -o header --proof-for GET $url | curl -H @- $url"
            ),
        ),
    ),
)
@call_options
@click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    help="Seconds it may take. [default: 60; 300 where a person acts; with a device code, until "
    "that expires]",
)
@click.option(
    "--challenge",
    metavar="HEADER",
    help="What an API has answered in its header WWW-Authenticate: get the token that it wants.",
)
@click.option("--force-refresh", is_flag=True, help="Get a new token though one is at hand.")
@click.option(
    "-o",
    "--output",
    "format_",
    type=click.Choice(FORMATS),
    help="What is printed: the bare token (text, the default), all that is known (json), an "
    "HTTP header, assignments for a shell (env), or a table without the token.",
)
@click.option("--json", "as_json", is_flag=True, help="As --output json; errors in JSON too.")
@click.option(
    "--all-tokens", is_flag=True, help="Have refresh and id token in the JSON, if they came."
)
@click.option(
    "--proof-for",
    nargs=2,
    metavar="METHOD URL",
    help="Print a proof for this one request, too: a token that is bound to a key (DPoP) is taken "
    "only with one. Needs --output header, env or json.",
)
@click.option(
    "--proof-nonce", metavar="NONCE", help="What the API gave in its header DPoP-Nonce, if it did."
)
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    provider: str | None,
    parameter_set: str | None,
    profile: str | None,
    timeout: float | None,
    challenge: str | None,
    force_refresh: bool,
    format_: str | None,
    as_json: bool,
    all_tokens: bool,
    proof_for: tuple[str, str] | None,
    proof_nonce: str | None,
    **_: object,
) -> None:
    """Get an access token and print it.

    The parameters given select the way to get it: at most one parameter set takes them all.
    What is missing is completed from the profile and from environment variables; `grantway
    explain` shows what is selected, and why, without doing it.

    Secrets are references: env:NAME, file:PATH, - (standard input), prompt:TEXT,
    keyring:SERVICE/NAME; a credential is USER=REFERENCE.
    """
    if as_json and format_ not in (None, "json"):
        raise click.UsageError("--json and --output exclude each other.", context)
    format_ = "json" if as_json else format_ or "text"
    if all_tokens and format_ != "json":
        raise click.UsageError("--all-tokens needs --json.", context)
    prove = _prover(context, format_, proof_for, proof_nonce)
    session = Session.of(context)
    parameters = given(context, session.registry)
    if challenge is not None:
        parameters |= _demanded(context, challenge, parameters)
    check_names(session.registry, provider, parameter_set)
    with session.dispatcher(profile, parameters) as dispatcher:
        choice = {"provider": provider, "parameter_set": parameter_set}
        if session.verbosity:
            explained(dispatcher, {**choice, **parameters})
        acquire = cast("Callable[..., AuthenticationResult]", dispatcher.acquire)
        try:
            result = acquire(**choice, timeout=timeout, force_refresh=force_refresh, **parameters)
        except InteractionRequired as error:
            call = {**choice, **parameters}
            if error.accounts or session.prompter_of(profile, parameters):
                raise
            explain = cast("Callable[..., Explanation]", dispatcher.explain)
            if not is_a_sign_in(session.registry, explain(**call)):
                raise
            raise nobody_is_there(error, session, _AHEAD, ahead=_OR_AHEAD) from error.__cause__
        except VaultError as error:
            # What was fetched is not lost because its successor found no place.
            if error.result is not None:
                found = cast("AuthenticationResult", error.result)
                show(found, format_, all_tokens=all_tokens, prove=prove)
            raise
    if parameters.get(CONSENT.name) and not (SAVE_REFRESH_TOKEN.name in parameters or all_tokens):
        # Imported here: where nothing is told it takes longer than the call.
        import logging

        logging.getLogger("grantway").warning(
            "the refresh token of this consent is kept nowhere: use `grantway consent`, or "
            "--save-refresh-token"
        )
    show(result, format_, all_tokens=all_tokens, prove=prove)
    if prove is None:
        session.printed = (format_, all_tokens)


def _demanded(
    context: click.Context, header: str, parameters: "Mapping[str, object]"
) -> dict[str, object]:
    """What a challenge adds to a call; of a header as it was received, its name in front or not.

    Raises:
        UsageError: it demands nothing that another token has, or what the call says otherwise.
    """
    from grantway.oauth.challenge import Challenge

    name = "www-authenticate:"
    lines = [line.strip() for line in header.splitlines()]
    lines = [line[len(name) :] if line.lower().startswith(name) else line for line in lines]
    challenge = Challenge.demanded(lines)
    if challenge is None:
        raise click.UsageError("--challenge: no other token would satisfy it.", context)
    demanded = challenge.parameters()
    if both := demanded.keys() & parameters.keys():
        raise click.UsageError(f"--challenge and --{min(both)} exclude each other.", context)
    return demanded


def _prover(
    context: click.Context, format_: str, proof_for: tuple[str, str] | None, nonce: str | None
) -> "Callable[[AuthenticationResult], str] | None":
    """What makes the proof that was asked for; None where none was.

    Raises:
        UsageError: it has no place in the output, or is for no URL.
    """
    if proof_for is None:
        if nonce:
            raise click.UsageError("--proof-nonce needs --proof-for.", context)
        return None
    if format_ not in ("header", "env", "json"):
        raise click.UsageError("--proof-for needs --output header, env or json.", context)
    from grantway.environment import host_of

    method, url = proof_for
    try:
        host_of(url)
    except ValueError as error:
        raise click.UsageError(f"--proof-for: {error}.", context) from None
    return lambda result: result.proof(method.upper(), url, nonce=nonce)
