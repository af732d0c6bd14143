"""What the documentation has authors import is what the page on compatibility promises."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import grantway
import grantway.errors
import grantway.parameters
import grantway.testing

ROOT = Path(__file__).parents[2]
OURS = r"grantway(?:_clouds|_grants|_sandbox|_vaults)?(?:\.[\w.]+)?"
WHOLE = {
    "grantway": set(grantway.__all__),
    "grantway.errors": set(vars(grantway.errors)),
    "grantway.parameters": set(vars(grantway.parameters)),
    "grantway.testing": set(grantway.testing.__all__),
}


def promised() -> dict[str, set[str]]:
    """The names that the tables of the page promise, by module."""
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", page, re.MULTILINE)
    return {module: set(re.findall(r"`(\w+)`", names)) for module, names in rows}


def files() -> Iterator[Path]:
    """All that shows authors what to import."""
    yield ROOT / "README.md"
    yield from (ROOT / "docs").glob("*.md")
    for folder in ("framework/grantway/cli/templates", "tests/plugins/published"):
        yield from (each for each in (ROOT / folder).rglob("*") if each.suffix in (".txt", ".py"))


def imports(text: str) -> Iterator[tuple[str, str]]:
    """Module and name of each import of ours; "" for the module itself."""
    listed = rf"\bfrom[ ]({OURS})[ ]import[ ](\([^)]*\)|[^\n#]+)"
    for module, names in re.findall(listed, text):
        for name in re.sub(r"#.*", "", names).strip("()\n `").split(","):
            if name.strip():
                yield module, name.split()[0]
    for module in re.findall(rf"^\s*import ({OURS})$", text, re.MULTILINE):
        yield module, ""


def test_there_are_imports_to_look_at() -> None:
    found = {each for file in files() for each in imports(file.read_text(encoding="utf-8"))}
    assert {("grantway", ""), ("grantway.oauth.exchange", "exchange")} <= found
    assert ("grantway.testing", "ScriptedPrompter") in found


@pytest.mark.parametrize("file", list(files()), ids=lambda file: str(file.relative_to(ROOT)))
def test_what_authors_are_shown_to_import_is_promised(file: Path) -> None:
    known = {**WHOLE, **promised()}
    for module, name in imports(file.read_text(encoding="utf-8")):
        assert module in known, f"{module} is not promised"
        assert not name or (name in known[module] and not name.startswith("_")), (module, name)


@pytest.mark.parametrize(("module", "names"), list(promised().items()))
def test_what_is_promised_is_there(module: str, names: set[str]) -> None:
    assert names
    assert module not in WHOLE
    assert names <= set(dir(import_module(module)))
