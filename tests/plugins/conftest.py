"""Distributions of plugins, built and installed with pip into folders beside the environment."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from plugins.support import HERE, PUBLISHED, pip_install

# Their tests are run as their authors run them.
collect_ignore = ["published"]


@pytest.fixture(scope="session")
def plugins_folder(
    tmp_path_factory: pytest.TempPathFactory, original_environment: Mapping[str, str]
) -> Path:
    """The folder in which the sample plugin and a broken one are installed."""
    return pip_install(
        [HERE / "sample", HERE / "broken" / "wreck"],
        tmp_path_factory.mktemp("installed"),
        tmp_path_factory.mktemp("sources"),
        original_environment,
    )


@pytest.fixture(scope="session")
def published_folder(
    tmp_path_factory: pytest.TempPathFactory, original_environment: Mapping[str, str]
) -> Path:
    """The folder in which the plugins are installed that are good enough to publish."""
    return pip_install(
        sorted(each for each in PUBLISHED.iterdir() if each.is_dir()),
        tmp_path_factory.mktemp("published"),
        tmp_path_factory.mktemp("published-sources"),
        original_environment,
    )
