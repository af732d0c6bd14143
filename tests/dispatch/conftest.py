"""A Redis server for the run; no test sees the keyring of this machine."""

from collections.abc import Iterator

import keyring
import pytest
from keyring.backends import fail

from peers import PeerUnavailable, require_peer
from peers.redis_server import RedisServer


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever keyring this machine has, no test may write to it, in whatever process."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server for the whole run; each cache in it has a prefix of its own."""
    missing = ""
    try:
        server = RedisServer()
    except PeerUnavailable as reason:
        missing = str(reason)
    require_peer(not missing, missing)
    with server:
        yield server
