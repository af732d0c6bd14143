"""One of two plugins that claim the same name for an environment."""

from grantway import Environment, hookimpl


@hookimpl
def grantway_environments() -> list[Environment]:
    return [Environment("One", authority="https://one.example", aliases=("Twin",))]
