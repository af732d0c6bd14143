"""Real servers that grantway is held against; see each module for one of them."""

import os

import pytest


class PeerUnavailable(Exception):
    """A peer cannot be had on this machine. The message says what would bring it."""


def in_ci() -> bool:
    return os.environ.get("CI", "").strip().lower() not in {"", "0", "false", "no", "off"}


def require_peer(available: bool, what: str) -> None:
    """Go on with a real peer, or not at all: required in CI, a visible skip elsewhere.

    `what` names the peer and how to install it; it is all that the reader of a skip sees.
    """
    if available:
        return
    if in_ci():
        pytest.fail(f"required in CI: {what}", pytrace=False)
    pytest.skip(what)
