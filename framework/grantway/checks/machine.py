"""The machine: what runs, and the variables that do something else than people expect."""

import platform
import ssl
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from grantway.checks.check import Check
from grantway.oauth.routes import bundle_variable, proxy_variable
from grantway.version import __version__

_LIBRARIES = ("requests", "urllib3", "requests-oauthlib", "cryptography", "pluggy")
_NETWORK = (
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip

_UNREAD = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def versions() -> Iterator[Check]:
    """What runs here."""
    found = {name: _version(name) for name in _LIBRARIES}
    yield Check(
        "versions",
        "ok",
        f"grantway {__version__}, Python {platform.python_version()} on {platform.system()}, "
        f"{ssl.OPENSSL_VERSION}; run by {sys.executable}",
        facts={
            "grantway": __version__,
            "python": platform.python_version(),
            "executable": sys.executable,
            "system": platform.platform(),
            "openssl": ssl.OPENSSL_VERSION,
            **found,
        },
    )


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def variables(environ: Mapping[str, str]) -> Iterator[Check]:
    """Which variables have a say, by name; and those that have less of one than it seems."""
    # Both cases of a name count, and on Windows they are one variable.
    spelled = dict.fromkeys(each for name in _NETWORK for each in (name.lower(), name))
    names = [name for name in spelled if environ.get(name)]
    names += sorted(name for name in environ if name.startswith("GRANTWAY_"))
    doubts = list(_doubts(environ))
    unread = [name for name in _UNREAD if environ.get(name)]
    if not doubts:
        found = ", ".join(names) if names else "none that has a say is set"
        yield Check("variables", "ok", found, facts={"set": names, "set_and_not_read": unread})
    for found, remedy in doubts:
        facts = {"set": names, "set_and_not_read": unread}
        yield Check("variables", "warning", found, remedy, facts)


def _doubts(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _NETWORK[:4]:
        lower, upper = environ.get(name.lower()), environ.get(name)
        if lower and upper and lower != upper:
            yield (
                f"{name.lower()} and {name} differ; the one in lower case counts.",
                "Unset one of them.",
            )
    plain = proxy_variable("http", environ)
    if plain and not proxy_variable("https", environ):
        yield (
            f"{plain} names a proxy for http alone, and authorities speak https.",
            "Set HTTPS_PROXY where they are to be reached through it.",
        )
    for name in _UNREAD:
        if environ.get(name) and not bundle_variable(environ):
            yield (
                f"{name} is set, and is not read here.",
                "To trust what it names, set REQUESTS_CA_BUNDLE, or ca_bundle of an environment.",
            )
