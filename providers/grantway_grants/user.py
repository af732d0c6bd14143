"""User: a person who signs in.

A person who has signed in is not asked again: the refresh token of then is redeemed silently.
Signing in itself needs a browser or a device code; while neither is served, the answer is
`InteractionRequired`, before any network.
"""

from typing import NoReturn

from grantway import Context, CredentialProvider, ParameterSet, TokenRequest
from grantway.errors import InteractionRequired
from grantway.parameters import (
    ACCOUNT,
    APPLICATION_ID,
    DEVICE_CODE,
    LOGIN_HINT,
    PROMPT,
    REDIRECT_URI,
    SAVE_REFRESH_TOKEN,
    TENANT_ID,
)
from grantway_grants.refresh import renew

SIGN_IN = (TENANT_ID, DEVICE_CODE, LOGIN_HINT, PROMPT, REDIRECT_URI, SAVE_REFRESH_TOKEN)
"""The optional parameters of every set in which a person signs in."""


def authenticate(request: TokenRequest, context: Context) -> NoReturn:  # noqa: ARG001  # of the contract
    """Say what is needed."""
    raise InteractionRequired(
        f"A person has to sign in at {request.environment.name}, which this version cannot do.",
        remedy="Give a refresh_token, or sign in as an application with credential and tenant_id.",
    )


USER_PROVIDER = CredentialProvider(
    "User",
    (
        ParameterSet(
            "User",
            (APPLICATION_ID,),
            optional=(*SIGN_IN, ACCOUNT),
            default=True,
            summary="A person who signs in.",
        ),
    ),
    authenticate,
    renew=renew,
    interactive=("User",),
    summary="a person who signs in",
)
