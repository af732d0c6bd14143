"""The pages: safe against other pages, readable for everybody, true to whatever people do."""

from collections.abc import Iterator
from html.parser import HTMLParser

import attrs
import pytest
import requests

from grantway_sandbox.model import PUBLIC_APPLICATION_ID, User
from grantway_sandbox.server import Sandbox
from sandbox.signing_in import (
    REDIRECT,
    Browser,
    authorization_url,
    parameters,
    path,
    redeem,
)
from sandbox.support import GRAPH, FakeClock


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    return Browser(sandbox)


def consent_needed(sandbox: Sandbox) -> str:
    sandbox.consent(PUBLIC_APPLICATION_ID, sandbox.tenant.tenant_id, given=False)
    return authorization_url(sandbox)


def pages(sandbox: Sandbox, browser: Browser) -> Iterator[tuple[str, requests.Response]]:
    """Every page there is, one after the other."""
    url = consent_needed(sandbox)
    yield "sign in", browser.get(url)
    yield "wrong password", browser.submit(user_name="x", password="y", do="sign-in")
    yield "second factor", browser.enter_password()
    yield "wrong code", browser.submit(one_time_code="1", do="verify")
    yield "consent", browser.enter_code()
    browser.submit(do="accept")
    yield "accounts", browser.get(authorization_url(sandbox, prompt="select_account"))
    yield "form post", browser.get(authorization_url(sandbox, response_mode="form_post"))
    yield "error", browser.get(authorization_url(sandbox, redirect_uri="https://x.example/"))
    yield "user code", browser.get(f"{sandbox.url}/devicelogin")
    yield "wrong user code", browser.submit(user_code="x", do="next")
    device = requests.post(
        f"{sandbox.url}/common/{path('devicecode', 2)}",
        data={"client_id": PUBLIC_APPLICATION_ID, "scope": f"{GRAPH}/.default"},
        timeout=10,
    ).json()
    yield "device consent", browser.submit(user_code=device["user_code"], do="next")
    yield "device done", browser.submit(do="accept")
    yield "home", browser.get(sandbox.url)
    yield "gone", browser.get(f"{sandbox.url}/sign-in/nothing")


def policy(answer: requests.Response) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return dict(part.partition(" ")[::2] for part in parts)


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


def test_every_page_is_kept_by_nobody_framed_by_nobody_and_loads_nothing(
    sandbox: Sandbox, browser: Browser
) -> None:
    for name, answer in pages(sandbox, browser):
        rules = policy(answer)
        assert rules["default-src"] == "'none'", name
        assert rules["frame-ancestors"] == rules["base-uri"] == "'none'", name
        assert "unsafe" not in answer.headers["Content-Security-Policy"], name
        assert ("script-src" in rules) == (name == "form post")
        assert answer.headers["Cache-Control"] == "no-store", name
        assert answer.headers["X-Content-Type-Options"] == "nosniff", name
        assert answer.headers["X-Frame-Options"] == "DENY", name


def test_every_page_is_made_for_everybody(sandbox: Sandbox, browser: Browser) -> None:
    for name, answer in pages(sandbox, browser):
        elements = Elements(answer.text)
        (html,) = elements.named("html")
        assert html["lang"] == "en", name
        assert len(elements.named("main")) == len(elements.named("h1")) == 1, name
        labels = {each["for"] for each in elements.named("label")}
        entries = [each for each in elements.named("input") if each.get("type") != "hidden"]
        assert {each["id"] for each in entries} == labels, name
        assert all(each.get("autocomplete") for each in entries), name
        ids = {attributes["id"] for _, attributes in elements.found if "id" in attributes}
        for entry in entries:
            assert {entry.get("aria-describedby")} <= {*ids, None}, name
            assert ("wrong" in name) == (entry.get("aria-invalid") == "true"), name
            assert ("wrong" in name) == (entry.get("aria-describedby") == "error"), name
        focused = [each for _, each in elements.found if "autofocus" in each]
        assert len(focused) <= 1, name
        assert focused or not entries, name


