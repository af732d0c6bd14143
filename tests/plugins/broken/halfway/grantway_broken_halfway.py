"""A plugin whose hook fails after it has yielded something good."""

from collections.abc import Iterator

from grantway import Environment, hookimpl


@hookimpl
def grantway_environments() -> Iterator[Environment]:
    yield Environment("Halfway", authority="https://halfway.example")
    raise OSError("the list ends here")
