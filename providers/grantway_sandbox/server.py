"""The sandbox as people use it: `with Sandbox() as sandbox`.

It comes furnished: a partner tenant with a user, two customer tenants, a confidential application
that all of them consented to, and a public one. Identifiers are constants; secrets are new at every
start unless given. It binds a literal loopback address and refuses anything else, since what it
issues must never be mistaken for the real thing by another machine.

    with Sandbox() as sandbox:
        requests.post(f"{sandbox.url}/{sandbox.tenant.tenant_id}/oauth2/v2.0/token", data=...)

Entering a second time, after leaving, starts again on a new port with all state kept.
"""

import ipaddress
import secrets
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from grantway import Environment
from grantway_sandbox.authority import Authority, PushedAuthorization, Rotation
from grantway_sandbox.certificates import (
    make_authority,
    make_server_certificate,
    server_context,
    write_private,
)
from grantway_sandbox.clients import PUBLIC
from grantway_sandbox.demo import DemoApplication, furnish
from grantway_sandbox.environment import environment_at, issuer_at
from grantway_sandbox.exchange_grants import signed_assertion
from grantway_sandbox.federation import platform_token
from grantway_sandbox.machine import APP_SERVICE_PATH
from grantway_sandbox.model import (
    APPLICATION_ID,
    PLATFORM_AUDIENCE,
    PLATFORM_ISSUER,
    PLATFORM_SUBJECT,
    PUBLIC_APPLICATION_ID,
    SANDBOX_API_ID,
    Application,
    Resource,
    Tenant,
    User,
)
from grantway_sandbox.person import Person
from grantway_sandbox.scopes import from_scope
from grantway_sandbox.script import FaultPlace, FaultSpec, RecordedRequest, RequestLog
from grantway_sandbox.serving import LoopbackServer
from grantway_sandbox.tokens import Minting
from grantway_sandbox.web import create_app


