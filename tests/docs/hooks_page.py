"""The reference of the hooks, from their declarations.

`python tests/docs/hooks_page.py` writes the page.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from grantway import hookspecs

PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"
REGENERATE = "python tests/docs/hooks_page.py"

HEAD = f"""\
# The hooks

<!-- Made from the declarations by `{REGENERATE}`; a test holds it against them. -->

A plugin is a module or an object. Each of its functions that is marked `@hookimpl` implements one of
the hooks below, all of which are optional; it is installed under the entry-point group
`grantway.plugins`:

    [project.entry-points."grantway.plugins"]
    badge = "grantway_badge"

Hooks return data. They are called once, when the registry is loaded, one plugin at a time. A hook
that raises, or returns something else than it should, sets its plugin aside and nothing else; so does
a name beginning with `grantway_` that is none of these. No hook ever sees a caller's parameters.

[The records](records.md) lists their attributes. Each example is a program of its own.
"""


def hooks() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every hook that is declared, in the order of the source."""
    for name, value in vars(hookspecs).items():
        if inspect.isfunction(value) and hasattr(value, f"{hookspecs.PROJECT}_spec"):
            yield name, value


def page() -> str:
    """The page as it has to be."""
    return "\n".join((HEAD, *(section(name, hook) for name, hook in hooks())))


def section(name: str, hook: Callable[..., object]) -> str:
    """A hook: its signature, what it is for, its example."""
    signature = str(inspect.signature(hook)).replace("'", "").replace('"', "")
    words, _, example = inspect.getdoc(hook).partition("\n\n    ")  # type: ignore[union-attr]  # each has one
    code = spaced(textwrap.dedent(f"    {example}").strip())
    return f"## `{name}`\n\n    {name}{signature}\n\n{words}\n\n```python\n{code}\n```\n"


def spaced(code: str) -> str:
    """Code with the two blank lines around functions and classes that formatters want."""
    code = re.sub(r"\n\n(?=@|def |class )", "\n\n\n", code)
    return re.sub(r"(?<=\n)(    [^\n]*)\n\n(?=[^\s@])(?!def |class )", r"\1\n\n\n", code)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