def test_forms_may_lead_to_the_client_and_nowhere_else(sandbox: Sandbox, browser: Browser) -> None:
    answer = browser.get(authorization_url(sandbox))
    assert policy(answer)["form-action"] == f"'self' {REDIRECT.rstrip('/')}"
    assert policy(browser.get(f"{sandbox.url}/devicelogin"))["form-action"] == "'self'"


@pytest.mark.parametrize(
    ("redirect_uri", "allowed"),
    [("http://[::1]:8400/", "http:"), ("msal5a9d://auth", "msal5a9d:")],
)
def test_an_address_that_a_policy_cannot_name_is_allowed_by_its_scheme(
    sandbox: Sandbox, browser: Browser, redirect_uri: str, allowed: str
) -> None:
    application = sandbox.authority.find_application(PUBLIC_APPLICATION_ID)
    assert application is not None
    sandbox.register(attrs.evolve(application, redirect_uris=(redirect_uri,)))
    answer = browser.get(authorization_url(sandbox, redirect_uri=redirect_uri))
    assert policy(answer)["form-action"] == f"'self' {allowed}"


def test_the_cookie_is_the_browsers_own_and_changes_with_the_sign_in(
    sandbox: Sandbox, browser: Browser
) -> None:
    url = authorization_url(sandbox)
    set_cookie = browser.session.get(url, allow_redirects=False, timeout=10).headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Secure" not in set_cookie
    before = dict(browser.session.cookies)
    browser.get(url)
    browser.enter_password()
    browser.enter_code()
    after = dict(browser.session.cookies)
    assert before.keys() == after.keys()
    assert before != after
    stranger = Browser(sandbox)
    stranger.session.cookies.update(before)
    assert (
        stranger.get(authorization_url(sandbox, prompt="none"))
        .headers["Location"]
        .startswith(f"{REDIRECT}?error=login_required")
    )


def test_over_tls_the_cookie_is_for_tls_only(tls_sandbox: Sandbox) -> None:
    answer = requests.get(
        authorization_url(tls_sandbox),
        verify=str(tls_sandbox.ca_bundle),
        allow_redirects=False,
        timeout=10,
    )
    assert "Secure" in answer.headers["Set-Cookie"]


def test_two_sandboxes_do_not_take_each_others_cookies(clock: FakeClock) -> None:
    with Sandbox(clock=clock) as one, Sandbox(clock=clock) as other:
        person = one.person()
        person.answer(authorization_url(one))
        person.password = other.user.password
        person.answer(authorization_url(other))
        assert person.answer(authorization_url(one, prompt="none")).get("code")


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_from_elsewhere_changes_nothing(
    sandbox: Sandbox, browser: Browser, token: str
) -> None:
    browser.get(authorization_url(sandbox))
    user = sandbox.user
    refused = browser.submit(
        user_name=user.user_name, password=user.password, do="sign-in", form_token=token
    )
    assert refused.status_code == 400
    browser.get(authorization_url(sandbox, prompt="none"))
    assert "login_required" in browser.last.headers["Location"]


def test_another_browser_cannot_go_on_with_what_was_begun(
    sandbox: Sandbox, browser: Browser
) -> None:
    browser.get(authorization_url(sandbox))
    action = sandbox.url + browser.form.action
    stranger = Browser(sandbox)
    stranger.get(authorization_url(sandbox))
    assert stranger.get(action).status_code == 400
    own = stranger.session.post(action, data=browser.form.filled(do="cancel"), timeout=10)
    assert own.status_code == 400
    assert browser.enter_password().status_code == 200


def test_the_device_page_takes_no_form_from_elsewhere(sandbox: Sandbox, browser: Browser) -> None:
    answer = browser.session.post(
        f"{sandbox.url}/devicelogin", data={"user_code": "BCDFGHJKL", "form_token": ""}, timeout=10
    )
    assert "out of date" in answer.text


def test_going_back_and_sending_an_old_page_again_does_no_harm(
    sandbox: Sandbox, browser: Browser
) -> None:
    browser.get(consent_needed(sandbox))
    old = browser.form
    browser.enter_password()
    again = browser.session.post(
        sandbox.url + old.action,
        data=old.filled(user_name="x", password="y", do="sign-in"),
        timeout=10,
    )
    assert "One-time code" in again.text
    browser.enter_code()
    assert parameters(browser.submit(do="accept"))["code"]


