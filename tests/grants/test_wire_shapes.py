"""What each grant sends, field by field, and that `explain` shows exactly that."""

import base64
import json
import subprocess
import sys
from typing import Any

import attrs
import pytest

from grantway import Credential, Dispatcher, Environment, Protocol, Reference, Secret, Trust
from grantway.authority import FROM_METADATA
from grantway.errors import InvalidParameter
from grantway.secret import MASK
from grantway_clouds.protocols import ADFS, ENTRA_V1, ENTRA_V2
from oauth.browsing import CODE, Person, answering, query
from oauth.issuer import listened, sign_in
from oauth.support import CLIENT_ID, RAW, dispatcher, granted, oidc
from servers.raw import RawServer, Request, json_answer

APP = "11111111-2222-3333-4444-555555555555"
OTHER_APP = "99999999-2222-3333-4444-555555555555"
SECRET = "sentinel-client-secret"
REFRESH = "sentinel-refresh-token"
ASSERTION = "sentinel.user.assertion"
TENANT = "contoso.onmicrosoft.com"
GRAPH = "https://graph.example"


def cloud(server: RawServer | str, protocol: Protocol) -> Environment:
    return Environment(
        "Cloud",
        authority=server if isinstance(server, str) else server.url,
        protocol=protocol,
        resources={"partner": "https://api.partner.example", "graph": GRAPH},
        default_resource="partner",
        trust=Trust(loopback_http=True),
    )


APPLICATION = {"credential": Credential(APP, SECRET), "tenant_id": TENANT}
PUBLIC = {"application_id": APP, "refresh_token": REFRESH}
CONFIDENTIAL = {"credential": Credential(APP, SECRET), "refresh_token": REFRESH}
IDENTITY = "openid profile offline_access"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ON_BEHALF_OF = {**APPLICATION, "user_assertion": ASSERTION}
HIDDEN_IN_GRANTS = ("client_secret", "refresh_token", "assertion")

SHAPES: dict[str, tuple[Protocol, dict[str, Any], str, dict[str, str]]] = {
    "v1 client_credentials": (
        ENTRA_V1,
        APPLICATION,
        f"/{TENANT}/oauth2/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "resource": "https://api.partner.example",
        },
    ),
    "v1 refresh_token, public": (
        ENTRA_V1,
        PUBLIC,
        "/common/oauth2/token",
        {
            "client_id": APP,
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "resource": "https://api.partner.example",
        },
    ),
    "v1 refresh_token, confidential": (
        ENTRA_V1,
        {**CONFIDENTIAL, "tenant_id": TENANT, "resource": "graph"},
        f"/{TENANT}/oauth2/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "resource": GRAPH,
        },
    ),
    "v2 client_credentials": (
        ENTRA_V2,
        APPLICATION,
        f"/{TENANT}/oauth2/v2.0/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "scope": "https://api.partner.example/.default",
        },
    ),
    "v2 refresh_token, public": (
        ENTRA_V2,
        {**PUBLIC, "resource": "graph"},
        "/common/oauth2/v2.0/token",
        {
            "client_id": APP,
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "scope": f"{GRAPH}/.default {IDENTITY}",
        },
    ),
    "v2 refresh_token, confidential": (
        ENTRA_V2,
        {**CONFIDENTIAL, "scopes": ["https://graph.example/User.Read", "offline_access"]},
        "/common/oauth2/v2.0/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "scope": "https://graph.example/User.Read offline_access openid profile",
        },
    ),
    "v2, a resource with a slash at its end": (
        ENTRA_V2,
        {**APPLICATION, "resource": "https://arm.example/"},
        f"/{TENANT}/oauth2/v2.0/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "scope": "https://arm.example//.default",
        },
    ),
    "v2, a resource by GUID": (
        ENTRA_V2,
        {**APPLICATION, "resource": f"{{{OTHER_APP.upper()}}}"},
        f"/{TENANT}/oauth2/v2.0/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "scope": f"{OTHER_APP}/.default",
        },
    ),
    "application_id beats the credential's user name": (
        ENTRA_V2,
        {**APPLICATION, "application_id": f"{{{OTHER_APP}}}"},
        f"/{TENANT}/oauth2/v2.0/token",
        {
            "client_id": OTHER_APP,
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "scope": "https://api.partner.example/.default",
        },
    ),
    "v1 on-behalf-of": (
        ENTRA_V1,
        {**ON_BEHALF_OF, "resource": "graph"},
        f"/{TENANT}/oauth2/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": JWT_BEARER,
            "assertion": ASSERTION,
            "requested_token_use": "on_behalf_of",
            "scope": "openid",
            "resource": GRAPH,
        },
    ),
    "v2 on-behalf-of": (
        ENTRA_V2,
        {**ON_BEHALF_OF, "scopes": [f"{GRAPH}/User.Read"]},
        f"/{TENANT}/oauth2/v2.0/token",
        {
            "client_id": APP,
            "client_secret": SECRET,
            "grant_type": JWT_BEARER,
            "assertion": ASSERTION,
            "requested_token_use": "on_behalf_of",
            "scope": f"{GRAPH}/User.Read {IDENTITY}",
        },
    ),
    "adfs on-behalf-of": (
        ADFS,
        {
            "credential": Credential("an API", SECRET),
            "tenant_id": "adfs",
            "user_assertion": Secret(ASSERTION),
        },
        "/adfs/oauth2/token",
        {
            "client_id": "an API",
            "client_secret": SECRET,
            "grant_type": JWT_BEARER,
            "assertion": ASSERTION,
            "requested_token_use": "on_behalf_of",
            "scope": "openid",
            "resource": "https://api.partner.example",
        },
    ),
    "oidc client_credentials": (
        RAW,
        {"credential": Credential(CLIENT_ID, SECRET), "scopes": "read write"},
        "/token",
        {
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "scope": "read write",
        },
    ),
}


