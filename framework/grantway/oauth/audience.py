"""What a token is for, as the form fields that the authority's protocol has for it."""

from grantway.authority import Fields
from grantway.errors import InvalidParameter
from grantway.oauth.claims import claims_field
from grantway.parameters import RESOURCE
from grantway.request import TokenRequest


def audience_fields(
    request: TokenRequest,
    *,
    identity: bool = False,
    sign_in: bool = False,
    listed: tuple[str, ...] | None = None,
) -> Fields:
    """The `scope`, `resource` and `claims` fields of a request.

    With `identity` the scopes are added that bring an id_token and a refresh token, where the
    protocol has such; with `sign_in` those too that are asked for only when a person signs in.
    Of the latter, none that the authority leaves out of the scopes that it has `listed`, for
    it would refuse the sign-in (OpenID Discovery, section 3: these should be listed). Scopes
    that the caller names are sent as they are.

    A resource R becomes the scope `R/.default` where the protocol says scopes only, with a
    slash at its end kept (`R//.default`): the audience of the token is R to the letter.

    Raises:
        InvalidParameter: the protocol has to be told an audience, and neither the call nor the
            environment names one.
    """
    protocol, resource = request.environment.protocol, request.resource
    extra = protocol.identity_scopes if identity else ()
    if sign_in:
        known = (each for each in protocol.sign_in_scopes if listed is None or each in listed)
        extra = (*extra, *known)
    claims = claims_field(request)
    if protocol.audience in ("scope", "resource") and not (resource or request.scopes):
        names = ", ".join(request.environment.resources) or "none by name"
        raise InvalidParameter(
            f"resource: {request.environment.name} has no default for what a token is for.",
            remedy=f"Give resource (there are: {names}) or scopes.",
            parameter=RESOURCE.name,
        )
    if protocol.audience == "resource":
        return ((protocol.resource_field, resource), *claims) if resource else claims
    scopes = request.scopes
    if protocol.audience == "scope" and resource:
        scopes = (f"{resource}/.default",)
    named = " ".join(dict.fromkeys((*scopes, *extra)))
    fields: Fields = (("scope", named), *claims) if named else claims
    if protocol.audience == "indicator" and resource:
        fields = ((protocol.resource_field, resource), *fields)
    return fields


def redeemed_audience(request: TokenRequest) -> Fields:
    """The `resource` and `claims` fields of a request that redeems a code, where there are such.

    Scopes are bound to the code; a resource is named again (RFC 8707, section 2.2). Claims were
    asked for with the code, and are named again only where the protocol has capabilities, which
    are told to whoever makes the token.
    """
    protocol = request.environment.protocol
    claims = claims_field(request) if protocol.capabilities_claim else ()
    if protocol.audience in ("scope", "fixed") or not request.resource:
        return claims
    return ((protocol.resource_field, request.resource), *claims)
