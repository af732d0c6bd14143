"""AccessToken: a token that the caller has already, taken as it is.

The reference command's last release has such a set: whoever has a token from elsewhere (a portal, a
job's environment) can go on with the same tools. Nothing is sent and nothing is cached; the token
is read, as far as it can be, and refused once it is over.

It is read without a look at its signature, for it is meant for its audience and not for us. So the
result tells when it expires, of which tenant and for what it says it is, and names no account:
who somebody is comes from an id_token whose checks have passed, or not at all. An opaque token
says nothing; `expires_on` can say when it is over, and where both do the earlier counts.
"""

from typing import TYPE_CHECKING, cast

from grantway import (
    AuthenticationResult,
    CredentialProvider,
    ParameterSet,
)
from grantway.environment import host_of
from grantway.errors import InvalidParameter
from grantway.parameters import RESOURCE
from grantway.token_parameters import ACCESS_TOKEN, EXPIRES_ON
from grantway_grants.presented import presented
from grantway_grants.unbound import check_unbound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from grantway import (
        AuthorityRequest,
        Context,
        TokenRequest,
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """Nothing is sent."""
    check_unbound(request, ACCESS_TOKEN)
    return ()


def authenticate(request: "TokenRequest", context: "Context") -> AuthenticationResult:
    """Read the token.

    Raises:
        InvalidParameter: it has expired, or is no token; or none like it is taken there.
    """
    from grantway.oauth.answers import LONGEST_TOKEN, instant
    from grantway.oauth.authentication_methods import methods_of
    from grantway.oauth.jwt_contents import claims_of

    check_unbound(request, ACCESS_TOKEN)
    token = presented(request, ACCESS_TOKEN, LONGEST_TOKEN)
    claims, now = claims_of(token.reveal()), instant(context.clock.time())
    expires_on = _expiry(claims, request.get(EXPIRES_ON))
    if expires_on is not None and expires_on <= now:
        raise InvalidParameter(
            f"{ACCESS_TOKEN.name}: it expired on {expires_on:%Y-%m-%d at %H:%M:%S} UTC.",
            remedy="Give one that has not; and check this machine's clock.",
            parameter=ACCESS_TOKEN.name,
        )
    audiences, wanted = _texts(claims.get("aud")), request.get(RESOURCE)
    if wanted and _is_elsewhere(wanted, audiences):
        context.logger.warning(
            "the access token says that it is for %s, not for %s", ", ".join(audiences), wanted
        )
    tenant_id = claims.get("tid")
    return AuthenticationResult(
        token.reveal(),
        acquired_on=now,
        expires_on=expires_on,
        scopes=_texts(claims.get("scp") or claims.get("scope")) or request.scopes,
        resource=wanted or (audiences[0] if len(audiences) == 1 else None),
        tenant_id=tenant_id if isinstance(tenant_id, str) else "",
        authentication_methods=methods_of({"access_token": token.reveal()}),
    )


def _expiry(claims: "Mapping[str, object]", given: "datetime | None") -> "datetime | None":
    """The earlier of when the token says that it expires, and when the caller does."""
    from grantway.oauth.answers import instant, seconds

    stated = claims.get("exp")
    until = None if isinstance(stated, str) else seconds(stated)
    said = [each for each in (given, None if until is None else instant(until)) if each]
    return min(said, default=None)


def _texts(value: object) -> tuple[str, ...]:
    """Words of a claim: a list of them, or one text with spaces between."""
    if isinstance(value, str):
        return tuple(value.split())
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(each for each in listed if isinstance(each, str))


def _is_elsewhere(wanted: str, audiences: tuple[str, ...]) -> bool:
    """Whether what is wanted and every audience are addresses, of different hosts.

    Where one of them is a name only, as a GUID is, nothing can be told.
    """
    try:
        return host_of(wanted) not in [host_of(each) for each in audiences] and bool(audiences)
    except ValueError:
        return False


ACCESS_TOKEN_PROVIDER = CredentialProvider(
    "AccessToken",
    (
        ParameterSet(
            "AccessToken",
            (ACCESS_TOKEN,),
            optional=(EXPIRES_ON,),
            summary="A token that the caller has already, until it expires.",
        ),
    ),
    authenticate,
    plan=plan,
    reads_cache=False,
    summary="no grant: a token that the caller has already",
)
