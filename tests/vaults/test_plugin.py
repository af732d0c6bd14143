"""The plugin as a whole: which vaults there are, which can be written to, what loading costs."""

import json
import subprocess
import sys

from grantway import Registry

from .support import VAULTS


def test_the_registry_knows_every_built_in_vault() -> None:
    registry = Registry.load()
    assert set(registry.vaults) >= {"env", "file", "-", "prompt", "keyring", "command"}


def test_only_what_can_keep_a_secret_is_writable_and_it_can_be_checked() -> None:
    assert {scheme for scheme, vault in VAULTS.items() if vault.put} == {"file", "keyring"}
    assert {scheme for scheme, vault in VAULTS.items() if vault.check} == {"file", "keyring"}


def test_every_vault_has_a_summary_of_one_line() -> None:
    for vault in VAULTS.values():
        assert vault.summary.startswith(vault.scheme)
        assert "\n" not in vault.summary


def test_loading_the_plugin_loads_no_vault_and_nothing_heavy() -> None:
    script = """
import json, sys
import grantway.offerings, grantway.hookspecs, grantway.secret
before = set(sys.modules)
import grantway_vaults
list(grantway_vaults.grantway_vaults())
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["grantway_vaults"]
