"""The authorization code grant, attacked: each line of the checklist with somebody who breaks it."""

import base64
import hashlib
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import Dispatcher, Secret
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    ConfigurationError,
    DeadlineExceeded,
    GrantwayError,
    InteractionRequired,
    InvalidGrant,
    InvalidParameter,
    MalformedResponse,
    ProtocolViolation,
    Throttled,
    TransportError,
)
from grantway.oauth.authorization import Attempt
from grantway_clouds.protocols import ENTRA_V1, ENTRA_V2
from oauth.browsing import (
    CODE,
    Page,
    Person,
    answering,
    deliver,
    knock,
    last_page,
    nobody,
    post,
    query,
    refuses,
)
from oauth.issuer import Issuer, addresses, listened, sign_in
from oauth.support import CLIENT_ID, CLIENT_SECRET, FakeClock, environment, granted
from security.test_sentinels import texts, traced
from servers.raw import Behaviour, Exchange, RawServer, hang_up, html, json_answer

APP = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def issuer(raw_server: RawServer) -> Issuer:
    return Issuer(raw_server)


def form(issuer: Issuer, number: int = -1) -> dict[str, str]:
    """The fields of a redemption, each of which is there once."""
    fields = issuer.redeemed[number].form
    assert all(len(values) == 1 for values in fields.values())
    return {name: values[0] for name, values in fields.items()}


# The request that goes through the browser, and the code that comes back.


def test_a_person_signs_in_and_the_code_is_redeemed(issuer: Issuer) -> None:
    person = Person(answering())
    result = sign_in(issuer, person)
    assert result.access_token == "sentinel-access-token"
    assert "You are signed in" in person.page.text
    (url,) = person.opened
    assert url.startswith(f"{issuer.server.url}/authorize?")
    sent = query(url)
    assert {name: value for name, value in sent.items() if name not in SECRETS} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"http://localhost:{listened(person)}/",
        "resource": "https://api.example.org",
        "scope": "openid offline_access",
        "code_challenge_method": "S256",
    }
    redeemed = form(issuer)
    verifier = redeemed.pop("code_verifier")
    assert redeemed == {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": CODE,
        "redirect_uri": sent["redirect_uri"],
        "resource": "https://api.example.org",
    }
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
    assert challenge_of(verifier) == sent["code_challenge"]


SECRETS = ("state", "nonce", "code_challenge")


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_every_sign_in_has_secrets_of_its_own(issuer: Issuer) -> None:
    person = Person(answering())
    for _ in range(5):
        sign_in(issuer, person)
    verifiers = [each.form["code_verifier"][0] for each in issuer.redeemed]
    seen = [query(url)[name] for url in person.opened for name in SECRETS] + verifiers
    assert len(set(seen)) == 20
    for text in seen:
        # 128 bits at least (RFC 6749, section 10.10; RFC 7636, section 7.1).
        assert len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) >= 16


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    attempt = Attempt(Secret("state"), Secret("nonce"), verifier)
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Cs")), max_size=50))
def test_nothing_but_the_state_itself_is_the_state(text: str) -> None:
    attempt = Attempt(Secret("state"), Secret("nonce"), Secret("verifier"))
    assert attempt.is_answered_by({"state": text}) is (text == "state")
    assert not attempt.is_answered_by({"State": "state", text: "state"} if text != "state" else {})
    assert not attempt.is_answered_by({})


def test_what_is_asked_of_the_page_goes_with_the_address(issuer: Issuer) -> None:
    person = Person(answering())
    sign_in(
        issuer,
        person,
        prompt="select_account",
        login_hint="alice+1@example.org",
        domain_hint="example.org",
        claims={"id_token": {"auth_time": {"essential": True}}},
        scopes="read write",
        resource=None,
    )
    sent = query(person.opened[0])
    assert sent["prompt"] == "select_account"
    assert sent["login_hint"] == "alice+1@example.org"
    assert sent["domain_hint"] == "example.org"
    assert sent["claims"] == '{"id_token":{"auth_time":{"essential":true}}}'
    assert sent["scope"] == "read write openid offline_access"


