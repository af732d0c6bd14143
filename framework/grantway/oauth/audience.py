"""What a token is for, as the form fields that the authority's protocol has for it."""

from grantway.authority import Fields
from grantway.request import TokenRequest


def audience_fields(request: TokenRequest, *, identity: bool = False) -> Fields:
    """The `scope` and `resource` fields of a request.

    With `identity` the scopes are added that bring an id_token and a refresh token, where the
    protocol has such.

    A resource R becomes the scope `R/.default` where the protocol says scopes only, with a
    slash at its end kept (`R//.default`): the audience of the token is R to the letter.
    """
    protocol, resource = request.environment.protocol, request.resource
    extra = protocol.identity_scopes if identity else ()
    if protocol.audience == "resource":
        return (("resource", resource),) if resource else ()
    scopes = request.scopes
    if protocol.audience == "scope" and resource:
        scopes = (f"{resource}/.default",)
    named = " ".join(dict.fromkeys((*scopes, *extra)))
    fields: Fields = (("scope", named),) if named else ()
    if protocol.audience == "indicator" and resource:
        fields = (("resource", resource), *fields)
    return fields
