"""Identity providers that deviate: each is data, tried on a server that is as particular."""

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest

import grantway_clouds
from grantway import OIDC, Credential, Dispatcher, Environment, Protocol, Registry, Trust
from grantway.authority import FROM_METADATA
from grantway.config import parse
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    ConfigurationError,
    InvalidClient,
    InvalidGrant,
    InvalidParameter,
    MalformedResponse,
    ProtocolViolation,
)
from grantway.oauth.metadata import is_issuer
from grantway_clouds import (
    AUTH0,
    ENTRA_B2C,
    ENTRA_EXTERNAL_ID,
    GOOGLE,
    GOOGLE_ACCOUNTS,
    KEYCLOAK,
    OAUTH2,
    OKTA,
    PINGONE,
)
from oauth.browsing import Person, answering, query
from oauth.issuer import METADATA, Issuer, sign_in
from oauth.support import CLIENT_ID, CLIENT_SECRET, acquire, dispatcher, granted, redeem
from servers.raw import Behaviour, Exchange, RawServer, empty, html, json_answer

APP = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
API = "https://api.example.org"
RFC_8414 = "/.well-known/oauth-authorization-server"
PRESETS = [AUTH0, ENTRA_B2C, ENTRA_EXTERNAL_ID, GOOGLE_ACCOUNTS, KEYCLOAK, OAUTH2, OKTA, PINGONE]
LOOPBACK = Trust(loopback_http=True)


def at(server: RawServer, protocol: Protocol, path: str = "", **more: Any) -> Environment:
    return Environment("Own", f"{server.url}{path}", protocol=protocol, trust=LOOPBACK, **more)


def describe(server: RawServer, path: str = "", *, where: str = "", **more: object) -> None:
    """Publish metadata of the issuer at `path`."""
    document = {
        "issuer": f"{server.url}{path}",
        "token_endpoint": f"{server.url}/token",
        "authorization_endpoint": f"{server.url}/authorize",
        **more,
    }
    server.serve(json_answer(document), path=where or f"{path.rstrip('/')}{METADATA}")


def demanding(then: Behaviour, *absent: str, **fields: str) -> Behaviour:
    """Refuse a form that has not these fields, or one that is not to be there."""

    def act(exchange: Exchange) -> None:
        assert exchange.request is not None
        form = exchange.request.form
        good = all(form.get(name) == [value] for name, value in fields.items())
        if good and not any(name in form for name in absent):
            then.act(exchange)
        else:
            json_answer({"error": "invalid_request"}, 400).act(exchange)

    return Behaviour(act)


def page(known: Iterable[str], **fields: str) -> Callable[[str], Any]:
    """A sign-in page that knows these scopes, and demands these fields."""

    def browse(url: str) -> Any:
        sent = query(url)
        good = all(sent.get(name) == value for name, value in fields.items())
        if good and set(sent.get("scope", "").split()) <= set(known):
            return answering()(url)
        return answering(["code"], error="invalid_scope" if good else "invalid_request")(url)

    return browse


# All of them.


@pytest.mark.parametrize("protocol", PRESETS, ids=lambda each: each.name)
def test_configuration_names_it(protocol: Protocol) -> None:
    tenant = f'tenant = "{TENANT}"' if protocol.needs_tenant else ""
    toml = f'[environments.Own]\nissuer = "https://id.example/"\nprotocol = "{protocol.name}"\n'
    registry = Registry.load(parse(toml + tenant), third_parties=False)
    assert registry.faults == {}
    assert registry.environment("own").protocol is protocol


def test_every_preset_is_exported_and_says_in_a_line_what_it_is() -> None:
    exported = {each for each in vars(grantway_clouds).values() if isinstance(each, Protocol)}
    microsofts = {grantway_clouds.ENTRA_V1, grantway_clouds.ENTRA_V2, grantway_clouds.ADFS}
    assert exported == {*PRESETS, *microsofts}
    assert all(each.summary for each in PRESETS)
    assert len({each.name for each in exported}) == len(exported)


