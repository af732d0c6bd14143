"""What a token is for, as the form fields that the authority's protocol has for it."""

from grantway.authority import Fields
from grantway.errors import InvalidParameter
from grantway.parameters import CLAIMS, RESOURCE
from grantway.request import TokenRequest


def audience_fields(
    request: TokenRequest, *, identity: bool = False, sign_in: bool = False
) -> Fields:
    """The `scope`, `resource` and `claims` fields of a request.

    With `identity` the scopes are added that bring an id_token and a refresh token, where the
    protocol has such; with `sign_in` those too that are asked for only when a person signs in.

    A resource R becomes the scope `R/.default` where the protocol says scopes only, with a
    slash at its end kept (`R//.default`): the audience of the token is R to the letter.

    Raises:
        InvalidParameter: the protocol has to be told an audience, and neither the call nor the
            environment names one.
    """
    protocol, resource = request.environment.protocol, request.resource
    extra = protocol.identity_scopes if identity else ()
    if sign_in:
        extra = (*extra, *protocol.sign_in_scopes)
    demanded = request.get(CLAIMS)
    claims: Fields = (("claims", demanded),) if demanded else ()
    if protocol.audience != "indicator" and not (resource or request.scopes):
        names = ", ".join(request.environment.resources) or "none by name"
        raise InvalidParameter(
            f"resource: {request.environment.name} has no default for what a token is for.",
            remedy=f"Give resource (there are: {names}) or scopes.",
            parameter=RESOURCE.name,
        )
    if protocol.audience == "resource":
        return (("resource", resource), *claims) if resource else claims
    scopes = request.scopes
    if protocol.audience == "scope" and resource:
        scopes = (f"{resource}/.default",)
    named = " ".join(dict.fromkeys((*scopes, *extra)))
    fields: Fields = (("scope", named), *claims) if named else claims
    if protocol.audience == "indicator" and resource:
        fields = (("resource", resource), *fields)
    return fields


def redeemed_audience(request: TokenRequest) -> Fields:
    """The `resource` field of a request that redeems a code, where the protocol has one.

    Scopes are bound to the code, and claims were asked for with it; a resource is named again
    (RFC 8707, section 2.2).
    """
    if request.environment.protocol.audience == "scope" or not request.resource:
        return ()
    return (("resource", request.resource),)