def test_a_sign_in_ends_once(sandbox: Sandbox, browser: Browser) -> None:
    browser.get(authorization_url(sandbox, prompt="consent"))
    browser.enter_password()
    browser.enter_code()
    form = browser.form
    assert parameters(browser.submit(do="accept"))["code"]
    for do in ("accept", "cancel"):
        again = browser.session.post(sandbox.url + form.action, data=form.filled(do=do), timeout=10)
        assert again.status_code == 400


def test_steps_cannot_be_skipped(sandbox: Sandbox, browser: Browser) -> None:
    browser.get(consent_needed(sandbox))
    browser.submit(do="accept")
    assert "password" in browser.form.fields
    browser.submit(do="verify", one_time_code=sandbox.user.one_time_code)
    assert "password" in browser.form.fields
    browser.enter_password()
    browser.submit(do="accept")
    assert "one_time_code" in browser.form.fields


def test_half_a_sign_in_is_none(sandbox: Sandbox, browser: Browser) -> None:
    browser.get(authorization_url(sandbox))
    browser.enter_password()
    quiet = browser.get(authorization_url(sandbox, prompt="none"))
    assert "login_required" in quiet.headers["Location"]


def test_what_was_typed_is_kept_but_never_the_password(sandbox: Sandbox, browser: Browser) -> None:
    browser.get(authorization_url(sandbox, login_hint="hinted@contoso.example"))
    assert browser.form.fields["user_name"] == "hinted@contoso.example"
    browser.submit(user_name='"><script>', password="a wrong password", do="sign-in")
    assert browser.form.fields["user_name"] == '"><script>'
    assert "<script>" not in browser.last.text
    assert "a wrong password" not in browser.last.text


def test_the_consent_page_lists_what_is_asked_for_escaped(
    sandbox: Sandbox, browser: Browser
) -> None:
    application = sandbox.authority.find_application(PUBLIC_APPLICATION_ID)
    assert application is not None
    sandbox.register(attrs.evolve(application, name="<b>Evil</b> & Co"))
    browser.get(consent_needed(sandbox))
    browser.enter_password()
    text = browser.enter_code().text
    assert "&lt;b&gt;Evil&lt;/b&gt; &amp; Co" in text
    assert "<b>" not in text
    for asked in ("User.Read", "offline_access", "Microsoft Graph", "Contoso"):
        assert asked in text


def test_a_user_with_a_code_of_their_own_is_not_told_it(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.register(attrs.evolve(sandbox.user, one_time_code="987654"))
    browser.get(authorization_url(sandbox))
    browser.enter_password()
    assert "987654" not in browser.last.text
    assert "123456" not in browser.last.text
    browser.submit(one_time_code=" 987 654 ", do="verify")
    assert parameters(browser.last)["code"]


def test_a_pages_text_never_holds_another_users_secrets(sandbox: Sandbox, browser: Browser) -> None:
    other = User(
        "5a9d0b0c-2001-4a00-8a00-0000000000bb", "k@x.example", "K", sandbox.tenant.tenant_id
    )
    sandbox.register(other)
    for name, answer in pages(sandbox, browser):
        assert sandbox.user.password not in answer.text, name
        assert other.password not in answer.text, name


def test_a_head_request_signs_nobody_in(sandbox: Sandbox, browser: Browser) -> None:
    browser.get(authorization_url(sandbox, prompt="consent"))
    browser.enter_password()
    browser.enter_code()
    url = sandbox.url + browser.form.action
    assert browser.session.head(url, allow_redirects=False, timeout=10).status_code == 200
    assert redeem(sandbox, parameters(browser.submit(do="accept"))["code"]).ok


def test_under_the_name_localhost_the_pages_work_too(sandbox: Sandbox) -> None:
    browser = Browser(sandbox)
    url = authorization_url(sandbox).replace("127.0.0.1", "localhost", 1)
    answer = browser.session.get(url, timeout=10)
    assert answer.url.startswith("http://localhost:")
    assert "Sign in" in answer.text
