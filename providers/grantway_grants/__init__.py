"""The built-in credential providers: people, service principals, and the machine itself.

Each is a module or a package that declares one provider and the functions behind it. What they
need of HTTP is imported when a token is asked for, so that registering them costs next to nothing.
"""

from collections.abc import Iterable

from grantway import CredentialProvider, hookimpl
from grantway_grants.consent import CONSENT_PROVIDER
from grantway_grants.managed_identity import MANAGED_IDENTITY_PROVIDER
from grantway_grants.refresh import REFRESH_TOKEN_PROVIDER
from grantway_grants.service_principal import SERVICE_PRINCIPAL_PROVIDER
from grantway_grants.user import USER_PROVIDER


@hookimpl
def grantway_providers() -> Iterable[CredentialProvider]:
    """The five."""
    return (
        USER_PROVIDER,
        SERVICE_PRINCIPAL_PROVIDER,
        REFRESH_TOKEN_PROVIDER,
        CONSENT_PROVIDER,
        MANAGED_IDENTITY_PROVIDER,
    )