def test_an_account_is_hinted_at_where_no_hint_is_given(issuer: Issuer) -> None:
    person = Person(answering())
    sign_in(issuer, person, account="alice@example.org")
    assert query(person.opened[0])["login_hint"] == "alice@example.org"
    sign_in(issuer, person, account="alice@example.org", login_hint="al@example.org")
    assert query(person.opened[1])["login_hint"] == "al@example.org"


def test_an_endpoint_keeps_its_own_query(issuer: Issuer) -> None:
    issuer.describe(authorization_endpoint=f"{issuer.server.url}/authorize?policy=b2c_1")
    person = Person(answering())
    sign_in(issuer, person)
    assert query(person.opened[0])["policy"] == "b2c_1"
    assert query(person.opened[0])["response_type"] == "code"


def test_the_address_is_shown_too_for_when_the_wrong_browser_opens(issuer: Issuer) -> None:
    person = Person(answering())
    sign_in(issuer, person)
    assert [addresses(text) for text in person.shown] == [person.opened]


# Where the browser returns to.


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "registered",
    ["http://localhost", "http://localhost/callback", "http://127.0.0.1/a/b/", "http://[::1]/x"],
)
def test_a_registered_address_gets_a_free_port(issuer: Issuer, registered: str) -> None:
    person = Person(answering())
    sign_in(issuer, person, redirect_uri=registered)
    sent = query(person.opened[0])["redirect_uri"]
    assert sent.replace(f":{listened(person)}", "") == registered
    assert form(issuer)["redirect_uri"] == sent


def test_a_registered_port_is_kept(issuer: Issuer) -> None:
    registered = f"http://localhost:{free_port()}/done"
    person = Person(answering())
    for _ in range(3):
        sign_in(issuer, person, redirect_uri=registered)
    assert {query(url)["redirect_uri"] for url in person.opened} == {registered}


def test_a_port_that_is_taken_ends_the_sign_in_before_a_browser_opens(issuer: Issuer) -> None:
    person = Person(answering())
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} of localhost: it is taken"):
            sign_in(issuer, person, redirect_uri=f"http://localhost:{port}/")
    assert not person.opened
    assert not issuer.redeemed


@pytest.mark.parametrize(
    "uri",
    [
        "https://localhost/", "http://example.org/", "myapp://done", "http://localhost:0/",
        "http://localhost:99999/", "http://localhost/?a=b", "http://localhost/#a",
        "http://localhost//", "http://localho\u017ft/", "urn:ietf:wg:oauth:2.0:oob",
    ],
)  # fmt: skip
def test_an_address_of_nobodys_is_refused_before_any_network(issuer: Issuer, uri: str) -> None:
    person = Person(answering())
    with pytest.raises(InvalidParameter, match=r"redirect_uri: .*(no plain http|port|path)"):
        sign_in(issuer, person, redirect_uri=uri)
    assert not issuer.server.connections
    assert not person.opened


# Answers that are not the authority's.


def after(attack: Callable[[dict[str, str]], Page | list[Page]]) -> Callable[[str], Page]:
    """A browser in which an attacker comes first, and is refused; then the answer arrives."""

    def browse(url: str) -> Page:
        pages = attack(query(url))
        for page in [pages] if isinstance(pages, Page) else pages:
            assert 400 <= page.status < 500, page
        return answering()(url)

    return browse


