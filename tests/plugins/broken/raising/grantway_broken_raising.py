"""A plugin whose hook raises."""

from grantway import hookimpl


@hookimpl
def grantway_providers() -> list[object]:
    raise RuntimeError("no luck today")
