"""Grants against django-oauth-toolkit: oauthlib's own provider side, over http and over TLS.

It differs from oidc-provider where servers like to: it knows no `offline_access` and refuses what it
does not know, it demands scopes that are its own, answers to `127.0.0.1` on any port but not to
`localhost`, and has its issuer below a path.
"""

from functools import partial
from typing import Any

import pytest
import requests

from grants.test_refresh_tokens import Keeping
from grantway import Credential, Dispatcher, Environment, Protocol, Registry, Trust
from grantway.errors import AuthorityError, InvalidClient, InvalidGrant, TransportError
from grantway_clouds import KEYCLOAK, OAUTH2
from oauth.browsing import Person, visiting
from oauth.support import dispatcher
from peers.django_oauth_toolkit import DjangoOAuthToolkit
from peers.oidc_provider_login import basic, visit_authorization
from servers.tls import LocalCa

REDIRECT_URI = "http://127.0.0.1/callback"


@pytest.fixture(params=["http", "TLS"])
def peer(request: pytest.FixtureRequest) -> DjangoOAuthToolkit:
    name = "django_oauth_toolkit" if request.param == "http" else "secure_django_oauth_toolkit"
    server: DjangoOAuthToolkit = request.getfixturevalue(name)
    return server


@pytest.fixture
def trust(peer: DjangoOAuthToolkit, local_ca: LocalCa) -> Trust:
    if peer.issuer.startswith("http://"):
        return Trust(loopback_http=True)
    return Trust(ca_bundle=str(local_ca.bundle))


@pytest.fixture
def of(peer: DjangoOAuthToolkit, trust: Trust) -> Environment:
    return Environment("Peer", peer.issuer, trust=trust)


def credential(peer: DjangoOAuthToolkit, name: str = "service") -> Credential:
    client = peer.clients[name]
    return Credential(client.client_id, client.client_secret)


def alice(of: Environment) -> Person:
    """Somebody who signs in with a name, agrees, and whose browser comes back."""
    return Person(visiting(partial(visit_authorization, verify=of.trust.ca_bundle or True)))


def signed_in(of: Environment, peer: DjangoOAuthToolkit, **more: Any) -> Any:
    given: dict[str, Any] = {
        "environment": of,
        "application_id": peer.clients["public"].client_id,
        "redirect_uri": REDIRECT_URI,
        "scopes": "read",
        **more,
    }
    with Dispatcher(prompter=alice(of)) as asking:
        return asking.acquire(**given)


def works(peer: DjangoOAuthToolkit, trust: Trust, token: str) -> bool:
    """Whether the server takes the token as somebody's who has signed in."""
    answer = requests.get(
        f"{peer.issuer}/userinfo/",
        headers={"Authorization": f"Bearer {token}"},
        verify=trust.ca_bundle or True,
        timeout=10,
    )
    return answer.status_code == 200


@pytest.mark.parametrize("method", [None, "client_secret_basic", "client_secret_post"])
def test_an_application_gets_a_token_for_its_scopes(
    peer: DjangoOAuthToolkit, trust: Trust, method: Any
) -> None:
    """Its secret has spaces and signs in it; both ways of showing it have to survive them."""
    environment = Environment("Peer", peer.issuer, trust=trust, client_authentication=method)
    with dispatcher() as asking:
        result = asking.acquire(
            environment=environment, credential=credential(peer), scopes="write read"
        )
    assert result.token_type == "Bearer"
    assert sorted(result.scopes) == ["read", "write"]
    assert result.refresh_token is None


@pytest.mark.parametrize("protocol", [KEYCLOAK, OAUTH2], ids=lambda each: each.name)
def test_other_protocols_find_its_endpoints_too(
    peer: DjangoOAuthToolkit, trust: Trust, protocol: Protocol
) -> None:
    environment = Environment("Peer", peer.issuer, trust=trust, protocol=protocol)
    with dispatcher() as asking:
        result = asking.acquire(environment=environment, credential=credential(peer))
    assert result.scopes == ("read",)


def test_a_resource_that_is_indicated_is_the_tokens_audience(
    of: Environment, peer: DjangoOAuthToolkit, trust: Trust
) -> None:
    resource = "https://api.example.org/"
    with dispatcher() as asking:
        result = asking.acquire(environment=of, credential=credential(peer), resource=resource)
    answer = requests.post(
        f"{peer.issuer}/introspect/",
        data={"token": result.access_token},
        headers=basic(peer.clients["service"].client_secret)("service client", {}),
        verify=trust.ca_bundle or True,
        timeout=10,
    )
    facts = answer.json()
    assert facts["active"] is True
    assert resource in facts["aud"]


def test_a_wrong_secret_is_an_invalid_client(of: Environment, peer: DjangoOAuthToolkit) -> None:
    with dispatcher() as asking:
        with pytest.raises(InvalidClient) as caught:
            asking.acquire(environment=of, credential=(peer.clients["service"].client_id, "wrong"))
    assert caught.value.error == "invalid_client"


def test_an_unknown_scope_is_refused_in_the_servers_words(
    of: Environment, peer: DjangoOAuthToolkit
) -> None:
    with dispatcher() as asking:
        with pytest.raises(AuthorityError) as caught:
            asking.acquire(environment=of, credential=credential(peer), scopes="everything")
    assert caught.value.error == "invalid_scope"


def test_a_person_signs_in_though_offline_access_is_unknown_here(
    of: Environment, peer: DjangoOAuthToolkit, trust: Trust
) -> None:
    result = signed_in(of, peer)
    assert result.account is not None
    assert result.account.issuer == peer.issuer
    assert sorted(result.scopes) == ["openid", "read"]
    assert result.refresh_token
    assert works(peer, trust, result.access_token)


def test_a_confidential_application_has_consent_forced(
    of: Environment, peer: DjangoOAuthToolkit
) -> None:
    result = signed_in(
        of, peer, application_id=None, credential=credential(peer, "web"), consent=True
    )
    assert result.refresh_token
    assert result.account is not None


def test_refresh_tokens_rotate_and_each_successor_is_kept(
    of: Environment, peer: DjangoOAuthToolkit, trust: Trust
) -> None:
    first = signed_in(of, peer).refresh_token
    keeping, seen = Keeping(), {first}
    given: dict[str, Any] = {
        "environment": of,
        "application_id": peer.clients["public"].client_id,
        "refresh_token": first,
        "save_refresh_token": "keep:there",
    }
    with Dispatcher(Registry.of(keeping), prompter=False) as asking:
        for _ in range(3):
            result = asking.acquire(**given, force_refresh=True)
            assert result.refresh_token == keeping.kept["there"]
            assert result.refresh_token not in seen
            assert works(peer, trust, result.access_token)
            seen.add(result.refresh_token or "")
    with dispatcher() as unknowing:
        # Used again, the first one is refused; it was spent.
        with pytest.raises(InvalidGrant):
            unknowing.acquire(**{**given, "save_refresh_token": None})


def test_a_private_ca_that_is_not_named_is_not_trusted(
    secure_django_oauth_toolkit: DjangoOAuthToolkit,
) -> None:
    peer = secure_django_oauth_toolkit
    with dispatcher() as asking:
        with pytest.raises(TransportError, match="signed by nobody we trust"):
            asking.acquire(
                environment=Environment("Peer", peer.issuer), credential=credential(peer)
            )
