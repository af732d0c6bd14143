"""The authorization endpoint: whom it answers, where, and with what."""

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import requests

from grantway_sandbox.model import PUBLIC_APPLICATION_ID, User
from grantway_sandbox.person import Person, Stuck
from grantway_sandbox.server import Sandbox
from sandbox.signing_in import REDIRECT, Listener, authorization_url, parameters, path, redeem
from sandbox.support import GRAPH, FakeClock, claims_of, unverified

OTHER_USER = "5a9d0b0c-2001-4a00-8a00-0000000000bb"


@pytest.fixture
def other(sandbox: Sandbox) -> User:
    """A user without a second factor, of a customer's tenant."""
    user = User(
        OTHER_USER,
        "kim@fabrikam.example",
        "Kim Customer",
        sandbox.customers[0].tenant_id,
        amr=("pwd",),
    )
    sandbox.register(user)
    return user


@pytest.fixture
def person(sandbox: Sandbox) -> Person:
    return sandbox.person()


@pytest.fixture
def automatic(clock: FakeClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock, auto_approve=True) as sandbox:
        yield sandbox


def get(url: str) -> requests.Response:
    return requests.get(url, allow_redirects=False, timeout=10)


def register(sandbox: Sandbox, **changes: Any) -> None:
    application = sandbox.authority.find_application(PUBLIC_APPLICATION_ID)
    assert application is not None
    sandbox.register(attrs.evolve(application, **changes))


# Whom it answers, and where


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("tenant", ["id", "domain", "common", "organizations"])
def test_the_answer_has_a_code_and_the_state(
    sandbox: Sandbox, person: Person, version: int, tenant: str
) -> None:
    names = {"id": sandbox.tenant.tenant_id, "domain": sandbox.tenant.domain}
    answer = person.answer(
        authorization_url(sandbox, version, tenant=names.get(tenant, tenant), state="x & y=ü")
    )
    assert answer.redirect_uri == REDIRECT
    assert answer.get("state") == "x & y=ü"
    token = redeem(sandbox, answer.get("code"), version, tenant=names.get(tenant, tenant))
    assert claims_of(token)["oid"] == sandbox.user.object_id
    assert claims_of(token)["tid"] == sandbox.tenant.tenant_id


def test_at_common_the_users_own_tenant_decides(sandbox: Sandbox, other: User) -> None:
    answer = sandbox.person(other).answer(authorization_url(sandbox))
    assert claims_of(redeem(sandbox, answer.get("code")))["tid"] == other.tenant_id


@pytest.mark.parametrize(
    ("registered", "given"),
    [
        ("http://localhost", "http://localhost"),
        ("http://localhost", "http://localhost/"),
        ("http://localhost", "http://localhost:1"),
        ("http://localhost", "http://localhost:65535/"),
        ("http://localhost/callback", "http://localhost:8400/callback"),
        ("http://127.0.0.1", "http://127.0.0.1:8400/"),
        ("http://[::1]/x", "http://[::1]:8400/x"),
        ("https://app.example/cb?x=1", "https://app.example/cb?x=1"),
        ("msal5a9d0b0c://auth", "msal5a9d0b0c://auth"),
    ],
)
def test_a_registered_redirect_uri_is_answered(
    automatic: Sandbox, registered: str, given: str
) -> None:
    register(automatic, redirect_uris=(registered,))
    answer = get(authorization_url(automatic, redirect_uri=given))
    assert answer.headers["Location"].startswith(given)
    assert parameters(answer)["code"]


@pytest.mark.parametrize(
    ("registered", "given"),
    [
        ("http://localhost", "http://127.0.0.1:8400/"),
        ("http://127.0.0.1", "http://localhost:8400/"),
        ("http://localhost", "https://localhost:8400/"),
        ("http://localhost", "http://localhost:8400/other"),
        ("http://localhost/callback", "http://localhost:8400/"),
        ("http://localhost", "http://localhost:8400/?x=1"),
        ("http://localhost", "http://localhost:8400/#x"),
        ("http://localhost", "http://localhost.attacker.example/"),
        ("http://localhost", "http://localhost:8400@attacker.example/"),
        ("http://localhost", "http://someone@localhost:8400/"),
        ("http://localhost", "http://localhost:port/"),
        ("http://localhost", "http://localhost:99999/"),
        ("http://localhost", "http://[/"),
        ("https://app.example/cb", "https://app.example:444/cb"),
        ("https://app.example/cb", "https://app.example/cb/"),
        ("https://app.example/cb", "https://app.example/CB"),
        ("https://app.example/cb", "https://app.example/cb?x=1"),
    ],
)
def test_another_redirect_uri_gets_a_page_and_no_redirect(
    automatic: Sandbox, registered: str, given: str
) -> None:
    register(automatic, redirect_uris=(registered,))
    answer = get(authorization_url(automatic, redirect_uri=given))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "AADSTS50011" in answer.text


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"client_id": "5a9d0b0c-ffff-4a00-8a00-00000000c0de"}, 700016),
        ({"client_id": "<script>alert(1)</script>"}, 700016),
        ({"client_id": None}, 900144),
        ({"tenant": "nowhere.example"}, 90002),
        ({"tenant": "consumers"}, 900023),
    ],
)
def test_who_asks_must_be_known_or_there_is_a_page(
    automatic: Sandbox, fields: dict[str, Any], number: int
) -> None:
    answer = get(authorization_url(automatic, **fields))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert f"AADSTS{number}" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state"])
