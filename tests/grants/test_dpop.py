"""Tokens bound to a key, at oidc-provider: a certified server whose clients insist on proofs."""

import hashlib
import json
import re
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import jwt
import pytest
import requests
from joserfc import jws
from joserfc.jwk import ECKey

from cli.support import process
from grants.people import returning
from grants.test_refresh_tokens import Keeping
from grantway import AuthenticationResult, Dispatcher, Environment, ProofKey, Secret, Trust
from grantway.cache.memory import MemoryTokenCache
from grantway.cache.sqlite import SqliteTokenCache, from_url
from grantway.errors import AuthorityError, InvalidGrant
from oauth.browsing import Page, Person, query
from oauth.support import FakeClock, dispatcher
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import approve_device, visit_authorization

PEERS = pytest.mark.parametrize("peer", ["oidc_provider", "guarded"])


@pytest.fixture(scope="module")
def guarded(oidc_provider: OidcProvider) -> Iterator[OidcProvider]:
    """The same server where proofs need its nonce, and sign-in requests have to be lodged."""
    variables = {"OIDC_PROVIDER_DPOP_NONCE": "1", "OIDC_PROVIDER_PAR": "required"}
    with OidcProvider(environment=variables) as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest, peer: str) -> OidcProvider:
    found: OidcProvider = request.getfixturevalue(peer)
    return found


def of(server: OidcProvider, **more: Any) -> Environment:
    return Environment("Peer", server.issuer, dpop=True, trust=Trust(loopback_http=True), **more)


def application(server: OidcProvider, **more: Any) -> dict[str, Any]:
    """A call as an application by itself."""
    client = server.clients["bound"]
    return {
        "environment": of(server),
        "credential": (client.client_id, client.client_secret),
        "resource": server.resources["jwt"].uri,
        **more,
    }


def person_signing_in(redirect_uri: str) -> Person:
    """Whoever it is comes back to an address that need not be in the one that is opened."""

    def browse(url: str) -> Page:
        return returning(visit_authorization(url, redirect_uri), redirect_uri)

    return Person(browse)


def redirect() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/callback"


@attrs.frozen
class SignedIn:
    """A sign-in that happened, and the call that it was."""

    person: Person
    call: dict[str, Any]
    result: AuthenticationResult


def signed_in(asking: Callable[[Person], Dispatcher], server: OidcProvider, **more: Any) -> Any:
    uri = redirect()
    person = person_signing_in(uri)
    call = {
        "environment": of(server),
        "application_id": server.clients["bound public"].client_id,
        "redirect_uri": uri,
        **more,
    }
    # Offline access is granted here only where consent is asked for.
    with asking(person) as dispatching:
        return SignedIn(person, call, dispatching.acquire(**call, prompt="consent"))