@pytest.mark.parametrize("protocol", [KEYCLOAK, OKTA, PINGONE, GOOGLE_ACCOUNTS])
def test_where_a_resource_cannot_be_named_it_is_refused_before_any_network(
    raw_server: RawServer, protocol: Protocol
) -> None:
    """The authority would pass it over, and the token would be for something else."""
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="give scopes instead"):
            asking.acquire(
                environment=at(raw_server, protocol),
                application_id=CLIENT_ID,
                refresh_token="r",
                resource=API,
            )
    assert not raw_server.connections
    with pytest.raises(ValueError, match="names no resources"):
        at(raw_server, protocol, default_resource=API)


# Each of them.


def test_keycloak_gives_an_application_a_token_by_scopes_as_given(raw_server: RawServer) -> None:
    describe(raw_server, "/realms/main", grant_types_supported=["authorization_code"])
    raw_server.serve(demanding(granted(), "resource", scope="b a"), path="/token")
    acquire(raw_server, environment=at(raw_server, KEYCLOAK, "/realms/main"), scopes="b a")


@pytest.mark.parametrize("where", [METADATA, RFC_8414])
def test_an_okta_authorization_server_has_its_metadata_behind_its_path(
    raw_server: RawServer, where: str
) -> None:
    path = "/oauth2/default"
    describe(raw_server, path, where=f"{path}{where}")
    raw_server.serve(demanding(granted(), "resource", scope="reports"), path="/token")
    acquire(raw_server, environment=at(raw_server, OKTA, path), scopes="reports")


def test_auth0_is_told_the_audience_and_has_a_slash_at_the_end_of_its_name(
    raw_server: RawServer,
) -> None:
    describe(raw_server, "/")
    raw_server.serve(demanding(granted(), "resource", audience=API), path="/token")
    of = at(raw_server, AUTH0, "/", resources={"api": API})
    result = acquire(raw_server, environment=of, resource="api")
    assert result.resource == API


def test_auth0_without_the_slash_is_another_issuer(raw_server: RawServer) -> None:
    describe(raw_server, "/")
    with pytest.raises(ProtocolViolation, match="is of the issuer") as caught:
        acquire(raw_server, environment=at(raw_server, AUTH0))
    assert "a slash at its end included" in caught.value.remedy


def test_auth0_is_told_the_audience_on_its_page_too(raw_server: RawServer) -> None:
    describe(raw_server, "/", scopes_supported=["openid", "offline_access"])
    raw_server.serve(granted(refresh_token="r"), path="/token")
    person = Person(page(["openid", "offline_access", "read"], audience=API))
    of = at(raw_server, AUTH0, "/", default_resource=API)
    assert sign_in(of, person, scopes=None).refresh_token == "r"
    assert "resource" not in query(person.opened[0])


def google(server: RawServer) -> Environment:
    return attrs.evolve(GOOGLE, authority=server.url, trust=LOOPBACK)


def test_google_is_asked_for_offline_access_by_a_field(raw_server: RawServer) -> None:
    describe(raw_server)
    raw_server.serve(demanding(granted(refresh_token="r"), "resource"), path="/token")
    person = Person(page(["openid", "email"], access_type="offline"))
    assert sign_in(google(raw_server), person, scopes="email").refresh_token == "r"


def test_google_asks_for_consent_in_words_that_it_knows(raw_server: RawServer) -> None:
    describe(raw_server)
    raw_server.serve(granted(refresh_token="r"), path="/token")
    person = Person(page(["openid"], access_type="offline", prompt="select_account consent"))
    sign_in(
        google(raw_server), person, consent=True, application_id=None, credential=("a", "secret")
    )


@pytest.mark.parametrize("way", ["acquire", "explain"])
def test_google_has_no_tokens_for_an_application_by_itself(raw_server: RawServer, way: str) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="no client_credentials grant") as caught:
            getattr(asking, way)(environment=google(raw_server), credential=("a", "secret"))
    assert "person" in caught.value.remedy
    assert not raw_server.connections


