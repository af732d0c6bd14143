"""A plugin with a hook that nobody calls."""

from grantway import hookimpl


@hookimpl
def grantway_dances() -> list[object]:
    return []
