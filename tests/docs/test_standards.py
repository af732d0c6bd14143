"""The tables of standards and of the security checklist name modules, tests and servers there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("standards.md", "security-checklist.md")]

# What a test that runs against a server has in its source.
SERVERS = {
    "oidc-provider": r"oidc_provider|OidcProvider",
    "django-oauth-toolkit": r"django_oauth_toolkit",
    "sandbox": r"[Ss]andbox",
    "scripted": r"raw_server|RawServer|HTTPServer|JsonAuthority|Issuer|authority|transport|Listen",
    "Chromium": r"[Cc]hromium",
    "MSAL": r"\bmsal\b",
    "azure-identity": r"azure",
    "Authlib": r"joserfc|authlib",
}


def rows() -> list[list[str]]:
    """Every row of the pages' tables: standard, what of it, where, test, against."""
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in lines
        if line.startswith("| ") and not line.startswith(("| Standard", "|---"))
    ]
    assert all(len(each) == 5 for each in cells), [each for each in cells if len(each) != 5]
    return cells


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]}: {row[1]}"[:60])
def test_what_the_table_of_standards_names_is_there(row: list[str]) -> None:
    _, _, where, tests, against = row
    for module in re.findall(r"`([^`]+)`", where):
        assert (ROOT / module).is_file(), module
    sources = ""
    named = re.findall(r"`([^`]+)`", tests)
    assert named
    for each in named:
        file, _, name = each.partition("::")
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {name}(" in source, each
        sources += source
    for server in against.split(", "):
        assert re.search(SERVERS[server], sources), server