def test_googles_endpoints_are_on_hosts_that_are_named() -> None:
    for host in ("accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"):
        assert GOOGLE.names(host)
    assert not GOOGLE.names("googleapis.com")


def test_a_server_without_openid_is_asked_for_no_identity(raw_server: RawServer) -> None:
    path = "/as"
    describe(raw_server, path, where=f"{RFC_8414}{path}")
    raw_server.serve(granted(refresh_token="r"), path="/token")
    person = Person(page(["read"]))
    result = sign_in(at(raw_server, OAUTH2, path), person, scopes="read")
    assert (result.refresh_token, result.id_token, result.account) == ("r", None, None)
    assert raw_server.requests[0].path == f"{RFC_8414}{path}"
    raw_server.serve(granted(refresh_token="s"), path="/token")
    again = redeem(raw_server, environment=at(raw_server, OAUTH2, path))
    assert raw_server.requests[-1].form.get("scope") is None
    assert again.refresh_token == "s"


# Scopes of ours are left out where the authority does not list them; the caller's never are.


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        (["openid", "read"], "read openid"),
        (["offline_access", "openid"], "read openid offline_access"),
        (["read"], "read"),
        (["other"], "read"),
        ([], "read openid offline_access"),
        (None, "read openid offline_access"),
        ("openid", "read openid offline_access"),
    ],
)
def test_what_is_asked_for_beside_the_scopes_given_is_what_the_authority_lists(
    raw_server: RawServer, listed: object, sent: str
) -> None:
    issuer = Issuer(raw_server, scopes_supported=listed)
    person = Person(answering())
    sign_in(issuer, person, scopes="read")
    assert query(person.opened[0])["scope"] == sent


def test_a_device_code_is_asked_for_likewise(raw_server: RawServer) -> None:
    issuer = Issuer(
        raw_server,
        scopes_supported=["openid"],
        device_authorization_endpoint=f"{raw_server.url}/device",
    )
    raw_server.serve(json_answer({"error": "unauthorized_client"}, 400), path="/device")
    with pytest.raises(AuthorityError, match="unauthorized_client"):
        sign_in(issuer, Person(answering()), scopes="read", device_code=True)
    assert raw_server.requests[-1].form["scope"] == ["read openid"]


# One tenant, at an address of its own.


def b2c(server: RawServer | str, policy: str = "B2C_1_signin", **more: Any) -> Environment:
    at = server if isinstance(server, str) else server.url
    return Environment(
        "Customers",
        f"{at}/contoso.onmicrosoft.com/{policy}",
        **{"protocol": ENTRA_B2C, "tenant": TENANT, "trust": LOOPBACK, **more},
    )


def test_the_endpoints_of_b2c_are_below_tenant_and_policy() -> None:
    base = "https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/oauth2/v2.0"
    scope = "https://contoso.onmicrosoft.com/api/read"
    with dispatcher() as asking:
        of = b2c("https://contoso.b2clogin.com")
        page, code = asking.explain(environment=of, application_id=APP, scopes=scope).requests
        assert (page.url, code.url) == (f"{base}/authorize", f"{base}/token")
        assert dict(page.fields)["scope"] == f"{scope} openid profile offline_access"
        (alone,) = asking.explain(
            environment=of,
            credential=Credential(APP, "secret"),
            resource="https://contoso.onmicrosoft.com/api",
        ).requests
        assert alone.url == f"{base}/token"
        assert dict(alone.fields)["scope"] == "https://contoso.onmicrosoft.com/api/.default"


def test_b2c_has_no_device_codes_and_explain_says_so_too() -> None:
    with dispatcher() as asking:
        found = asking.explain(
            environment=b2c("https://contoso.b2clogin.com"),
            application_id=APP,
            scopes="https://contoso.onmicrosoft.com/api/read",
            device_code=True,
        )
    assert isinstance(found.problem, ConfigurationError)
    assert "Customers has no device code grant" in found.problem.message
    assert found.requests == ()


