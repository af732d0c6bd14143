"""A plugin whose hook returns something else than it should."""

from grantway import hookimpl


@hookimpl
def grantway_providers() -> list[str]:
    return ["a provider"]
