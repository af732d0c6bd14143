"""Fixtures of `grantway.testing`, which pytest finds by itself; `-p no:grantway` leaves them out.

Every run of pytest imports this module where grantway is installed, so it imports nothing else:
each fixture does what it needs.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grantway.dispatcher import Dispatcher
    from grantway.testing.clock import ManualClock

_WITH_CHECKS = (
    "environment_contract", "forked", "gate", "patience", "plugin_checks",
    "provider_declaration_checks", "provider_failure_checks", "provider_flow_checks",
    "provider_secrecy_checks", "provider_setting", "token_cache_process_checks",
    "token_cache_shape_checks", "token_cache_setting", "vault_contract",
)  # fmt: skip

# So that an assertion that fails shows its values, as in the author's own tests.
pytest.register_assert_rewrite(
    *(name for each in _WITH_CHECKS if (name := f"grantway.testing.{each}") not in sys.modules)
)


@pytest.fixture
def grantway_clock() -> "ManualClock":
    """A clock that goes on only when it is told to, or when somebody waits by it."""
    from grantway.testing.clock import ManualClock

    return ManualClock()


@pytest.fixture
def grantway_dispatcher() -> "Iterator[Callable[..., Dispatcher]]":
    """Make dispatchers with these plugins and no others, by calling it; see `dispatcher_of`.

    They are closed when the test ends.
    """
    from grantway.testing.registries import dispatcher_of

    with ExitStack() as stack:

        def make(*plugins: object, **parts: Any) -> "Dispatcher":  # noqa: ANN401  # those of dispatcher_of
            return stack.enter_context(dispatcher_of(*plugins, **parts))

        yield make


@pytest.fixture
def grantway_sandbox() -> Iterator[Any]:
    """A local authority on a free port: a `grantway_sandbox.Sandbox`, or a skip without it."""
    from grantway.testing.sandbox import running_sandbox

    with running_sandbox() as sandbox:
        yield sandbox
