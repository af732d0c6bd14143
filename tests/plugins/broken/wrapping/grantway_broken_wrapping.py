"""A plugin that steps between other plugins and grantway."""

from collections.abc import Generator

import pluggy


@pluggy.HookimplMarker("grantway")(wrapper=True)
def grantway_providers() -> Generator[None, object, object]:
    return (yield)
