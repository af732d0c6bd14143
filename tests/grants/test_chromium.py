"""The whole way in a real browser: oidc-provider's pages, back to the listener, and its last page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from grants.test_oidc_provider import client_of, of
from grants.test_refresh_tokens import Keeping
from grantway import AuthenticationResult, Dispatcher, Registry
from grantway.errors import AccessDenied, DeadlineExceeded
from oauth.browsing import Person
from peers.chromium import Chromium, require_chromium
from peers.oidc_provider import OidcProvider

PATIENCE = 100
SIGNED_IN = "You are signed in"
FAILED = "Sign-in did not work"


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    require_chromium()
    with Chromium(tmp_path) as browser:
        yield browser


def acquired(asking: Dispatcher, person: Person, **call: Any) -> AuthenticationResult:
    """The token; where the person's walk failed, that failure and not the vain wait for it."""
    try:
        return asking.acquire(timeout=PATIENCE, **call)
    except DeadlineExceeded:
        assert person.page is None
        raise


def left_behind(chromium: Chromium) -> None:
    """The code is in no place where somebody could find it with the back button."""
    visited = chromium.visited()
    assert [url for url in visited if url.endswith("/result")]
    for url in visited:
        assert "code" not in parse_qs(urlsplit(url).query)
        assert "response_type=code" in url or not urlsplit(url).query
    assert chromium.driver.current_url.endswith("/result")
    assert chromium.driver.execute_script("return location.search + location.hash") == ""
    assert chromium.driver.execute_script("return document.referrer") == ""


@pytest.mark.parametrize("redirect_uri", [None, "http://127.0.0.1/callback"])
@pytest.mark.parametrize("response_mode", [None, "form_post"])
def test_a_person_signs_in(
    oidc_provider: OidcProvider,
    chromium: Chromium,
    redirect_uri: str | None,
    response_mode: str | None,
) -> None:
    person = Person(lambda url: chromium.sign_in(url, "alice", SIGNED_IN))
    call: dict[str, Any] = {
        "environment": of(oidc_provider, "public"),
        "resource": oidc_provider.resources["jwt"].uri,
        "redirect_uri": redirect_uri,
        "response_mode": response_mode,
        **client_of(oidc_provider, "public"),
    }
    with Dispatcher(prompter=person) as asking:
        result = acquired(asking, person, **call)
    assert result.account is not None
    assert result.account.subject == "alice"
    assert "You can close this page" in person.page
    left_behind(chromium)


def test_a_person_consents_for_a_confidential_client(
    oidc_provider: OidcProvider, chromium: Chromium
) -> None:
    person, keeping = Person(lambda url: chromium.sign_in(url, "bob", SIGNED_IN)), Keeping()
    with Dispatcher(Registry.of(keeping), prompter=person) as asking:
        result = acquired(
            asking,
            person,
            environment=of(oidc_provider, "basic"),
            consent=True,
            save_refresh_token="keep:there",
            **client_of(oidc_provider, "basic"),
        )
    assert result.refresh_token == keeping.kept["there"]
    assert SIGNED_IN in person.page
    left_behind(chromium)


def test_a_person_declines(oidc_provider: OidcProvider, chromium: Chromium) -> None:
    def decline(url: str) -> str:
        from selenium.webdriver.common.by import By

        chromium.driver.get(url)
        chromium.found(By.PARTIAL_LINK_TEXT, "Cancel").click()
        return chromium.text(FAILED)

    person = Person(decline)
    with Dispatcher(prompter=person) as asking:
        with pytest.raises(AccessDenied):
            acquired(
                asking,
                person,
                environment=of(oidc_provider, "public"),
                **client_of(oidc_provider, "public"),
            )
    assert "which says why" in person.page
    left_behind(chromium)
