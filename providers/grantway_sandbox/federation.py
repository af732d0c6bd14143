"""Federated credentials: an application for which its platform vouches, by a token of its own.

An application names whom it lets vouch for it: an issuer, the subject that it is known as there,
and the audience that the token is to be for, each to the letter. Entra learns an issuer's keys
from its metadata. The sandbox plays the platform, too, and signs for every issuer by one key, so
that nothing has to be asked of anybody.

Refusals say what differs first: the issuer, then the subject, then the audience.
"""

import uuid
from typing import Any, cast

import jwt

from grantway_sandbox.authority import Authority
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import Application
from grantway_sandbox.tokens import verified


def platform_token(
    authority: Authority, issuer: str, subject: str, audience: str, lifetime: float
) -> str:
    """Sign a token of a platform's, which says who runs there."""
    now = int(authority.clock())
    claims = {
        "iss": issuer,
        "sub": subject,
        "aud": [audience],
        "iat": now,
        "nbf": now,
        "exp": now + int(lifetime),
        "jti": str(uuid.uuid4()),
    }
    key = authority.platform_key
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.key_id})


def is_of_a_platform(claims: dict[str, Any]) -> bool:
    """Whether an assertion is another issuer's; an application's own names itself, by a GUID."""
    return "://" in str(claims.get("iss", ""))


def checked(authority: Authority, application: Application, assertion: str) -> dict[str, Any]:
    """Return the claims of a platform's token for an application; AADSTS7002xx if there is none."""
    claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    issuer, subject, audiences = claims.get("iss"), claims.get("sub"), claims.get("aud")
    named = cast("list[object]", audiences) if isinstance(audiences, list) else [audiences]
    by_issuer = [each for each in application.federated_credentials if each.issuer == issuer]
    if not by_issuer:
        raise _unmatched(700211, "issuer", issuer)
    by_subject = [each for each in by_issuer if each.subject == subject]
    if not by_subject:
        raise _unmatched(700213, "subject", subject)
    if not any(each.audience in named for each in by_subject):
        raise _unmatched(700212, "audience", ", ".join(map(str, named)))
    try:
        return verified(assertion, authority.platform_key.private.public_key(), ["RS256"])
    except jwt.InvalidTokenError:
        raise EntraError(700027) from None


def _unmatched(number: int, what: str, value: object) -> EntraError:
    return EntraError(
        number,
        f"No matching federated identity record found for presented assertion {what} '{value}'. "
        "Please check your federated identity credential Subject, Audience and Issuer against the "
        "presented assertion.",
    )
