"""Pushed authorization requests (RFC 9126), where they are offered."""

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from requests.auth import HTTPBasicAuth

from grantway_sandbox.server import Sandbox
from sandbox.signing_in import Browser, authorization_url, parameters, path, redeem
from sandbox.support import FakeClock, code_of


@pytest.fixture
def pushing(clock: FakeClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock, pushed_authorization="required", auto_approve=True) as sandbox:
        yield sandbox


def push(
    sandbox: Sandbox, version: int = 2, *, auth: HTTPBasicAuth | None = None, **fields: Any
) -> requests.Response:
    query = urlsplit(authorization_url(sandbox, version)).query
    asked = dict(parse_qsl(query)) | fields
    return requests.post(
        f"{sandbox.url}/common/{path('par', version)}",
        data={name: value for name, value in asked.items() if value is not None},
        auth=auth,
        timeout=10,
    )


def bring(
    sandbox: Sandbox, uri: str, version: int = 2, tenant: str = "common", **fields: str
) -> requests.Response:
    return requests.get(
        f"{sandbox.url}/{tenant}/{path('authorize', version)}",
        params={"client_id": sandbox.public_application_id, "request_uri": uri} | fields,
        allow_redirects=False,
        timeout=10,
    )


@pytest.mark.parametrize("version", [1, 2])
def test_a_pushed_request_is_good_once(pushing: Sandbox, version: int) -> None:
    answer = push(pushing, version)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"].startswith("no-store")
    body = answer.json()
    assert body["expires_in"] == 90
    first = parameters(bring(pushing, body["request_uri"], version))
    assert first["state"] == "a state"
    assert redeem(pushing, first["code"], version).ok
    again = bring(pushing, body["request_uri"], version)
    assert again.status_code == 400
    assert "AADSTS90023" in again.text


def test_what_the_browser_adds_counts_for_nothing(pushing: Sandbox) -> None:
    uri = push(pushing).json()["request_uri"]
    answer = bring(pushing, uri, state="another", redirect_uri="https://attacker.example/")
    assert parameters(answer)["state"] == "a state"


def test_it_expires_and_belongs_to_its_client_and_place(pushing: Sandbox, clock: FakeClock) -> None:
    uri = push(pushing).json()["request_uri"]
    assert bring(pushing, uri, client_id=pushing.application.application_id).status_code == 400
    uri = push(pushing).json()["request_uri"]
    assert bring(pushing, uri, tenant=pushing.tenant.domain).status_code == 400
    uri = push(pushing).json()["request_uri"]
    clock.advance(90)
    assert bring(pushing, uri).status_code == 400


def test_where_it_is_required_nothing_else_is_taken(pushing: Sandbox) -> None:
    answer = requests.get(authorization_url(pushing), allow_redirects=False, timeout=10)
    assert parameters(answer)["error"] == "invalid_request"


def test_confidential_clients_authenticate_where_they_push(pushing: Sandbox) -> None:
    demo = pushing.application
    assert code_of(push(pushing, client_id=demo.application_id)) == 7000218
    basic = HTTPBasicAuth(demo.application_id, demo.secret)
    uri = push(pushing, client_id=None, auth=basic).json()["request_uri"]
    answer = parameters(bring(pushing, uri, client_id=demo.application_id))
    assert redeem(
        pushing, answer["code"], client_id=demo.application_id, client_secret=demo.secret
    ).ok
    assert code_of(push(pushing, client_secret="a secret")) == 700025


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"redirect_uri": "https://attacker.example/"}, 50011),
        ({"response_type": "token"}, 700054),
        ({"code_challenge_method": "plain"}, 501461),
        ({"scope": " "}, 70011),
        ({"request_uri": "urn:x"}, 90023),
    ],
)
def test_what_is_wrong_is_told_where_it_is_pushed(
    pushing: Sandbox, fields: dict[str, str], number: int
) -> None:
    answer = push(pushing, **fields)
    assert answer.status_code == 400
    assert code_of(answer) == number


@pytest.mark.parametrize("mode", ["offered", "required"])
def test_metadata_says_so(mode: Literal["offered", "required"]) -> None:
    with Sandbox(pushed_authorization=mode) as sandbox:
        for version, place in ((1, ""), (2, "/v2.0")):
            url = f"{sandbox.url}/common{place}/.well-known/openid-configuration"
            metadata = requests.get(url, timeout=10).json()
            assert metadata["pushed_authorization_request_endpoint"] == (
                f"{sandbox.url}/common/{path('par', version)}"
            )
            assert metadata["require_pushed_authorization_requests"] is (mode == "required")


def test_offered_is_not_required_and_pages_work_behind_it(clock: FakeClock) -> None:
    with Sandbox(clock=clock, pushed_authorization="offered") as sandbox:
        assert sandbox.person().answer(authorization_url(sandbox)).get("code")
        uri = push(sandbox).json()["request_uri"]
        browser = Browser(sandbox)
        browser.get(
            f"{sandbox.url}/common/{path('authorize', 2)}?client_id={sandbox.public_application_id}"
            f"&request_uri={uri}"
        )
        browser.enter_password()
        assert parameters(browser.enter_code())["code"]


def test_elsewhere_there_is_no_such_endpoint(sandbox: Sandbox) -> None:
    assert push(sandbox).status_code == 404
    with pytest.raises(ValueError, match="offered"):
        Sandbox(pushed_authorization="perhaps")  # type: ignore[arg-type]