ATTACKS: dict[str, Callable[[dict[str, str]], Page | list[Page]]] = {
    "no state": lambda sent: deliver(sent["redirect_uri"], [("code", "evil")]),
    "a forged state": lambda sent: deliver(
        sent["redirect_uri"], [("code", "evil"), ("state", "0" * len(sent["state"]))]
    ),
    "the nonce as state": lambda sent: deliver(
        sent["redirect_uri"], [("code", "evil"), ("state", sent["nonce"])]
    ),
    "two codes": lambda sent: deliver(
        sent["redirect_uri"], [("code", "evil"), ("code", "b"), ("state", sent["state"])]
    ),
    "two states": lambda sent: deliver(
        sent["redirect_uri"], [("code", "evil"), ("state", "x"), ("state", sent["state"])]
    ),
    "a forged error": lambda sent: deliver(sent["redirect_uri"], [("error", "access_denied")]),
    "another host": lambda sent: deliver(
        sent["redirect_uri"], [("code", "evil"), ("state", sent["state"])], hosts=["evil.example"]
    ),
    "another path": lambda sent: knock(
        sent["redirect_uri"], f"/evil?code=evil&state={sent['state']}"
    ),
    "another method": lambda sent: [
        deliver(sent["redirect_uri"], [("code", "evil"), ("state", sent["state"])], method=method)
        for method in ("HEAD", "PUT", "OPTIONS", "DELETE")
    ],
    "a form": lambda sent: post(sent["redirect_uri"], [("code", "evil"), ("state", sent["state"])]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attackers_answer_is_refused_and_the_sign_in_goes_on(issuer: Issuer, name: str) -> None:
    person = Person(after(ATTACKS[name]))
    assert sign_in(issuer, person).access_token
    assert form(issuer)["code"] == CODE
    assert len(issuer.redeemed) == 1
    assert "You are signed in" in person.page.text


def test_an_answer_of_an_earlier_sign_in_is_refused(issuer: Issuer) -> None:
    """Its state was used; the code of then would be redeemed in the name of somebody else."""
    earlier = Person(answering())
    sign_in(issuer, earlier)
    state = query(earlier.opened[0])["state"]
    person = Person(
        after(lambda sent: deliver(sent["redirect_uri"], [("code", "evil"), ("state", state)]))
    )
    sign_in(issuer, person)
    assert [each.form["code"] for each in issuer.redeemed] == [[CODE], [CODE]]


def test_an_answer_that_is_replayed_is_redeemed_once(issuer: Issuer) -> None:
    statuses: list[int] = []

    def browse(url: str) -> Page:
        sent = query(url)
        fields = [("code", CODE), ("state", sent["state"])]
        first = deliver(sent["redirect_uri"], fields)
        statuses.append(deliver(sent["redirect_uri"], fields).status)
        return last_page(sent["redirect_uri"], first)

    sign_in(issuer, Person(browse))
    assert statuses == [400]
    assert len(issuer.redeemed) == 1


def test_a_thousand_stray_requests_do_not_keep_the_answer_out(issuer: Issuer) -> None:
    def browse(url: str) -> Page:
        uri = query(url)["redirect_uri"]
        with ThreadPoolExecutor(16) as pool:
            pages = pool.map(lambda n: deliver(uri, [("state", str(n))]).status, range(1000))
            assert set(pages) == {400}
        return answering()(url)

    person = Person(browse)
    sign_in(issuer, person)
    assert "You are signed in" in person.page.text


# The issuer in the answer (RFC 9207).


def refused(
    issuer: Issuer,
    kind: type[GrantwayError],
    match: str,
    browse: Callable[[str], Page],
    **more: Any,
) -> GrantwayError:
    """A sign-in that is refused on the way back: no code is redeemed, and the page says so."""
    person = Person(browse)
    with pytest.raises(kind, match=match) as caught:
        sign_in(issuer, person, **more)
    assert not issuer.redeemed
    assert "Sign-in did not work" in person.page.text
    assert refuses(listened(person))
    return caught.value


@pytest.mark.parametrize("iss", ["https://evil.example", "{}/", "{}/x", "", " {}", "x{}"])
@pytest.mark.parametrize("advertised", [None, False, True])
def test_an_answer_of_another_issuer_is_not_trusted(
    issuer: Issuer, iss: str, advertised: bool | None
) -> None:
    issuer.describe(authorization_response_iss_parameter_supported=advertised)
    browse = answering(iss=iss.format(issuer.server.url))
    refused(issuer, ProtocolViolation, "another issuer", browse)


def test_nor_is_the_error_that_another_issuer_says(issuer: Issuer) -> None:
    browse = answering(["code"], iss="https://evil.example", error="access_denied")
    refused(issuer, ProtocolViolation, "another issuer", browse)


def test_an_issuer_that_always_names_itself_is_held_to_it(issuer: Issuer) -> None:
    issuer.describe(authorization_response_iss_parameter_supported=True)
    refused(issuer, ProtocolViolation, "does not name its issuer", answering())
    browse = answering(["code"], error="access_denied")
    refused(issuer, ProtocolViolation, "does not name its issuer", browse)


@pytest.mark.parametrize("advertised", [None, False, "true", True])
def test_the_right_issuer_is_taken(issuer: Issuer, advertised: object) -> None:
    issuer.describe(authorization_response_iss_parameter_supported=advertised)
    assert sign_in(issuer, Person(answering(iss=issuer.server.url))).access_token


# What the authority refuses.


def test_a_person_who_declines_is_an_access_denied(issuer: Issuer) -> None:
    browse = answering(
        ["code"], error="access_denied", error_description="No\x1b[2J, <b>never</b>."
    )
    error = refused(issuer, AccessDenied, r"in the browser\): access_denied: No \[2J", browse)
    assert isinstance(error, AccessDenied)
    assert error.error == "access_denied"
    assert error.status is None
    assert "\x1b" not in str(error)


@pytest.mark.parametrize(
    "name",
    ["login_required", "interaction_required", "consent_required", "account_selection_required"],
)
def test_an_authority_that_needs_a_page_needs_a_person(issuer: Issuer, name: str) -> None:
    claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
    browse = answering(["code"], error=name, claims=claims)
    error = refused(issuer, InteractionRequired, name, browse, prompt="none")
    assert isinstance(error, InteractionRequired)
    assert error.claims == claims
    assert isinstance(error.__cause__, AuthorityError)


@pytest.mark.parametrize(
    ("name", "retryable"),
    [
        ("invalid_request", False),
        ("unauthorized_client", False),
        ("unsupported_response_type", False),
        ("invalid_scope", False),
        ("server_error", True),
        ("temporarily_unavailable", True),
        ("a word of its own", False),
    ],
)
def test_any_other_refusal_is_in_the_authoritys_words(
    issuer: Issuer, name: str, retryable: bool
) -> None:
    error = refused(issuer, AuthorityError, name, answering(["code"], error=name))
    assert isinstance(error, AuthorityError)
    assert type(error) is AuthorityError
    assert error.retryable is retryable


def test_an_error_beside_a_code_is_an_error(issuer: Issuer) -> None:
    refused(issuer, AccessDenied, "access_denied", answering(error="access_denied"))


@pytest.mark.parametrize("leaving_out", [["code"], []])
def test_an_answer_with_nothing_in_it_is_malformed(issuer: Issuer, leaving_out: list[str]) -> None:
    refused(issuer, MalformedResponse, "neither a code nor", answering(leaving_out, code=""))


@pytest.mark.parametrize("protocol", [ENTRA_V1, ENTRA_V2], ids=lambda each: each.name)
def test_a_number_in_the_description_finds_its_advice(raw_server: RawServer, protocol: Any) -> None:
    of = environment(raw_server, protocol, advice={65004: "Have an administrator consent."})
    said = "AADSTS65004: User declined to consent to access the app."
    person = Person(answering(["code"], error="access_denied", error_description=said))
    with pytest.raises(AccessDenied) as caught:
        sign_in(of, person, application_id=APP)
    assert caught.value.codes == (65004,)
    assert caught.value.advice == "Have an administrator consent."
    assert str(caught.value).endswith("Have an administrator consent.")
    assert "AADSTS" not in person.page.text
    assert not raw_server.connections


# The redemption.


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (hang_up(), TransportError),
        (html(503, [("Retry-After", "0")]), MalformedResponse),
        (json_answer({"error": "slow_down"}, 429, [("Retry-After", "0")]), Throttled),
        (json_answer({"error": "temporarily_unavailable"}, 503, [("Retry-After", "0")]), AuthorityError),
        (json_answer({"error": "invalid_grant"}, 400), InvalidGrant),
        (html(200), MalformedResponse),
        (json_answer({"token_type": "Bearer"}), MalformedResponse),
    ],
)  # fmt: skip
def test_a_code_is_never_sent_twice(
    issuer: Issuer, behaviour: Behaviour, kind: type[GrantwayError]
) -> None:
    issuer.server.serve(behaviour, granted(), path="/token")
    person = Person(answering())
    with pytest.raises(kind):
        sign_in(issuer, person)
    assert len(issuer.redeemed) == 1
    assert "Sign-in did not work" in person.page.text
    assert "You are signed in" not in person.page.text


