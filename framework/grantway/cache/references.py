"""References to the secrets a token cache itself needs: `env:NAME` and `file:PATH`.

A cache is made before any vault can be asked, so it opens these two by itself. What is wrong is
returned, not raised, for the frame here holds the secret in clear.
"""

from collections.abc import Callable
from pathlib import Path

from grantway.cache import private
from grantway.errors import CacheError

_MOST = 4096

Getenv = Callable[[str], str | None]
"""As `os.getenv`: a function, and not the variables themselves, which a traceback could show."""


def opened(reference: str, getenv: Getenv, otherwise: str) -> str | CacheError:
    """The text that a reference means, without white space around it.

    Args:
        reference: what is opened.
        getenv: gives the value of a variable.
        otherwise: how else the secret can be given; the remedy of what is wrong says so.
    """
    kind, _, name = reference.partition(":")
    if kind.lower() == "file":
        return _content(name, otherwise)
    if kind.lower() != "env":
        return CacheError(
            "This is neither env:NAME nor file:PATH.",
            remedy="The token cache knows these two kinds of references.",
        )
    text = getenv(name)
    if not text:
        return CacheError(
            f"The environment variable {name} is not set.", remedy=f"Set it, or {otherwise}."
        )
    return text.strip()


def is_reference(text: str) -> bool:
    """Whether a text has the form of a reference that is known here."""
    return text.lower().startswith(("env:", "file:"))


def _content(path: str, otherwise: str) -> str | CacheError:
    try:
        content = private.read_file(Path(path).expanduser(), _MOST, otherwise)
    except CacheError as error:
        return error.with_traceback(None)
    except (RuntimeError, ValueError):  # an unknown home folder, a NUL character
        return CacheError(
            "The path of the file cannot be used.", remedy=f"Give the whole path, or {otherwise}."
        )
    return content.decode("utf-8", "replace").strip()
