"""`grantway cache`: what rests in the token cache, and how it is tidied up."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from grantway.cache_inspection import Inspector
from grantway.cli import output
from grantway.cli.command import Command, Group, json_option
from grantway.cli.session import Session, pass_session
from grantway.cli.unreadable import tell_of_another_key
from grantway.errors import CacheError, InteractionRequired, InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from grantway.cache_inspection import CacheEntry, CacheInfo
    from grantway.token_cache import TokenCache

_SHORT = 12


@click.group(
    "cache",
    cls=Group,
    bare="list",
    examples=(
        ("What is in it", "grantway cache"),
        ("Where it is, and which key encrypts it", "grantway cache info"),
        ("Forget everything", "grantway cache clear --yes"),
    ),
)
def command() -> None:
    """List what rests in the token cache, show one entry, or tidy up.

    No token is shown, by any of these. GRANTWAY_CACHE, else `cache` in the configuration file,
    says which cache is used; else it is an encrypted file of this user's. Without a command,
    the entries are listed.
    """


@command.command("list", cls=Command, examples=(("For a program", "grantway cache list --json"),))
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the entries: access tokens with what they are for, and refresh tokens.

    Keys are shortened; any beginning that no other key has will do for `show`. In JSON they are
    whole. What another key has encrypted cannot be read, and is counted.
    """
    with _inspected(session) as (_, cache):
        entries, unreadable = list(cache.entries()), cache.info().unreadable
    tell_of_another_key(unreadable)
    if as_json:
        output.write_json([each.as_dict() for each in entries])
    elif entries:
        output.write(_table(entries))
    else:
        output.write(f"The token cache {'has nothing to list' if unreadable else 'is empty'}.")


@command.command("show", cls=Command, examples=(("One of them", "grantway cache show 0f3a91"),))
@click.argument("key")
@json_option
@pass_session
def show(session: Session, key: str, as_json: bool) -> None:
    """Show one entry by its key, or the beginning of it. No token is shown."""
    with _inspected(session) as (_, cache):
        found = [each for each in cache.entries() if each.key.startswith(key)]
    found = [each for each in found if each.key == key] or found
    if len(found) != 1:
        raise InvalidParameter(
            f"{len(found)} entries have keys that begin so."
            if found
            else "No entry has a key that begins so.",
            remedy="Give more of the key." if found else "`grantway cache list` has the keys.",
            parameter="key",
        )
    facts = found[0].as_dict()
    if as_json:
        output.write_json(facts)
        return
    rows = {
        **facts,
        "scopes": " ".join(found[0].scopes),
        "kind": _kind(found[0]),
        "expires_on": _instant(found[0]),
    }
    output.write(
        output.pairs(
            (output.heading(name.replace("_", " ").capitalize()), output.printable(str(value)))
            for name, value in rows.items()
            if value
        )
    )


@command.command("prune", cls=Command, examples=(("Now and then", "grantway cache prune"),))
@json_option
@pass_session
def prune(session: Session, as_json: bool) -> None:
    """Remove what has expired, and what is beyond the limit. It happens by itself, too.

    A Redis server does that itself; there only indices are tidied.
    """
    with _inspected(session) as (_, cache):
        removed = cache.prune()
    if as_json:
        output.write_json({"removed": removed})
    else:
        output.write(f"{output.counted(removed, 'entry', 'entries')} removed.")


@command.command("clear", cls=Command, examples=(("In a script", "grantway cache clear --yes"),))
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def clear(session: Session, yes: bool, as_json: bool) -> None:
    """Forget everything: access tokens, and refresh tokens of whoever has signed in.

    Nothing is revoked; `grantway logout --all` does that too. At a terminal it is asked whether
    that is meant; where nobody can be asked, --yes is needed.
    """
    with _inspected(session) as (tokens, cache):
        info = cache.info()
        if not yes:
            _confirm(session, f"{_held(info)} in {_place(info)}")
        tokens.clear()
    from grantway.cli.remembering import forget

    # They lead to nothing any more.
    forget()
    if as_json:
        names = ("access_tokens", "refresh_tokens", "unreadable")
        output.write_json({name: info.as_dict()[name] for name in names})
    else:
        output.write(f"{_held(info)} forgotten.")


@command.command("info", cls=Command, examples=(("For a program", "grantway cache info --json"),))
@json_option
@pass_session
def info(session: Session, as_json: bool) -> None:
    """Show which cache is used, where it is, how full, and which key encrypts it."""
    with _inspected(session) as (_, cache):
        found = cache.info()
    if as_json:
        output.write_json(found.as_dict())
        return
    rows = {
        "Kind": found.kind,
        "Location": found.location,
        "Encrypted with": found.encrypted_with or "nothing: it is in this process alone",
        "Access tokens": f"{found.access_tokens:,}",
        "Refresh tokens": f"{found.refresh_tokens:,}",
        "Of another key": _kept_for_another(found.unreadable),
        "Limit": f"{found.limit:,} of each" if found.limit else "",
        "Size": f"{found.size:,} bytes" if found.size is not None else "",
    }
    output.write(
        output.pairs(
            (output.heading(name), output.printable(each)) for name, each in rows.items() if each
        )
    )


@contextmanager
def _inspected(session: Session) -> "Generator[tuple[TokenCache, Inspector]]":
    """The token cache, as what it is and as what can be looked into.

    Raises:
        CacheError: it cannot be looked into.
    """
    with session.cache() as cache:
        if not isinstance(cache, Inspector):
            raise CacheError(
                "This token cache does not show what is in it.",
                remedy="Choose another with GRANTWAY_CACHE, or ask its plugin's author.",
            )
        yield cache, cache


def _confirm(session: Session, what: str) -> None:
    """Ask whether that much is to be forgotten.

    Raises:
        InteractionRequired: nobody can be asked.
        click.Abort: the answer is no.
    """
    prompter = session.prompter
    if not prompter:
        raise InteractionRequired(
            f"This would forget {what}, and nobody can be asked.",
            remedy="Give --yes if you mean it.",
        )
    answer = prompter.ask(f"Forget {what}? [y/N]")
    if answer.strip().casefold() not in ("y", "yes"):
        raise click.Abort


def _table(entries: "Sequence[CacheEntry]") -> str:
    return output.table(
        ("KEY", "KIND", "ENVIRONMENT", "PROVIDER", "USER", "TENANT", "FOR", "EXPIRES"),
        (
            [
                output.printable(cell or "-")
                for cell in (
                    each.key[:_SHORT],
                    _kind(each),
                    each.environment,
                    each.provider,
                    each.user_name,
                    each.tenant_id,
                    each.resource or " ".join(each.scopes) or each.application_id,
                    _instant(each),
                )
            ]
            for each in entries
        ),
    )


def _kind(entry: "CacheEntry") -> str:
    return entry.kind.replace("_", " ")


def _instant(entry: "CacheEntry") -> str:
    return output.instant(entry.expires_on) if entry.expires_on else ""


def _place(info: "CacheInfo") -> str:
    return f"the token cache {info.location or info.kind}"


def _held(info: "CacheInfo") -> str:
    held = (
        f"{output.counted(info.access_tokens, 'access token')} and "
        f"{output.counted(info.refresh_tokens, 'refresh token')}"
    )
    others = output.counted(info.unreadable, "entry", "entries")
    return f"{held}, and {others} of another key" if info.unreadable else held


def _kept_for_another(unreadable: int) -> str:
    return f"{unreadable:,}, which cannot be read, and are kept for it" if unreadable else ""
