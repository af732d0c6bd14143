"""Both grants against oidc-provider, a certified server that nobody here wrote."""

from functools import partial
from typing import Any

import jwt
import pytest

from grants.test_refresh_tokens import Keeping
from grantway import Dispatcher, Environment, Trust
from grantway.errors import AuthorityError, InvalidClient, InvalidGrant, TransportError
from oauth.browsing import Person, visiting
from oauth.support import FakeClock, dispatcher
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import sign_in, visit_authorization
from servers.tls import LocalCa

REDIRECT_URI = "http://localhost:49152/"


def of(server: OidcProvider, name: str = "basic") -> Environment:
    client = server.clients[name]
    method: Any = None if name == "public" else client.method
    return Environment(
        "Peer",
        server.issuer,
        client_authentication=method,
        trust=Trust(loopback_http=True),
    )


def credential(server: OidcProvider, name: str) -> tuple[str, str]:
    client = server.clients[name]
    assert client.client_secret is not None
    return (client.client_id, client.client_secret)


def client_of(server: OidcProvider, name: str) -> dict[str, Any]:
    if name == "public":
        return {"application_id": server.clients[name].client_id}
    return {"credential": credential(server, name)}


def signed_in(server: OidcProvider, name: str, resource: str | None = None) -> str:
    client = server.clients[name]
    scope = "openid offline_access" + (" api:read" if resource else "")
    answer = sign_in(server.issuer, client.client_id, REDIRECT_URI, scope, resource, client.auth)
    token: str = answer["refresh_token"]
    return token


@pytest.mark.parametrize("name", ["basic", "post"])
@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_an_application_gets_a_token_for_a_resource(
    oidc_provider: OidcProvider, name: str, kind: str
) -> None:
    resource = oidc_provider.resources[kind].uri
    with dispatcher() as asking:
        result = asking.acquire(
            environment=of(oidc_provider, name),
            credential=credential(oidc_provider, name),
            resource=resource,
        )
    assert result.token_type == "Bearer"
    assert result.expires_on is not None
    assert result.acquired_on is not None
    assert (result.expires_on - result.acquired_on).total_seconds() == 600
    assert result.refresh_token is None
    if kind == "jwt":
        claims = jwt.decode(result.access_token, options={"verify_signature": False})
        assert claims["aud"] == resource
        assert claims["client_id"] == oidc_provider.clients[name].client_id


def test_how_a_secret_is_shown_comes_from_metadata(oidc_provider: OidcProvider) -> None:
    environment = Environment("Peer", oidc_provider.issuer, trust=Trust(loopback_http=True))
    with dispatcher() as asking:
        asking.acquire(environment=environment, credential=credential(oidc_provider, "basic"))


@pytest.mark.parametrize("name", ["basic", "post"])
def test_a_wrong_secret_is_an_invalid_client(oidc_provider: OidcProvider, name: str) -> None:
    client = oidc_provider.clients[name]
    with dispatcher() as asking:
        with pytest.raises(InvalidClient) as caught:
            asking.acquire(
                environment=of(oidc_provider, name), credential=(client.client_id, "wrong secret")
            )
    assert caught.value.error == "invalid_client"
    assert caught.value.status == 401


def test_an_unknown_resource_is_refused_in_the_servers_words(oidc_provider: OidcProvider) -> None:
    with dispatcher() as asking:
        with pytest.raises(AuthorityError) as caught:
            asking.acquire(
                environment=of(oidc_provider),
                credential=credential(oidc_provider, "basic"),
                resource="https://unknown.example/",
            )
    assert caught.value.error == "invalid_target"


@pytest.mark.parametrize("name", ["basic", "post", "public"])
def test_a_refresh_token_is_redeemed_and_its_successor_used_silently(
    oidc_provider: OidcProvider, name: str
) -> None:
    first = signed_in(oidc_provider, name)
    keeping = Keeping()
    given: dict[str, Any] = {
        "environment": of(oidc_provider, name),
        "refresh_token": first,
        "save_refresh_token": "keep:there",
        **client_of(oidc_provider, name),
    }
    seen = {first}
    with dispatcher(keeping) as asking:
        for _ in range(3):
            result = asking.acquire(**given, force_refresh=True)
            assert result.refresh_token == keeping.kept["there"]
            assert result.refresh_token not in seen
            assert result.account is not None
            assert result.account.subject == "alice"
            assert result.account.issuer == oidc_provider.issuer
            assert result.id_token
            seen.add(result.refresh_token or "")
    assert len(seen) == 4


