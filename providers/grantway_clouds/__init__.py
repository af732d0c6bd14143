"""The Microsoft clouds and other identity providers: where they are, how they are spoken to.

All of it is data. `environments` has the clouds, each with its endpoints as named resources;
`protocols` has the two dialects that their authorities speak; `advice` has what to tell a user
about the authorities' own error numbers; `openid` has other identity providers, where they
deviate from the standards.

Whoever describes a private or air-gapped cloud takes the dialect from here:

>>> from grantway import Environment
>>> from grantway_clouds import ENTRA_V2
>>> hill = Environment("Hill", authority="https://login.hill.example", protocol=ENTRA_V2)
"""

from collections.abc import Iterable

from grantway import Environment, hookimpl
from grantway_clouds.advice import ADVICE
from grantway_clouds.environments import ENVIRONMENTS
from grantway_clouds.openid import (
    AUTH0,
    ENTRA_B2C,
    ENTRA_EXTERNAL_ID,
    GOOGLE,
    GOOGLE_ACCOUNTS,
    KEYCLOAK,
    OAUTH2,
    OKTA,
    PINGONE,
)
from grantway_clouds.protocols import ENTRA_V1, ENTRA_V2

__all__ = [
    "ADVICE",
    "AUTH0",
    "ENTRA_B2C",
    "ENTRA_EXTERNAL_ID",
    "ENTRA_V1",
    "ENTRA_V2",
    "ENVIRONMENTS",
    "GOOGLE",
    "GOOGLE_ACCOUNTS",
    "KEYCLOAK",
    "OAUTH2",
    "OKTA",
    "PINGONE",
    "grantway_environments",
]


@hookimpl
def grantway_environments() -> Iterable[Environment]:
    """Return the clouds, open and closed, and the one provider that is a single place."""
    return (*ENVIRONMENTS, GOOGLE)
