"""Somebody who signs in at oidc-provider, in a browser that is an HTTP client."""

from collections.abc import Callable
from urllib.parse import urlsplit

import attrs
import requests

from oauth.browsing import Page, Person, knock, last_page, query
from peers.oidc_provider_login import visit, visit_authorization


def returning(back: str, redirect_uri: str) -> Page:
    """Go where the authority sends the browser, up to the last page."""
    parts = urlsplit(back)
    return last_page(redirect_uri, knock(redirect_uri, f"{parts.path or '/'}?{parts.query}"))


def signing_in(user: str = "alice") -> Callable[[str], Page]:
    """Signs in and consents, as whom the page was told to offer, else as `user`."""

    def browse(url: str) -> Page:
        sent = query(url)
        back = visit_authorization(url, sent["redirect_uri"], user=sent.get("login_hint", user))
        return returning(back, sent["redirect_uri"])

    return browse


@attrs.define
class Session:
    """A browser that keeps its cookies. `logins` counts how often it was asked who is there."""

    user: str = "alice"
    logins: int = 0
    client: requests.Session = attrs.field(factory=requests.Session)

    def __call__(self, url: str) -> Page:
        def count(response: requests.Response, **_: object) -> None:
            body = response.request.body or b""
            text = body.decode() if isinstance(body, bytes) else body
            self.logins += "login=" in text

        self.client.trust_env = False
        self.client.hooks["response"] = [count]
        uri = query(url)["redirect_uri"]
        return returning(visit(self.client, url, uri, user=self.user), uri)


def person(user: str = "alice") -> Person:
    return Person(signing_in(user))
