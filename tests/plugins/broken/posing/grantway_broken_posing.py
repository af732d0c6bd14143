"""A plugin whose environment takes the name of a built-in one as an alias."""

from grantway import Environment, hookimpl


@hookimpl
def grantway_environments() -> list[Environment]:
    return [Environment("Posing", authority="https://posing.example", aliases=("globalcloud",))]