def test_a_b2c_token_names_its_tenant_only_in_its_issuer(raw_server: RawServer) -> None:
    issuer, name = Issuer(raw_server), f"{raw_server.url}/{TENANT}/v2.0/"
    base = "/contoso.onmicrosoft.com/B2C_1_signin"
    document = {"issuer": name, "jwks_uri": f"{raw_server.url}/keys"}
    raw_server.serve(json_answer(document), path=f"{base}/v2.0{METADATA}")
    person = Person(answering())
    raw_server.serve(issuer.signs_in(person, iss=name, aud=APP), path=f"{base}/oauth2/v2.0/token")
    scopes = "https://contoso.onmicrosoft.com/api/read"
    result = sign_in(b2c(raw_server), person, application_id=APP, scopes=scopes)
    assert result.account is not None
    assert result.account.issuer == name
    raw_server.serve(
        issuer.signs_in(person, iss=name.replace(TENANT, APP), aud=APP),
        path=f"{base}/oauth2/v2.0/token",
    )
    with pytest.raises(ProtocolViolation, match=r"issuer .* is not the authority's") as caught:
        sign_in(b2c(raw_server), person, application_id=APP, scopes=scopes)
    assert "`issuers`" in caught.value.remedy


def test_a_b2c_policy_that_is_in_its_issuer_is_added_to_the_issuers() -> None:
    name = f"https://contoso.b2clogin.com/tfp/{TENANT}/b2c_1_signin/v2.0/"
    assert not is_issuer(name, b2c("https://contoso.b2clogin.com"), "")
    assert is_issuer(name, b2c("https://contoso.b2clogin.com", issuers=(name,)), "")


def external_id(authority: str, **more: Any) -> Environment:
    return Environment(
        "Customers", authority, **{"protocol": ENTRA_EXTERNAL_ID, "tenant": TENANT, **more}
    )


def test_an_external_tenant_is_asked_at_its_own_host() -> None:
    base = f"https://contoso.ciamlogin.com/{TENANT}/oauth2/v2.0"
    with dispatcher() as asking:
        of = external_id("https://contoso.ciamlogin.com")
        given: dict[str, Any] = {"environment": of, "resource": "https://graph.microsoft.com"}
        (alone,) = asking.explain(**given, credential=Credential(APP, "secret")).requests
        (renewed,) = asking.explain(**given, application_id=APP, refresh_token="r").requests
        page, code = asking.explain(**given, application_id=APP).requests
        device, _ = asking.explain(**given, application_id=APP, device_code=True).requests
        with pytest.raises(InvalidParameter, match="single tenant"):
            asking.explain(**given, application_id=APP, tenant_id=APP)
    assert {alone.url, renewed.url, code.url} == {f"{base}/token"}
    assert (page.url, device.url) == (f"{base}/authorize", f"{base}/devicecode")


def test_an_external_tenants_tokens_are_of_the_host_that_is_called_as_the_tenant(
    raw_server: RawServer,
) -> None:
    issuer, name = Issuer(raw_server), f"https://{TENANT}.ciamlogin.com/{TENANT}/v2.0"
    document = {"issuer": name, "jwks_uri": f"{raw_server.url}/keys"}
    raw_server.serve(json_answer(document), path=f"/{TENANT}/v2.0{METADATA}")
    of = external_id(raw_server.url, trust=LOOPBACK)
    person = Person(answering())
    token = f"/{TENANT}/oauth2/v2.0/token"
    for other, good in ((name, True), (name.replace(TENANT, APP), False)):
        raw_server.serve(issuer.signs_in(person, iss=other, aud=APP, tid=TENANT), path=token)
        if good:
            result = sign_in(of, person, application_id=APP, scopes="api://x/read")
            assert result.account is not None
            assert result.account.tenant_id == TENANT
        else:
            with pytest.raises(ProtocolViolation, match="is not the authority's"):
                sign_in(of, person, application_id=APP, scopes="api://x/read")
    # That its tokens are believed does not mean that it may be sent a secret.
    assert not of.names(f"{TENANT}.ciamlogin.com")


