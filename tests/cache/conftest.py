"""A Redis server for the run, and token caches of each kind."""

from collections.abc import Iterator

import pytest

from peers import PeerUnavailable, require_peer
from peers.redis_server import RedisServer


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
