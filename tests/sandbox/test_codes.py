"""Authorization codes: what they are bound to, and what they are good for."""

from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
import requests

from grantway_sandbox.model import PUBLIC_APPLICATION_ID
from grantway_sandbox.server import Sandbox
from sandbox.signing_in import REDIRECT, SCOPE, VERIFIER, authorization_url, redeem
from sandbox.support import GRAPH, FakeClock, claims_of, code_of, unverified


@pytest.fixture
def code(sandbox: Sandbox) -> str:
    return code_for(sandbox)


def code_for(sandbox: Sandbox, version: int = 2, **fields: str | None) -> str:
    found = sandbox.person().answer(authorization_url(sandbox, version, **fields)).get("code")
    assert found is not None
    return found


def test_v2_answers_with_id_token_and_refresh_token_as_scopes_have_it(
    sandbox: Sandbox, code: str
) -> None:
    answer = redeem(sandbox, code).json()
    claims = unverified(answer["id_token"])
    assert claims["nonce"] == "a nonce"
    assert claims["amr"] == ["pwd", "mfa"]
    assert claims["auth_time"] == int(sandbox.authority.clock())
    assert claims["aud"] == sandbox.public_application_id
    assert unverified(answer["access_token"])["amr"] == ["pwd", "mfa"]
    assert unverified(answer["access_token"])["scp"] == "User.Read"
    assert answer["refresh_token"]
    bare = redeem(sandbox, code_for(sandbox, scope=f"{GRAPH}/User.Read")).json()
    assert not {"id_token", "refresh_token"} & bare.keys()


def test_v1_answers_with_id_token_and_refresh_token_always(sandbox: Sandbox) -> None:
    answer = redeem(sandbox, code_for(sandbox, 1), 1).json()
    assert answer["resource"] == GRAPH
    assert unverified(answer["id_token"])["nonce"] == "a nonce"
    assert answer["refresh_token"]


def test_v1_may_name_the_resource_when_it_redeems(sandbox: Sandbox) -> None:
    code = code_for(sandbox, 1, resource=None)
    assert code_of(redeem(sandbox, code, 1)) == 900144
    code = code_for(sandbox, 1, resource=None)
    assert claims_of(redeem(sandbox, code, 1, resource=GRAPH))["aud"] == GRAPH


def test_the_refreshed_id_token_tells_of_the_same_sign_in(
    sandbox: Sandbox, code: str, clock: FakeClock
) -> None:
    first = redeem(sandbox, code).json()
    clock.advance(3000)
    second = redeem(
        sandbox,
        None,
        grant_type="refresh_token",
        refresh_token=first["refresh_token"],
        redirect_uri=None,
        code_verifier=None,
    ).json()
    old, new = unverified(first["id_token"]), unverified(second["id_token"])
    assert new["auth_time"] == old["auth_time"]
    assert new["amr"] == old["amr"]
    assert "nonce" not in new


def test_a_code_used_twice_is_refused_and_what_came_of_it_is_revoked(
    sandbox: Sandbox, code: str
) -> None:
    first = redeem(sandbox, code).json()
    again = redeem(sandbox, code)
    assert (again.json()["error"], code_of(again)) == ("invalid_grant", 54005)
    refreshed = redeem(
        sandbox,
        None,
        grant_type="refresh_token",
        refresh_token=first["refresh_token"],
    )
    assert code_of(refreshed) == 50173


def test_of_many_redemptions_at_once_one_wins_and_leaves_no_refresh_token_alive(
    sandbox: Sandbox, code: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: redeem(sandbox, code), range(8)))
    (won,) = [answer for answer in answers if answer.ok]
    assert {code_of(answer) for answer in answers if not answer.ok} == {54005}
    token = won.json()["refresh_token"]
    refused = redeem(sandbox, None, grant_type="refresh_token", refresh_token=token)
    assert code_of(refused) == 50173


def test_a_code_lives_for_ten_minutes(sandbox: Sandbox, clock: FakeClock) -> None:
    codes = code_for(sandbox), code_for(sandbox)
    clock.advance(599)
    assert redeem(sandbox, codes[0]).ok
    clock.advance(1)
    late = redeem(sandbox, codes[1])
    assert (late.json()["error"], code_of(late)) == ("invalid_grant", 70008)


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"code_verifier": "w" * 64}, 501481),
        ({"code_verifier": None}, 501481),
        ({"redirect_uri": "http://localhost:8401/"}, 500112),
        ({"redirect_uri": None}, 500112),
        ({"tenant": "fabrikam.example"}, 700005),
        ({"version": 1, "resource": GRAPH}, 70000),
        ({"scope": f"{GRAPH}/Mail.Read"}, 70011),
        ({"client_secret": "a secret"}, 700025),
        ({"code": "1.nothing"}, 70000),
        ({"code": None}, 900144),
    ],
)
def test_a_redemption_that_does_not_fit_is_refused_and_leaves_the_code_good(
    sandbox: Sandbox, code: str, fields: dict[str, str | None], number: int
) -> None:
    assert code_of(redeem(sandbox, **({"code": code} | fields))) == number
    assert redeem(sandbox, code).ok


def test_a_verifier_without_a_challenge_is_refused(sandbox: Sandbox) -> None:
    code = code_for(sandbox, code_challenge=None, code_challenge_method=None)
    assert code_of(redeem(sandbox, code)) == 501481
    assert redeem(sandbox, code, code_verifier=None).ok


def test_confidential_clients_authenticate(sandbox: Sandbox) -> None:
    demo = sandbox.application
    code = code_for(sandbox, client_id=demo.application_id)
    assert code_of(redeem(sandbox, code, client_id=demo.application_id)) == 7000218
    assert code_of(redeem(sandbox, code)) == 70000
    answer = redeem(sandbox, code, client_id=demo.application_id, client_secret=demo.secret)
    assert claims_of(answer)["appidacr"] == "1"


def test_an_application_without_offline_access_gets_no_refresh_token(sandbox: Sandbox) -> None:
    application = sandbox.authority.find_application(PUBLIC_APPLICATION_ID)
    assert application is not None
    sandbox.register(attrs.evolve(application, offline_access=False))
    for version in (1, 2):
        answer = redeem(sandbox, code_for(sandbox, version), version)
        assert answer.json()["access_token"]
        assert "refresh_token" not in answer.json()


def test_a_token_request_may_narrow_the_scope(sandbox: Sandbox) -> None:
    code = code_for(sandbox, scope=f"{SCOPE} {GRAPH}/Mail.Read")
    assert claims_of(redeem(sandbox, code, scope=f"{GRAPH}/Mail.Read"))["scp"] == "Mail.Read"


def test_the_tenant_asked_for_is_the_tokens_own(sandbox: Sandbox) -> None:
    for customer in sandbox.customers:
        code = code_for(sandbox, tenant=customer.domain)
        answer = redeem(sandbox, code, tenant=customer.tenant_id)
        assert claims_of(answer)["tid"] == customer.tenant_id
        assert unverified(answer.json()["id_token"])["tid"] == customer.tenant_id


def test_the_code_is_read_from_the_form_alone(sandbox: Sandbox, code: str) -> None:
    answer = requests.post(
        f"{sandbox.url}/common/oauth2/v2.0/token",
        params={"code": code},
        data={
            "client_id": sandbox.public_application_id,
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        },
        timeout=10,
    )
    assert code_of(answer) == 900144
