"""The reference of the built-in providers, from their declarations.

`python tests/cli/providers_page.py` writes the page.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from grantway import Configuration, CredentialProvider, Parameter, Registry
from grantway.cli import reference
from grantway.cli.syntax import metavar
from grantway.parameters import COMMON

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
REGENERATE = "python tests/cli/providers_page.py"

HEAD = f"""\
# The providers

<!-- Made from the declarations by `{REGENERATE}`; a test holds it against them. -->

A credential provider is one way to get a token. Which one serves a call is [selected by the
parameters](how-selection-works.md) that it gives. `grantway providers` lists those that are installed,
and `grantway providers show NAME` prints for any of them, a plugin's among them, what stands here for
the built-in ones; with `--json` there is a JSON schema of each parameter set too.

In the syntax, what is required stands bare, what may be left out in brackets; of what stands in braces
one or more are to be given. From Python a parameter goes by its name, `tenant_id`. A secret on the
command line, in a profile or a variable is [a reference](quick-start.md).
"""

WHENCE = """\
*From* says where a value may come from, in the order in which it is looked for: the call itself, the
environment (its one tenant), the profile, a variable, the default.
"""


def page() -> str:
    """The page as it has to be."""
    registry = Registry.load(Configuration({}), third_parties=False)
    parts = [HEAD, WHENCE]
    for provider in registry.providers:
        parts += _provider(registry, provider)
    parts.append("## `<CommonParameters>`\n\nEvery parameter set takes these.\n")
    parts.append(_table(registry.providers[0], COMMON))
    return "\n".join(parts)


def _provider(registry: Registry, provider: CredentialProvider) -> Iterator[str]:
    yield f"## {provider.name}\n\n{provider.summary}.\n"
    for candidate in registry.provider_candidates(provider.name):
        title, lines = reference.syntax(candidate, registry.candidates)
        below = "\n".join(lines)
        summary = candidate.parameter_set.summary
        yield f"### {title}\n\n{summary}\n" if summary else f"### {title}\n"
        example = reference.example(candidate, registry.candidates)
        yield f"```\n{below}\n```\n\nFor example:\n\n```\n{example}\n```\n"
    yield _table(provider, reference.parameters(provider))


def _table(provider: CredentialProvider, parameters: Iterable[Parameter[object]]) -> str:
    head = ("Parameter", "Option", "Type", "Required by", "From", "Aliases", "Not with", "")
    rows = [_row(provider, each) for each in parameters]
    lines = [" ".join(("|", *(f"{cell} |".lstrip() for cell in cells))) for cells in (head, *rows)]
    return "\n".join((lines[0], "|---" * len(head) + "|", *lines[1:], ""))


def _row(provider: CredentialProvider, parameter: Parameter[object]) -> tuple[str, ...]:
    kind = metavar(parameter).replace("|", ", ") or "flag"
    return (
        f"`{parameter.name}`",
        f"`{parameter.option}`",
        f"{kind}, secret" if parameter.secret else kind,
        ", ".join(reference.required_by(provider, parameter)),
        ", ".join(_source(each) for each in reference.sources(parameter)),
        ", ".join(f"`{each}`" for each in parameter.aliases),
        ", ".join(f"`{each}`" for each in parameter.excludes),
        parameter.help,
    )


def _source(words: str) -> str:
    kind, _, what = words.partition(" ")
    return f"`{what}`" if kind == "variable" else words


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
