"""Which redirect URIs pass, whatever anybody writes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import PUBLIC_APPLICATION_ID, TENANT_ID, Application
from grantway_sandbox.redirects import check_redirect_uri

NATIVE = Application(
    PUBLIC_APPLICATION_ID, "Native", TENANT_ID, redirect_uris=("http://localhost",)
)

# What people who deceive parsers write.
PIECES = st.sampled_from(
    [
        *("http:", "https:", "HTTP:", "//", "/", "\\", "localhost", "LOCALHOST", "127.0.0.1"),
        *("evil.example", "[::1]", "@", ":", ":80", ":8400", ":99999", "?", "#", ".", "%2f", " "),
        *("\t", "\r\n", "\x00", "\u3002", "\uff0f", "é", ";", "'"),
    ]
)


def passes(uri: str) -> bool:
    try:
        return check_redirect_uri(NATIVE, uri) == uri
    except EntraError:
        return False


@given(st.lists(PIECES, max_size=9).map("".join) | st.text())
def test_nothing_but_loopback_passes(uri: str) -> None:
    if uri and passes(uri):
        assert re.fullmatch(r"http://localhost(:\d{0,5})?/?[?#]?", uri, re.IGNORECASE)


@given(st.integers(0, 65535), st.sampled_from(["", "/"]))
def test_every_port_passes(port: int, path: str) -> None:
    assert passes(f"http://localhost:{port}{path}")


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\x00", "\u3000"])
def test_blanks_and_control_characters_do_not(blank: str) -> None:
    for uri in (
        f"{blank}http://localhost/",
        f"http://localhost/{blank}",
        f"http://loc{blank}alhost",
    ):
        assert not passes(uri)


def test_an_application_without_any_is_answered_nowhere() -> None:
    nowhere = Application(PUBLIC_APPLICATION_ID, "Nowhere", TENANT_ID)
    for uri in (None, "", "http://localhost"):
        with pytest.raises(EntraError, match="AADSTS50011"):
            check_redirect_uri(nowhere, uri)
