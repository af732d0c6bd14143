"""Chromium walks through the pages: what a real browser permits, and what a keyboard can reach."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

pytest.importorskip("selenium")
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from grantway_sandbox.model import PUBLIC_APPLICATION_ID
from grantway_sandbox.server import Sandbox
from sandbox.chromium import chromium
from sandbox.signing_in import Listener, authorization_url, path, redeem
from sandbox.support import GRAPH, claims_of


@pytest.fixture(scope="module")
def with_scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def without_scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), scripts=False) as browser:
        yield browser


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def browser(request: pytest.FixtureRequest, scripts: bool) -> Iterator[Chrome]:
    browser: Chrome = request.getfixturevalue("with_scripts" if scripts else "without_scripts")
    browser.delete_all_cookies()
    yield browser
    browser.get("about:blank")


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


def consent_needed(sandbox: Sandbox) -> None:
    for place in sandbox.tenants:
        sandbox.consent(PUBLIC_APPLICATION_ID, place.tenant_id, given=False)


def heading(browser: Chrome, text: str) -> None:
    # A page may go while it is looked at, which the driver tells in more than one way.
    wait = WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException])
    wait.until(lambda _: [each.text for each in browser.find_elements(By.TAG_NAME, "h1")] == [text])


def press(browser: Chrome, *keys: str) -> None:
    browser.switch_to.active_element.send_keys(*keys)


def button(browser: Chrome, text: str) -> None:
    browser.find_element(By.XPATH, f"//button[normalize-space()='{text}']").click()


def sign_in(browser: Chrome, sandbox: Sandbox) -> None:
    """By the keyboard alone: each page has its focus where the typing begins."""
    heading(browser, "Sign in")
    press(browser, sandbox.user.user_name, Keys.TAB)
    press(browser, sandbox.user.password, Keys.ENTER)
    heading(browser, "Enter your code")
    press(browser, sandbox.user.one_time_code, Keys.ENTER)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_a_person_signs_in_and_the_answer_arrives_at_the_client(
    sandbox: Sandbox, browser: Chrome, listener: Listener, scripts: bool, mode: str, host: str
) -> None:
    consent_needed(sandbox)
    redirect_uri = listener.url.replace("127.0.0.1", host)
    browser.get(authorization_url(sandbox, response_mode=mode, redirect_uri=redirect_uri))
    sign_in(browser, sandbox)
    heading(browser, "Permissions requested")
    press(browser, Keys.TAB)
    button(browser, "Accept")
    if mode == "form_post" and not scripts:
        heading(browser, "Going back")
        button(browser, "Continue")
    heading(browser, "Back at the client")
    ((method, where, fields),) = listener.received
    assert (method, where) == ("POST" if mode == "form_post" else "GET", "/")
    if mode == "fragment":
        assert urlsplit(browser.current_url).fragment.startswith("code=")
        assert fields == {}
        return
    assert fields["state"] == "a state"
    assert redeem(sandbox, fields["code"], redirect_uri=redirect_uri).ok


def test_a_second_sign_in_shows_nothing(
    sandbox: Sandbox, browser: Chrome, listener: Listener
) -> None:
    browser.get(authorization_url(sandbox, redirect_uri=listener.url))
    sign_in(browser, sandbox)
    heading(browser, "Back at the client")
    browser.get(authorization_url(sandbox, redirect_uri=listener.url))
    heading(browser, "Back at the client")
    assert [fields["state"] for _, _, fields in listener.received] == ["a state"] * 2


def test_cancel_goes_back_to_the_client(
    sandbox: Sandbox, browser: Chrome, listener: Listener
) -> None:
    browser.get(authorization_url(sandbox, redirect_uri=listener.url))
    button(browser, "Cancel")
    heading(browser, "Back at the client")
    ((_, _, fields),) = listener.received
    assert fields["error"] == "access_denied"


def test_mistakes_are_told_at_the_field_which_has_the_focus(
    sandbox: Sandbox, browser: Chrome
) -> None:
    browser.get(authorization_url(sandbox))
    heading(browser, "Sign in")
    press(browser, sandbox.user.user_name, Keys.TAB)
    press(browser, "wrong", Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda _: browser.find_elements(By.ID, "error"))
    field = browser.switch_to.active_element
    assert field.get_attribute("id") == "password"
    name = browser.find_element(By.ID, "user_name")
    assert name.get_attribute("value") == sandbox.user.user_name
    assert field.get_attribute("aria-describedby") == "error"
    assert browser.find_element(By.ID, "error").text.startswith("The user name or the password")


@pytest.mark.parametrize("do", ["Accept", "Cancel"])
def test_a_person_types_a_devices_code(sandbox: Sandbox, browser: Chrome, do: str) -> None:
    device: dict[str, Any] = requests.post(
        f"{sandbox.url}/common/{path('devicecode', 2)}",
        data={"client_id": PUBLIC_APPLICATION_ID, "scope": f"{GRAPH}/User.Read"},
        timeout=10,
    ).json()
    browser.get(device["verification_uri"])
    heading(browser, "Enter the code")
    press(browser, device["user_code"].lower(), Keys.ENTER)
    sign_in(browser, sandbox)
    heading(browser, "Sign in on your device?")
    button(browser, do)
    heading(browser, "You are signed in" if do == "Accept" else "Sign-in was cancelled")
    answer = redeem(
        sandbox,
        None,
        grant_type="urn:ietf:params:oauth:grant-type:device_code",
        device_code=device["device_code"],
    )
    if do == "Accept":
        assert claims_of(answer)["oid"] == sandbox.user.object_id
    else:
        assert answer.json()["error"] == "authorization_declined"


def test_the_focus_is_seen_and_nothing_was_blocked(sandbox: Sandbox, browser: Chrome) -> None:
    browser.get(authorization_url(sandbox))
    heading(browser, "Sign in")
    focused = browser.switch_to.active_element
    assert focused.value_of_css_property("outline-style") == "solid"
    assert focused.value_of_css_property("outline-width") == "3px"
    blocked = [each for each in browser.get_log("browser") if "favicon" not in each["message"]]
    assert blocked == []