@pytest.mark.parametrize("protocol", [ENTRA_B2C, ENTRA_EXTERNAL_ID], ids=lambda each: each.name)
def test_an_authority_of_one_tenant_has_to_be_told_which(protocol: Protocol) -> None:
    with pytest.raises(ValueError, match="is that of one tenant: name it as tenant"):
        Environment("Customers", "https://contoso.example", protocol=protocol)
    toml = f'[environments.C]\nauthority = "https://c.example"\nprotocol = "{protocol.name}"'
    registry = Registry.load(parse(toml), third_parties=False)
    with pytest.raises(ConfigurationError, match=r":1: the environment 'C'.*name it as tenant"):
        registry.environment("C")


# How servers differ, whoever made them.


def plain(server: RawServer, **metadata: object) -> Environment:
    describe(server, **metadata)
    return at(server, OIDC)


@pytest.mark.parametrize("hint", [["authorization_code"], [], "none", None])
def test_the_grants_that_metadata_lists_are_a_hint_and_no_gate(
    raw_server: RawServer, hint: object
) -> None:
    of = plain(raw_server, grant_types_supported=hint)
    raw_server.serve(granted(), path="/token")
    acquire(raw_server, environment=of)


def test_a_refresh_that_brings_neither_a_new_token_nor_an_id_token_is_good(
    raw_server: RawServer,
) -> None:
    of = plain(raw_server)
    raw_server.serve(granted(token_type="bearer"), path="/token")
    result = redeem(raw_server, environment=of, token="the-first")
    assert (result.refresh_token, result.id_token, result.token_type) == (
        "the-first",
        None,
        "Bearer",
    )


REFUSALS: list[tuple[str, Behaviour, type[AuthorityError], str]] = [
    ("a wrong secret", empty(403), AccessDenied, "check that first"),
    ("a wrong secret", empty(401), InvalidClient, "check that first"),
    ("a spent token", empty(400), InvalidGrant, "check that first"),
    ("problem+json", json_answer({"title": "Not you", "status": 403}, 403), AccessDenied, ""),
]


@pytest.mark.parametrize(
    ("why", "answer", "kind", "remedy"),
    REFUSALS,
    ids=[f"{row[0]}-{i}" for i, row in enumerate(REFUSALS)],
)
def test_a_refusal_in_few_words_is_told_in_more(
    raw_server: RawServer, why: str, answer: Behaviour, kind: type[AuthorityError], remedy: str
) -> None:
    of = plain(raw_server)
    raw_server.serve(answer, path="/token")
    with pytest.raises(kind) as caught:
        redeem(
            raw_server, environment=of, application_id=None, credential=(CLIENT_ID, CLIENT_SECRET)
        )
    assert isinstance(caught.value, AuthorityError)
    assert remedy in caught.value.remedy
    assert "refused the token request" in caught.value.message


def test_a_server_that_wants_its_secrets_raw_is_sent_them_in_the_form(
    raw_server: RawServer,
) -> None:
    of = attrs.evolve(plain(raw_server), client_authentication="client_secret_post")
    raw_server.serve(demanding(granted(), client_secret="ä b+c%"), path="/token")
    acquire(raw_server, environment=of, credential=(CLIENT_ID, "ä b+c%"))


def test_a_plan_says_what_only_metadata_tells() -> None:
    keycloak = Environment("K", "https://id.example/realms/main", protocol=KEYCLOAK)
    with Dispatcher(prompter=False) as asking:
        page, code = asking.explain(environment=keycloak, application_id="a").requests
    assert (page.url, code.url) == (FROM_METADATA, FROM_METADATA)


def test_html_in_the_place_of_metadata_is_malformed(raw_server: RawServer) -> None:
    raw_server.serve(html(200))
    with pytest.raises(MalformedResponse, match="instead of JSON"):
        acquire(raw_server, environment=at(raw_server, KEYCLOAK))