def test_the_old_token_used_again_is_an_invalid_grant(oidc_provider: OidcProvider) -> None:
    """A dispatcher that does not know the successor redeems what it is given; the family dies."""
    first = signed_in(oidc_provider, "public")
    given: dict[str, Any] = {
        "environment": of(oidc_provider, "public"),
        "refresh_token": first,
        **client_of(oidc_provider, "public"),
    }
    with dispatcher() as asking, dispatcher() as unknowing:
        asking.acquire(**given)
        with pytest.raises(InvalidGrant) as caught:
            unknowing.acquire(**given)
        assert caught.value.error == "invalid_grant"
        # The successor is dead too: it is dropped, then the given one is tried and refused.
        with pytest.raises(InvalidGrant):
            asking.acquire(**given, force_refresh=True)
        assert not asking._workplace.cache._refresh_tokens  # type: ignore[attr-defined]


def test_a_refresh_token_is_redeemed_for_a_resource(oidc_provider: OidcProvider) -> None:
    resource = oidc_provider.resources["jwt"].uri
    with dispatcher() as asking:
        result = asking.acquire(
            environment=of(oidc_provider, "post"),
            refresh_token=signed_in(oidc_provider, "post", resource),
            resource=resource,
            **client_of(oidc_provider, "post"),
        )
    claims = jwt.decode(result.access_token, options={"verify_signature": False})
    assert claims["aud"] == resource
    assert result.resource == resource
    assert result.scopes == ("api:read",) or "api:read" in result.scopes


def test_an_id_token_is_refused_by_a_clock_that_is_far_off(oidc_provider: OidcProvider) -> None:
    from grantway.errors import ProtocolViolation

    with dispatcher(clock=FakeClock(1_000_000_000.0)) as asking:
        with pytest.raises(ProtocolViolation, match="not valid yet") as caught:
            asking.acquire(
                environment=of(oidc_provider, "public"),
                refresh_token=signed_in(oidc_provider, "public"),
                **client_of(oidc_provider, "public"),
            )
    assert "clock" in caught.value.remedy


# Over TLS, with a CA that nobody else knows.


def test_over_tls_a_person_signs_in_and_is_renewed(
    secure_oidc_provider: OidcProvider, local_ca: LocalCa
) -> None:
    bundle = str(local_ca.bundle)
    person = Person(visiting(partial(visit_authorization, verify=bundle)))
    environment = Environment("Peer", secure_oidc_provider.issuer, trust=Trust(ca_bundle=bundle))
    public = client_of(secure_oidc_provider, "public")
    with Dispatcher(prompter=person) as asking:
        # Offline access is granted here only where consent is asked for.
        result = asking.acquire(environment=environment, **public, prompt="consent")
        assert result.account is not None
        assert result.account.issuer == secure_oidc_provider.issuer
        renewed = asking.acquire(environment=environment, **public, force_refresh=True)
        assert renewed.refresh_token not in (None, result.refresh_token)
        resource = secure_oidc_provider.resources["jwt"].uri
        alone = asking.acquire(
            environment=environment,
            credential=credential(secure_oidc_provider, "basic"),
            resource=resource,
        )
    assert jwt.decode(alone.access_token, options={"verify_signature": False})["aud"] == resource


def test_over_tls_a_ca_that_is_not_named_is_not_trusted(
    secure_oidc_provider: OidcProvider,
) -> None:
    with dispatcher() as asking:
        with pytest.raises(TransportError, match="signed by nobody we trust") as caught:
            asking.acquire(
                environment=Environment("Peer", secure_oidc_provider.issuer),
                credential=credential(secure_oidc_provider, "basic"),
            )
    assert "trust.ca_bundle" in caught.value.remedy
