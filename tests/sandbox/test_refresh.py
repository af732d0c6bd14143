"""Refresh tokens: bound to user and client, to no tenant and no resource; rotating."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, Ask, FakeClock, claims_of


@pytest.fixture
def refresh(ask: Ask) -> Ask:
    def post(token: str, version: int = 2, **fields: str | None) -> requests.Response:
        return ask(version, grant_type="refresh_token", refresh_token=token, **fields)

    return post


def test_one_refresh_token_works_in_every_consenting_tenant_and_for_every_resource(
    sandbox: Sandbox, refresh: Ask
) -> None:
    token = sandbox.issue_refresh_token()
    for tenant in sandbox.tenants:
        for resource in (GRAPH, "https://outlook.office365.com", sandbox.url):
            answer = refresh(token, tenant=tenant.domain, scope=f"{resource}/.default")
            assert claims_of(answer)["tid"] == tenant.tenant_id
            assert claims_of(answer)["oid"] == sandbox.user.object_id


def test_at_common_the_users_own_tenant_answers(sandbox: Sandbox, refresh: Ask) -> None:
    answer = refresh(sandbox.issue_refresh_token(), tenant="common")
    assert claims_of(answer)["tid"] == sandbox.tenant.tenant_id


def test_without_consent_the_tenant_refuses(sandbox: Sandbox, refresh: Ask) -> None:
    customer = sandbox.customers[0]
    sandbox.consent(sandbox.application.application_id, customer.tenant_id, given=False)
    answer = refresh(sandbox.issue_refresh_token(), tenant=customer.tenant_id)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert answer.json()["error_codes"] == [65001]
    assert answer.json()["suberror"] == "consent_required"


def test_each_use_returns_a_new_token_and_the_old_one_goes_on(
    sandbox: Sandbox, refresh: Ask
) -> None:
    first = sandbox.issue_refresh_token()
    second = refresh(first, scope=f"{GRAPH}/.default offline_access").json()["refresh_token"]
    assert second != first
    assert refresh(first).ok
    assert refresh(second).ok


def test_v2_returns_a_refresh_token_only_for_offline_access_and_v1_always(
    sandbox: Sandbox, refresh: Ask
) -> None:
    token = sandbox.issue_refresh_token()
    assert "refresh_token" not in refresh(token, scope=f"{GRAPH}/.default").json()
    assert "refresh_token" in refresh(token, scope=f"{GRAPH}/.default offline_access").json()
    assert "refresh_token" in refresh(token, version=1).json()


def test_v2_returns_an_id_token_only_for_openid_and_v1_always(
    sandbox: Sandbox, refresh: Ask
) -> None:
    token = sandbox.issue_refresh_token()
    assert "id_token" not in refresh(token, scope=f"{GRAPH}/.default").json()
    assert "id_token" in refresh(token, scope=f"{GRAPH}/.default openid").json()
    assert "id_token" in refresh(token, version=1).json()


@pytest.mark.parametrize("version", [1, 2])
def test_a_refresh_that_names_nothing_gets_what_was_granted_before(
    sandbox: Sandbox, refresh: Ask, version: int
) -> None:
    token = sandbox.issue_refresh_token(resource="https://outlook.office365.com")
    answer = refresh(token, version=version, scope=None, resource=None)
    assert claims_of(answer)["aud"] == "https://outlook.office365.com"


def test_a_token_of_another_client_is_refused(sandbox: Sandbox, refresh: Ask) -> None:
    token = sandbox.issue_refresh_token(application_id=sandbox.public_application_id)
    answer = refresh(token)
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [70000]
    public = {"client_id": sandbox.public_application_id, "client_secret": None}
    assert refresh(token, **public).ok


def test_an_unknown_token_is_refused(refresh: Ask) -> None:
    assert refresh("1.nothing").json()["error_codes"] == [70000]


def test_a_token_dies_after_ninety_idle_days(
    sandbox: Sandbox, refresh: Ask, clock: FakeClock
) -> None:
    token = sandbox.issue_refresh_token()
    clock.advance(89 * 86400)
    successor = refresh(token, version=1).json()["refresh_token"]
    clock.advance(2 * 86400)
    assert refresh(token).json()["error_codes"] == [700082]
    assert refresh(successor).ok


def test_a_revoked_token_is_refused_with_all_its_kin(sandbox: Sandbox, refresh: Ask) -> None:
    token = sandbox.issue_refresh_token()
    successor = refresh(token, version=1).json()["refresh_token"]
    sandbox.revoke_refresh_tokens()
    for value in (token, successor):
        assert refresh(value).json()["error_codes"] == [50173]
        assert refresh(value).json()["suberror"] == "bad_token"


def strict_post(sandbox: Sandbox, token: str) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/common/oauth2/token",
        data={
            "client_id": sandbox.public_application_id,
            "grant_type": "refresh_token",
            "refresh_token": token,
            "resource": GRAPH,
        },
        timeout=10,
    )


def test_under_strict_rotation_a_second_use_revokes_the_whole_family(clock: FakeClock) -> None:
    with Sandbox(clock=clock, rotation="strict") as sandbox:
        first = sandbox.issue_refresh_token(application_id=sandbox.public_application_id)
        stranger = sandbox.issue_refresh_token(application_id=sandbox.public_application_id)
        second = strict_post(sandbox, first).json()["refresh_token"]
        assert strict_post(sandbox, first).json()["error_codes"] == [70000]
        assert strict_post(sandbox, second).json()["error"] == "invalid_grant"
        assert strict_post(sandbox, stranger).ok


def test_under_strict_rotation_only_one_of_many_at_once_wins(clock: FakeClock) -> None:
    with Sandbox(clock=clock, rotation="strict") as sandbox, ThreadPoolExecutor(8) as pool:
        token = sandbox.issue_refresh_token(application_id=sandbox.public_application_id)
        answers = list(pool.map(lambda _: strict_post(sandbox, token), range(8)))
        assert sum(answer.ok for answer in answers) == 1


def test_an_unsuccessful_use_leaves_a_token_unused(clock: FakeClock) -> None:
    with Sandbox(clock=clock, rotation="strict") as sandbox:
        token = sandbox.issue_refresh_token(application_id=sandbox.public_application_id)
        customer = sandbox.add_tenant("without-consent.example", consented=False)
        url = f"{sandbox.url}/{customer.domain}/oauth2/token"
        data = {
            "client_id": sandbox.public_application_id,
            "grant_type": "refresh_token",
            "refresh_token": token,
            "resource": GRAPH,
        }
        assert requests.post(url, data=data, timeout=10).json()["error_codes"] == [65001]
        assert strict_post(sandbox, token).ok
