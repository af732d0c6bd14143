"""A new plugin: a whole package, made from templates.

`templates/common` and the folder of its kind hold the files as they are to be, with a word between
two `@` where a name goes; `.txt` is taken off their names, and `dot-` before one is a dot. So a
template can be read, and none is mistaken for a module of grantway or for a test.

The package is written into a folder beside the place it is for, and given its name when it is
whole: whatever happens before that, nothing is left.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import attrs

from grantway.version import __version__

KINDS = {
    "provider": "a way to a token",
    "environment": "a cloud or authority",
    "cache": "a place where tokens rest",
    "vault": "a place where secrets come from",
}
"""What a plugin can be begun with, and what that is."""

_PREFIX = "grantway-"
_SHORT = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 40
_PLACE = re.compile(r"@(\w+)@")


@attrs.frozen
class Names:
    """What a new plugin is called, in each place that has a way of its own to write names.

    Attributes:
        short: what it is about: `acme-lab`.
    """

    short: str

    @classmethod
    def read(cls, name: str) -> "Names":
        """The names that follow from what a user has typed: `acme-lab` or `grantway-acme-lab`.

        Raises:
            ValueError: it cannot name a package, or what is in it; the reason says why.
        """
        short = name.removeprefix(_PREFIX)
        if not _SHORT.fullmatch(short) or len(short) > _LONGEST:
            raise ValueError(
                f"it has to be lower-case words of letters and digits with dashes between them, "
                f"no longer than {_LONGEST} characters"
            )
        # A function that begins so would be taken for a hook, or by pytest for a test.
        if (first := short.partition("-")[0]) in ("grantway", "test"):
            raise ValueError(f"it must not begin with {first}")
        # --no-... is the other half of a flag.
        if short.startswith("no-"):
            raise ValueError("it must not begin with no-")
        return cls(short)

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return _PREFIX + self.short

    @property
    def module(self) -> str:
        """What Python imports."""
        return self.distribution.replace("-", "_")

    @property
    def title(self) -> str:
        """What its provider or environment is called."""
        return "".join(word.capitalize() for word in self.short.split("-"))


@attrs.frozen
class File:
    """A file of the package: where, below its folder, and what is in it."""

    path: str
    text: str


def package(kind: str, names: Names) -> Iterator[File]:
    """The files of a new plugin."""
    templates = files("grantway.cli") / "templates"
    snake = names.short.replace("-", "_")
    version = __version__.split(".")[:2]
    values = {
        "api": ", ".join(version),
        "distribution": names.distribution,
        "kebab": names.short,
        "module": names.module,
        "Name": names.title,
        "short": names.short,
        "snake": snake,
        "SNAKE": snake.upper(),
        "summary": KINDS[kind],
        "version": ".".join(version),
    }
    usage = (templates / kind / "usage.txt").read_text(encoding="utf-8")
    values["usage"] = _filled(usage, values).strip()
    for folder in ("common", kind):
        for path, template in _walk(templates / folder):
            if path != "usage.txt":
                text = template.read_text(encoding="utf-8")
                yield File(_filled(path.removesuffix(".txt"), values), _filled(text, values))


def _filled(text: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda found: values[found[1]], text)


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        path = above + re.sub(r"^dot-", ".", each.name)
        if each.is_dir():
            yield from _walk(each, f"{path}/")
        else:
            yield path, each


def write(content: Iterable[File], folder: Path) -> tuple[str, ...]:
    """Write the files into a new folder; returns their paths below it.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be written. Nothing of it is left then, nor after an interrupt.
    """
    # Imported here: only this command needs them.
    import shutil
    import tempfile

    if folder.exists() or folder.is_symlink():
        raise FileExistsError(folder)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        whole = unfinished / folder.name
        whole.mkdir()
        paths: list[str] = []
        for each in content:
            path = whole / each.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.text, encoding="utf-8", newline="\n")
            paths.append(each.path)
        whole.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return tuple(paths)