def test_a_parameter_that_comes_twice_gets_a_page(automatic: Sandbox, name: str) -> None:
    answer = get(authorization_url(automatic) + f"&{name}=again")
    assert answer.status_code == 400
    assert "AADSTS9000411" in answer.text


def test_an_application_of_one_tenant_is_not_for_common(sandbox: Sandbox) -> None:
    register(sandbox, multi_tenant=False)
    assert "AADSTS50194" in get(authorization_url(sandbox)).text
    customer = sandbox.customers[0].domain
    assert "AADSTS700016" in get(authorization_url(sandbox, tenant=customer)).text


def test_without_a_redirect_uri_the_first_registered_one_is_answered(automatic: Sandbox) -> None:
    answer = get(authorization_url(automatic, redirect_uri=None))
    assert answer.headers["Location"].startswith("http://localhost?code=")


# What is wrong with it


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "carrier_pigeon"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "perhaps"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "+" * 43}, "invalid_request"),
        ({"claims": "no JSON"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"scope": None}, "invalid_request"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": f"{GRAPH}/No.Such"}, "invalid_scope"),
        ({"scope": "api://nothing/.default"}, "invalid_resource"),
        ({"resource": GRAPH}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "urn:x"}, "request_uri_not_supported"),
    ],
)
def test_a_request_that_is_wrong_is_refused_to_the_client(
    automatic: Sandbox, fields: dict[str, Any], error: str
) -> None:
    answer = parameters(get(authorization_url(automatic, **fields)))
    assert answer["error"] == error
    assert answer["state"] == "a state"
    assert answer["error_description"].startswith("AADSTS")
    assert "code" not in answer


# How it is answered


def test_a_fragment_answers_behind_the_hash(automatic: Sandbox) -> None:
    location = get(authorization_url(automatic, response_mode="fragment")).headers["Location"]
    assert location.startswith(f"{REDIRECT}#code=")
    assert "?" not in location


def test_what_the_redirect_uri_has_in_its_query_stays(automatic: Sandbox) -> None:
    register(automatic, redirect_uris=("https://app.example/cb?x=1",))
    answer = get(authorization_url(automatic, redirect_uri="https://app.example/cb?x=1"))
    assert parameters(answer)["x"] == "1"


def test_a_form_is_posted_with_markup_in_state_as_it_was(sandbox: Sandbox, person: Person) -> None:
    state = '"><script>alert(1)</script>'
    with Listener() as listener:
        url = authorization_url(
            sandbox, response_mode="form_post", state=state, redirect_uri=listener.url
        )
        page = person.sign_in(url)
    assert "Back at the client" in page.text
    ((method, where, fields),) = listener.received
    assert (method, where) == ("POST", "/")
    assert fields["state"] == state
    assert fields["code"]


def test_errors_go_by_form_too(automatic: Sandbox) -> None:
    page = get(authorization_url(automatic, response_mode="form_post", response_type="token"))
    assert page.status_code == 200
    assert 'value="unsupported_response_type"' in page.text


@pytest.mark.parametrize("version", [1, 2])
def test_with_rfc_9207_every_answer_says_who_gives_it(clock: FakeClock, version: int) -> None:
    with Sandbox(clock=clock, response_iss=True, auto_approve=True) as sandbox:
        tenant = sandbox.tenant.domain
        place = f"{sandbox.url}/{tenant}" + ("/v2.0" if version == 2 else "")
        metadata = requests.get(f"{place}/.well-known/openid-configuration", timeout=10).json()
        assert metadata["authorization_response_iss_parameter_supported"] is True
        for fields in ({}, {"response_type": "token"}):
            url = authorization_url(sandbox, version, tenant=tenant, **fields)
            assert parameters(get(url))["iss"] == metadata["issuer"]
        at_common = parameters(get(authorization_url(sandbox, version)))
        assert at_common["iss"] == metadata["issuer"]


def test_without_it_no_answer_does(automatic: Sandbox) -> None:
    assert "iss" not in parameters(get(authorization_url(automatic)))


# Who has to be asked


