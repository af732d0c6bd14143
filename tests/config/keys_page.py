"""The reference of the configuration file's keys, from its JSON schema.

`python tests/config/keys_page.py` writes the page.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grantway.config_schema import schema

PAGE = Path(__file__).parents[2] / "docs" / "configuration-keys.md"
REGENERATE = "python tests/config/keys_page.py"

HEAD = f"""\
# Keys of the configuration file

<!-- Made from the schema by `{REGENERATE}`; a test holds it against that. -->

The file is TOML; `grantway config path` says where it is, `grantway config check` what is wrong with
it. [Its JSON schema](configuration.schema.json) says the same to editors. What is not listed here is
refused.
"""

ENVIRONMENT = """\
An environment has an `authority` (or an `issuer`, which is the same) or is `like` another one. All
else may be left out. The same keys, without the name above them, make a file for
`grantway environments add NAME --from FILE`. [Clouds and identity providers of your
own](identity-providers.md) and [a cloud of your own](custom-clouds.md) explain them.
"""

TRUST = """\
Written as a table of its own, `[environments.NAME.trust]`, or in braces on one line:
`trust = { loopback_http = true }`.
"""

PROFILES = """\
A profile, `[profiles.NAME]`, holds parameters by the names that they have in Python (`tenant_id`), or
with dashes as on the command line. `grantway providers` lists them; they are up to the plugins too. A
secret is a reference.
"""


def page() -> str:
    """The page as it has to be."""
    whole: Any = schema()
    keys = whole["properties"]
    environment = whole["$defs"]["environment"]["properties"]
    parts = (
        HEAD,
        *section("At the top", keys),
        *section("`[environments.NAME]`", environment, ENVIRONMENT),
        *section("`trust` of an environment", environment["trust"]["properties"], TRUST),
        "## `[profiles.NAME]`\n",
        PROFILES,
        *section("`[plugins]`", keys["plugins"]["properties"]),
    )
    return "\n".join(parts)


def section(title: str, keys: dict[str, Any], words: str = "") -> Iterator[str]:
    """A heading, what there is to say first, and the keys."""
    yield f"## {title}\n"
    if words:
        yield words
    rows = (f"| `{name}` | {kind(key)} | {key['description']} |" for name, key in keys.items())
    yield "\n".join(("| Key | Value | What it is for |", "|---|---|---|", *rows, ""))


def kind(value: dict[str, Any]) -> str:
    """What a key takes, in words."""
    match value:
        case {"enum": words}:
            return " or ".join(f"`{word}`" for word in words)
        case {"anyOf": _}:
            return "text, or list of texts"
        case {"type": "array"}:
            return "two texts"
        case {"type": "object", "additionalProperties": {"type": "string"}}:
            return "table of texts"
        case {"type": "object"}:
            return "table, see below"
        case {"type": "boolean"}:
            return "true or false"
        case _:
            return {"string": "text"}[value["type"]]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
