"""A local authority on a free port, for tests that want real HTTP.

It is a plugin's, and the framework knows no plugin; so it is looked up by name when it is used.
"""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest


@contextmanager
def running_sandbox(**options: object) -> Generator[Any, None, None]:
    """A running `grantway_sandbox.Sandbox`, made with these options.

    The test is skipped where the sandbox, or a package that it needs, is not installed.
    """
    try:
        made = import_module("grantway_sandbox").Sandbox
    except ImportError as error:
        name = error.name or ""
        if name.startswith("grantway") and name != "grantway_sandbox":
            # It is there, and broken.
            raise
        pytest.skip(f"{error}")
    with made(**options) as sandbox:
        yield sandbox