def test_where_the_token_endpoint_is_away_the_page_does_not_say_signed_in(issuer: Issuer) -> None:
    port = free_port()
    issuer.describe(token_endpoint=f"http://127.0.0.1:{port}/token")
    person = Person(answering())
    with pytest.raises(TransportError):
        sign_in(attrs.evolve(issuer.environment, hosts=[f"127.0.0.1:{port}"]), person)
    assert "Sign-in did not work" in person.page.text


def test_the_page_says_signed_in_only_after_the_redemption(issuer: Issuer) -> None:
    """While the token endpoint is asked, the last page is held."""
    at_token, seen = threading.Event(), threading.Event()
    early: list[bool] = []

    def browse(url: str) -> Page:
        sent = query(url)
        brought = deliver(sent["redirect_uri"], [("code", CODE), ("state", sent["state"])])
        with ThreadPoolExecutor() as pool:
            page = pool.submit(last_page, sent["redirect_uri"], brought)
            assert at_token.wait(10)
            early.append(page.done())
            seen.set()
            return page.result(10)

    def act(exchange: Exchange) -> None:
        at_token.set()
        assert seen.wait(10)
        granted().act(exchange)

    issuer.server.serve(Behaviour(act), path="/token")
    person = Person(browse)
    sign_in(issuer, person)
    assert early == [False]
    assert "You are signed in" in person.page.text


