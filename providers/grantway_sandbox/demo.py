"""The furniture: what a sandbox holds before anyone adds to it.

A partner tenant with one user who signed in with two factors, two customer tenants, a confidential
application that is an API as well, and a public application; both are consented to everywhere. It
is the smallest world in which the partner's daily work can be done: one refresh token, redeemed in
each customer's tenant.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from grantway_sandbox.authority import Authority
from grantway_sandbox.certificates import KeyAndCertificate, make_client_certificate, write_private
from grantway_sandbox.model import (
    APPLICATION_ID,
    CUSTOMER_TENANT_IDS,
    PLATFORM_ISSUER,
    PLATFORM_SUBJECT,
    PUBLIC_APPLICATION_ID,
    TENANT_ID,
    USER_ID,
    Application,
    ClientSecret,
    FederatedCredential,
    Resource,
    Tenant,
    User,
    standard_resources,
)


def furnish(authority: Authority, secret: str, password: str | None = None) -> tuple[Tenant, User]:
    """Register the well-known world, and return the partner's tenant and user."""
    tenant = Tenant(TENANT_ID, ("contoso.example",), "Contoso")
    user = User(USER_ID, "admin@contoso.example", "Alex Admin", TENANT_ID)
    if password is not None:
        user = evolve(user, password=password)
    redirect_uris = ("http://localhost", "http://127.0.0.1")
    application = Application(
        APPLICATION_ID,
        "Sandbox application",
        TENANT_ID,
        secrets=(ClientSecret(secret),),
        federated_credentials=(FederatedCredential(PLATFORM_ISSUER, PLATFORM_SUBJECT),),
        redirect_uris=redirect_uris,
    )
    public = Application(
        PUBLIC_APPLICATION_ID,
        "Sandbox public application",
        TENANT_ID,
        redirect_uris=redirect_uris,
        public=True,
    )
    # The application is an API too, which on-behalf-of needs.
    api = Resource(
        APPLICATION_ID,
        "Sandbox application",
        (f"api://{APPLICATION_ID}",),
        scopes=("access_as_user",),
        token_version=2,
    )
    names = ("Fabrikam", "Northwind")
    customers = [
        Tenant(tenant_id, (f"{name.lower()}.example",), name)
        for tenant_id, name in zip(CUSTOMER_TENANT_IDS, names, strict=True)
    ]
    authority.register(*standard_resources(), api, tenant, *customers, user, application, public)
    for place in authority.tenants:
        authority.consent(APPLICATION_ID, place.tenant_id)
        authority.consent(PUBLIC_APPLICATION_ID, place.tenant_id)
    return tenant, user


class DemoApplication:
    """The confidential application that the sandbox comes with, and its credentials.

    The certificate is made and registered when it is first asked for: an RSA key takes a moment.
    """

    def __init__(self, authority: Authority, folder: Callable[[], Path], secret: str) -> None:
        self._authority = authority
        self._folder = folder
        self._lock = threading.Lock()
        self._identity: KeyAndCertificate | None = None
        self._path: Path | None = None
        self.application_id = APPLICATION_ID
        self.secret = secret

    def __repr__(self) -> str:
        return f"DemoApplication({self.application_id})"

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """Where a browser may be sent back to; on loopback any port will do."""
        application = self._authority.find_application(self.application_id)
        return application.redirect_uris if application else ()

    @property
    def identity(self) -> KeyAndCertificate:
        """The application's key and certificate."""
        with self._lock:
            if self._identity is None:
                self._identity = make_client_certificate("Sandbox application")
                application = self._authority.find_application(self.application_id)
                if application is not None:
                    self._authority.register(
                        application.with_certificate(self._identity.certificate)
                    )
            return self._identity

    @property
    def private_key(self) -> str:
        """The private key as PEM."""
        return self.identity.key_pem

    @property
    def certificate(self) -> str:
        """The certificate as PEM."""
        return self.identity.certificate_pem

    @property
    def thumbprint(self) -> str:
        """The certificate's SHA-1 in hex."""
        return self.identity.thumbprint

    @property
    def certificate_path(self) -> Path:
        """A file with key and certificate, readable by its owner only; gone when the sandbox is."""
        identity = self.identity
        with self._lock:
            if self._path is None or not self._path.exists():
                self._path = write_private(
                    self._folder() / "application.pem", identity.key_pem, identity.certificate_pem
                )
            return self._path
