"""A secret that was just made, and that not every server of the authority knows yet.

Such a refusal reads as that of a wrong secret, so it is a matter for the caller alone to say that
the secret is new (`retry_new_secret`): then the request is sent again, at growing pauses, for a
minute at most and never beyond the caller's deadline. It is sent again only upon the numbers that
the protocol declares: the authority has refused the client and has looked at nothing else, so not
even a code is spent.
"""

from collections.abc import Mapping

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.environment import host_of
from grantway.errors import AuthorityError
from grantway.parameters import RETRY_NEW_SECRET
from grantway.request import TokenRequest

PAUSES = (2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before each further request: a minute in all."""


def fetch_token(
    sent: AuthorityRequest, request: TokenRequest, context: Context
) -> Mapping[str, object]:
    """What the token endpoint answers; where the caller asks for it, once it knows the secret.

    Raises:
        as `Transport.fetch_token`, with what came last.
    """
    codes = context.environment.protocol.propagation_codes
    for pause in PAUSES if request.get(RETRY_NEW_SECRET) else ():
        try:
            return context.transport.fetch_token(sent, context)
        except AuthorityError as error:
            if not set(codes).intersection(error.codes) or pause >= context.remaining():
                raise
        context.logger.warning(
            "%s does not know the secret yet; asking again in %.0f s", host_of(sent.url), pause
        )
        context.sleep(pause)
    return context.transport.fetch_token(sent, context)
