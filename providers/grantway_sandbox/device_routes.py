"""The routes of devices: where one begins to wait, and the page where its code is typed."""

from attrs import frozen
from flask import Blueprint, Response, g, request

from grantway_sandbox import pages
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import find_client
from grantway_sandbox.device import LIFETIME, DeviceCode
from grantway_sandbox.errand import Errand
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.model import V1
from grantway_sandbox.responses import answered, as_it_stands, refusal, refuse_repeats
from grantway_sandbox.scopes import from_resource, from_scope
from grantway_sandbox.script import Fault
from grantway_sandbox.sessions import SignIn
from grantway_sandbox.sign_in import session_of, start, with_cookie
from grantway_sandbox.steps import approve


@frozen(kw_only=True)
class DeviceErrand(Errand):
    """What a person who typed a code is asked about."""

    code: DeviceCode

    def granted(self, authority: Authority, sign_in: SignIn) -> Response:
        """Let the device have its tokens."""
        if not authority.devices.decide(self.code.value, sign_in):
            return _too_late()
        return pages.message(
            "You are signed in",
            f"{self.application.name} on your device goes on by itself. You can close this window.",
        )

    def refused(self, authority: Authority, error: EntraError) -> Response:  # noqa: ARG002
        """Tell the device that it waits in vain; whatever the reason, it is told the same."""
        if not authority.devices.decide(self.code.value, None):
            return _too_late()
        return pages.message(
            "Sign-in was cancelled",
            f"{self.application.name} on your device was not signed in. You can close this window.",
        )


def device_routes(authority: Authority) -> Blueprint:
    """Return the routes of the device authorization grant."""
    routes = Blueprint("devices", __name__)

    @routes.post("/<tenant>/oauth2/v2.0/devicecode")
    def device_code_v2(tenant: str) -> Response:
        return _begin(authority, tenant, 2)

    @routes.post("/<tenant>/oauth2/devicecode")
    def device_code_v1(tenant: str) -> Response:
        return _begin(authority, tenant, 1)

    @routes.get("/devicelogin")
    @routes.get("/common/oauth2/deviceauth")
    def ask() -> Response:
        return _ask(authority, request.args.get("user_code", ""))

    @routes.post("/devicelogin")
    @routes.post("/common/oauth2/deviceauth")
    def take() -> Response:
        session = session_of(authority)
        typed = request.form.get("user_code", "")
        if session is None or not session.owns(request.form.get("form_token", "")):
            return _ask(authority, typed, "This page was out of date. Try again.")
        code = authority.devices.waiting(typed)
        if code is None:
            return _ask(authority, typed, "That code is not known here, or it has expired.")
        return start(authority, _errand(authority, code))

    return routes


def _begin(authority: Authority, name: str, version: int) -> Response:
    """Answer a device authorization request (RFC 8628 section 3.1)."""
    fault = authority.script.take(g.recorded, "device")
    if isinstance(fault, Fault):
        return as_it_stands(fault)
    try:
        if isinstance(fault, EntraError):
            raise fault
        refuse_repeats(list(request.form.lists()))
        tenant = authority.find_tenant(name)
        client_id = request.form.get("client_id")
        if not client_id:
            raise missing("client_id")
        application = find_client(authority, tenant, client_id)
        asked = request.form.get("resource" if version == V1 else "scope")
        if not asked:
            raise missing("resource" if version == V1 else "scope")
        code = authority.devices.issue(application, tenant, version, asked)
        errand = _errand(authority, code)
        if authority.auto_approve:
            authority.devices.decide(code.value, approve(authority, errand))
    except EntraError as error:
        return refusal(authority, error, version)
    return answered(_description(authority, code))


def _description(authority: Authority, code: DeviceCode) -> dict[str, object]:
    """Return the answer as Entra shapes it: v1 has another name for the address, and strings."""
    address = f"{authority.base_url}/devicelogin"
    expires_in, interval = LIFETIME, authority.devices.interval
    v1 = code.version == V1
    return {
        "user_code": code.user_code,
        "device_code": code.value,
        "verification_url" if v1 else "verification_uri": address,
        "expires_in": str(expires_in) if v1 else expires_in,
        "interval": str(interval) if v1 else interval,
        "message": f"To sign in, use a web browser to open the page {address} and enter the code "
        f"{code.user_code} to authenticate.",
    }


def _errand(authority: Authority, code: DeviceCode) -> DeviceErrand:
    application = find_client(authority, code.tenant, code.application_id)
    resolve = from_resource if code.version == V1 else from_scope
    return DeviceErrand(
        application=application,
        tenant=code.tenant,
        target=resolve(authority, code.tenant, code.asked),
        device=True,
        code=code,
    )


def _ask(authority: Authority, typed: str, error: str = "") -> Response:
    session = session_of(authority) or authority.sessions.open()
    page = pages.user_code(pages.Form(request.path, session.form_token), typed, error)
    return with_cookie(authority, page, session)


def _too_late() -> Response:
    return pages.message(
        "That code has expired",
        "Start again on your device, and enter the code that it shows then.",
        status=400,
    )
