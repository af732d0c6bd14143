"""The built-in credential providers: user, service principal, refresh token, consent.

Each is a module that declares one provider and the functions behind it. What they need of HTTP
is imported when a token is asked for, so that registering them costs next to nothing.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grantway import hookimpl
from grantway_grants.consent import CONSENT_PROVIDER
from grantway_grants.refresh import REFRESH_TOKEN_PROVIDER
from grantway_grants.service_principal import SERVICE_PRINCIPAL_PROVIDER
from grantway_grants.user import USER_PROVIDER

if TYPE_CHECKING:
    from grantway import CredentialProvider


@hookimpl
def grantway_providers() -> Iterable["CredentialProvider"]:
    """The four."""
    return (
        USER_PROVIDER,
        SERVICE_PRINCIPAL_PROVIDER,
        REFRESH_TOKEN_PROVIDER,
        CONSENT_PROVIDER,
    )
