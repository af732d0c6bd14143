"""URLs that name a token cache: what is in them, and what must not be.

    sqlite                                      the cache of this user, in its usual place
    sqlite:///var/lib/app/tokens.db             an absolute path; ~ is the home folder
    sqlite:tokens.db                            a path from the current folder
    redis://cache.example/0?prefix=fleet:       see `grantway.cache.redis`

Both take `limit` and `key_file`. A URL is written where others can read it, so a secret in it has
to be a reference: `password=env:NAME` or `password=file:PATH`, never `redis://:secret@host`. What
is refused is not repeated.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from grantway.errors import ConfigurationError
from grantway.suggest import did_you_mean


@attrs.frozen(eq=False, repr=False)
class CacheUrl:
    """A URL in its parts: the address without parameters, and the parameters by name."""

    scheme: str
    address: str
    host: str
    path: str
    parameters: Mapping[str, str] = attrs.field(repr=False)

    @classmethod
    def parse(cls, url: str, known: tuple[str, ...]) -> "CacheUrl":
        """Take a URL apart, or the bare name of a cache.

        Raises:
            ConfigurationError: it cannot be understood, has a parameter that is not `known`, or a
                password in clear.
        """
        try:
            parts = urlsplit(url)
            password, _ = parts.password, parts.port
            given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise ConfigurationError(
                "The URL of the token cache cannot be understood.",
                remedy="Write sqlite, sqlite:///PATH or redis://HOST/0.",
            ) from None
        scheme = parts.scheme or url.casefold()
        if password is not None:
            raise ConfigurationError(
                f"The URL of the token cache {scheme} has a password in clear.",
                remedy="Leave it out, and add the parameter password, as env:NAME or file:PATH.",
            )
        parameters = dict(given)
        for name in parameters:
            if name not in known:
                raise ConfigurationError(
                    f"The token cache {scheme} has no parameter {name!r}.",
                    remedy=did_you_mean(name, known) or f"There are: {', '.join(known)}.",
                )
        if len(parameters) < len(given):
            raise ConfigurationError(
                f"The URL of the token cache {scheme} gives a parameter twice.",
                remedy="Keep one of them.",
            )
        path = unquote(parts.path) if parts.scheme else ""
        address = parts._replace(query="", fragment="").geturl()
        return cls(scheme, address, parts.netloc, path, parameters)

    def number(self, name: str, default: int) -> int:
        """A parameter that is a positive whole number.

        Raises:
            ConfigurationError: it is none.
        """
        text = self.parameters.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and int(text[:9])):
            raise ConfigurationError(
                f"The token cache {self.scheme}: {name} is no positive whole number.",
                remedy=f"Leave it out for {default:,}.",
            )
        return int(text[:9])

    def file(self, name: str) -> Path | None:
        """A parameter that is the path of a file.

        Raises:
            ConfigurationError: the home folder in it is not known.
        """
        text = self.parameters.get(name)
        return expanded(text) if text else None


def expanded(path: str) -> Path:
    """A path, with the home folder for ~.

    Raises:
        ConfigurationError: that is not known, or the path has a NUL character in it.
    """
    try:
        if "\0" not in path:
            return Path(path).expanduser()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "The path in the URL of the token cache cannot be used.", remedy="Give the whole path."
    )