def test_the_nonce_ties_the_id_token_to_the_sign_in(issuer: Issuer) -> None:
    person = Person(answering())
    issuer.server.serve(issuer.signs_in(person), path="/token")
    result = sign_in(issuer, person)
    assert result.account is not None
    assert result.account.user_name == "alice@example.org"


@pytest.mark.parametrize("nonce", [None, "", "another", 5, ["x"]])
def test_an_id_token_of_another_sign_in_is_refused(issuer: Issuer, nonce: object) -> None:
    person = Person(answering())
    issuer.server.serve(issuer.signs_in(person, nonce=nonce), path="/token")
    with pytest.raises(ProtocolViolation, match="nonce"):
        sign_in(issuer, person)
    assert "Sign-in did not work" in person.page.text


# What the metadata may say.


@pytest.mark.parametrize("methods", [["plain"], ["S512", "plain"], ["s256"]])
def test_an_authority_without_s256_is_not_gone_to(issuer: Issuer, methods: list[str]) -> None:
    issuer.describe(code_challenge_methods_supported=methods)
    not_gone_to(issuer, "without S256")


def not_gone_to(issuer: Issuer, match: str) -> None:
    person = Person(answering())
    with pytest.raises(ProtocolViolation, match=match):
        sign_in(issuer, person)
    assert not person.opened
    assert not issuer.redeemed