def test_a_second_sign_in_in_the_session_shows_no_page(sandbox: Sandbox, person: Person) -> None:
    person.answer(authorization_url(sandbox))
    before = len(sandbox.requests)
    assert person.answer(authorization_url(sandbox)).get("code")
    assert len(sandbox.requests) == before + 1


def test_silent_sign_in_takes_the_session_and_its_time(
    sandbox: Sandbox, person: Person, clock: FakeClock
) -> None:
    then = int(clock())
    person.answer(authorization_url(sandbox))
    clock.advance(100)
    answer = person.answer(authorization_url(sandbox, prompt="none"))
    claims = unverified(redeem(sandbox, answer.get("code")).json()["id_token"])
    assert claims["auth_time"] == then


def test_prompt_none_never_shows_a_page(sandbox: Sandbox, person: Person, other: User) -> None:
    quiet = authorization_url(sandbox, prompt="none")
    assert person.answer(quiet).get("error") == "login_required"
    person.answer(authorization_url(sandbox))
    hinted = authorization_url(sandbox, prompt="none", login_hint=other.user_name)
    assert person.answer(hinted).get("error") == "login_required"
    sandbox.consent(PUBLIC_APPLICATION_ID, sandbox.tenant.tenant_id, given=False)
    assert person.answer(quiet).get("error") == "consent_required"
    assert "AADSTS65001" in str(person.answer(quiet).get("error_description"))


def test_prompt_none_says_when_a_second_factor_is_missing(sandbox: Sandbox, other: User) -> None:
    person = sandbox.person(other)
    person.answer(authorization_url(sandbox))
    claims = json.dumps({"id_token": {"amr": {"essential": True, "values": ["mfa"]}}})
    answer = person.answer(authorization_url(sandbox, prompt="none", claims=claims))
    assert answer.get("error") == "interaction_required"
    assert "AADSTS50076" in str(answer.get("error_description"))


def test_prompt_login_signs_in_anew(sandbox: Sandbox, person: Person, clock: FakeClock) -> None:
    person.answer(authorization_url(sandbox))
    clock.advance(100)
    answer = person.answer(authorization_url(sandbox, prompt="login"))
    claims = unverified(redeem(sandbox, answer.get("code")).json()["id_token"])
    assert claims["auth_time"] == int(clock())


def test_a_hint_chooses_among_those_signed_in(sandbox: Sandbox, other: User) -> None:
    person = sandbox.person()
    person.answer(authorization_url(sandbox))
    person.user, person.password = other, other.password
    person.answer(authorization_url(sandbox, login_hint=other.user_name))
    for user in (sandbox.user, other):
        hinted = authorization_url(sandbox, login_hint=user.user_name.upper(), prompt="none")
        token = redeem(sandbox, person.answer(hinted).get("code"))
        assert claims_of(token)["oid"] == user.object_id
    several = person.answer(authorization_url(sandbox, prompt="none"))
    assert several.get("error") == "interaction_required"


def test_several_accounts_are_shown_to_pick_from(sandbox: Sandbox, other: User) -> None:
    person = sandbox.person()
    person.answer(authorization_url(sandbox))
    person.user, person.password = other, other.password
    url = authorization_url(sandbox, prompt="select_account")
    token = redeem(sandbox, person.answer(url).get("code"))
    assert claims_of(token)["oid"] == other.object_id
    person.user = sandbox.user
    person.password = "never asked for"
    token = redeem(sandbox, person.answer(url).get("code"))
    assert claims_of(token)["oid"] == sandbox.user.object_id


def test_an_unknown_domain_hint_does_no_harm(sandbox: Sandbox, person: Person) -> None:
    assert person.answer(authorization_url(sandbox, domain_hint="contoso.example")).get("code")


# Factors


def test_who_has_a_second_factor_is_asked_for_it(sandbox: Sandbox) -> None:
    person = Person(sandbox.user, one_time_code="000000")
    with pytest.raises(Stuck, match="not the code"):
        person.answer(authorization_url(sandbox))


def test_who_has_none_signs_in_by_password_alone(sandbox: Sandbox, other: User) -> None:
    answer = sandbox.person(other).answer(authorization_url(sandbox))
    assert claims_of(redeem(sandbox, answer.get("code")))["amr"] == ["pwd"]


@pytest.mark.parametrize(
    "claims",
    [
        {"id_token": {"amr": {"essential": True, "values": ["mfa"]}}},
        {"id_token": {"amr": {"value": "mfa"}}},
        {"access_token": {"acrs": {"essential": True, "value": "c1"}}},
        {"access_token": {"capolids": {"essential": True, "values": ["x"]}}},
    ],
)
def test_a_demand_for_a_second_factor_is_met(
    sandbox: Sandbox, other: User, claims: dict[str, object]
) -> None:
    person = sandbox.person(other)
    person.answer(authorization_url(sandbox))
    answer = person.answer(authorization_url(sandbox, claims=json.dumps(claims)))
    assert claims_of(redeem(sandbox, answer.get("code")))["amr"] == ["pwd", "mfa"]


