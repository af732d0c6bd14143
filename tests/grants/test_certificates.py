"""Clients that prove themselves by certificate, against servers that are not ours and the sandbox."""

import base64
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import jwt
import msal
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certificates.making import Made, made, written
from certificates.test_assertions import SecurityModule
from grants.test_oidc_provider import REDIRECT_URI
from grantway import Dispatcher, Environment, Protocol, Reference, Secret, SigningKey, Trust
from grantway.certificate import ClientCertificate
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    GrantwayError,
    InvalidClient,
    InvalidParameter,
    VaultError,
)
from grantway.oauth.assertion import client_assertion, signed
from grantway.oauth.client_authentication import ClientAssertion, PrivateKeyJwt, PublicClient
from grantway_clouds.protocols import ENTRA_V1, ENTRA_V2
from grantway_sandbox.script import Fault
from grantway_sandbox.server import Sandbox
from oauth.support import RAW, FakeClock, acquire, dispatcher, environment, granted
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import sign_in
from security.test_sentinels import FAILURES, texts, traced
from servers.raw import RawServer, json_answer
from servers.tls import LocalCa

GRAPH = "https://graph.microsoft.com"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tls=True, single_use_assertions=True) as running:
        yield running


def given(sandbox: Sandbox, protocol: Protocol = ENTRA_V2, **more: Any) -> dict[str, Any]:
    return {
        "environment": attrs.evolve(sandbox.environment, protocol=protocol),
        "application_id": sandbox.application.application_id,
        "certificate": sandbox.application.certificate_path,
        "tenant_id": sandbox.tenant.tenant_id,
        "resource": GRAPH,
        **more,
    }


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("protocol", [ENTRA_V2, ENTRA_V1], ids=lambda each: each.name)
def test_an_application_gets_a_token_by_its_certificate(
    sandbox: Sandbox, protocol: Protocol
) -> None:
    with dispatcher() as asking:
        result = asking.acquire(**given(sandbox, protocol))
        again = asking.acquire(**given(sandbox, protocol))
    assert result.provider == "ServicePrincipalCertificate"
    claims = claims_of(result.access_token)
    assert claims["appidacr"] == "2", "it was a certificate"
    assert again.access_token == result.access_token


def test_a_refresh_token_is_redeemed_with_a_certificate(sandbox: Sandbox) -> None:
    with dispatcher() as asking:
        result = asking.acquire(
            **given(sandbox), refresh_token=Secret(sandbox.issue_refresh_token())
        )
    assert result.provider == "RefreshToken"
    assert claims_of(result.access_token)["appidacr"] == "2"


def test_each_sending_carries_an_assertion_of_its_own(sandbox: Sandbox) -> None:
    """The sandbox refuses one that comes twice, and here answers the first with a 429."""
    sandbox.requests.clear()
    sandbox.fail_next(Fault(429, headers={"Retry-After": "0"}))
    with dispatcher() as asking:
        asking.acquire(**given(sandbox, force_refresh=True))
    first, second = (each.field("client_assertion") for each in sandbox.requests[-2:])
    assert first
    assert second
    assert claims_of(first)["jti"] != claims_of(second)["jti"]


def test_msal_sends_the_same_but_for_time_and_name(sandbox: Sandbox) -> None:
    """One certificate, one tenant, one resource: the two requests are compared field by field."""
    sandbox.requests.clear()
    demo = sandbox.application
    client = msal.ConfidentialClientApplication(
        demo.application_id,
        client_credential={
            "private_key": demo.private_key,
            "public_certificate": demo.certificate,
        },
        authority=f"{sandbox.url}/{sandbox.tenant.tenant_id}",
        instance_discovery=False,
        verify=str(sandbox.ca_bundle),
    )
    client.acquire_token_for_client([f"{GRAPH}/.default"])
    theirs = next(each for each in sandbox.requests if each.field("client_assertion"))
    with dispatcher() as asking:
        asking.acquire(**given(sandbox, send_certificate_chain=True))
    ours = sandbox.requests[-1]
    assert ours.path == theirs.path

    # MSAL asks for who it is in an answer that is about nobody, and always sends the chain.
    fields, expected = dict(ours.fields), dict(theirs.fields)
    expected.pop("client_info")
    our_token, their_token = fields.pop("client_assertion"), expected.pop("client_assertion")
    assert fields == expected
    header, their_header = (jwt.get_unverified_header(each) for each in (our_token, their_token))
    # MSAL pads, which RFC 7515 does not, and cuts the certificate out of its PEM.
    assert header.pop("x5t#S256") == their_header.pop("x5t#S256").rstrip("=")
    assert [base64.b64decode(each) for each in header.pop("x5c")] == [
        base64.b64decode(each) for each in their_header.pop("x5c")
    ]
    assert header == their_header
    claims, their_claims = claims_of(our_token), claims_of(their_token)
    for name in ("jti", "iat", "exp", "nbf"):
        assert claims.pop(name)
        their_claims.pop(name, None)
    assert claims == their_claims