def form(request: Request) -> dict[str, str]:
    assert all(len(values) == 1 for values in request.form.values())
    return {name: values[0] for name, values in request.form.items()}


@pytest.mark.parametrize("name", SHAPES)
def test_a_grant_sends_these_fields_and_no_others(raw_server: RawServer, name: str) -> None:
    protocol, given, path, fields = SHAPES[name]
    raw_server.serve(granted())
    with dispatcher() as asking:
        result = asking.acquire(environment=cloud(raw_server, protocol), **given)
    (request,) = raw_server.requests
    assert (request.method, request.target) == ("POST", path)
    assert form(request) == fields
    assert "authorization" not in request.headers
    if protocol.correlation_header:
        assert request.headers["client-request-id"] == result.correlation_id


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_what_is_explained_is_what_is_sent(raw_server: RawServer, name: str, method: str) -> None:
    protocol, given, _, _ = SHAPES[name]
    raw_server.serve(granted())
    of = attrs.evolve(cloud(raw_server, protocol), client_authentication=method)
    with dispatcher() as asking:
        explained = asking.explain(environment=of, **given)
        assert not raw_server.connections
        asking.acquire(environment=of, **given)
    (planned,), (request,) = explained.requests, raw_server.requests
    assert (planned.method, planned.url) == (request.method, raw_server.url + request.target)
    sent = [tuple(pair) for pair in form(request).items()]
    assert [field for field, _ in planned.fields] == [field for field, _ in sent]
    for (field, shown), (_, value) in zip(planned.fields, sent, strict=True):
        assert shown == (MASK if field in HIDDEN_IN_GRANTS else value)
    for header, shown in planned.headers.items():
        value = request.headers[header.lower()]
        assert shown == (MASK if header == "Authorization" else value)
    assert ("authorization" in request.headers) == ("Authorization" in planned.headers)
    assert "sentinel" not in repr(explained)
    assert "sentinel" not in json.dumps(explained.as_dict())


def test_what_only_metadata_tells_is_said_to_come_from_there(raw_server: RawServer) -> None:
    given = {"environment": oidc(raw_server), "credential": Credential("a b", SECRET)}
    with dispatcher() as asking:
        (planned,) = asking.explain(**given).requests
        assert planned.url == FROM_METADATA
        assert planned.headers["Authorization"] == FROM_METADATA
        assert not raw_server.connections
        raw_server.serve(
            json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
            path="/.well-known/openid-configuration",
        )
        raw_server.serve(granted(), path="/token")
        asking.acquire(**given)
    request = raw_server.requests[1]
    assert [name for name, _ in planned.fields] == list(form(request))
    pair = base64.b64decode(request.headers["authorization"].split()[1])
    assert pair == f"a%20b:{SECRET}".encode()


