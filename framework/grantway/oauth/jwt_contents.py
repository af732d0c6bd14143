"""What a JSON Web Token says of itself, unverified (RFC 7519).

A signed one is three parts of base64url with dots between: header, claims, signature. The first
two can be read by anybody, and the signature is not looked at here: what is read tells people
something, and decides nothing for which a token is needed. `id_token` has the reading that counts.
"""

import json
import math
from base64 import b64decode
from typing import cast


def claims_of(token: str) -> dict[str, object]:
    """The claims of a signed token; empty for a token of any other kind."""
    parts = token.split(".", 3)
    return (part(parts[1]) or {}) if len(parts) == 3 and all(parts) else {}


def part(text: str) -> dict[str, object] | None:
    """The JSON object in a part of a token; None where there is none."""
    try:
        raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return json_object(raw.decode())
    except ValueError:
        return None


def json_object(text: str) -> dict[str, object] | None:
    """A JSON object, every number in it one that JSON can write again; None: it is none."""
    try:
        value: object = json.loads(text, parse_constant=str, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _number(text: str) -> float | str:
    """A number; one that is beyond all that JSON can write stays the text that it was."""
    number = float(text)
    return number if math.isfinite(number) else text