def test_a_signer_gets_a_token_and_its_key_stays_where_it_is(sandbox: Sandbox) -> None:
    identity = sandbox.application.identity
    of = Made(identity.key, identity.certificate)
    signer = SecurityModule(of, SigningKey(("PS256", "RS256"), of.der))
    with dispatcher() as asking:
        for protocol in (ENTRA_V2, ENTRA_V1):
            result = asking.acquire(**given(sandbox, protocol, certificate=signer))
            assert result.access_token
        asking.acquire(**given(sandbox, certificate=signer))
    assert signer.asked == ["PS256", "RS256"], "and not at all for what is cached"


def test_a_certificate_from_a_vault_is_as_good_as_a_file(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = sandbox.application
    monkeypatch.setenv("THE_CERTIFICATE", demo.private_key + demo.certificate)
    for value in (Reference("env:THE_CERTIFICATE"), "env:THE_CERTIFICATE"):
        with dispatcher() as asking:
            assert asking.acquire(**given(sandbox, certificate=value)).access_token


def test_a_renewed_certificate_is_read_and_a_cached_token_needs_none(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = written(tmp_path, made().pem())
    with Dispatcher(prompter=False) as asking:
        with pytest.raises((ConfigurationError, InvalidClient)):
            asking.acquire(**given(sandbox, certificate=path))
        shutil.copy(sandbox.application.certificate_path, path)
        result = asking.acquire(**given(sandbox, certificate=path))
        path.unlink()
        assert asking.acquire(**given(sandbox, certificate=path)).access_token == (
            result.access_token
        )


def test_a_certificate_that_is_not_registered_is_refused_with_advice(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    from grantway_sandbox.certificates import make_client_certificate

    other = make_client_certificate("another")
    path = written(tmp_path, (other.key_pem + other.certificate_pem).encode())
    with dispatcher() as asking, pytest.raises(InvalidClient) as caught:
        asking.acquire(**given(sandbox, certificate=path))
    assert caught.value.codes == (700027,)
    assert "certificate" in caught.value.advice


WRONG = {
    "missing": None,
    "no certificate": b"hello",
    "a certificate alone": made().certificate_pem,
}


@pytest.mark.parametrize("what", WRONG)
def test_a_bad_file_is_told_before_any_network(
    what: str, raw_server: RawServer, tmp_path: Path
) -> None:
    content = WRONG[what]
    path = tmp_path / "none.pem" if content is None else written(tmp_path, content)
    raw_server.serve(json_answer({"issuer": raw_server.url}))
    cloud = Environment(
        "Cloud",
        raw_server.url,
        protocol=attrs.evolve(RAW, token_path=None, assertion_certificate=True),
        trust=Trust(loopback_http=True),
    )
    with dispatcher() as asking, pytest.raises(ConfigurationError):
        asking.acquire(
            environment=cloud, application_id="me", certificate=path, resource="https://api.example"
        )
    assert not raw_server.requests


def test_a_certificate_needs_an_application_id_and_no_secret_beside_it(tmp_path: Path) -> None:
    path = written(tmp_path, made().pem())
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter, match="exclude each other"):
            asking.acquire(
                credential=("11111111-2222-3333-4444-555555555555", "x"), certificate=path
            )
        with pytest.raises(InvalidParameter, match="exclude each other"):
            asking.acquire(
                application_id="11111111-2222-3333-4444-555555555555",
                client_assertion=Secret("x"),
                certificate=path,
                tenant_id="contoso.example",
            )


def test_a_way_that_is_a_secrets_is_not_gone_with_a_certificate(
    raw_server: RawServer, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="which a certificate cannot do"):
        acquire(
            raw_server,
            environment=environment(raw_server, client_authentication="client_secret_post"),
            credential=None,
            application_id="me",
            certificate=SecurityModule(made(), SigningKey(("PS256",))),
        )


@pytest.mark.parametrize("audience", ["issuer", "token_endpoint"])
def test_the_audience_is_the_issuer_unless_the_environment_says_otherwise(
    raw_server: RawServer, tmp_path: Path, audience: Any
) -> None:
    path = written(tmp_path, made(begins=FakeClock().now - 9, ends=FakeClock().now + 9).pem())
    acquire(
        raw_server,
        granted(),
        clock=FakeClock(),
        environment=environment(raw_server, assertion_audience=audience),
        credential=None,
        application_id="me",
        certificate=path,
    )
    (request,) = raw_server.requests
    claims = claims_of(request.form["client_assertion"][0])
    assert claims["aud"] == raw_server.url + ("/token" if audience == "token_endpoint" else "")
    assert claims["iat"] == FakeClock().now
    assert "client_secret" not in request.form


# oidc-provider, which nobody here wrote.


def peer(server: OidcProvider, **more: Any) -> Environment:
    trust = more.pop("trust", Trust(loopback_http=True))
    return Environment("Peer", server.issuer, trust=trust, **more)


def asked(server: OidcProvider, certificate: object, **more: Any) -> dict[str, Any]:
    return {
        "environment": peer(server),
        "application_id": server.clients["assertion"].client_id,
        "certificate": certificate,
        "resource": server.resources["jwt"].uri,
        **more,
    }


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("rsa", "PS256"), ("rsa", "RS256"), ("p256", "ES256"), ("p384", "ES384")],
)
def test_a_certified_server_takes_an_assertion_by_every_algorithm(
    oidc_provider: OidcProvider, kind: str, algorithm: str
) -> None:
    cloud = attrs.evolve(
        peer(oidc_provider),
        protocol=attrs.evolve(peer(oidc_provider).protocol, assertion_algorithms=(algorithm,)),
    )
    with dispatcher() as asking:
        result = asking.acquire(
            **asked(oidc_provider, Secret(oidc_provider.keys[kind]), environment=cloud)
        )
    assert claims_of(result.access_token)["client_id"] == "assertion-client"


