"""Which redirect URIs an application may be sent back to.

As Entra compares them: exactly, but for the port of a loopback URI, which a native client takes as
it finds it (RFC 8252 section 7.3). An empty path is the same as a single slash.
"""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import Application

_PLAIN: Final = re.compile(r"[!-~]+")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def check_redirect_uri(application: Application, given: str | None) -> str:
    """Return where to answer; the first registered URI where none is given.

    Raises:
        EntraError: AADSTS50011; the answer must then not go there.
    """
    if not given and application.redirect_uris:
        return application.redirect_uris[0]
    if given and any(_same(known, given) for known in application.redirect_uris):
        return given
    raise EntraError(
        50011,
        f"The redirect URI '{given or ''}' specified in the request does not match the redirect "
        f"URIs configured for the application '{application.application_id}'. Make sure the "
        "redirect URI sent in the request matches one added to your application.",
    )


def _same(known: str, given: str) -> bool:
    if known == given:
        return True
    # Parsers, this one and the browser's, take blanks and control characters out, each its own way.
    if not _PLAIN.fullmatch(given):
        return False
    try:
        one, other = urlsplit(known), urlsplit(given)
        return _loopback(one) and _without_port(one) == _without_port(other)
    except ValueError:
        return False


def _loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _without_port(parts: SplitResult) -> tuple[str | bool | None, ...]:
    # A port that is none raises here: such a URI equals nothing.
    _ = parts.port
    identity = "@" in parts.netloc
    return parts.scheme, identity, parts.hostname, parts.path or "/", parts.query, parts.fragment