def test_a_claims_challenge_is_sent_as_it_came(raw_server: RawServer) -> None:
    claims = {"access_token": {"nbf": {"essential": True, "value": "1"}}}
    raw_server.serve(granted())
    with dispatcher() as asking:
        for _ in range(2):
            asking.acquire(environment=cloud(raw_server, ENTRA_V2), **APPLICATION, claims=claims)
    assert len(raw_server.requests) == 2
    assert json.loads(form(raw_server.requests[0])["claims"]) == claims


def test_scopes_on_v1_are_refused_before_any_network(raw_server: RawServer) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="knows no scopes"):
            asking.acquire(environment=cloud(raw_server, ENTRA_V1), **APPLICATION, scopes="a")
    assert not raw_server.connections


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", "Common"])
def test_an_application_has_no_home_in_a_shared_tenant(raw_server: RawServer, tenant: str) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="cannot sign in at"):
            asking.acquire(
                environment=cloud(raw_server, ENTRA_V2), **{**APPLICATION, "tenant_id": tenant}
            )
    assert not raw_server.connections


def test_explaining_opens_no_secret_and_no_socket() -> None:
    script = (
        # urllib3 binds a socket as it is imported, to find out whether there is IPv6.
        "import sys, urllib3\n"
        "seen = []\n"
        "def hook(event, arguments):\n"
        "    if event.startswith('socket.') or event in ('subprocess.Popen',):\n"
        "        seen.append(event)\n"
        "    if event == 'open' and 'secret-file' in str(arguments[0]):\n"
        "        seen.append(event)\n"
        "sys.addaudithook(hook)\n"
        "from grantway import Dispatcher, Reference\n"
        "with Dispatcher(prompter=False) as asking:\n"
        "    for protocol in ('GlobalCloud', 'ChinaCloud'):\n"
        "        explained = asking.explain(environment=protocol, application_id="
        "'11111111-2222-3333-4444-555555555555',\n"
        "            refresh_token=Reference('file:/nowhere/secret-file'), resource='graph')\n"
        "        assert explained.requests, explained\n"
        "        assert explained.values['refresh_token'] == 'file:/nowhere/secret-file'\n"
        "assert not seen, seen\n"
        "import socket; socket.socket().close()\n"
        "assert seen\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reference_is_opened_only_for_the_grant(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", SECRET)
    raw_server.serve(granted())
    given = {"credential": Credential(APP, Reference("env:THE_SECRET")), "tenant_id": TENANT}
    with dispatcher() as asking:
        of = cloud(raw_server, ENTRA_V2)
        shown = asking.explain(environment=of, **given)
        assert shown.values["credential"] == f"{APP}=env:THE_SECRET"
        asking.acquire(environment=of, **given)
    assert form(raw_server.requests[0])["client_secret"] == SECRET


def test_a_secret_may_be_given_as_one(raw_server: RawServer) -> None:
    raw_server.serve(granted())
    with dispatcher() as asking:
        asking.acquire(
            environment=cloud(raw_server, ENTRA_V2),
            application_id=APP,
            refresh_token=Secret(REFRESH),
        )
    assert form(raw_server.requests[0])["refresh_token"] == REFRESH


# Consent: a page in the browser, then the code's redemption.

API = "https://api.partner.example"
AUTHORIZE = {
    "client_id": APP,
    "code_challenge_method": "S256",
    "prompt": "login",
    "redirect_uri": "",
    "response_type": "code",
}
REDEEM = {
    "client_id": APP,
    "code": CODE,
    "grant_type": "authorization_code",
    "redirect_uri": "",
}
CONFIDENTIAL_CONSENT = {"credential": Credential(APP, SECRET)}
PUBLIC_CONSENT = {"application_id": APP}