def test_a_certified_server_refuses_what_was_tampered_with(oidc_provider: OidcProvider) -> None:
    """What shows that the test above could fail."""
    with dispatcher() as asking:
        for key in (made().key_pem(), made("p256").key_pem()):
            with pytest.raises(AuthorityError):
                asking.acquire(**asked(oidc_provider, Secret(key.decode())))

    from grantway.oauth.key_files import opened

    signer = opened(ClientCertificate(Secret(oidc_provider.keys["p256"])), 0)
    now = int(time.time())
    good = {
        "iss": "assertion-client",
        "sub": "assertion-client",
        "aud": oidc_provider.issuer,
        "jti": "one",
        "iat": now,
        "exp": now + 60,
    }
    changes: list[dict[str, object]] = [
        {"aud": "https://another.example"},
        {"sub": "another"},
        {"iss": "another"},
        {"exp": now - 60},
        {"jti": None},
    ]
    for number, change in enumerate(({}, *changes)):
        claims = {**good, "jti": f"number {number}", **change}
        token = signed({"alg": "ES256"}, {k: v for k, v in claims.items() if v is not None}, signer)
        call = asked(oidc_provider, None, client_assertion=token)
        with dispatcher() as asking:
            if not change:
                assert asking.acquire(**call).provider == "ServicePrincipalAssertion"
                call["force_refresh"] = True
            with pytest.raises(AuthorityError):
                asking.acquire(**call)


def test_a_person_signs_in_for_a_client_with_a_key(oidc_provider: OidcProvider) -> None:
    """The refresh token was brought by a client that signs; it is redeemed by signing anew."""
    from grantway.oauth.key_files import opened

    signer = opened(ClientCertificate(Secret(oidc_provider.keys["p256"])), 0)

    def auth(client_id: str, form: dict[str, str]) -> dict[str, str]:
        proof = PrivateKeyJwt(
            client_id,
            ClientCertificate("key", signer, now=time.time),
            oidc_provider.issuer,
            peer(oidc_provider),
        )
        for name, value in proof.fields(""):
            form[name] = value.reveal() if isinstance(value, Secret) else value
        return {}

    answer = sign_in(
        oidc_provider.issuer, "assertion-client", REDIRECT_URI, "openid offline_access", None, auth
    )
    with dispatcher() as asking:
        result = asking.acquire(
            environment=peer(oidc_provider),
            application_id="assertion-client",
            certificate=Secret(oidc_provider.keys["rsa"]),
            refresh_token=Secret(answer["refresh_token"]),
        )
    assert result.account
    assert result.refresh_token != answer["refresh_token"]


