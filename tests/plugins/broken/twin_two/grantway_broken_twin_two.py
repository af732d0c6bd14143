"""One of two plugins that claim the same name for an environment."""

from grantway import Environment, hookimpl


@hookimpl
def grantway_environments() -> list[Environment]:
    return [Environment("Two", authority="https://two.example", aliases=("Twin",))]
