"""A person who says what a test has written down, and a browser in which somebody signs in."""

import threading
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import parse_qsl, urlencode, urlsplit

from grantway.errors import InteractionRequired

AUTHORIZATION_CODE = "sentinel-authorization-code-c05d"


class ScriptedPrompter:
    """A `Prompter` that answers from a list, and remembers all that it was asked and shown.

    Args:
        answers: what is answered to each question, in order; then nobody is there any more.
        browser: called with each address that is to be opened; whether it could be. Give one that
            goes there to have a person sign in. None: there is no browser.

    Attributes:
        asked: each question, and whether its answer was to be secret.
        shown: each text.
        opened: each address.
    """

    def __init__(self, *answers: str, browser: Callable[[str], bool] | None = None) -> None:
        self._answers = list(answers)
        self._browser = browser
        self.asked: list[tuple[str, bool]] = []
        self.shown: list[str] = []
        self.opened: list[str] = []

    def __repr__(self) -> str:
        return f"<ScriptedPrompter with {len(self._answers)} answers left>"

    @property
    def was_needed(self) -> bool:
        """Whether anything was asked of the person."""
        return bool(self.asked or self.shown or self.opened)

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Give the next answer.

        Raises:
            InteractionRequired: there is none left.
        """
        self.asked.append((question, secret))
        if not self._answers:
            raise InteractionRequired(
                f"No answer is scripted to: {question}",
                remedy="Give the ScriptedPrompter one more answer.",
            )
        return self._answers.pop(0)

    def show(self, text: str) -> None:
        """Remember the text."""
        self.shown.append(text)

    def open(self, url: str) -> bool:
        """Have the browser go there, if there is one."""
        self.opened.append(url)
        return self._browser is not None and self._browser(url)


def signing_in(code: str = AUTHORIZATION_CODE, **answer: str) -> Callable[[str], bool]:
    """A browser for `ScriptedPrompter`, in which somebody signs in at once.

    It goes back to the redirect URI of the authorization request, with the state of that (RFC 6749,
    section 4.1.2), this code, and whatever else the authority is to answer, as `iss` or `error`.
    """

    def browse(url: str) -> bool:
        asked = dict(parse_qsl(urlsplit(url).query))
        back = urlsplit(asked["redirect_uri"])
        told = {"code": code, "state": asked.get("state", ""), **answer}
        page = _get(back.hostname or "", back.port, f"{back.path or '/'}?{urlencode(told)}")
        # The page that it leads to is there when the sign-in has ended.
        threading.Thread(
            target=_get, args=(back.hostname or "", back.port, page), daemon=True
        ).start()
        return True

    return browse


def _get(host: str, port: int | None, path: str) -> str:
    """Go to a page of this machine; the path of the page that it leads to."""
    connection = HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
    except OSError:
        # The listener has gone, as it does when a sign-in fails.
        return "/"
    else:
        to = urlsplit(response.headers.get("Location", "/"))
        return f"{to.path}?{to.query}" if to.query else to.path
    finally:
        connection.close()