def test_other_claims_demand_nothing(sandbox: Sandbox, other: User) -> None:
    claims = json.dumps(
        {"access_token": {"xms_cc": {"values": ["cp1"]}}, "id_token": {"amr": None}}
    )
    answer = sandbox.person(other).answer(authorization_url(sandbox, claims=claims))
    assert claims_of(redeem(sandbox, answer.get("code")))["amr"] == ["pwd"]


@pytest.mark.parametrize("user_name", [None, "nobody@contoso.example"])
def test_a_wrong_password_and_an_unknown_user_are_told_the_same(
    sandbox: Sandbox, user_name: str | None
) -> None:
    user = attrs.evolve(sandbox.user, user_name=user_name or sandbox.user.user_name)
    with pytest.raises(Stuck, match="The user name or the password is not right"):
        Person(user, password="wrong").answer(authorization_url(sandbox))


# Consent


def test_consent_is_asked_for_once_and_recorded(sandbox: Sandbox, person: Person) -> None:
    where = PUBLIC_APPLICATION_ID, sandbox.tenant.tenant_id
    sandbox.consent(*where, given=False)
    answer = person.answer(authorization_url(sandbox))
    assert redeem(sandbox, answer.get("code")).ok
    assert sandbox.authority.has_consent(*where)
    assert person.answer(authorization_url(sandbox, prompt="none")).get("code")


def test_who_declines_is_told_to_the_client_and_consents_to_nothing(sandbox: Sandbox) -> None:
    where = PUBLIC_APPLICATION_ID, sandbox.tenant.tenant_id
    sandbox.consent(*where, given=False)
    answer = sandbox.person(accept=False).answer(authorization_url(sandbox))
    assert answer.get("error") == "access_denied"
    assert "AADSTS65004" in str(answer.get("error_description"))
    assert answer.get("state") == "a state"
    assert not sandbox.authority.has_consent(*where)


@pytest.mark.parametrize("mode", ["query", "form_post", "fragment"])
def test_declining_at_the_consent_page_works_in_every_mode(
    sandbox: Sandbox, person: Person, mode: str
) -> None:
    person.answer(authorization_url(sandbox))
    person.accept = False
    url = authorization_url(sandbox, prompt="consent", response_mode=mode)
    assert person.answer(url).get("error") == "access_denied"


# Approving by itself


def test_auto_approval_answers_at_once_as_the_standard_user(automatic: Sandbox) -> None:
    answer = parameters(get(authorization_url(automatic, prompt="login")))
    token = redeem(automatic, answer["code"])
    assert claims_of(token)["oid"] == automatic.user.object_id
    assert claims_of(token)["amr"] == ["pwd", "mfa"]


def test_auto_approval_records_consent(automatic: Sandbox) -> None:
    automatic.consent(PUBLIC_APPLICATION_ID, automatic.tenant.tenant_id, given=False)
    assert redeem(automatic, parameters(get(authorization_url(automatic)))["code"]).ok


def test_under_auto_approval_a_hint_picks_the_user(automatic: Sandbox) -> None:
    user = User(OTHER_USER, "kim@contoso.example", "Kim", automatic.tenant.tenant_id)
    automatic.register(user)
    hinted = authorization_url(automatic, login_hint=user.user_name)
    token = redeem(automatic, parameters(get(hinted))["code"])
    assert claims_of(token)["oid"] == user.object_id
    nobody = parameters(get(authorization_url(automatic, login_hint="nobody@contoso.example")))
    assert nobody["error"] == "access_denied"
    assert "AADSTS50034" in nobody["error_description"]


# To the client that listens


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_the_answer_arrives_at_a_listening_client(
    sandbox: Sandbox, person: Person, mode: str
) -> None:
    with Listener() as listener:
        person.open(authorization_url(sandbox, response_mode=mode, redirect_uri=listener.url))
        person.close()
    ((_, where, fields),) = listener.received
    assert where == "/"
    assert redeem(sandbox, fields["code"], redirect_uri=listener.url).ok


def test_what_went_wrong_in_an_opened_page_is_told_at_the_end(sandbox: Sandbox) -> None:
    person = Person(sandbox.user, password="wrong")
    assert person.open(authorization_url(sandbox)) is True
    with pytest.raises(Stuck, match="password"):
        person.close()
    person.close()


def test_the_log_names_the_requests_and_repr_hides_codes(sandbox: Sandbox, person: Person) -> None:
    answer = person.answer(authorization_url(sandbox))
    assert str(answer.get("code")) not in repr(answer)
    assert sandbox.user.password not in repr(sandbox.user) + repr(person)
    assert sandbox.requests[0].path == f"/common/{path('authorize', 2)}"
