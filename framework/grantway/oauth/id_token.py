"""The checks without which a claim of an id_token is not believed (OpenID Connect Core, 3.1.3.7).

The signature first (`grantway.oauth.jws`); then issuer, audience, authorized party, the times, the
nonce, and the hashes of what the token came with. A claim of the wrong type is never taken for one
that is missing, save null, which says nothing. An authority of many tenants names its issuer by a
template; what such a template admits is one explicit rule (`grantway.oauth.metadata.is_issuer`).

Tokens are handed from function to function as `Secret`, so that none is in a traceback.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import cast

from grantway.base64url import base64url
from grantway.context import Context
from grantway.oauth.answers import seconds
from grantway.oauth.jws import header_of, refused, verified
from grantway.oauth.metadata import is_issuer
from grantway.secret import Secret

SKEW = 300.0
"""Seconds by which the authority's clock and ours may differ."""

# By it a logout token is known, which is signed like an id_token (Back-Channel Logout, 2.4).
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


def checked_claims(
    id_token: Secret,
    *,
    client_id: str,
    context: Context,
    access_token: Secret | None = None,
    code: Secret | None = None,
    nonce: Secret | None = None,
) -> Mapping[str, object] | None:
    """The claims of an id_token that has passed every check.

    None where the token is unsigned and the protocol says that such are sent and dropped.

    Args:
        id_token: as it came.
        client_id: for whom it must be.
        context: of the request that brought it.
        access_token: what came with it; its `at_hash`, if it has one, must be of this.
        code: what it was redeemed with; its `c_hash`, if it has one, must be of this
            (OpenID Connect Core, 3.3.2.11).
        nonce: what it must repeat.

    Raises:
        ProtocolViolation: a check failed; the message says which.
        AuthorityError, MalformedResponse, TransportError, DeadlineExceeded: the keys could not
            be had.
    """
    header = header_of(id_token)
    if header.get("alg") == "none" and context.environment.protocol.ignore_unsigned_id_token:
        return None
    claims = verified(id_token, header, context)
    _check_parties(claims, client_id, context)
    _check_times(claims, context.clock.time())
    if nonce is not None and not (
        isinstance(given := claims.get("nonce"), str)
        and hmac.compare_digest(_bytes(given), _bytes(nonce.reveal()))
    ):
        raise refused("it does not repeat the nonce of this sign-in")
    algorithm = str(header["alg"])
    for name, what, of in (
        ("at_hash", "access token", access_token),
        ("c_hash", "authorization code", code),
    ):
        stated = claims.get(name)
        if of is not None and stated is not None and not _is_hash(stated, algorithm, of):
            raise refused(f"it belongs to another {what}")
    return claims


def _check_parties(claims: Mapping[str, object], client_id: str, context: Context) -> None:
    """By whom, of whom and for whom it is."""
    issuer, tenant_id = claims.get("iss"), claims.get("tid")
    if not is_issuer(issuer, context.environment, tenant_id if isinstance(tenant_id, str) else ""):
        raise refused(
            f"its issuer {context.redactor.clean(str(issuer))[:200]!r} is not the authority's",
            "If the issuer is the authority's, add it to the environment's `issuers`.",
        )
    audience = claims.get("aud")
    audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if client_id not in audiences or not all(isinstance(each, str) for each in audiences):
        raise refused("it is for another client")
    authorized = claims.get("azp")
    if (len(audiences) > 1 or authorized is not None) and authorized != client_id:
        raise refused("it was issued to another client")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise refused("it names no subject")
    events = claims.get("events")
    if isinstance(events, dict) and _LOGOUT in events:
        raise refused("it is a logout token")


def _check_times(claims: Mapping[str, object], now: float) -> None:
    expires, issued, not_before = (_instant(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None or (not_before is None and claims.get("nbf") is not None):
        raise refused("it does not say when it was issued or expires")
    if now >= expires + SKEW:
        raise refused("it has expired", "Check this machine's clock.")
    if max(issued, not_before or 0.0) > now + SKEW:
        raise refused("it is not valid yet", "Check this machine's clock.")


def _instant(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    return None if isinstance(value, str) else seconds(value)


def _is_hash(stated: object, algorithm: str, of: Secret) -> bool:
    """Whether this is the hash of that, as an id_token states it: the left half of it."""
    digest = hashlib.new(f"sha{algorithm[2:]}", _bytes(of.reveal())).digest()
    expected = _bytes(base64url(digest[: len(digest) // 2]))
    return isinstance(stated, str) and hmac.compare_digest(_bytes(stated), expected)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
