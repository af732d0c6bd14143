"""A Redis server for the run; no test sees the keyring of this machine."""

from cache.conftest import no_keyring as no_keyring  # noqa: PLC0414
from cache.conftest import redis_server as redis_server  # noqa: PLC0414
