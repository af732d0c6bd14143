"""The documentation as a site: it builds without a warning, and is read and searched offline."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from peers.chromium import Chromium, require_chromium

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", str(DOCS), str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//([^"]+)"')
    pages = [*site.glob("*.html")]
    assert len(pages) > 30
    found = {each.name: loaded.findall(each.read_text(encoding="utf-8")) for each in pages}
    assert {name: hosts for name, hosts in found.items() if hosts} == {}


def test_it_is_searched_without_a_network(site: Path, tmp_path: Path) -> None:
    require_chromium()
    from selenium.webdriver.common.by import By

    # No name leads anywhere, and there is no server: the pages are files.
    with Chromium(tmp_path, "--host-resolver-rules=MAP * ~NOTFOUND") as browser:
        browser.driver.get(f"{(site / 'search.html').as_uri()}?q=surroundings")
        results = browser.until(
            lambda driver: driver.find_elements(By.CSS_SELECTOR, "#search-results li a")
        )
        titles = {each.text for each in results}
        assert "The records" in titles, titles
        results[0].click()
        assert "surroundings" in browser.driver.find_element(By.TAG_NAME, "body").text
