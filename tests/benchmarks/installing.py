"""Distributions in a folder, as pip leaves them, some of them with a plugin."""

from pathlib import Path

PLUGIN = '''"""A plugin: a provider with a parameter of its own, an environment, a vault."""

from grantway import CredentialProvider, Environment, Parameter, ParameterSet, Vault, hookimpl
from grantway.parameters import TENANT_ID, text

OWN = Parameter("own_{number}", text, "What this one takes.", env="BENCHMARK_OWN_{number}")


@hookimpl
def grantway_providers():
    sets = [ParameterSet("Own{number}", (OWN,), optional=(TENANT_ID,))]
    return [CredentialProvider("Own{number}", sets, print, summary="one of many")]


@hookimpl
def grantway_environments():
    return [Environment("Cloud{number}", authority="https://cloud{number}.example")]


@hookimpl
def grantway_vaults():
    return [Vault("box{number}", print)]
'''


def install(folder: Path, *, plugins: int, others: int) -> Path:
    """Install so many distributions with a plugin, and so many without."""
    folder.mkdir()
    for number in range(plugins + others):
        has_plugin = number < plugins
        metadata = folder / f"benchmark_{number}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: benchmark-{number}\nVersion: 1.0\n"
        )
        group, target = (
            ("grantway.plugins", f"benchmark_plugin_{number}")
            if has_plugin
            else ("console_scripts", "json:dumps")
        )
        (metadata / "entry_points.txt").write_text(f"[{group}]\nbenchmark{number} = {target}\n")
        if has_plugin:
            code = PLUGIN.replace("{number}", str(number))
            (folder / f"benchmark_plugin_{number}.py").write_text(code)
    return folder
