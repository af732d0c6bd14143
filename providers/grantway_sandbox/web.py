"""The routes: from an HTTP request to the authority and back.

Thin on purpose. Every request is recorded first, as it arrived. A token request then waits out the
latency, takes a scripted fault if one is due, and goes to the grants. Whatever is refused on the
way becomes JSON here, with the caller's correlation id.

A request whose Host is not this server's is refused: a web page must not reach a sandbox on
loopback by giving itself a name that resolves there.
"""

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Flask, Response, g, request

from grantway_sandbox import metadata, pages, tokens
from grantway_sandbox.authority import Authority
from grantway_sandbox.device_routes import device_routes
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.machine import machine_routes
from grantway_sandbox.model import GRAPH_ID, SANDBOX_API_ID, V2
from grantway_sandbox.pushed_routes import pushed_routes
from grantway_sandbox.responses import as_it_stands, correlation_id, refusal
from grantway_sandbox.script import Fault, RecordedRequest
from grantway_sandbox.sign_in import sign_in_routes
from grantway_sandbox.token_request import TokenRequest
from grantway_sandbox.token_server import TokenServer


def create_app(authority: Authority, stopping: threading.Event) -> Flask:
    """Return the WSGI application; `stopping` ends the waits of a slow authority."""
    app = Flask("grantway_sandbox", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # only the default provider has it
    app.before_request(lambda: _arrive(authority))
    app.register_blueprint(_token_routes(authority, stopping))
    app.register_blueprint(sign_in_routes(authority))
    app.register_blueprint(device_routes(authority))
    app.register_blueprint(pushed_routes(authority))
    app.register_blueprint(machine_routes(authority))
    app.register_blueprint(_metadata_routes(authority))
    app.register_blueprint(_api_routes(authority))
    return app


def _arrive(authority: Authority) -> Response | None:
    body = request.get_data(cache=True)
    form = "application/x-www-form-urlencoded" in (request.content_type or "")
    text = body.decode("utf-8", "replace") if form else ""
    g.recorded = RecordedRequest(
        method=request.method,
        path=request.path,
        query=tuple(request.args.items(multi=True)),
        fields=tuple(parse_qsl(text, keep_blank_values=True)),
        headers=tuple(request.headers.items()),
    )
    authority.requests.add(g.recorded)
    here = urlsplit(authority.base_url)
    if request.host.lower() in (here.netloc, f"localhost:{here.port}"):
        return None
    return Response("This host is not served here.\n", status=421, mimetype="text/plain")


def _token_routes(authority: Authority, stopping: threading.Event) -> Blueprint:
    routes = Blueprint("tokens", __name__)
    server = TokenServer(authority)

    def answer(tenant: str, version: int) -> Response:
        try:
            response = _exchange(authority, server, stopping, tenant, version)
        except OAuth2Error as error:
            response = refusal(authority, error, version)
        response.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        if request.headers.get("return-client-request-id", "").lower() == "true":
            response.headers["client-request-id"] = correlation_id()
        return response

    @routes.route("/<tenant>/oauth2/v2.0/token", methods=["GET", "POST"])
    def token_v2(tenant: str) -> Response:
        return answer(tenant, 2)

    @routes.route("/<tenant>/oauth2/token", methods=["GET", "POST"])
    def token_v1(tenant: str) -> Response:
        return answer(tenant, 1)

    return routes


def _exchange(
    authority: Authority, server: TokenServer, stopping: threading.Event, name: str, version: int
) -> Response:
    if authority.latency > 0:
        stopping.wait(authority.latency)
    fault = authority.script.take(g.recorded)
    if isinstance(fault, Fault):
        return as_it_stands(fault)
    if isinstance(fault, EntraError):
        raise fault
    if request.method != "POST":
        raise EntraError(
            900561,
            "The endpoint only accepts POST requests. Received a GET request.",
        )
    if not request.form.get("grant_type"):
        raise missing("grant_type")
    if any(len(values) > 1 for _, values in request.form.lists()):
        # RFC 6749 section 3.2: no parameter more than once.
        raise EntraError(9002313)
    if version == V2 and request.form.get("resource"):
        raise EntraError(901002)
    tenant = authority.find_tenant(name)
    return server.answer(TokenRequest(request, authority, tenant, version))


def _metadata_routes(authority: Authority) -> Blueprint:
    routes = Blueprint("metadata", __name__)

    def publish(build: Callable[[], dict[str, Any]]) -> Response:
        try:
            body = build()
        except EntraError as error:
            if error.code in (90002, 900023):
                # The same refusal has another name here than at the token endpoint.
                error = EntraError(error.code, error.text, error="invalid_tenant")
            return refusal(authority, error, 2)
        response = Response(json.dumps(body), content_type="application/json; charset=utf-8")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def configuration(tenant: str, version: int) -> Response:
        return publish(
            lambda: metadata.openid_configuration(
                authority, authority.find_tenant(tenant), tenant, version
            )
        )

    @routes.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def configuration_v2(tenant: str) -> Response:
        return configuration(tenant, 2)

    @routes.get("/<tenant>/.well-known/openid-configuration")
    def configuration_v1(tenant: str) -> Response:
        return configuration(tenant, 1)

    @routes.get("/common/discovery/instance")
    def instance() -> Response:
        asked = request.args
        return publish(
            lambda: metadata.instance_discovery(
                authority, asked.get("authorization_endpoint"), asked.get("api-version")
            )
        )

    @routes.get("/<tenant>/discovery/v2.0/keys")
    def keys_v2(tenant: str) -> Response:
        return publish(lambda: metadata.key_set(authority, authority.find_tenant(tenant), 2))

    @routes.get("/<tenant>/discovery/keys")
    def keys_v1(tenant: str) -> Response:
        return publish(lambda: metadata.key_set(authority, authority.find_tenant(tenant), 1))

    return routes


def _api_routes(authority: Authority) -> Blueprint:
    routes = Blueprint("api", __name__)

    def me(resource_id: str) -> Response:
        """Return the claims of a good bearer token (RFC 6750); 401 says what is wrong with it."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _unauthorized("")
        try:
            claims = tokens.read(authority, token.strip())
        except jwt.InvalidTokenError:
            return _unauthorized("The access token is not valid.")
        if claims["exp"] <= authority.clock():
            return _unauthorized("The access token has expired.")
        resource = authority.resource_of(str(claims["aud"]))
        meant = resource is not None and resource.application_id == resource_id
        # An id_token is signed by the same keys; only access tokens name a client.
        if not meant or not {"azp", "appid"} & claims.keys():
            return _unauthorized("The audience is invalid.")
        return Response(json.dumps(claims), content_type="application/json; charset=utf-8")

    @routes.get("/api/me")
    def sandbox_me() -> Response:
        return me(SANDBOX_API_ID)

    @routes.get("/graph/v1.0/me")
    def graph_me() -> Response:
        return me(GRAPH_ID)

    @routes.get("/")
    def info() -> Response:
        base = authority.base_url
        return pages.home(
            base,
            f"{base}/common/v2.0/.well-known/openid-configuration",
            f"{base}/devicelogin",
            [(known.name, known.domain, known.tenant_id) for known in authority.tenants],
        )

    return routes


def _unauthorized(reason: str) -> Response:
    body = {"error": {"code": "InvalidAuthenticationToken", "message": reason or "Unauthorized"}}
    response = Response(json.dumps(body), status=401, content_type="application/json")
    challenge = "Bearer"
    if reason:
        challenge += f' error="invalid_token", error_description="{reason}"'
    response.headers["WWW-Authenticate"] = challenge
    return response
