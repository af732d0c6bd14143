"""The reference of the records, from their declarations.

`python tests/docs/records_page.py` writes the page.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import attrs

import grantway
from grantway import authority, cache_inspection, json_body, parameters, protocol, token_cache

PAGE = Path(__file__).parents[2] / "docs" / "records.md"
REGENERATE = "python tests/docs/records_page.py"

HEAD = f"""\
# The records

<!-- Made from the declarations by `{REGENERATE}`; a test holds it against them. -->

What a plugin's [hooks](hooks.md) return, what its functions are given, and what they answer. A record
is made once and never changed; `attrs.evolve` makes another one that differs. Where a default stands,
the attribute may be left out. What is said here of an attribute is in the docstring of its class too.

Each is imported from `grantway`, save where its heading names a module. What is not on this page and not
in [what is public](compatibility.md) may change with any release.
"""

# Title of each part, and its records with those of their methods and properties that are told.
PARTS: tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...] = (
    (
        "What a hook returns",
        {
            "CredentialProvider": (),
            "ParameterSet": (),
            "Parameter": (),
            "Environment": ("resource",),
            "Trust": (),
            "Protocol": (),
            "Form": (),
            "Vault": (),
            "TokenCacheFactory": (),
            "Discovery": (),
        },
    ),
    (
        "What its functions are given",
        {
            "TokenRequest": (
                "__getitem__", "get", "tenant", "client_id", "resource", "scopes",
                "expected_account",
            ),
            "Context": (
                "remaining", "sleep", "with_time", "pause", "keep_pause", "keep_refresh_token",
                "logger",
            ),
            "Transport": ("fetch_token", "fetch_json"),
            "Prompter": ("ask", "show", "open"),
            "Clock": ("time", "monotonic", "wait"),
            "Secret": ("reveal",),
            "Reference": ("scheme", "name"),
            "Credential": (),
            "Event": (),
        },
    ),
    (
        "What they make and answer",
        {
            "AuthorityRequest": ("masked",),
            "ClientAuthentication": ("headers", "fields"),
            "Endpoints": (),
            "AuthenticationResult": ("as_dict",),
            "UserInfo": ("from_claims",),
            "TokenCache": (
                "fingerprint_key", "get", "put", "get_refresh_token", "put_refresh_token",
                "remove_refresh_token", "refresh_tokens", "clear", "close",
            ),
            "StoredRefreshToken": (),
            "Coordinator": ("lock", "get_pause", "put_pause"),
            "Inspector": ("info", "entries", "remove", "prune"),
            "CacheEntry": ("of_result", "of_refresh_token"),
            "CacheInfo": (),
        },
    ),
)  # fmt: skip

# Where those are that `grantway` itself does not have.
HOMES: Mapping[str, ModuleType] = {
    "Form": protocol,
    "Coordinator": token_cache,
    "Inspector": cache_inspection,
    "CacheEntry": cache_inspection,
    "CacheInfo": cache_inspection,
}

# Short names of types, and where they are.
SHORT: Mapping[str, ModuleType] = {
    "Fields": authority,
    "Json": json_body,
    "JsonMembers": json_body,
    "ClientAuthenticationMethod": protocol,
    "AssertionAudience": protocol,
}

# Made by the dispatcher alone: what their attributes are by default is nobody's concern.
GIVEN = {"TokenRequest", "Context", "Event"}

# Of more than this the order is nothing to rely on.
_BY_POSITION = 4


def page() -> str:
    """The page as it has to be."""
    sections = [HEAD]
    for title, records in PARTS:
        sections.append(f"## {title}\n")
        for name, members in records.items():
            sections.append(section(name, members))
            if name == "Parameter":
                sections.append(parsers())
    sections.append(short_names())
    return "\n".join(sections)


def section(name: str, members: tuple[str, ...]) -> str:
    """A record: what it is for, its attributes, and what it can do for whoever has it."""
    home = HOMES.get(name, grantway)
    record = getattr(home, name)
    where = "" if home is grantway else f", of `{home.__name__}`"
    words, sections, rest = parted(inspect.getdoc(record) or "")
    texts = dict(each for names, text in sections["Attributes"] for each in spread(names, text))
    tables = []
    if attrs.has(record):
        tables.append(attributes(record, texts, has_defaults=name not in GIVEN))
    if members:
        rows = [member(record, each) for each in members]
        tables.append(table(("To use", "What it does"), rows))
    raised = [f"Raises {text}\n" for text in raises(sections)]
    return "\n".join((f"### `{name}`{where}\n", *words, *tables, *raised, *rest))


def attributes(record: type, texts: Mapping[str, str], *, has_defaults: bool) -> str:
    """The table of a record's attributes, in their order."""
    declared = {
        node.target.id: node
        for node in definition(record).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    fields = [each for each in attrs.fields(record) if each.init]
    rows = []
    for each in fields:
        node = declared[each.name]
        default = [cell(default_of(node), code=True)] if has_defaults else []
        kind = cell(unquoted(node.annotation), code=True)
        rows.append((cell(each.name, code=True), kind, *default, cell(texts[each.name])))
    heads = ("Attribute", "Type", *(["Default"] if has_defaults else []), "What it is")
    return table(heads, rows) + position(fields, is_made=has_defaults)


def position(fields: "list[attrs.Attribute[object]]", *, is_made: bool) -> str:
    """Which attributes may be given without their names."""
    plain = [f"`{each.name}`" for each in fields if not each.kw_only]
    if not is_made or not 0 < len(plain) <= _BY_POSITION or len(plain) == len(fields):
        return ""
    return f"\n{' and '.join(', '.join(plain).rsplit(', ', 1))} may be given by position.\n"


def default_of(node: ast.AnnAssign) -> str:
    """The default that a field is declared with; "" where it has to be given."""
    value = node.value
    if not isinstance(value, ast.Call):
        text = ast.unparse(value) if value else ""
        # A private name tells nobody anything; the words do.
        return "" if text.startswith("_") else text
    given = {each.arg: each.value for each in value.keywords}
    if "default" in given:
        return ast.unparse(given["default"])
    if "factory" in given:
        made = ast.unparse(given["factory"])
        return "{}" if made.startswith("dict") else f"{made}()"
    return ""


def member(record: type, name: str) -> tuple[str, str]:
    """A method or property: how it is used, and what its docstring says."""
    node = next(
        each
        for each in definition(record).body
        if isinstance(each, ast.FunctionDef) and each.name == name
    )
    words, sections, _ = parted(inspect.cleandoc(ast.get_docstring(node) or ""))
    text = " ".join((*words, *(f"Raises {each}" for each in raises(sections))))
    return cell(used(node), code=True), cell(text)


def used(node: ast.FunctionDef) -> str:
    """A function as it is called, with its types."""
    returned = unquoted(node.returns) if node.returns else ""
    if any(ast.unparse(each) == "property" for each in node.decorator_list):
        return f"{node.name}: {returned}"
    arguments = node.args
    del arguments.args[0]
    if node.name == "__getitem__":
        return f"[{ast.unparse(arguments)}] -> {returned}"
    for each in (*arguments.args, *arguments.kwonlyargs):
        if each.annotation:
            each.annotation = ast.parse(unquoted(each.annotation), mode="eval").body
    given = re.sub(r"(: [^,=]+)=", r"\1 = ", ast.unparse(arguments))
    return f"{node.name}({given}) -> {returned}"


def parsers() -> str:
    """The table of what serves as `parse`: the functions of `grantway.parameters` that do."""
    rows = []
    for name, returned in parsing():
        words, _, _ = parted(inspect.getdoc(getattr(parameters, name)) or "")
        rows.append((cell(name, code=True), cell(returned, code=True), cell(" ".join(words))))
    return "\n".join(
        (
            "#### What parses\n",
            "Functions of `grantway.parameters`. One of your own, of one argument, will do as well.\n",
            table(("`parse`", "`request[...]` is", "What may be given"), rows),
        )
    )


def parsing() -> Iterator[tuple[str, str]]:
    """Name and result of every function there that takes a value and nothing else."""
    for node in ast.parse(inspect.getsource(parameters)).body:
        if isinstance(node, ast.FunctionDef):
            given = [each.annotation for each in node.args.args]
            if not node.name.startswith("_") and [unquoted(each) for each in given] == ["object"]:
                yield node.name, re.sub(r"^\w+\.", "", unquoted(node.returns))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            kind = re.search(r"'Callable\[\[object\], (?:\w+\.)?(\w+)\]'", ast.unparse(node.value))
            if kind and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, kind[1]


def definition(record: type) -> ast.ClassDef:
    """The source of a class."""
    node = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    assert isinstance(node, ast.ClassDef)
    return node


def unquoted(annotation: ast.expr | None) -> str:
    """An annotation as it is meant, whether or not it stands in quotes."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation) if annotation else ""


Entries = list[tuple[str, str]]


def parted(doc: str) -> tuple[list[str], dict[str, Entries], list[str]]:
    """A docstring: what it says, its sections, and what it says after them; examples as blocks."""
    sections: dict[str, Entries] = {"Attributes": [], "Args": [], "Raises": []}
    words: list[str] = []
    rest: list[str] = []
    into = words
    for paragraph in re.split(r"\n\n+", doc):
        title, _, entries = paragraph.partition(":\n")
        if title in sections:
            into = rest
            # What a line begins is an entry of its own, unless the one before ends in a comma.
            for each in re.split(r"(?<!,)\n(?! )", textwrap.dedent(entries)):
                names, colon, text = joined(each).partition(": ")
                sections[title].append((names, text) if colon else ("", names))
        elif paragraph.startswith(">>> "):
            into.extend(example(paragraph))
        elif paragraph.startswith("| "):
            into.append(f"{paragraph}\n")
        else:
            into.append(f"{joined(paragraph)}\n")
    return words, sections, rest


def example(paragraph: str) -> Iterator[str]:
    """An example: its code, and what that prints."""
    lines = paragraph.splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith((">>>", "...")))
    # As ruff writes it: a blank line behind the imports.
    code = re.sub(
        r"^(from .*|import .*)\n(?!from |import |def |$)", r"\1\n\n", code, flags=re.MULTILINE
    )
    # As formatters want it: two blank lines around a function.
    code = re.sub(r"\n(?=def )|(?<=\n)(    .*)\n(?=\S)", r"\1\n\n\n", code)
    yield f"```python\n{code}\n```\n"
    if printed := [line for line in lines if not line.startswith((">>>", "..."))]:
        yield "\n".join(("```text", *printed, "```\n"))


def short_names() -> str:
    """The table of the types that have a name of their own."""
    rows = []
    for name, module in SHORT.items():
        value = next(
            node.value
            for node in ast.parse(inspect.getsource(module)).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
        )
        meant = ast.unparse(value).replace("'Json'", "Json")
        rows.append(
            (cell(name, code=True), cell(module.__name__, code=True), cell(meant, code=True))
        )
    return f"## Short names of types\n\n{table(('Name', 'Module', 'What it stands for'), rows)}"


def raises(sections: Mapping[str, Entries]) -> Iterator[str]:
    """What is raised, and when."""
    for names, text in sections["Raises"]:
        yield f"{', '.join(f'`{each}`' for each in names.split(', '))}: {text}" if names else text


def spread(names: str, text: str) -> Iterator[tuple[str, str]]:
    """The text of several attributes, for each of them."""
    for name in names.split(", "):
        yield name, text


def joined(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table."""
    lines = (heads, ("---",) * len(heads), *rows)
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def cell(text: str, *, code: bool = False) -> str:
    """What stands in a cell."""
    text = joined(text).replace("|", r"\|")
    return f"`{text}`" if code and text else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
