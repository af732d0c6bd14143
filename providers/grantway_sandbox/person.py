"""Somebody at a browser, without a browser: for tests and demonstrations.

A `Person` reads the sandbox's pages and fills in their forms over plain HTTP, keeps cookies as a
browser does, and follows the answer to the client that waits for it.

    person = sandbox.person()
    person.sign_in(url)                         # a client's authorization URL
    person.enter_code(verification_uri, code)   # what a device shows
    person.open(url)                            # in place of webbrowser.open: returns at once

One who does not accept presses Cancel on the first page there is. Needs `requests` only.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

from attrs import field, frozen

from grantway_sandbox.forms import Form, Page, read_page

if TYPE_CHECKING:
    import requests

    from grantway_sandbox.model import User

_MOST_PAGES: Final = 12
_REDIRECTS: Final = (301, 302, 303)


class Stuck(Exception):
    """A page was shown on which this person cannot go on. The message is what it says."""


@frozen
class Answer:
    """An authorization answer before it leaves the authority: where it goes, and what it says.

    `method` is POST for `form_post`. The parameters hold a code, and stay out of `repr`.
    """

    method: str
    url: str = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = field(repr=False)

    def get(self, name: str) -> str | None:
        """Return the first value of a parameter, or None."""
        return next((value for key, value in self.parameters if key == name), None)

    @property
    def redirect_uri(self) -> str:
        """Where the answer goes, without what it says."""
        return self.url.partition("#")[0].partition("?")[0]


class Person:
    """A user of the sandbox with a browser of their own.

    `accept` False cancels. `ca_bundle` is the CA to trust under TLS, `timeout` the seconds that any
    one page may take. `password` and `one_time_code` are the user's unless given.
    """

    def __init__(
        self,
        user: "User",
        accept: bool = True,
        *,
        ca_bundle: str | Path | None = None,
        password: str | None = None,
        one_time_code: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        import requests

        self.user = user
        self.accept = accept
        self.password = user.password if password is None else password
        self.one_time_code = user.one_time_code if one_time_code is None else one_time_code
        self._timeout = timeout
        self._ca_bundle = None if ca_bundle is None else str(ca_bundle)
        self._browser = requests.Session()
        # Neither a proxy nor another CA of this machine's environment.
        self._browser.trust_env = False
        self._opened: list[_Visit] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Person({self.user.user_name!r}, accept={self.accept})"

    def sign_in(self, url: str) -> "requests.Response":
        """Go through all pages behind an authorization URL, and on to the client.

        Returns what the client's listener shows at the end.

        Raises:
            Stuck: the authority shows an error, or a page that refuses what was entered.
            requests.RequestException: somebody does not answer.
        """
        with self._lock:
            answer = self._answer(url)
            if answer.method == "GET":
                return self._get(answer.url, follow=True)
            return self._post(answer.url, dict(answer.parameters), follow=True)

    def answer(self, url: str) -> Answer:
        """Go through the pages, and return the answer in place of taking it to the client.

        Raises:
            Stuck: as `sign_in`.
        """
        with self._lock:
            return self._answer(url)

    def enter_code(self, verification_uri: str, user_code: str) -> None:
        """Approve, or deny, what a device waits for.

        Raises:
            Stuck: the code is not known, or a page refuses what was entered.
        """
        with self._lock:
            form = self._form(self._page(self._get(verification_uri)))
            response = self._post(
                urljoin(verification_uri, form.action),
                form.filled(user_code=user_code, do="next"),
            )
            found = self._through(response)
            if isinstance(found, Answer):
                raise Stuck(f"The device's code led away to {found.redirect_uri}.")

    def open(self, url: str) -> bool:
        """Sign in from a thread of its own: what `webbrowser.open` is to a client that listens.

        Always returns True. `close` tells what became of it.
        """
        visit = _Visit(self, url)
        self._opened.append(visit)
        visit.start()
        return True

    def close(self) -> None:
        """Wait for what was opened, and raise what went wrong there."""
        opened, self._opened = self._opened, []
        for visit in opened:
            visit.join(self._timeout * _MOST_PAGES)
        self._browser.close()
        for visit in opened:
            if visit.failure is not None:
                raise visit.failure

    def _answer(self, url: str) -> Answer:
        found = self._through(self._get(url))
        if isinstance(found, Answer):
            return found
        raise Stuck(f"{found.title} {found.text}".strip())

    def _through(self, response: "requests.Response") -> "Answer | Page":
        """Fill in page after page until the authority is left or has nothing more to ask."""
        home = _origin(response.url)
        for _ in range(_MOST_PAGES):
            if response.status_code in _REDIRECTS:
                url = urljoin(response.url, response.headers.get("Location", ""))
                if _origin(url) != home:
                    return _by_redirect(url)
                response = self._get(url)
                continue
            page = self._page(response)
            if page.form is None:
                return page
            url = urljoin(response.url, page.form.action)
            if _origin(url) != home:
                return Answer("POST", url, tuple(page.form.fields.items()))
            response = self._post(url, self._filled(page.form, page.title))
        raise Stuck("One page follows another without an end.")

    def _filled(self, form: Form, title: str) -> dict[str, str]:
        if not self.accept and "cancel" in form.values("do"):
            return form.filled(do="cancel")
        if "password" in form.fields:
            return form.filled(user_name=self.user.user_name, password=self.password, do="sign-in")
        if "one_time_code" in form.fields:
            return form.filled(one_time_code=self.one_time_code, do="verify")
        if self.user.object_id in form.values("account"):
            return form.filled(account=self.user.object_id)
        for button in ("another", "accept"):
            if button in form.values("do"):
                return form.filled(do=button)
        raise Stuck(f"Nobody told this person what to do on the page '{title}'.")

    def _page(self, response: "requests.Response") -> Page:
        page = read_page(response.text)
        if response.status_code >= 400 or page.alert:
            told = page.alert or f"{page.title} {page.text}".strip()
            raise Stuck(told or f"HTTP {response.status_code}")
        return page

    @staticmethod
    def _form(page: Page) -> Form:
        if page.form is None:
            raise Stuck(f"There is nothing to fill in on the page '{page.title}'.")
        return page.form

    def _get(self, url: str, *, follow: bool = False) -> "requests.Response":
        return self._browser.get(
            url, allow_redirects=follow, timeout=self._timeout, verify=self._ca_bundle or True
        )

    def _post(
        self, url: str, fields: Mapping[str, str], *, follow: bool = False
    ) -> "requests.Response":
        return self._browser.post(
            url,
            data=dict(fields),
            allow_redirects=follow,
            timeout=self._timeout,
            verify=self._ca_bundle or True,
        )


class _Visit(threading.Thread):
    """A sign-in of its own thread, whose failure is kept for who waits for it."""

    def __init__(self, person: Person, url: str) -> None:
        super().__init__(name="person", daemon=True)
        self._person, self._url = person, url
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            self._person.sign_in(self._url)
        except Exception as failure:  # noqa: BLE001  # told to whoever waits
            self.failure = failure


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _by_redirect(url: str) -> Answer:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.fragment or parts.query, keep_blank_values=True)
    return Answer("GET", url, tuple(pairs))
