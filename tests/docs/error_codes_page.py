"""The reference of authorities' own error numbers, from the advice of the built-in environments.

`python tests/docs/error_codes_page.py` writes the page.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from grantway import Configuration, Environment, Registry

PAGE = Path(__file__).parents[2] / "docs" / "error-codes.md"
REGENERATE = "python tests/docs/error_codes_page.py"

HEAD = f"""\
# Error numbers of authorities

<!-- Made from the declarations by `{REGENERATE}`; a test holds it against them. -->

A program reacts to the kind of an error (`InvalidGrant`, `InteractionRequired`, ...) and to the
`error` in it. Authorities add numbers of their own, which are for people: they come and go, and two of
them may mean the same. What is known to help against one is the `advice` and the remedy of the
`AuthorityError` that carries it among its `codes`; and it can be asked for later, without a network:

```sh
grantway explain --error AADSTS700082 --environment GlobalCloud
```

```text
The refresh token was not used for 90 days: consent again, and schedule its renewal.
```

The whole line that an authority has written will do, too; `--json` is for programs.
`grantway environments show NAME` lists what is known at an environment. One that a configuration
describes with `like = "GlobalCloud"` has the advice of that, and a plugin's environment has its own
(`Environment(..., advice={{50076: "..."}})`).
"""


def shared(environments: tuple[Environment, ...]) -> list[tuple[Mapping[int, str], list[str]]]:
    """Each body of advice once, with the names of the environments that give it."""
    found: list[tuple[Mapping[int, str], list[str]]] = []
    for each in environments:
        if not each.advice:
            continue
        names = next((names for advice, names in found if advice == each.advice), None)
        if names is None:
            found.append((each.advice, [each.name]))
        else:
            names.append(each.name)
    return found


def page() -> str:
    """The page as it has to be."""
    registry = Registry.load(Configuration({}), third_parties=False)
    return "\n".join((HEAD, *(section(*each) for each in shared(tuple(registry.environments)))))


def section(advice: Mapping[int, str], names: list[str]) -> str:
    """A table: the numbers that call for the same advice, in the order of the smallest."""
    return "\n".join(
        (f"## {', '.join(names)}\n", "| Number | What to do |", "|---|---|", *rows(advice), "")
    )


def rows(advice: Mapping[int, str]) -> Iterator[str]:
    """One row for each advice."""
    numbers: dict[str, list[int]] = {}
    for code, text in sorted(advice.items()):
        numbers.setdefault(text, []).append(code)
    for text, codes in numbers.items():
        yield f"| {', '.join(map(str, codes))} | {text} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
