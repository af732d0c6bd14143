"""The keys by which an authority signs, as its key document lists them (RFC 7517).

A key counts for a signature if it is of the algorithm's kind and curve, meant for signing, and of
the id that the token names. The document is known for an hour. When no key of it will do there is
one more look, at most once a minute whoever asks: authorities change their keys, and others invent
ids of keys.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.errors import MalformedResponse, ProtocolViolation
from grantway.oauth.metadata import MAX_AGE, endpoint, metadata

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
)
REFETCH = 60.0
"""Seconds that pass at least between two looks for a key that was not there."""

LEAST_BITS = 2048
"""Of an RSA key that counts (RFC 7518, section 3.3)."""

_MOST_KEYS = 100
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def key_sets(kid: str | None, algorithm: str, context: Context) -> "Iterator[list[PyJWK]]":
    """The authority's keys that may have signed: as they are known, then as they are now.

    Raises:
        ProtocolViolation: the authority names no place for its keys, or one that is not to be used.
        MalformedResponse: what is there lists no keys.
        AuthorityError, TransportError, DeadlineExceeded: it could not be had.
    """
    document = metadata(context.environment, context)
    url = endpoint(document, "jwks_uri", context.environment)
    if not url:
        raise ProtocolViolation(
            f"{context.environment.name} names no keys to check an id_token with."
        )
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
    return sum(
        any(is_large_enough(key) for each in ALGORITHMS for key in _usable([entry], None, each))
        for entry in listed
    )


def is_large_enough(key: "PyJWK") -> bool:
    """Whether a key is not so small that others could find out its other half."""
    bits: object = getattr(key.key, "key_size", None)
    return key.key_type != "RSA" or (isinstance(bits, int) and bits >= LEAST_BITS)


def _listed(document: Mapping[str, object], context: Context) -> list[object]:
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise MalformedResponse(f"The key document of {context.environment.name} lists no keys.")
    return cast("list[object]", listed)[:_MOST_KEYS]


def _usable(listed: list[object], kid: str | None, algorithm: str) -> "list[PyJWK]":
    import jwt

    found: list[PyJWK] = []
    for item in listed:
        if not isinstance(item, dict):
            continue
        key = cast("dict[str, object]", item)
        if kid is not None and key.get("kid") != kid:
            continue
        if key.get("kty") != ("EC" if algorithm in _CURVES else "RSA"):
            continue
        if algorithm in _CURVES and key.get("crv") != _CURVES[algorithm]:
            continue
        if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
            continue
        operations = key.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            continue
        if "d" in key:
            # Its private half is public: anybody can sign with it.
            continue
        try:
            found.append(jwt.PyJWK(key, algorithm))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
    return found
