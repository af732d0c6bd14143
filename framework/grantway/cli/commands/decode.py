"""`grantway decode`: what a token says of itself.

A JSON Web Token (RFC 7519) is three parts of base64url with dots between: header, claims,
signature. The first two are decoded here, on this machine, by nothing but the standard library;
the signature is not looked at, and the answer says so. An encrypted token (RFC 7516) shows its
header only. An opaque one cannot be read by anybody but its audience.
"""

import re
import sys
from datetime import UTC, datetime

import click

from grantway.cli import output
from grantway.cli.command import Command, json_option
from grantway.cli.session import Session, pass_session
from grantway.errors import InvalidParameter
from grantway.oauth.jwt_contents import json_object, part

#: Bytes; real tokens have some thousands.
LARGEST = 1 << 20

_SIGNED, _ENCRYPTED = 3, 5
_INSTANTS = ("exp", "iat", "nbf", "auth_time")


@click.command(
    "decode",
    cls=Command,
    examples=(
        ("The token just obtained", "grantway token --profile work | grantway decode"),
        ("A token in a file", "grantway decode file:token.txt"),
        ("One claim", "grantway decode env:TOKEN --json | jq .claims.aud"),
    ),
)
@click.argument("source", default="-", metavar="[-|REFERENCE]")
@json_option
@pass_session
def command(session: Session, source: str, as_json: bool) -> None:
    """Show the header and claims of a token, without verifying it.

    The token is read from standard input (-), or from where a reference says: env:NAME,
    file:PATH. It is not taken from the command line, which others can read. Nothing is sent
    anywhere.
    """
    header, claims = decoded(read(source, session))
    if as_json:
        times = {
            name: instant.isoformat().replace("+00:00", "Z")
            for name, value in (claims or {}).items()
            if name in _INSTANTS and (instant := _instant(value))
        }
        output.write_json({"verified": False, "header": header, "claims": claims, "times": times})
    else:
        now = session.clock.time()
        output.write(_section("Header", header, now))
        if claims is not None:
            output.write("\n" + _section("Claims", claims, now))
    said = "encrypted: its claims are for its audience alone" if claims is None else "not verified"
    output.note(f"Note: this token was {said}; trust nothing that it says.")


def read(source: str, session: Session) -> str:
    """The token's text, without what is often around it.

    Raises:
        InvalidParameter: it is not given as a reference, is empty, or is too large.
    """
    if source == "-":
        if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # closed by a parent
            raise _refusal("standard input is closed.")
        if sys.stdin.isatty():
            output.note("Paste the token, then Enter and Ctrl-D:")
        try:
            text = sys.stdin.read(LARGEST + 1)
        except UnicodeDecodeError:
            raise _refusal("it is no text.") from None
    else:
        text = _opened(source, session)
    if len(text) > LARGEST:
        raise _refusal(f"it is larger than {LARGEST} bytes, which no token is.")
    text = text.strip()
    if text.startswith("{"):
        # What `grantway token --json` printed, or a token endpoint answered.
        answer = json_object(text)
        text = str((answer or {}).get("access_token", ""))
    text = re.sub(r"(?:Authorization:\s*)?(?:Bearer\s+)?", "", text, count=1, flags=re.IGNORECASE)
    if not text:
        raise _refusal("there is none: the input is empty.")
    return text


def decoded(token: str) -> tuple[dict[str, object], dict[str, object] | None]:
    """Header and claims of a token; claims None where they are encrypted.

    Raises:
        InvalidParameter: it is no JSON Web Token.
    """
    parts = token.split(".")
    if len(parts) not in (_SIGNED, _ENCRYPTED):
        raise _refusal("it is opaque: no JSON Web Token, which has three parts with dots between.")
    header = part(parts[0])
    if header is None:
        raise _refusal("it is no JSON Web Token: its first part is no JSON object in base64url.")
    if len(parts) == _ENCRYPTED:
        return header, None
    claims = part(parts[1])
    if claims is None:
        raise _refusal("its second part, the claims, is no JSON object in base64url.")
    return header, claims


def _opened(source: str, session: Session) -> str:
    """The token that a reference names; its vault is one of the installed ones."""
    from grantway.cli.opening import opened
    from grantway.secret import Reference, from_text

    try:
        reference = from_text(source)
    except ValueError:
        reference = None
    if not isinstance(reference, Reference):
        raise _refusal("it is not taken from the command line, which others can read.")
    return opened(reference, session, what="source").reveal()


def _refusal(why: str) -> InvalidParameter:
    return InvalidParameter(
        f"The token cannot be shown: {why}",
        remedy="Give it on standard input, or as a reference: env:NAME, file:PATH.",
        parameter="source",
    )


def _section(title: str, values: dict[str, object], now: float) -> str:
    rows = [(f"  {output.printable(name)}", _shown(name, value, now))
            for name, value in values.items()]  # fmt: skip
    return f"{output.heading(title)}\n{output.pairs(rows)}"


def _shown(name: str, value: object, now: float) -> str:
    text = value if isinstance(value, str) else output.to_json(value, indent=None)
    instant = _instant(value) if name in _INSTANTS else None
    if instant is not None and isinstance(value, int | float):
        text = f"{output.instant(instant)} ({relative(value - now)})"
    return output.printable(text)


def _instant(value: object) -> datetime | None:
    """The instant of a NumericDate (RFC 7519, section 2); None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def relative(seconds: float) -> str:
    """A span from now, in its largest unit: `in 59 min`, `2 days ago`."""
    size = int(abs(seconds))
    span = f"{size} s"
    for unit, length in (("min", 60), ("h", 3600), ("days", 86400)):
        # From two of a unit on: "90 min" says more than "1 h".
        if size >= (60 if unit == "min" else 2 * length):
            span = f"{size // length} {unit}"
    return f"in {span}" if seconds >= 0 else f"{span} ago"
