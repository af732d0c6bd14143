"""The checks without which a claim of an id_token is not believed (OpenID Connect Core, 3.1.3.7).

The signature is checked with a key of the authority's, found through its metadata and by the
transport like everything else; keys that a token brings along (`jwk`, `jku`, `x5u`, `x5c`) are
never looked at. Only asymmetric algorithms count, and never `none`. Then issuer, audience,
authorized party, the times, the nonce and the access token's hash.

A token that no key in the document verifies leads to one more look, at most once a minute:
authorities change their keys.

Tokens are handed from function to function as `Secret`, so that none is in a traceback.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.errors import MalformedResponse, ProtocolViolation
from grantway.oauth.answers import seconds
from grantway.oauth.metadata import MAX_AGE, endpoint, is_issuer, metadata
from grantway.secret import Secret

if TYPE_CHECKING:
    from jwt import PyJWK
    from jwt.types import Options

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
)
SKEW = 300.0
"""Seconds by which the authority's clock and ours may differ."""

REFETCH = 60.0
"""Seconds that pass at least between two looks for a key that was not there."""

_LARGEST = 64 * 1024
_MOST_KEYS = 100


def checked_claims(
    id_token: Secret,
    *,
    client_id: str,
    context: Context,
    access_token: Secret | None = None,
    nonce: Secret | None = None,
) -> Mapping[str, object] | None:
    """The claims of an id_token that has passed every check.

    None where the token is unsigned and the protocol says that such are sent and dropped.

    Raises:
        ProtocolViolation: a check failed; the message says which.
        AuthorityError, MalformedResponse, TransportError, DeadlineExceeded: the keys could not
            be had.
    """
    header = _header(id_token)
    algorithm = header.get("alg")
    if algorithm == "none" and context.environment.protocol.ignore_unsigned_id_token:
        return None
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused(f"its algorithm {str(algorithm)[:20]!r} is not allowed")
    if "crit" in header:
        raise _refused("it demands extensions that are not known here")
    for keys in _key_sets(header.get("kid"), algorithm, context):
        for key in keys:
            claims = _verified(id_token, key, algorithm)
            if claims is not None:
                _check(claims, client_id, context, nonce)
                _check_hash(claims, algorithm, access_token)
                return claims
    raise _refused("no key of the authority verifies its signature")


def _header(id_token: Secret) -> Mapping[str, object]:
    # Imported here: only a call that brings an id_token pays for cryptography.
    import jwt

    if len(id_token.reveal()) > _LARGEST:
        raise _refused("it is too large")
    header: Mapping[str, object] | None = None
    with suppress(jwt.InvalidTokenError, ValueError, RecursionError):
        header = cast("Mapping[str, object]", jwt.get_unverified_header(id_token.reveal()))
    if header is None:
        raise _refused("it is no JWT")
    return header


def _verified(id_token: Secret, key: "PyJWK", algorithm: str) -> Mapping[str, object] | None:
    """The claims, if this key signed them; none of them is checked yet."""
    import jwt

    options: Options = {
        "verify_aud": False, "verify_iss": False, "verify_exp": False, "verify_nbf": False,
        "verify_iat": False, "verify_sub": False, "verify_jti": False,
    }  # fmt: skip
    try:
        claims = jwt.decode(id_token.reveal(), key=key, algorithms=[algorithm], options=options)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", claims)


def _key_sets(kid: object, algorithm: str, context: Context) -> "Iterator[list[PyJWK]]":
    """The authority's keys that may have signed: as they are known, then as they are now."""
    document = metadata(context.environment, context)
    url = endpoint(document, "jwks_uri", context.environment)
    if not url:
        raise _refused("the authority names no keys to check it with")
    request = AuthorityRequest("keys", url)
    known: Mapping[str, object] | None = None
    for max_age in (MAX_AGE, REFETCH):
        found = context.transport.fetch_json(request, context, max_age=max_age)
        if found is known:
            return
        known = found
        yield _usable(_listed(found, context), kid, algorithm)


def signing_keys(document: Mapping[str, object], context: Context) -> int:
    """How many keys of a key document can verify an id_token by an algorithm that counts.

    Raises:
        MalformedResponse: it lists no keys.
    """
    listed = _listed(document, context)
    return sum(any(_usable([key], None, each) for each in ALGORITHMS) for key in listed)


def _listed(document: Mapping[str, object], context: Context) -> list[object]:
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise MalformedResponse(f"The key document of {context.environment.name} lists no keys.")
    return cast("list[object]", listed)[:_MOST_KEYS]


def _usable(listed: list[object], kid: object, algorithm: str) -> "list[PyJWK]":
    import jwt

    found: list[PyJWK] = []
    for item in listed:
        if not isinstance(item, dict):
            continue
        key = cast("dict[str, object]", item)
        if kid is not None and key.get("kid") != kid:
            continue
        if key.get("kty") != ("EC" if algorithm.startswith("ES") else "RSA"):
            continue
        if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
            continue
        try:
            found.append(jwt.PyJWK(key, algorithm))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
    return found


def _check(
    claims: Mapping[str, object], client_id: str, context: Context, nonce: Secret | None
) -> None:
    now = context.clock.time()
    tenant_id = claims.get("tid")
    if not is_issuer(
        claims.get("iss"), context.environment, tenant_id if isinstance(tenant_id, str) else ""
    ):
        raise _refused(
            f"its issuer {str(claims.get('iss'))[:200]!r} is not the authority's",
            "If the issuer is the authority's, add it to the environment's `issuers`.",
        )
    audience = claims.get("aud")
    audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise _refused("it is for another client")
    authorized = claims.get("azp")
    if (len(audiences) > 1 or authorized is not None) and authorized != client_id:
        raise _refused("it was issued to another client")
    expires, issued, not_before = (_number(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise _refused("it does not say when it was issued or expires")
    if now >= expires + SKEW:
        raise _refused("it has expired", "Check this machine's clock.")
    if issued > now + SKEW or (not_before is not None and not_before > now + SKEW):
        raise _refused("it is not valid yet", "Check this machine's clock.")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("it names no subject")
    if nonce is not None and not (
        isinstance(given := claims.get("nonce"), str)
        and hmac.compare_digest(_bytes(given), _bytes(nonce.reveal()))
    ):
        raise _refused("it does not repeat the nonce of this sign-in")


def _check_hash(claims: Mapping[str, object], algorithm: str, access_token: Secret | None) -> None:
    stated = claims.get("at_hash")
    if stated is None or access_token is None:
        return
    digest = hashlib.new(f"sha{algorithm[2:]}", _bytes(access_token.reveal())).digest()
    expected = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not isinstance(stated, str) or not hmac.compare_digest(_bytes(stated), expected):
        raise _refused("it belongs to another access token")


def _number(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    return None if isinstance(value, str) else seconds(value)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _refused(why: str, remedy: str = "") -> ProtocolViolation:
    return ProtocolViolation(f"The id_token is refused: {why}.", remedy=remedy)