@pytest.mark.parametrize("methods", [None, ["S256"], ["plain", "S256"]])
def test_an_authority_that_is_silent_of_its_methods_gets_s256(
    issuer: Issuer, methods: list[str] | None
) -> None:
    issuer.describe(code_challenge_methods_supported=methods)
    person = Person(answering())
    sign_in(issuer, person)
    assert query(person.opened[0])["code_challenge_method"] == "S256"


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("http://login.example/authorize", "cannot be used"),
        ("https://evil.example/authorize", "another host"),
        ("{}.evil.example/authorize", "cannot be used|another host"),
        ("https://user@evil.example/authorize", "cannot be used"),
        ("javascript:alert(1)", "cannot be used"),
        ("file:///etc/passwd", "cannot be used"),
    ],
)
def test_a_sign_in_page_elsewhere_is_not_opened(issuer: Issuer, url: str, match: str) -> None:
    issuer.describe(authorization_endpoint=url.format(issuer.server.url))
    not_gone_to(issuer, match)


@pytest.mark.parametrize("name", ["token_endpoint", "pushed_authorization_request_endpoint"])
def test_nor_is_a_code_or_request_sent_elsewhere(issuer: Issuer, name: str) -> None:
    issuer.describe(
        **{name: "https://evil.example/x", "require_pushed_authorization_requests": True}
    )
    not_gone_to(issuer, "another host")


def test_the_metadata_of_another_issuer_is_not_believed(issuer: Issuer) -> None:
    issuer.describe(issuer="https://evil.example")
    not_gone_to(issuer, "of the issuer")


def test_without_a_sign_in_page_and_without_device_code_there_is_no_way(issuer: Issuer) -> None:
    issuer.describe(
        authorization_endpoint=None, device_authorization_endpoint=f"{issuer.server.url}/device"
    )
    person = Person(answering())
    with pytest.raises(ConfigurationError, match="no sign-in page"):
        sign_in(issuer, person, device_code=False)
    assert not person.opened
    assert [each.path for each in issuer.server.requests] == ["/.well-known/openid-configuration"]


# The answer as a form.


def test_an_answer_may_come_as_a_form(issuer: Issuer) -> None:
    refusals: list[int] = []

    def browse(url: str) -> Page:
        sent = query(url)
        assert sent["response_mode"] == "form_post"
        fields = [("code", "evil"), ("state", sent["state"])]
        refusals.append(deliver(sent["redirect_uri"], fields).status)
        return answering(by_form=True)(url)

    person = Person(browse)
    sign_in(issuer, person, response_mode="form_post")
    assert refusals == [405]
    assert form(issuer)["code"] == CODE
    assert "You are signed in" in person.page.text


# Requests that have to be lodged first (RFC 9126).

PUSHED = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"


def lodging(issuer: Issuer, behaviour: Behaviour | None = None, **metadata: object) -> None:
    issuer.describe(
        **{
            "require_pushed_authorization_requests": True,
            "pushed_authorization_request_endpoint": f"{issuer.server.url}/par",
            **metadata,
        }
    )
    answer = behaviour or json_answer({"request_uri": PUSHED, "expires_in": 60}, 201)
    issuer.server.serve(answer, path="/par")


def lodged_browser(issuer: Issuer) -> Callable[[str], Page]:
    """A browser whose authority takes state and address from what was lodged with it."""

    def browse(url: str) -> Page:
        sent = lodged(issuer)
        brought = deliver(sent["redirect_uri"], [("code", CODE), ("state", sent["state"])])
        return last_page(sent["redirect_uri"], brought)

    return browse


def lodged(issuer: Issuer) -> dict[str, str]:
    (request,) = (each for each in issuer.server.requests if each.path == "/par")
    assert all(len(values) == 1 for values in request.form.values())
    return {name: values[0] for name, values in request.form.items()}


