"""A plugin with a hook whose name is misspelt."""

from grantway import hookimpl


@hookimpl
def grantway_provider() -> list[object]:
    return []
