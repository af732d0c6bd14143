"""Tokens that the caller presents, and the client that does.

What comes from elsewhere may be empty, cut off, or no token at all. An authority would refuse it
with a word for everything; here the parameter is named, before anything is sent, and the value is
not repeated.
"""

import re
from typing import TYPE_CHECKING

from grantway.errors import InvalidParameter
from grantway.parameters import (
    APPLICATION_ID,
    CERTIFICATE,
    CLIENT_ASSERTION,
    CLIENT_PROOF,
    CREDENTIAL,
)

if TYPE_CHECKING:
    from grantway import ClientAuthentication, Endpoints, Parameter, Secret, TokenRequest

CLIENT: tuple["Parameter[object]", ...] = (APPLICATION_ID, CREDENTIAL, *CLIENT_PROOF)
"""The parameters that say which client it is: none of them need be given beside a token."""

LONGEST = 1 << 20
"""Characters of the longest token that is sent in a form: one of SAML may have a great many."""

_TOKEN = re.compile(r"[\x21-\x7e]+")


def presented(
    request: "TokenRequest", parameter: "Parameter[Secret]", most: int = LONGEST
) -> "Secret":
    """The token that a parameter holds, fit to be sent.

    Raises:
        InvalidParameter: it is too long, or has characters that no token has.
    """
    token = request[parameter]
    if len(token.reveal()) > most:
        raise InvalidParameter(
            f"{parameter.name}: it has more than {most} characters, which no token has.",
            remedy="Give the token alone.",
            parameter=parameter.name,
        )
    if _TOKEN.fullmatch(token.reveal()) is None:
        raise InvalidParameter(
            f"{parameter.name}: it has white space in it, or other characters that no token has.",
            remedy="Give the token alone: without the word Bearer, a line's end or quotes.",
            parameter=parameter.name,
        )
    return token


def client(request: "TokenRequest", endpoints: "Endpoints") -> "ClientAuthentication | None":
    """How the client shows who it is; None where no client is named: the token is proof enough."""
    from grantway.oauth.client_authentication import client_authentication

    named = (APPLICATION_ID, CREDENTIAL, CERTIFICATE, CLIENT_ASSERTION)
    if any(each.name in request.values for each in named):
        return client_authentication(request, endpoints)
    return None