def test_a_request_is_lodged_first_where_the_authority_requires_it(issuer: Issuer) -> None:
    lodging(issuer)
    person = Person(lodged_browser(issuer))
    sign_in(issuer, person, login_hint="alice@example.org", prompt="login")
    assert query(person.opened[0]) == {"client_id": CLIENT_ID, "request_uri": PUSHED}
    sent = lodged(issuer)
    assert set(sent) == {
        "response_type", "client_id", "redirect_uri", "scope", "resource", "state", "nonce",
        "code_challenge", "code_challenge_method", "login_hint", "prompt",
    }  # fmt: skip
    assert sent["login_hint"] == "alice@example.org"
    redeemed = form(issuer)
    assert challenge_of(redeemed["code_verifier"]) == sent["code_challenge"]
    assert redeemed["redirect_uri"] == sent["redirect_uri"]
    assert "You are signed in" in person.page.text


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_confidential_client_shows_its_secret_when_it_lodges(issuer: Issuer, method: str) -> None:
    lodging(issuer, token_endpoint_auth_methods_supported=[method])
    issuer.server.serve(granted(refresh_token="a-refresh-token"), path="/token")
    person = Person(lodged_browser(issuer))
    given = {"application_id": None, "credential": (CLIENT_ID, CLIENT_SECRET), "consent": True}
    sign_in(issuer, person, **given)
    (request,) = (each for each in issuer.server.requests if each.path == "/par")
    assert request.form["client_id"] == [CLIENT_ID]
    assert ("client_secret" in request.form) is (method == "client_secret_post")
    assert request.headers.get("authorization", "").startswith("Basic") is (
        method == "client_secret_basic"
    )
    assert CLIENT_SECRET not in person.opened[0]


def test_a_request_is_not_lodged_where_that_is_only_offered(issuer: Issuer) -> None:
    lodging(issuer, require_pushed_authorization_requests=False)
    person = Person(answering())
    sign_in(issuer, person)
    assert "request_uri" not in query(person.opened[0])
    assert not [each for each in issuer.server.requests if each.path == "/par"]


def test_a_request_is_lodged_where_that_is_offered_and_asked_for(issuer: Issuer) -> None:
    lodging(issuer, require_pushed_authorization_requests=None)
    person = Person(lodged_browser(issuer))
    sign_in(attrs.evolve(issuer.environment, pushed_authorization=True), person)
    assert query(person.opened[0]) == {"client_id": CLIENT_ID, "request_uri": PUSHED}
    assert "on this machine within 60 seconds:" in person.shown[0]


@pytest.mark.parametrize("required", [True, False])
def test_a_request_that_is_to_be_lodged_nowhere_opens_no_browser(
    issuer: Issuer, required: bool
) -> None:
    issuer.describe(require_pushed_authorization_requests=required)
    person = Person(nobody)
    of = attrs.evolve(issuer.environment, pushed_authorization=not required)
    with pytest.raises(ConfigurationError, match="lodged") as caught:
        sign_in(of, person)
    assert "pushed_authorization" in caught.value.remedy
    assert not person.opened


def test_a_plan_shows_that_a_request_is_lodged(issuer: Issuer) -> None:
    of = attrs.evolve(issuer.environment, pushed_authorization=True)
    with Dispatcher(prompter=False) as asking:
        planned = asking.explain(environment=of, application_id=CLIENT_ID).requests
    assert [each.endpoint for each in planned] == [
        "pushed_authorization_request", "authorization", "token",
    ]  # fmt: skip
    assert dict(planned[1].fields) == {"client_id": CLIENT_ID, "request_uri": "***"}
    assert "code_challenge" in dict(planned[0].fields)


def test_where_endpoints_are_fixed_the_metadata_still_says_where_to_lodge(issuer: Issuer) -> None:
    lodging(issuer, require_pushed_authorization_requests=None)
    url = issuer.server.url
    fixed = attrs.evolve(
        issuer.environment.protocol,
        name="fixed",
        token_path="{authority}/token",
        authorization_path="{authority}/authorize",
    )
    of = attrs.evolve(issuer.environment, protocol=fixed, pushed_authorization=True, authority=url)
    person = Person(lodged_browser(issuer))
    sign_in(of, person)
    assert query(person.opened[0]) == {"client_id": CLIENT_ID, "request_uri": PUSHED}


