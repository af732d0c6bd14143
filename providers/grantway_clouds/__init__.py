"""The Microsoft clouds and other identity providers: where they are, how they are spoken to.

Almost all of it is data. `environments` has the clouds, each with its endpoints as named resources;
`protocols` has the dialects that their authorities speak, AD FS among them; `advice` has what to
tell a user about the authorities' own error numbers; `openid` has other identity providers, where
they deviate from the standards. `arm` and `adfs` learn a private cloud from one URL of it.

Whoever describes a private or air-gapped cloud takes the dialect from here:

>>> from grantway import Environment
>>> from grantway_clouds import ENTRA_V2
>>> hill = Environment("Hill", authority="https://login.hill.example", protocol=ENTRA_V2)
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grantway import Discovery, Environment, hookimpl
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
from grantway_clouds.protocols import ADFS, ENTRA_V1, ENTRA_V2

if TYPE_CHECKING:
    from grantway import Context

__all__ = [
    "ADFS",
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
    "grantway_discoveries",
    "grantway_environments",
]


@hookimpl
def grantway_environments() -> Iterable[Environment]:
    """Return the clouds, open and closed, and the one provider that is a single place."""
    return (*ENVIRONMENTS, GOOGLE)


@hookimpl
def grantway_discoveries() -> Iterable[Discovery]:
    """Return the ways to learn a private cloud from a URL of its own."""
    return [
        Discovery(
            "arm",
            _arm,
            protocols=(ENTRA_V2, ADFS),
            summary="a cloud, by the metadata of its resource manager",
        ),
        Discovery("adfs", _adfs, protocols=(ADFS,), summary="an AD FS, by its metadata"),
    ]


# Each is a module of its own, imported when a cloud is asked.
def _arm(url: str, context: "Context") -> Environment:
    from grantway_clouds.arm import discover

    return discover(url, context)


def _adfs(url: str, context: "Context") -> Environment:
    from grantway_clouds.adfs import discover

    return discover(url, context)