class Sandbox:
    """An authority shaped like Microsoft Entra on a loopback port, for as long as it is entered.

    `port` 0 takes a free one. `secret` is the application's and `password` the user's; both are new
    at every start unless given. `tls` serves https under a CA made at the start (`ca_bundle`).
    `rotation` "strict" revokes a whole family of refresh tokens when one is used twice.
    `single_use_assertions` refuses a client assertion whose `jti` came before. `auto_approve` signs
    the standard user in (or whom `login_hint` names) without a page, and approves every device's
    code at once. `response_iss` names the issuer in authorization answers (RFC 9207).
    `pushed_authorization` "offered" or "required" adds an endpoint for pushed requests (RFC 9126).
    `device_interval` is the seconds that a device waits between polls, and `slow_down` False lets
    it be hasty. `clock` returns Unix seconds and decides about every lifetime. Raises ValueError
    for a host that is not loopback.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        secret: str | None = None,
        password: str | None = None,
        rotation: Rotation = "lenient",
        single_use_assertions: bool = False,
        auto_approve: bool = False,
        response_iss: bool = False,
        pushed_authorization: PushedAuthorization | None = None,
        device_interval: int = 5,
        slow_down: bool = True,
        latency: float = 0.0,
        token_lifetime: int = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._host, self._port, self._tls = _loopback(host), port, tls
        if rotation not in ("lenient", "strict"):
            raise ValueError(f"rotation is 'lenient' or 'strict', not {rotation!r}")
        if pushed_authorization not in (None, "offered", "required"):
            raise ValueError(
                "pushed_authorization is 'offered', 'required' or None, not "
                f"{pushed_authorization!r}"
            )
        self.authority = Authority(
            clock=clock,
            rotation=rotation,
            single_use_assertions=single_use_assertions,
            auto_approve=auto_approve,
            response_iss=response_iss,
            pushed_authorization=pushed_authorization,
            device_interval=device_interval,
            slow_down=slow_down,
        )
        self.authority.token_lifetime = token_lifetime
        self.authority.latency = latency
        self._server: LoopbackServer | None = None
        self._stopping = threading.Event()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._ca_bundle: Path | None = None
        self.public_application_id = PUBLIC_APPLICATION_ID
        self.application = DemoApplication(
            self.authority, self._path, secret or secrets.token_urlsafe(30)
        )
        self.tenant, self.user = furnish(self.authority, self.application.secret, password)

    def __repr__(self) -> str:
        return f"Sandbox({self.authority.base_url or 'not started'})"

    # Starting and stopping

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; does nothing when already listening."""
        if self._server is not None:
            return
        self._stopping.clear()
        context = None
        if self._tls:
            ca = make_authority()
            self._ca_bundle = write_private(self._path() / "ca.pem", ca.certificate_pem)
            context = server_context(make_server_certificate(ca, self._host), self._path())
        server = LoopbackServer(self._host, self._port, context)
        name = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "https" if self._tls else "http"
        self.authority.move_to(f"{scheme}://{name}:{server.port}")
        server.start(create_app(self.authority, self._stopping))
        self._server = server

    def stop(self) -> None:
        """Stop at once and remove what was written; does nothing when not listening."""
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        self.authority.move_to("")
        self._ca_bundle = None
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _path(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        return Path(self._folder.name)

    @property
    def url(self) -> str:
        """Where the sandbox is, with no slash at the end; RuntimeError while it is not running."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running: enter it with 'with Sandbox() as ...'")
        return self.authority.base_url

    @property
    def ca_bundle(self) -> Path | None:
        """The CA to trust, as a PEM file; None without TLS."""
        return self._ca_bundle

    # What it knows

    @property
    def environment(self) -> Environment:
        """The environment of this very sandbox, to be passed to a dispatcher."""
        bundle = self.ca_bundle
        return environment_at(self.url, str(bundle) if bundle else None)

    @property
    def issuer(self) -> Environment:
        """The partner's tenant as an OpenID provider like any other: for grants Entra has not."""
        bundle = self.ca_bundle
        return issuer_at(self.url, self.tenant.tenant_id, str(bundle) if bundle else None)

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """All tenants: the partner's first, then its customers."""
        return self.authority.tenants

    @property
    def customers(self) -> tuple[Tenant, ...]:
        """All tenants but the partner's."""
        return tuple(tenant for tenant in self.tenants if tenant != self.tenant)

    @property
    def api(self) -> str:
        """The URL of an API that takes tokens whose resource is `url`."""
        return f"{self.url}/api/me"

    @property
    def api_id(self) -> str:
        """The application id of that API, which is its other name."""
        return SANDBOX_API_ID

    @property
    def identity_variables(self) -> dict[str, str]:
        """The variables by which code finds the machine's identity; the second holds a secret."""
        return {
            "IDENTITY_ENDPOINT": f"{self.url}{APP_SERVICE_PATH}",
            "IDENTITY_HEADER": self.authority.identity_header,
        }

    def add_tenant(self, domain: str, *, consented: bool = True) -> Tenant:
        """Add a customer tenant; `consented` says whether the applications may be used there."""
        tenant = Tenant(str(uuid.uuid4()), (domain.lower(),), domain.partition(".")[0].title())
        self.authority.register(tenant)
        for application_id in (APPLICATION_ID, PUBLIC_APPLICATION_ID):
            self.consent(application_id, tenant.tenant_id, consented)
        return tenant

    def register(self, *values: Tenant | Application | Resource | User) -> None:
        """Add or replace tenants, applications, resources and users, each under its id."""
        self.authority.register(*values)

    def consent(self, application_id: str, tenant_id: str, given: bool = True) -> None:
        """Record, or with `given=False` withdraw, an application's consent in a tenant."""
        self.authority.consent(application_id, tenant_id, given)

    def issue_refresh_token(
        self,
        *,
        application_id: str = APPLICATION_ID,
        user: User | None = None,
        tenant: Tenant | None = None,
        resource: str | None = None,
        scopes: Iterable[str] = (),
    ) -> str:
        """Issue a refresh token as a sign-in would; give `scopes` or `resource`, or neither.

        Both only matter to a refresh that names none. The default is everything on Microsoft Graph.
        """
        application = self.authority.find_application(application_id)
        if application is None:
            raise ValueError(f"no application {application_id} is registered")
        wanted = tuple(scopes)
        if resource is None:
            named = [scope.rpartition("/")[0] for scope in wanted if "/" in scope]
            resource = named[0] if named else "https://graph.microsoft.com"
        return self.authority.issue_refresh_token(
            application,
            user or self.user,
            tenant or self.tenant,
            resource,
            wanted or ("openid", "offline_access", f"{resource}/.default"),
        ).value

    def issue_access_token(
        self,
        *,
        user: User | None = None,
        tenant: Tenant | None = None,
        scope: str = f"api://{APPLICATION_ID}/access_as_user",
    ) -> str:
        """Issue a user's token as the public application gets it when that user signs in.

        The default is one for the confidential application, which is an API as well: what arrives
        there with a request, and is good for asking on the user's behalf.
        """
        client = self.authority.find_application(self.public_application_id)
        if client is None:
            raise ValueError("the public application is not registered")
        where = tenant or self.tenant
        target = from_scope(self.authority, where, scope)
        minting = Minting(self.authority, where, client, target, PUBLIC, user or self.user)
        return minting.access_token()

    def sign_assertion(self, user: User | None = None) -> str:
        """Sign a JWT by which the confidential application vouches for a user (RFC 7523)."""
        application = self.application
        return signed_assertion(
            self.authority,
            application.application_id,
            application.private_key,
            user or self.user,
            self.tenant,
        )

    def platform_token(
        self,
        subject: str = PLATFORM_SUBJECT,
        *,
        issuer: str = PLATFORM_ISSUER,
        audience: str = PLATFORM_AUDIENCE,
        lifetime: float = 3600,
    ) -> str:
        """Sign a token by which a platform says who runs there: a cluster's, a workflow's.

        The defaults are what the confidential application has a federated credential for.
        """
        return platform_token(self.authority, issuer, subject, audience, lifetime)

    def person(self, user: User | None = None, *, accept: bool = True) -> Person:
        """Return somebody with a browser, the standard user unless another is given."""
        return Person(user or self.user, accept, ca_bundle=self.ca_bundle)

    def revoke_refresh_tokens(self, user: User | None = None) -> None:
        """Revoke all refresh tokens of a user, as a password reset does."""
        self.authority.revoke_refresh_tokens(user or self.user)

    # What it saw and will do

    @property
    def requests(self) -> RequestLog:
        """The requests received, the latest last."""
        return self.authority.requests

    def fail_next(
        self,
        spec: FaultSpec,
        times: int = 1,
        *,
        when: Callable[[RecordedRequest], bool] | None = None,
        at: FaultPlace = "token",
    ) -> None:
        """Let the next `times` answers be an error (50076, "AADSTS50076") or a `Fault`.

        With `when`, only requests of which it holds are met. `at` says whose answers: those of the
        token endpoint (where a device polls, too), of the authorization endpoint ("authorize"), or
        those that give a device its codes ("device"). Authorization answers can also be wrong in
        themselves: see `Misbehaviour`, whose values may be given as text, such as "wrong_state".
        Useful numbers there: 65004 access denied, 65001 consent required, 50076 interaction
        required, 50058 login required, 50000 server error, 90055 temporarily unavailable.

        Raises:
            ValueError: a misbehaviour is meant for another endpoint than authorization.
        """
        self.authority.script.add(spec, times, when, at)

    @property
    def latency(self) -> float:
        """Seconds added to each token answer."""
        return self.authority.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.authority.latency = seconds

    @property
    def token_lifetime(self) -> int:
        """Seconds that tokens issued from now on are good for."""
        return self.authority.token_lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: int) -> None:
        self.authority.token_lifetime = seconds


def _loopback(host: str) -> str:
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise ValueError(f"the sandbox listens on a literal loopback address only, not on {host!r}")
