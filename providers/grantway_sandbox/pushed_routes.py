"""The endpoint of pushed authorization requests (RFC 9126).

The client posts the parameters there, authenticated as at the token endpoint, and the browser
brings only the `request_uri`: none of them passes through it.
"""

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, request

from grantway_sandbox.authority import Authority
from grantway_sandbox.authorize import Asker, read_errand
from grantway_sandbox.clients import Presented, authenticate
from grantway_sandbox.errors import EntraError
from grantway_sandbox.pushed import LIFETIME
from grantway_sandbox.responses import answered, correlation_id, refusal, refuse_repeats

_CREDENTIALS: Final = ("client_secret", "client_assertion", "client_assertion_type")


def pushed_routes(authority: Authority) -> Blueprint:
    """Return the endpoint's routes; it is there only where it is offered."""
    routes = Blueprint("pushed", __name__)
    if authority.pushed_authorization is None:
        return routes

    @routes.post("/<tenant>/oauth2/v2.0/par")
    def push_v2(tenant: str) -> Response:
        return _push(authority, tenant, 2)

    @routes.post("/<tenant>/oauth2/par")
    def push_v1(tenant: str) -> Response:
        return _push(authority, tenant, 1)

    return routes


def pulled(
    authority: Authority, name: str, version: int, fields: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the parameters that a request's `request_uri` stands for, or its own.

    Raises:
        EntraError: no such request waits here for this client.
    """
    uri = fields.get("request_uri")
    if authority.pushed_authorization is None or not uri:
        return fields
    return authority.pushed.pull(uri, fields.get("client_id", ""), (name.lower(), version))


def _push(authority: Authority, name: str, version: int) -> Response:
    try:
        refuse_repeats(list(request.form.lists()))
        form = request.form.to_dict()
        shown = Presented.read(form, request.headers.get("Authorization"))
        application, _ = authenticate(authority, authority.find_tenant(name), shown)
        fields = {key: value for key, value in form.items() if key not in _CREDENTIALS}
        fields["client_id"] = application.application_id
        asker = Asker.read(authority, name, version, fields, correlation_id())
        # Whatever is wrong is told here, where nobody else reads along.
        read_errand(authority, asker, fields)
    except EntraError as error:
        return refusal(authority, error, version)
    uri = authority.pushed.push(application, (name.lower(), version), fields)
    return answered({"request_uri": uri, "expires_in": LIFETIME}, 201)