@pytest.mark.parametrize(
    ("behaviour", "kind", "match"),
    [
        (json_answer({"error": "invalid_request"}, 400), AuthorityError, "invalid_request"),
        (html(500), MalformedResponse, "500"),
        (json_answer({"expires_in": 60}, 201), MalformedResponse, "under which name"),
        (json_answer({"request_uri": ""}, 201), MalformedResponse, "under which name"),
        (json_answer({"request_uri": 5}, 201), MalformedResponse, "under which name"),
        (json_answer({"request_uri": "a b", "expires_in": 60}, 201), MalformedResponse, "name"),
        (json_answer({"request_uri": PUSHED}, 201), MalformedResponse, "for how long"),
        (json_answer({"request_uri": PUSHED, "expires_in": 0}, 201), MalformedResponse, "how long"),
        (hang_up(), TransportError, "127.0.0.1"),
    ],
)
def test_a_request_that_cannot_be_lodged_opens_no_browser(
    issuer: Issuer, behaviour: Behaviour, kind: type[GrantwayError], match: str
) -> None:
    lodging(issuer, behaviour)
    person = Person(nobody)
    with pytest.raises(kind, match=match):
        sign_in(issuer, person)
    assert not person.opened
    assert refuses(urlsplit(lodged(issuer)["redirect_uri"]).port or 0)


# No browser.


class ByHand(Person):
    """Somebody who opens the address that is shown, for no browser can be opened for them."""

    def show(self, text: str) -> None:
        super().show(text)
        self.visits += [self._threads.submit(self.browse, url) for url in addresses(text)]


@pytest.mark.parametrize("device_code", [None, False])
def test_where_no_browser_can_be_opened_the_address_is_for_the_person(
    issuer: Issuer, device_code: bool | None
) -> None:
    person = ByHand(answering(), opens=False)
    sign_in(issuer, person, device_code=device_code)
    assert len(person.shown) == 1
    assert "You are signed in" in person.page.text


# The end of the wait.


def test_when_the_time_is_up_nobody_listens_any_more(issuer: Issuer) -> None:
    person = Person(nobody)
    with pytest.raises(DeadlineExceeded, match="300 seconds"):
        sign_in(issuer, person, clock=FakeClock())
    late = query(person.opened[0])
    with pytest.raises(ConnectionRefusedError):
        deliver(late["redirect_uri"], [("code", CODE), ("state", late["state"])])
    assert not issuer.redeemed


def test_an_interrupt_leaves_nothing_listening(issuer: Issuer) -> None:
    person = Person(lambda _: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        sign_in(issuer, person)
    assert refuses(listened(person))
    assert refuses(listened(person), "::1")
    assert not issuer.redeemed


# Secrets.


@pytest.mark.parametrize("refusal", [False, True])
def test_neither_code_nor_verifier_is_logged_shown_or_raised(
    issuer: Issuer,
    refusal: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    person = Person(answering())

    def echo(exchange: Exchange) -> None:
        """An authority that repeats what it was sent."""
        assert exchange.request
        said = exchange.request.body.decode()
        json_answer({"error": "invalid_grant", "error_description": said}, 400).act(exchange)

    if refusal:
        issuer.server.serve(Behaviour(echo), path="/token")
    seen: list[str] = []
    try:
        seen.append(repr(sign_in(issuer, person)))
    except InvalidGrant as error:
        seen += [traced(error), *texts(error)]
    verifier = form(issuer)["code_verifier"]
    assert seen
    told = "".join([*seen, *person.shown, caplog.text, *capfd.readouterr(), str(person.page)])
    assert CODE not in told
    assert verifier not in told


def test_the_address_has_no_secret_of_the_client_in_it(issuer: Issuer) -> None:
    issuer.server.serve(granted(refresh_token="a-refresh-token"), path="/token")
    person = Person(answering())
    given = {"application_id": None, "credential": (CLIENT_ID, CLIENT_SECRET), "consent": True}
    sign_in(issuer, person, **given)
    assert CLIENT_SECRET not in "".join(person.opened + person.shown)
    assert form(issuer)["client_secret"] == CLIENT_SECRET
    assert parse_qs(urlsplit(person.opened[0]).query)["client_id"] == [CLIENT_ID]
