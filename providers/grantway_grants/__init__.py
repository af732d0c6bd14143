"""The built-in credential providers.

Each module declares the providers of one grant, and the functions behind them. What they need of
HTTP is imported when a token is asked for, so that registering them costs next to nothing.
"""

from typing import TYPE_CHECKING

from grantway import hookimpl
from grantway_grants.access_token import ACCESS_TOKEN_PROVIDER
from grantway_grants.consent import CONSENT_PROVIDER
from grantway_grants.jwt_bearer import JWT_BEARER_PROVIDER, SIGNED_JWT_BEARER_PROVIDER
from grantway_grants.managed_identity import MANAGED_IDENTITY_PROVIDER
from grantway_grants.on_behalf_of import ON_BEHALF_OF_PROVIDER
from grantway_grants.refresh import REFRESH_TOKEN_PROVIDER
from grantway_grants.service_principal import (
    ASSERTION_PROVIDER,
    CERTIFICATE_PROVIDER,
    SERVICE_PRINCIPAL_PROVIDER,
)
from grantway_grants.token_exchange import TOKEN_EXCHANGE_PROVIDER
from grantway_grants.user import USER_PROVIDER
from grantway_grants.workload_identity import WORKLOAD_IDENTITY_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import CredentialProvider


@hookimpl
def grantway_providers() -> "Iterable[CredentialProvider]":
    """All of them, those of the reference command first."""
    return (
        USER_PROVIDER,
        SERVICE_PRINCIPAL_PROVIDER,
        REFRESH_TOKEN_PROVIDER,
        CONSENT_PROVIDER,
        CERTIFICATE_PROVIDER,
        ASSERTION_PROVIDER,
        ON_BEHALF_OF_PROVIDER,
        ACCESS_TOKEN_PROVIDER,
        TOKEN_EXCHANGE_PROVIDER,
        JWT_BEARER_PROVIDER,
        SIGNED_JWT_BEARER_PROVIDER,
        MANAGED_IDENTITY_PROVIDER,
        WORKLOAD_IDENTITY_PROVIDER,
    )
