"""A healthy plugin that leaves a mark when it is imported."""

import os
from pathlib import Path

from grantway import Environment, hookimpl

Path(os.environ["MARK"]).touch()


@hookimpl
def grantway_environments() -> list[Environment]:
    return [Environment("Marked", authority="https://marked.example")]
