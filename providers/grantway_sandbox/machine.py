"""A machine with an identity: the endpoints from which code on it gets a token without a secret.

Two shapes of the same thing. Virtual machines have a metadata service; it answers whoever is on
the machine and says `Metadata: true`. App Service gives its code an address and a header in
variables, `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`; only who shows the header is answered.

The machine has a system-assigned identity and one that a user assigned to it, both of the
partner's tenant. Numbers are texts, as the real ones write them.
"""

import hmac
import json
from collections.abc import Callable

from flask import Blueprint, Response, g, request

from grantway_sandbox import tokens
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import CERTIFICATE
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import (
    ASSIGNED_IDENTITY_ID,
    MACHINE_IDENTITY_ID,
    TENANT_ID,
    Application,
)
from grantway_sandbox.responses import answered, as_it_stands
from grantway_sandbox.scopes import from_resource
from grantway_sandbox.script import Fault

METADATA_PATH = "/metadata/identity/oauth2/token"
APP_SERVICE_PATH = "/msi/token"
ASSIGNED_RESOURCE_ID = (
    f"/subscriptions/{TENANT_ID}/resourceGroups/sandbox"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/assigned"
)

_SYSTEM = Application(MACHINE_IDENTITY_ID, "Sandbox machine", TENANT_ID)
_ASSIGNED = Application(ASSIGNED_IDENTITY_ID, "Assigned identity", TENANT_ID)

Refuse = Callable[[int, str, str], Response]


def machine_routes(authority: Authority) -> Blueprint:
    """Return the routes of both endpoints."""
    routes = Blueprint("machine", __name__)

    @routes.get(METADATA_PATH)
    def metadata_service() -> Response:
        if request.headers.get("Metadata", "").lower() != "true":
            return _plainly(400, "invalid_request", "Required metadata header not specified")
        return _answer(authority, _plainly, "2018-02-01", "msi_res_id")

    @routes.get(APP_SERVICE_PATH)
    def app_service() -> Response:
        shown = request.headers.get("X-IDENTITY-HEADER", "").encode()
        if not hmac.compare_digest(shown, authority.identity_header.encode()):
            return _by_status(401, "", "The identity header is missing, or not this machine's.")
        return _answer(authority, _by_status, "2019-08-01", "mi_res_id")

    return routes


def _answer(authority: Authority, refuse: Refuse, version: str, resource_id: str) -> Response:
    fault = authority.script.take(g.recorded)
    if isinstance(fault, Fault):
        return as_it_stands(fault)
    if request.args.get("api-version") != version:
        return refuse(400, "invalid_request", f"api-version has to be {version}.")
    application = _identity(resource_id)
    if application is None:
        return refuse(400, "invalid_request", "Identity not found")
    tenant = authority.find_tenant(TENANT_ID)
    try:
        if isinstance(fault, EntraError):
            raise fault
        target = from_resource(authority, tenant, request.args.get("resource"))
    except EntraError as error:
        return refuse(400, "invalid_resource", f"AADSTS{error.code}: {error.text}")
    assert tenant is not None  # noqa: S101  # every sandbox is furnished with it
    # An identity has its credentials in a certificate that the cloud keeps.
    minting = tokens.Minting(authority, tenant, application, target, CERTIFICATE)
    lifetime = authority.token_lifetime
    return answered(
        {
            "access_token": minting.access_token(),
            "client_id": application.application_id,
            "expires_in": str(lifetime),
            "expires_on": str(int(authority.clock()) + lifetime),
            "resource": target.identifier,
            "token_type": "Bearer",
        }
    )


def _identity(resource_id: str) -> Application | None:
    """The identity that the query names; None where the machine does not have it."""
    asked = request.args
    named = [
        asked[name].lower() for name in ("client_id", "object_id", resource_id) if name in asked
    ]
    if not named:
        return _SYSTEM
    known = (ASSIGNED_IDENTITY_ID, ASSIGNED_RESOURCE_ID.lower())
    return _ASSIGNED if len(named) == 1 and named[0] in known else None


def _plainly(status: int, error: str, text: str) -> Response:
    return answered({"error": error, "error_description": text}, status)


def _by_status(status: int, error: str, text: str) -> Response:  # noqa: ARG001  # others say it
    body = {"statusCode": status, "message": text}
    return Response(json.dumps(body), status=status, content_type="application/json")
