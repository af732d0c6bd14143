"""Distributions that are meant to be plugins, it seems, and that grantway does not find.

A plugin is found by an entry point in one group. Where that is forgotten, or the group is written
otherwise, nothing fails: there is simply no such plugin. So what looks like one is told.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import Distribution, distributions

import attrs

from grantway.hookspecs import ENTRY_POINT_GROUP

_LIKE = re.compile(r"grantway([^a-z]*plugins?)?", re.IGNORECASE)
_NAMED = re.compile(r"grantway[-_.].+", re.IGNORECASE)


@attrs.frozen
class Unlisted:
    """A distribution that may be meant to be a plugin.

    Attributes:
        distribution, version: whose it is.
        group: where its entry points are instead; "" where it has none.
    """

    distribution: str
    version: str
    group: str

    @property
    def found(self) -> str:
        """What is so, in words."""
        which = f"{self.distribution} {self.version}".strip()
        if self.group:
            return f"{which} has entry points in the group {self.group!r}, which nobody reads."
        return f"{which} has no entry point, so there is no plugin in it."

    @property
    def remedy(self) -> str:
        """What its author has to do."""
        group = f'[project.entry-points."{ENTRY_POINT_GROUP}"]'
        return f"Its author has to put the entry point into {group}; then install it anew."


def unlisted() -> Iterator[Unlisted]:
    """Each distribution that is named like a plugin, or has a group that is, and is none."""
    for distribution in distributions():
        with suppress(Exception):  # what cannot be read is told as a plugin that is set aside
            yield from _looked_at(distribution)


def _looked_at(distribution: Distribution) -> Iterator[Unlisted]:
    groups = {each.group for each in distribution.entry_points}
    if ENTRY_POINT_GROUP in groups:
        return
    name, version = distribution.name, distribution.version
    like = sorted(group for group in groups if _LIKE.fullmatch(group))
    if like or _NAMED.fullmatch(name):
        yield Unlisted(name, version, like[0] if like else "")
