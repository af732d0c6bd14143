"""Tokens that are bound to no key, and environments that take no others (DPoP, RFC 9449).

A token that comes from elsewhere, or from a machine's own endpoint, was asked for without a proof.
Where an environment says `dpop` it is of no use, which can be said before anything is sent.
"""

from typing import TYPE_CHECKING

from grantway.errors import InvalidParameter

if TYPE_CHECKING:
    from grantway import Parameter, TokenRequest


def check_unbound(request: "TokenRequest", given: "Parameter[object]") -> None:
    """Refuse a token that is bound to no key where all have to be.

    Raises:
        InvalidParameter: the environment says `dpop`.
    """
    if request.environment.dpop:
        raise InvalidParameter(
            f"{given.name}: {request.environment.name} binds every token to a key (dpop), and this "
            "way brings one that is bound to none.",
            remedy="Get the token there in another way, or name an environment without dpop.",
            parameter=given.name,
        )
