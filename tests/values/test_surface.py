"""What is public, what an import costs in modules, and what the framework does not know."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import grantway
from grantway.builtin_parameters import BuiltinParameters
from grantway.parameters import COMMON
from selection.worlds import BUILTIN

FRAMEWORK = Path(grantway.__file__).parent

PUBLIC = """
    OIDC Account AuthenticationResult AuthorityRequest Challenge ClientAuthentication ClientCertificate Clock Configuration Context
    Credential CredentialProvider Discovery Dispatcher Endpoints Environment Event Explanation
    Parameter ParameterSet PlannedRequest Prompter ProofKey Protocol Reference Registry Secret Signer SigningKey
    StoredRefreshToken TokenCache TokenCacheFactory TokenRequest TokenSource Transport Trust
    UserInfo Vault __version__ discover hookimpl
"""


def test_the_public_names_are_these() -> None:
    assert sorted(grantway.__all__) == sorted(PUBLIC.split())
    assert dir(grantway) == sorted(grantway.__all__)


@pytest.mark.parametrize("name", PUBLIC.split())
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(grantway, name) is not None
    assert name in vars(grantway)


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Dispatchr'"):
        _ = grantway.Dispatchr  # type: ignore[attr-defined]


def loaded(code: str) -> set[str]:
    """The modules that a process has loaded after some code, beyond those of Python's start."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ
    )
    return set(done.stdout.split())


def test_the_package_loads_nothing_but_its_version() -> None:
    ours = {name for name in loaded("import grantway") if name.startswith("grantway")}
    assert ours == {"grantway", "grantway.version"}


HEAVY = (
    "asyncio", "concurrent.futures", "cryptography", "datetime", "hmac", "importlib.metadata",
    "json", "logging", "pathlib", "platformdirs", "pluggy", "requests", "socket", "ssl",
    "tomllib", "urllib.parse", "urllib3", "uuid",
)  # fmt: skip


def test_the_dispatcher_is_imported_without_anything_heavy() -> None:
    found = loaded("from grantway import Dispatcher")
    assert "grantway.dispatcher" in found
    assert not found.intersection(HEAVY)


def test_a_call_is_explained_without_http() -> None:
    found = loaded(
        "from grantway import Dispatcher\nDispatcher().explain(application_id='x' * 0 or None)"
    )
    assert not found.intersection(("requests", "urllib3", "cryptography", "asyncio", "ssl"))


def test_the_typed_parameters_are_those_of_the_built_in_sets() -> None:
    declared = {each.name for each in COMMON}
    for candidate in BUILTIN:
        declared |= {each.name for each in candidate.parameter_set.own}
    assert BuiltinParameters.__annotations__.keys() == declared
    assert not BuiltinParameters.__required_keys__


VENDORS = re.compile(
    r"(?<![a-z])(microsoft\w*|azure\w*|entra|aadsts\w*|aad|globalcloud|office(365)?|partner[ -]?center)(?![a-z])",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "file", sorted(FRAMEWORK.rglob("*.py")), ids=lambda file: str(file.relative_to(FRAMEWORK))
)
def test_the_framework_knows_no_vendor_and_no_cloud(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [f"{number}: {line}" for number, line in enumerate(lines, 1) if VENDORS.search(line)]
    assert not found


def test_every_package_says_that_it_is_typed() -> None:
    providers = Path(__file__).parents[2] / "providers"
    for package in (FRAMEWORK, *providers.iterdir()):
        if (package / "__init__.py").exists():
            assert (package / "py.typed").exists(), package
