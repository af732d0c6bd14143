"""User: a person who signs in, in the browser or with a device code.

The reference command's default set. A person who has signed in is not asked again while the
refresh token of then is good: it is redeemed silently, for whatever resource is asked for.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
)
from grantway.parameters import ACCOUNT, APPLICATION_ID
from grantway_grants.refresh import renew
from grantway_grants.sign_in import SIGN_IN, sign_in
from grantway_grants.sign_in import plan as sign_in_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        TokenRequest,
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The sign-in, as if nobody had signed in yet."""
    return sign_in_plan(request)


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Have the person sign in."""
    return sign_in(request, context)


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
    plan=plan,
    interactive=("User",),
    summary="authorization_code or device_code: a person who signs in",
)