CONSENTS: dict[str, tuple[Protocol, dict[str, Any], str, dict[str, str], dict[str, str]]] = {
    "v1, confidential": (
        ENTRA_V1,
        CONFIDENTIAL_CONSENT,
        "/common/oauth2",
        {"resource": API},
        {"resource": API, "client_secret": SECRET},
    ),
    "v1, public, as a form": (
        ENTRA_V1,
        {**PUBLIC_CONSENT, "response_mode": "form_post", "tenant_id": TENANT, "resource": "graph"},
        f"/{TENANT}/oauth2",
        {"resource": GRAPH, "response_mode": "form_post"},
        {"resource": GRAPH},
    ),
    "v2, confidential": (
        ENTRA_V2,
        CONFIDENTIAL_CONSENT,
        "/common/oauth2/v2.0",
        {"scope": f"{API}/.default {IDENTITY}"},
        {"client_secret": SECRET},
    ),
    "v2, public, with scopes and hints": (
        ENTRA_V2,
        {
            **PUBLIC_CONSENT,
            "scopes": f"{GRAPH}/User.Read",
            "login_hint": "alice@contoso.example",
            "domain_hint": "contoso.example",
            "prompt": "consent",
            "tenant_id": TENANT,
        },
        f"/{TENANT}/oauth2/v2.0",
        {
            "scope": f"{GRAPH}/User.Read {IDENTITY}",
            "login_hint": "alice@contoso.example",
            "domain_hint": "contoso.example",
            "prompt": "consent",
        },
        {},
    ),
}
RANDOM = ("state", "nonce", "code_challenge")
HIDDEN = (*RANDOM, "client_secret", "code", "code_verifier")


@pytest.mark.parametrize("name", CONSENTS)
def test_consent_sends_these_fields_and_no_others(raw_server: RawServer, name: str) -> None:
    protocol, given, path, asked, redeemed = CONSENTS[name]
    raw_server.serve(granted(refresh_token=REFRESH))
    person = Person(answering(by_form="response_mode" in given))
    result = sign_in(
        cloud(raw_server, protocol), person, **{"application_id": None, **given}, consent=True
    )
    (url,), (request,) = person.opened, raw_server.requests
    uri = f"http://localhost:{listened(person)}/"
    assert url.partition("?")[0] == f"{raw_server.url}{path}/authorize"
    sent = query(url)
    for random in RANDOM:
        assert len(sent.pop(random)) == 43
    assert sent == {**AUTHORIZE, "redirect_uri": uri, **asked}
    assert (request.method, request.target) == ("POST", f"{path}/token")
    body = form(request)
    assert len(body.pop("code_verifier")) == 43
    assert body == {**REDEEM, "redirect_uri": uri, **redeemed}
    assert request.headers["client-request-id"] == result.correlation_id
    assert result.refresh_token == REFRESH


@pytest.mark.parametrize("name", CONSENTS)
def test_of_a_consent_too_what_is_explained_is_what_is_sent(
    raw_server: RawServer, name: str
) -> None:
    protocol, given, _, _, _ = CONSENTS[name]
    raw_server.serve(granted(refresh_token=REFRESH))
    person = Person(answering(by_form="response_mode" in given))
    call = {"environment": cloud(raw_server, protocol), "consent": True, **given}
    with Dispatcher(prompter=person) as asking:
        explained = asking.explain(**call)
        assert not raw_server.connections
        assert not person.opened
        asking.acquire(**call)
    authorization, redemption = explained.requests
    (url,), (request,) = person.opened, raw_server.requests
    port = str(listened(person))

    def masked(fields: dict[str, str]) -> list[tuple[str, str]]:
        return [
            (field, MASK if field in HIDDEN else value.replace(port, "(free port)"))
            for field, value in fields.items()
        ]

    assert (authorization.method, authorization.url) == ("GET", url.partition("?")[0])
    assert list(authorization.fields) == masked(query(url))
    assert (redemption.method, redemption.url) == ("POST", raw_server.url + request.target)
    assert list(redemption.fields) == masked(form(request))
    assert "sentinel" not in json.dumps(explained.as_dict())


def test_a_fixed_port_is_explained_as_it_is(raw_server: RawServer) -> None:
    with dispatcher() as asking:
        explained = asking.explain(
            environment=cloud(raw_server, ENTRA_V2),
            application_id=APP,
            redirect_uri="http://localhost:8400/x",
        )
    for request in explained.requests:
        assert dict(request.fields)["redirect_uri"] == "http://localhost:8400/x"
    assert not raw_server.connections
