"""Changing the configuration file: one environment's table put in or taken out.

The file is a person's: what is not changed stays to the byte, comments and order included. So the
text is changed where the table stands, by lines, and not written anew. Where that cannot be done,
as with an environment inside an inline table, tomlkit does it, which keeps comments as well as
can be. Either way the new text is read again before anything is written, and has to say what the
old one said, the one table apart.

A new file is for its owner alone (0600, its folder 0700); one that is there keeps its permissions,
and a symbolic link stays one. The new text takes the old one's place in one step.
"""

import os
import stat
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grantway.document import Document, Keys, Table
from grantway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENVIRONMENTS = "environments"


def with_environment(document: Document, name: str, table: Table, *, replaces: str = "") -> str:
    """The text with `[environments.NAME]` in it, in the place of the one that it `replaces`.

    Raises:
        ConfigurationError: the file is not as it should be.
    """
    wanted = _without(document, replaces)
    wanted.setdefault(_ENVIRONMENTS, {})[name] = table
    added = as_toml(name, table)
    first, kept = _cut(document, replaces)
    above = "".join(kept[:first])
    below = "".join(kept[first:])
    above += "" if not above or above.endswith("\n") else "\n"
    gap = "\n" if above and not (replaces or above.endswith("\n\n")) else ""
    return _checked(f"{above}{gap}{added}{below}", wanted) or _by_tomlkit(
        document, replaces, wanted, name, table
    )


def without_environment(document: Document, name: str) -> str:
    """The text without `[environments.NAME]`.

    Raises:
        ConfigurationError: as `with_environment`.
    """
    wanted = _without(document, name)
    text = "".join(_cut(document, name)[1])
    return _checked(text, wanted) or _by_tomlkit(document, name, wanted)


def as_toml(name: str, table: Table) -> str:
    """The table of an environment as it is written."""
    # Imported here, as below: few processes change the configuration.
    import tomlkit

    return tomlkit.dumps({_ENVIRONMENTS: {name: table}})


def write(document: Document, text: str, path: Path) -> None:
    """Put a text in the place of the document's.

    Raises:
        ConfigurationError: it cannot be written, or the file has changed meanwhile.
    """
    target = Path(os.path.realpath(path))
    new = target.with_name(f".{target.name}.{os.urandom(8).hex()}.new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        was, mode = _now(target)
        if was.replace(b"\r\n", b"\n") != document.text.encode():
            raise ConfigurationError(
                f"{path} has changed meanwhile.", remedy="Try again.", file=str(path)
            )
        content = text.encode()
        if b"\r\n" in was:
            content = content.replace(b"\n", b"\r\n")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        new.chmod(mode)
        new.replace(target)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or type(error).__name__}.",
            remedy="Check the permissions and the free space of its folder.",
            file=str(path),
        ) from None
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _now(target: Path) -> tuple[bytes, int]:
    """What is in the file, and its permissions; those of a new one where there is none."""
    try:
        return target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return b"", 0o600


def _without(document: Document, name: str) -> dict[str, Any]:
    """The values of the file without an environment."""
    # Read anew: what is taken out of these is nobody else's.
    values: dict[str, Any] = dict(document.parse())
    if name:
        del values[_ENVIRONMENTS][name]
    return values


def _cut(document: Document, name: str) -> tuple[int, list[str]]:
    """The lines that stay without an environment's tables, and at which of them it stood."""
    lines = document.text.splitlines(keepends=True)
    gone = {number for own in _tables(document, name, lines) for number in own}
    first = min(gone, default=len(lines))
    return first, [line for number, line in enumerate(lines) if number not in gone]


def _tables(document: Document, name: str, lines: list[str]) -> Iterator[range]:
    """The lines of each table of an environment, from its header to its last value."""
    headers = [*document.headers(), (len(lines) + 1, Keys())]
    sought = (_ENVIRONMENTS, name.replace("-", "_"))
    for (number, keys), (following, next_keys) in pairwise(headers):
        if name and keys[:2] == sought:
            end = following - 1
            # Comments that stand above somebody else's table are about that one.
            while end > number and next_keys[:2] != sought and _is_bare(lines[end - 1]):
                end -= 1
            yield range(number - 1, end)


def _is_bare(line: str) -> bool:
    """Whether a line has nothing but space and a comment."""
    return not line.partition("#")[0].strip()


def _by_tomlkit(
    document: Document,
    removed: str,
    wanted: "Mapping[str, Any]",
    name: str = "",
    table: Table | None = None,
) -> str:
    import tomlkit

    edited: Any = tomlkit.parse(document.text)
    if removed:
        del edited[_ENVIRONMENTS][removed]
    if name:
        edited[_ENVIRONMENTS][name] = table
    if text := _checked(tomlkit.dumps(edited), wanted):
        return text
    raise ConfigurationError(
        f"{document.file} cannot be changed without touching what else is in it.",
        remedy="Make the change there by hand"
        + (f":\n{as_toml(name, table)}" if table is not None else "."),
        file=str(document.file or ""),
    )


def _checked(text: str, wanted: "Mapping[str, Any]") -> str:
    """The text, if it says what is wanted and nothing else; else "" (an empty one: a newline)."""
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ""
    same = _settled(said) == _settled(wanted)
    return (text or "\n") if same else ""


def _settled(values: "Mapping[str, Any]") -> dict[str, Any]:
    """Values with no environments and an empty table of them being the same."""
    return {key: value for key, value in values.items() if key != _ENVIRONMENTS or value}