def in_file(path: Path) -> SqliteTokenCache:
    return from_url(f"sqlite://{path / 'tokens.db'}?key_file={path / 'key'}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "cache"
    found.mkdir(mode=0o700)
    (found / "key").write_text("5a" * 32)
    (found / "key").chmod(0o600)
    return found


def claims_of(proof: str) -> dict[str, Any]:
    """What a proof says, its signature checked by a library that did not make it."""
    header = jwt.get_unverified_header(proof)
    checked = jws.deserialize_compact(proof, ECKey.import_key(header["jwk"]), ["ES256"])
    claims: dict[str, Any] = json.loads(checked.payload)
    return claims


def hashed(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


# Applications.


@PEERS
def test_an_application_gets_a_token_that_is_bound_to_its_key(server: OidcProvider) -> None:
    with dispatcher() as asking:
        result = asking.acquire(**application(server))
    assert result.token_type == "DPoP"
    assert result.proof_key is not None
    claims = jwt.decode(result.access_token, options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": result.proof_key.thumbprint}


def test_without_proofs_the_client_gets_no_token(oidc_provider: OidcProvider) -> None:
    call = application(oidc_provider)
    call["environment"] = attrs.evolve(of(oidc_provider), dpop=False)
    with dispatcher() as asking, pytest.raises(InvalidGrant):
        asking.acquire(**call)


@PEERS
def test_each_further_token_costs_one_request_for_the_nonce_is_known(
    server: OidcProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "grantway.oauth.transport")
    with dispatcher() as asking:
        asking.acquire(**application(server))
        first = [each.message for each in caplog.records].count("answered 400")
        caplog.clear()
        asking.acquire(**application(server), force_refresh=True)
    assert first == (1 if "1" in server._variables.get("OIDC_PROVIDER_DPOP_NONCE", "") else 0)
    assert [each.message for each in caplog.records].count("answered 400") == 0


# People.


@PEERS
def test_a_person_signs_in_and_is_renewed_with_the_same_key(server: OidcProvider) -> None:
    uri = redirect()
    person = person_signing_in(uri)
    call = {
        "environment": of(server),
        "application_id": server.clients["bound public"].client_id,
        "redirect_uri": uri,
    }
    with Dispatcher(prompter=person) as asking:
        result = asking.acquire(**call, prompt="consent")
        renewed = asking.acquire(**call, force_refresh=True)
    assert len(person.opened) == 1
    assert result.refresh_token != renewed.refresh_token
    assert renewed.token_type == "DPoP"
    assert result.proof_key is not None
    assert result.proof_key == renewed.proof_key
    sent = query(person.opened[0])
    if server._variables.get("OIDC_PROVIDER_PAR"):
        assert sent.keys() == {"client_id", "request_uri"}
    else:
        assert sent["dpop_jkt"] == result.proof_key.thumbprint


def test_a_request_is_lodged_where_that_is_offered_and_the_environment_says_so(
    oidc_provider: OidcProvider,
) -> None:
    done = signed_in(
        lambda person: Dispatcher(prompter=person),
        oidc_provider,
        environment=of(oidc_provider, pushed_authorization=True),
    )
    assert query(done.person.opened[0]).keys() == {"client_id", "request_uri"}
    assert "within 60 seconds" in done.person.shown[0]
    assert done.result.token_type == "DPoP"


def test_a_client_that_lodges_is_authenticated(guarded: OidcProvider) -> None:
    client = guarded.clients["bound"]
    uri = redirect()
    person = person_signing_in(uri)
    call: dict[str, Any] = {
        "environment": of(guarded),
        "redirect_uri": uri,
        "consent": True,
    }
    with Dispatcher(prompter=person) as asking:
        result = asking.acquire(**call, credential=(client.client_id, client.client_secret))
        assert result.refresh_token
        with pytest.raises(AuthorityError, match="pushed_authorization_request"):
            asking.acquire(**call, credential=(client.client_id, "a wrong secret"))
    assert len(person.opened) == 1


def test_a_code_of_another_key_is_not_redeemed(oidc_provider: OidcProvider) -> None:
    """The code is bound by `dpop_jkt`: whoever stole code and verifier has not got the key."""
    from grantway.oauth import authorization

    uri = redirect()
    client = oidc_provider.clients["bound public"].client_id
    with dispatcher() as asking:
        settled = asking.explain(environment=of(oidc_provider), application_id=client)
    assert ["dpop_jkt", "***"] in [list(each) for each in settled.requests[0].fields]
    verifier, key, other = Secret("v" * 43), ProofKey.generate(), ProofKey.generate()
    attempt = authorization.Attempt(Secret("state-of-it"), Secret("nonce-of-it"), verifier)
    address = requests.Request(
        "GET",
        f"{oidc_provider.issuer}/auth",
        params={
            "response_type": "code", "client_id": client, "redirect_uri": uri, "scope": "openid",
            "state": "x", "code_challenge": attempt.challenge, "code_challenge_method": "S256",
            "dpop_jkt": key.thumbprint,
        },
    ).prepare().url  # fmt: skip
    assert address is not None
    code = query(visit_authorization(address, uri))["code"]
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": uri,
        "code_verifier": verifier.reveal(), "client_id": client,
    }  # fmt: skip
    url = f"{oidc_provider.issuer}/token"
    answer = requests.post(url, form, headers={"DPoP": other.proof("POST", url)}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_token_of_a_cache_is_used_by_another_process(guarded: OidcProvider, folder: Path) -> None:
    done = signed_in(lambda person: Dispatcher(prompter=person, cache=in_file(folder)), guarded)
    script = """
import sys, requests
from grantway import Dispatcher, Environment, Trust
from grantway.cache.sqlite import from_url
url, issuer, client, fresh = sys.argv[1:]
peer = Environment("Peer", issuer, dpop=True, trust=Trust(loopback_http=True))
with Dispatcher(prompter=False, cache=from_url(url)) as asking:
    call = {"environment": peer, "application_id": client}
    if fresh == "fresh":
        asking.acquire(**call, force_refresh=True)
    source = asking.bind(**call)
    answer = requests.get(issuer + "/me", auth=source.auth(hosts=[issuer]), timeout=10)
    print(answer.json()["sub"], source.result().proof_key.thumbprint, source.token())
"""
    told = []
    for fresh in ("at rest", "fresh", "at rest"):
        ran = subprocess.run(
            [
                sys.executable, "-c", script,
                f"sqlite://{folder / 'tokens.db'}?key_file={folder / 'key'}",
                guarded.issuer, done.call["application_id"], fresh,
            ],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        told.append(ran.stdout.split())
    thumbprint = done.result.proof_key.thumbprint
    assert [each[:2] for each in told] == [["alice", thumbprint]] * 3
    assert told[0][2] == done.result.access_token
    assert told[1][2] != told[0][2]
    assert told[2][2] == told[1][2]
    raw = b"".join(each.read_bytes() for each in folder.iterdir())
    exported = done.result.proof_key.export().reveal()
    assert exported.encode() not in raw
    assert exported.partition(":")[2][40:80].encode() not in raw


def test_a_saved_refresh_token_finds_its_key_in_the_cache(oidc_provider: OidcProvider) -> None:
    """The vault holds the token alone; of a public client it is worth nothing without the key."""
    keeping = Keeping()
    uri = redirect()
    client = oidc_provider.clients["bound public"].client_id
    call: dict[str, Any] = {"environment": of(oidc_provider), "application_id": client}
    with Dispatcher(prompter=person_signing_in(uri), registry=_registry(keeping)) as asking:
        asking.acquire(**call, redirect_uri=uri, prompt="consent", save_refresh_token="keep:there")
        for _ in range(2):
            given = keeping.kept["there"]
            renewed = asking.acquire(
                **call, refresh_token=given, save_refresh_token="keep:there", force_refresh=True
            )
            assert renewed.token_type == "DPoP"
            assert keeping.kept["there"] == renewed.refresh_token != given
    with dispatcher() as elsewhere, pytest.raises(InvalidGrant):
        elsewhere.acquire(**call, refresh_token=keeping.kept["there"])


def test_signing_out_takes_a_key_that_waits_for_a_saved_refresh_token(
    oidc_provider: OidcProvider,
) -> None:
    cache, uri = MemoryTokenCache(), redirect()
    environment = of(oidc_provider)
    client = oidc_provider.clients["bound public"].client_id
    with Dispatcher(
        prompter=person_signing_in(uri), registry=_registry(Keeping()), cache=cache
    ) as asking:
        asking.acquire(
            environment=environment,
            application_id=client,
            redirect_uri=uri,
            prompt="consent",
            save_refresh_token="keep:there",
        )
        assert [each.kind for each in cache.entries()].count("refresh_token") == 2
        (account,) = asking.accounts(environment=environment, application_id=client)
        asking.sign_out(account, environment=environment)
    assert list(cache.entries()) == []


def test_what_a_consent_brings_finds_its_key_in_the_cache(oidc_provider: OidcProvider) -> None:
    keeping = Keeping()
    uri = redirect()
    client = oidc_provider.clients["bound public"].client_id
    call: dict[str, Any] = {"environment": of(oidc_provider), "application_id": client}
    with Dispatcher(prompter=person_signing_in(uri), registry=_registry(keeping)) as asking:
        first = asking.acquire(
            **call, consent=True, redirect_uri=uri, save_refresh_token="keep:there"
        )
        second = asking.acquire(**call, refresh_token=keeping.kept["there"])
        third = asking.acquire(**call, refresh_token=keeping.kept["there"], force_refresh=True)
    assert first.proof_key == second.proof_key == third.proof_key
    assert second.refresh_token != third.refresh_token


def _registry(*plugins: object) -> Any:
    from grantway import Registry

    return Registry.of(*plugins)


# APIs.


@PEERS
def test_an_api_gets_token_and_proof_and_its_nonce(server: OidcProvider) -> None:
    uri = redirect()
    call = {
        "environment": of(server),
        "application_id": server.clients["bound public"].client_id,
    }
    with Dispatcher(prompter=person_signing_in(uri)) as asking:
        asking.acquire(**call, redirect_uri=uri)
        auth = asking.bind(**call).auth(hosts=[server.issuer])
        with requests.Session() as session:
            answers = [
                session.request(method, f"{server.issuer}/me?a=b#c", auth=auth, data=data)
                for method, data in (("GET", None), ("POST", {"a": "b"}), ("GET", None))
            ]
    assert [each.json()["sub"] for each in answers] == ["alice"] * 3
    wants_nonce = "OIDC_PROVIDER_DPOP_NONCE" in server._variables
    assert [len(each.history) for each in answers] == [1 if wants_nonce else 0, 0, 0]
    proofs = [
        each.request.headers["DPoP"] for answer in answers for each in (*answer.history, answer)
    ]
    claims = [claims_of(each) for each in proofs]
    assert len({each["jti"] for each in claims}) == len(claims)
    for each in claims:
        assert each["htu"] == f"{server.issuer}/me"
        assert abs(each["iat"] - time.time()) < 60
    token = answers[0].request.headers["Authorization"].partition(" ")[2]
    assert {each["ath"] for each in claims} == {hashed(token)}


def test_the_token_is_refused_without_its_key(oidc_provider: OidcProvider) -> None:
    done = signed_in(lambda person: Dispatcher(prompter=person), oidc_provider)
    url = f"{oidc_provider.issuer}/me"
    result, other, moment = done.result, ProofKey.generate(), time.time()
    token = Secret(result.access_token)

    def asked(proof: str | None, scheme: str = "DPoP") -> int:
        headers = {"Authorization": f"{scheme} {token.reveal()}"}
        headers |= {"DPoP": proof} if proof else {}
        return requests.get(url, headers=headers, timeout=10).status_code

    good = result.proof("GET", url)
    assert asked(good) == 200
    key = result.proof_key
    refused = {
        "replayed": good,
        "no proof": None,
        "another key": other.proof("GET", url, access_token=token),
        "another address": result.proof("GET", f"{oidc_provider.issuer}/other"),
        "another method": result.proof("POST", url),
        "another token": key.proof("GET", url, access_token=Secret("another-token")),
        "no token": key.proof("GET", url),
        "long ago": key.proof("GET", url, access_token=token, now=moment - 3600),
        "a broken signature": result.proof("GET", url)[:-8] + "AAAAAAAA",
    }
    answers = {name: asked(proof) for name, proof in refused.items()}
    assert set(answers.values()) <= {400, 401}, answers
    assert asked(None, "Bearer") in (400, 401)


@pytest.mark.parametrize("wrong", ["address", "time", "method", "replay"])
def test_the_authority_refuses_proofs_that_are_not_as_ours(
    oidc_provider: OidcProvider, wrong: str
) -> None:
    client = oidc_provider.clients["bound"]
    url = f"{oidc_provider.issuer}/token"
    key = ProofKey.generate()
    proof = {
        "address": key.proof("POST", f"{url}s"),
        "time": key.proof("POST", url, now=time.time() - 3600),
        "method": key.proof("GET", url),
        "replay": key.proof("POST", url),
    }[wrong]

    def asked() -> requests.Response:
        form = {"grant_type": "client_credentials"}
        headers = {**client.auth(client.client_id, form), "DPoP": proof}
        return requests.post(url, form, headers=headers, timeout=10)

    if wrong == "replay":
        assert asked().json()["token_type"] == "DPoP"
    assert asked().status_code == 400


def test_a_device_code_brings_a_bound_token(guarded: OidcProvider) -> None:
    """Each poll has a proof of its own, the nonce in it."""
    client = guarded.clients["bound public"].client_id
    clock = FakeClock(time.time())

    class Typing(Person):
        def show(self, text: str) -> None:
            code = re.search(r"[A-Z]{4}-[A-Z]{4}", text)
            assert code is not None
            approve_device(f"{guarded.issuer}/device?user_code={code[0]}")

    with Dispatcher(prompter=Typing(approve_device), clock=clock) as asking:
        result = asking.acquire(
            environment=of(guarded), application_id=client, device_code=True, scopes="openid"
        )
    assert result.token_type == "DPoP"
    assert clock.waits


def test_the_command_line_prints_what_an_api_takes(guarded: OidcProvider, folder: Path) -> None:
    done = signed_in(lambda person: Dispatcher(prompter=person, cache=in_file(folder)), guarded)
    config = folder.parent / "config.toml"
    config.write_text(
        f"""
        [environments.Peer]
        issuer = "{guarded.issuer}"
        dpop = true
        trust = {{loopback_http = true}}
        """
    )
    url = f"{guarded.issuer}/me"

    def asked(*more: str) -> requests.Response:
        told = process(
            "token", "--environment", "Peer", "--application-id", done.call["application_id"],
            "-o", "header", "--proof-for", "GET", url, *more,
            GRANTWAY_CONFIG=str(config),
            GRANTWAY_CACHE=f"sqlite://{folder / 'tokens.db'}?key_file={folder / 'key'}",
        )  # fmt: skip
        assert (told.code, told.stderr) == (0, "")
        headers = dict(line.split(": ", 1) for line in told.stdout.splitlines())
        return requests.get(url, headers=headers, timeout=10)

    refused = asked()
    assert refused.status_code == 401
    assert "use_dpop_nonce" in refused.headers["WWW-Authenticate"]
    answer = asked("--proof-nonce", refused.headers["DPoP-Nonce"])
    assert answer.json()["sub"] == "alice"