@pytest.fixture
def tls_client(secure_oidc_provider: OidcProvider, tmp_path: Path) -> Path:
    identity = secure_oidc_provider.client_identity
    return written(tmp_path, identity.certificate.read_bytes() + identity.key.read_bytes())


def by_tls(
    server: OidcProvider, ca: LocalCa, certificate: Path, name: str = "tls", **more: Any
) -> dict[str, Any]:
    client = server.clients[name]
    method: Any = client.method
    return {
        "environment": peer(
            server, trust=Trust(ca_bundle=str(ca.bundle)), client_authentication=method
        ),
        "application_id": client.client_id,
        "certificate": certificate,
        "resource": server.resources["jwt"].uri,
        **more,
    }


@pytest.mark.parametrize("name", ["tls", "self_signed_tls"])
def test_a_certified_server_takes_a_certificate_in_the_handshake(
    secure_oidc_provider: OidcProvider, local_ca: LocalCa, tls_client: Path, name: str
) -> None:
    with dispatcher() as asking:
        result = asking.acquire(**by_tls(secure_oidc_provider, local_ca, tls_client, name))
    claims = claims_of(result.access_token)
    assert claims["client_id"] == secure_oidc_provider.clients[name].client_id


def test_another_certificate_in_the_handshake_is_refused(
    secure_oidc_provider: OidcProvider, local_ca: LocalCa, tmp_path: Path
) -> None:
    other = local_ca.issue("another.example")
    path = written(tmp_path, other.certificate.read_bytes() + other.key.read_bytes())
    with dispatcher() as asking:
        for name in ("tls", "self_signed_tls"):
            with pytest.raises(InvalidClient):
                asking.acquire(**by_tls(secure_oidc_provider, local_ca, path, name))


def test_one_certificate_after_another_is_shown_at_the_same_host(
    secure_oidc_provider: OidcProvider, local_ca: LocalCa, tls_client: Path, tmp_path: Path
) -> None:
    """A connection that was made with one is not used for the other."""
    other = local_ca.issue("another.example")
    path = written(tmp_path, other.certificate.read_bytes() + other.key.read_bytes(), "other.pem")
    with dispatcher() as asking:
        for _ in range(2):
            right = by_tls(secure_oidc_provider, local_ca, tls_client, force_refresh=True)
            assert asking.acquire(**right).access_token
            with pytest.raises(InvalidClient):
                asking.acquire(**by_tls(secure_oidc_provider, local_ca, path))


