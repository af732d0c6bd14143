"""A signed token in its compact form (RFC 7515), down to the claims that were signed.

Only asymmetric algorithms count, and never `none`. Keys that a token brings along (`jwk`, `jku`,
`x5u`, `x5c`) are never looked at. What a token says is read once, strictly, and only that reading
is believed.

Tokens are handed from function to function as `Secret`, so that none is in a traceback.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from grantway.context import Context
from grantway.errors import ProtocolViolation
from grantway.oauth.signing_keys import ALGORITHMS, is_large_enough, key_sets
from grantway.oauth.strict_json import Twice, parsed
from grantway.secret import Secret

if TYPE_CHECKING:
    from jwt import PyJWK

LARGEST = 64 * 1024
"""Characters of the largest token that is looked at."""

_COMPACT = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]*)", re.ASCII)
_ENCRYPTED = re.compile(r"[\w-]+(?:\.[\w-]*){4}", re.ASCII)
# Of a media type the part before the slash may be left out (RFC 7515, section 4.1.9).
_TYPES = frozenset(("jwt", "application/jwt"))


def header_of(token: Secret) -> Mapping[str, object]:
    """The header of a token that may be an id_token; nothing in it has been verified.

    Raises:
        ProtocolViolation: it is not a signed token in compact form, or its header says that it
            is something else than an id_token, or demands what is not known here.
    """
    header = _object(token, 1, "header")
    if "crit" in header:
        raise refused("it demands extensions that are not known here")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.casefold() not in _TYPES:
        raise refused(f"it is a token of another kind, {str(kind)[:40]!r}")
    if not isinstance(header.get("kid", ""), str):
        raise refused("the id of its key is no text")
    return header


def verified(token: Secret, header: Mapping[str, object], context: Context) -> Mapping[str, object]:
    """The claims of a token that a key of the authority's has signed; none is checked yet.

    Raises:
        ProtocolViolation: no key has, or the token or the key must not be trusted.
        AuthorityError, MalformedResponse, TransportError, DeadlineExceeded: the keys could not
            be had.
    """
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused(f"its algorithm {str(algorithm)[:20]!r} is not allowed")
    too_small = ""
    for keys in key_sets(kid if isinstance(kid, str) else None, algorithm, context):
        for key in keys:
            if not is_large_enough(key):
                too_small = ", and one that is too small does not count"
            elif _is_signed(token, key, algorithm):
                return _object(token, 2, "payload")
    raise refused(f"no key of the authority verifies its signature{too_small}")


def refused(why: str, remedy: str = "") -> ProtocolViolation:
    """The error for an id_token that is not believed."""
    return ProtocolViolation(f"The id_token is refused: {why}.", remedy=remedy)


def _object(token: Secret, part: int, name: str) -> Mapping[str, object]:
    """One part of a token, which is a JSON object."""
    found, why = None, ""
    text = Secret(_part(token, part))
    try:
        found = parsed(urlsafe_b64decode(text.reveal() + "=" * (-len(text.reveal()) % 4)))
    except Twice as error:
        why = f"its {name} says {str(error)[:40]!r} twice"
    except ValueError:
        why = f"its {name} is no JSON"
    if why or not isinstance(found, dict):
        # Raised after the block: what the error would hold as its context shows the token.
        raise refused(why or f"its {name} is no JSON object")
    return cast("dict[str, object]", found)


def _part(token: Secret, part: int) -> str:
    """One part of a token in compact form.

    Raises:
        ProtocolViolation: it has no such form.
    """
    if len(token.reveal()) > LARGEST:
        raise refused("it is too large")
    if found := _COMPACT.fullmatch(token.reveal()):
        return found[part]
    if _ENCRYPTED.fullmatch(token.reveal()):
        raise refused("it is encrypted, which nobody asked for")
    raise refused("it is no JWT with one signature, in compact form")


def _is_signed(token: Secret, key: "PyJWK", algorithm: str) -> bool:
    # Imported here: only a call that brings an id_token pays for cryptography.
    import jwt

    try:
        jwt.PyJWS().decode(token.reveal(), key=key, algorithms=[algorithm])
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return False
    return True
