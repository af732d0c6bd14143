"""A real browser, headless and with a profile of its own, driven through chromedriver.

    with Chromium(tmp_path) as browser:
        browser.driver.get("http://localhost:8080/")

Both programs have to be there already: nothing is downloaded.
"""

import shutil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from . import PeerUnavailable, require_peer

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REMEDY = "Chromium: install chromium and chromedriver, have both on PATH; pip install selenium"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--no-proxy-server", "--lang=en",
)  # fmt: skip
WAIT = 20.0


def programs() -> tuple[str, str]:
    """The browser and its driver.

    Raises:
        PeerUnavailable: one of them is missing.
    """
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        raise PeerUnavailable(REMEDY)
    return browser, driver


def require_chromium() -> None:
    """Go on with a browser, or not at all; see `require_peer`."""
    try:
        programs()
        import selenium.webdriver  # noqa: F401
    except (PeerUnavailable, ImportError):
        require_peer(False, REMEDY)


class Chromium:
    """A context manager: the browser runs inside it. `folder` is where its profile goes."""

    driver: "WebDriver"

    def __init__(self, folder: Path, *flags: str, width: int = 1000, height: int = 700) -> None:
        self.profile = folder / "chromium-profile"
        self._flags = (*FLAGS, f"--window-size={width},{height}", *flags)

    def __enter__(self) -> Self:
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service

        browser, driver = programs()
        options = ChromeOptions()
        options.binary_location = browser
        for flag in (*self._flags, f"--user-data-dir={self.profile}"):
            options.add_argument(flag)
        self.driver = Chrome(options=options, service=Service(driver))
        self.driver.set_page_load_timeout(60)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.driver.quit()

    def sign_in(self, url: str, user: str, title: str) -> str:
        """Go through oidc-provider's pages as `user`, up to the page of that title; its text."""
        self.driver.get(url)
        self.submit(login=user, password="any")
        self.submit()
        return self.text(title)

    def submit(self, **fields: str) -> None:
        """Fill in the form of the page that is shown, once it is there, and send it."""
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.expected_conditions import staleness_of

        for name, value in fields.items():
            self.found(By.NAME, name).send_keys(value)
        button = self.found(By.CSS_SELECTOR, "form [type=submit]")
        button.click()
        self.until(staleness_of(button))

    def text(self, title: str) -> str:
        """What a person reads on the page of that title, once it is there."""
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.expected_conditions import title_is

        self.until(title_is(title))
        text: str = self.until(lambda driver: driver.find_element(By.TAG_NAME, "body").text)
        return text

    def found(self, how: str, what: str) -> Any:
        from selenium.webdriver.support.expected_conditions import presence_of_element_located

        return self.until(presence_of_element_located((how, what)))

    def until(self, condition: Any) -> Any:
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        # A page may go while it is looked at, which the driver tells in more than one way.
        wait = WebDriverWait(self.driver, WAIT, ignored_exceptions=[WebDriverException])
        return wait.until(condition)

    def visited(self) -> list[str]:
        """The addresses that the back button can lead to, and the one in the address bar."""
        history = self.driver.execute_cdp_cmd("Page.getNavigationHistory", {})
        entries = [entry[name] for entry in history["entries"] for name in ("url", "userTypedURL")]
        return [*entries, self.driver.current_url]