def test_a_locked_key_is_shown_in_the_handshake_with_its_password(
    secure_oidc_provider: OidcProvider, local_ca: LocalCa, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from certificates.making import key_pem

    identity = secure_oidc_provider.client_identity
    private = load_pem_private_key(identity.key.read_bytes(), None)
    path = written(tmp_path, identity.certificate.read_bytes() + key_pem(private, b"locked"))
    with dispatcher() as asking:
        result = asking.acquire(
            **by_tls(secure_oidc_provider, local_ca, path, certificate_password=Secret("locked"))
        )
    assert result.access_token


def test_a_pfx_file_cannot_be_shown_in_the_handshake_and_that_is_said(
    secure_oidc_provider: OidcProvider, local_ca: LocalCa, tmp_path: Path
) -> None:
    now = time.time()
    path = written(tmp_path, made(begins=now - 99, ends=now + 9999).pfx(None), "client.pfx")
    with dispatcher() as asking, pytest.raises(ConfigurationError, match="from a PEM file only"):
        asking.acquire(**by_tls(secure_oidc_provider, local_ca, path))


def test_the_endpoints_for_certificates_are_used_by_whoever_shows_one(
    raw_server: RawServer, tmp_path: Path
) -> None:
    """RFC 8705, section 5; they are held against the environment's hosts like any other."""
    now = time.time()
    path = written(tmp_path, made("p256", begins=now - 99, ends=now + 9999).pem())
    document = {
        "issuer": raw_server.url,
        "token_endpoint": f"{raw_server.url}/token",
        "jwks_uri": f"{raw_server.url}/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "tls_client_auth"],
        "mtls_endpoint_aliases": {"token_endpoint": f"{raw_server.url}/mtls/token"},
    }
    cloud = Environment("Cloud", raw_server.url, trust=Trust(loopback_http=True))
    raw_server.serve(json_answer(document), granted(), granted())
    with dispatcher() as asking:
        asking.acquire(environment=cloud, application_id="me", certificate=path)
        asking.acquire(environment=cloud, credential=("me", "secret"))
    assert [each.path for each in raw_server.requests][1:] == ["/mtls/token", "/token"]
    assert raw_server.requests[1].form["client_id"] == ["me"]
    assert "client_assertion" not in raw_server.requests[1].form

    document["mtls_endpoint_aliases"] = {"token_endpoint": "https://elsewhere.example/token"}
    raw_server.serve(json_answer(document))
    with dispatcher() as asking, pytest.raises(Exception, match=r"elsewhere\.example"):
        asking.acquire(environment=cloud, application_id="me", certificate=path)


def test_the_values_are_ways_to_authenticate_for_any_session_of_requests(
    raw_server: RawServer, tmp_path: Path
) -> None:
    """Each is a `requests` AuthBase."""
    import requests

    raw_server.serve(*[json_answer({})] * 2)
    for auth in (ClientAssertion("me", Secret("a.b.c")), PublicClient("me")):
        with requests.Session() as session:
            session.trust_env = False
            session.post(raw_server.url, data={"grant_type": "x"}, auth=auth, timeout=10)
    assert raw_server.requests[0].form["client_assertion"] == ["a.b.c"]
    assert raw_server.requests[1].form == {"grant_type": ["x"], "client_id": ["me"]}


def test_what_is_explained_opens_no_file_and_asks_no_signer(tmp_path: Path) -> None:
    signer = SecurityModule(made(), SigningKey(("PS256",)))
    with dispatcher() as asking:
        for certificate in (tmp_path / "none.pem", signer, Secret("content"), "env:NOBODY"):
            plan = asking.explain(
                application_id="11111111-2222-3333-4444-555555555555",
                certificate=certificate,
                tenant_id="contoso.example",
            )
            fields = dict(plan.requests[0].fields)
            assert fields["client_assertion"] == "***"
            assert "content" not in json.dumps(plan.as_dict())
    assert not signer.asked


@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_shows_a_key_a_password_or_an_assertion(
    failure: str, raw_server: RawServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    now = time.time()
    of = made("p256", begins=now - 99, ends=now + 9999)
    path = written(tmp_path, of.pem(b"sentinel-password"))
    raw_server.serve(FAILURES[failure])
    with dispatcher() as asking, pytest.raises(GrantwayError) as caught:
        asking.acquire(
            environment=environment(raw_server),
            application_id="me",
            certificate=path,
            certificate_password=Secret("sentinel-password"),
            timeout=0.3 if failure.startswith(("silence", "dripped")) else 10,
        )
    shown = traced(caught.value) + "".join(texts(caught.value)) + caplog.text
    (assertion,) = raw_server.requests[0].form["client_assertion"]
    body = of.key_pem().decode().splitlines()[1]
    for secret in ("sentinel-password", assertion, assertion.rpartition(".")[2], body):
        assert secret not in shown


def test_an_assertion_may_be_made_by_a_function_when_it_is_needed(sandbox: Sandbox) -> None:
    """It is called for each token that is asked for, and not for one that is cached."""
    certificate = attrs.evolve(
        ClientCertificate(
            "key",
            SecurityModule(
                Made(sandbox.application.identity.key, sandbox.application.identity.certificate),
                SigningKey(
                    ("PS256",), sandbox.application.identity.certificate.public_bytes(Encoding.DER)
                ),
            ),
        ),
        now=time.time,
    )
    cloud = sandbox.environment
    endpoint = f"{sandbox.url}/{sandbox.tenant.tenant_id}/oauth2/v2.0/token"
    made: list[Secret] = []

    def vouch() -> Secret:
        made.append(
            client_assertion(certificate, sandbox.application.application_id, endpoint, cloud)
        )
        return made[-1]

    call = given(sandbox, client_assertion=vouch)
    del call["certificate"]
    with dispatcher() as asking:
        result = asking.acquire(**call)
        assert asking.acquire(**call).access_token == result.access_token
        assert len(made) == 1
        asking.acquire(**call, force_refresh=True)
    assert len(made) == 2
    assert result.provider == "ServicePrincipalAssertion"


@pytest.mark.parametrize("bad", [None, "", 7, RuntimeError("sentinel"), b"bytes"])
def test_a_function_that_makes_nothing_is_told_without_its_text(
    sandbox: Sandbox, bad: object
) -> None:
    def vouch() -> Any:
        if isinstance(bad, Exception):
            raise bad
        return bad

    call = given(sandbox, client_assertion=vouch)
    del call["certificate"]
    with dispatcher() as asking, pytest.raises(VaultError, match="client_assertion") as caught:
        asking.acquire(**call)
    assert "sentinel" not in traced(caught.value) + "".join(texts(caught.value))
