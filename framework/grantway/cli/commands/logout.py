"""`grantway logout`: what a sign-in has brought is forgotten, and revoked where that can be."""

from typing import TYPE_CHECKING

import click

from grantway.cli import output
from grantway.cli.command import Command, json_option
from grantway.cli.commands.accounts import narrowing_options, nobody
from grantway.cli.session import Session, pass_session
from grantway.cli.unreadable import warn_of_another_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grantway.accounts import Account


@click.command(
    "logout",
    cls=Command,
    examples=(
        ("The only one who is signed in", "grantway logout"),
        ("One of several", "grantway logout --account admin@contoso.example"),
        ("Everybody, everywhere", "grantway logout --all"),
    ),
)
@click.option("--account", metavar="NAME", help="Who: a user name, or a subject.")
@narrowing_options
@click.option("--all", "everybody", is_flag=True, help="All of them, where there are several.")
@json_option
@pass_session
def command(
    session: Session,
    account: str | None,
    environment: str | None,
    application_id: str | None,
    everybody: bool,
    as_json: bool,
) -> None:
    """Sign out: forget the tokens of an account, and have its refresh token revoked.

    Its results and its refresh token go from the token cache. Then the authority is asked to
    revoke the refresh token (RFC 7009), where its metadata offers that; where this fails, a
    warning says so. An access token that somebody has in hand stays good until it expires.

    Where several are meant and --all is not given, nothing is done, and they are named. To name
    somebody who is not signed in is a mistake; to name nobody where nobody is signed in is none.
    """
    warn_of_another_key(session)
    with session.dispatcher() as dispatcher:
        found = dispatcher.accounts(environment, application_id)
        done = [(each, dispatcher.sign_out(each)) for each in _meant(found, account, everybody)]
    if as_json:
        output.write_json([{**each.as_dict(), "revoked": revoked} for each, revoked in done])
    elif done:
        for each, revoked in done:
            end = "its refresh token is revoked" if revoked else "forgotten here"
            output.write(output.printable(f"{_described(each)}: signed out, {end}."))
    else:
        output.write(nobody(environment, application_id))


def _meant(found: "Sequence[Account]", account: str | None, everybody: bool) -> "Sequence[Account]":
    """The accounts to sign out.

    Raises:
        InvalidParameter: nobody who is signed in is called so.
        InteractionRequired: several could be meant.
    """
    from grantway.accounts import is_named
    from grantway.errors import InteractionRequired, InvalidParameter
    from grantway.suggest import did_you_mean

    meant = [each for each in found if account is None or is_named(each.info, account)]
    if account is not None and not meant:
        names = [each.name for each in found]
        there = f"These are: {', '.join(names)}." if names else "Nobody is; there is nothing to do."
        raise InvalidParameter(
            f"account: {account} is not signed in.",
            remedy=did_you_mean(account, names) or there,
            parameter="account",
        )
    if len(meant) > 1 and not everybody:
        ways = ("--account", "--environment", "--application-id")
        raise InteractionRequired(
            f"Several are signed in: {'; '.join(_described(each) for each in meant)}.",
            remedy=f"Narrow it down with {', '.join(ways)}, or give --all.",
            accounts=[each.name for each in meant],
        )
    return meant


def _described(account: "Account") -> str:
    return f"{account.name} at {account.environment or '-'} with {account.application_id or '-'}"
