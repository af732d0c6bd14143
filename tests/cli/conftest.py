"""The Redis server of the run serves here too."""

# Fixtures are found by name in this module.
from cache.conftest import redis_server as redis_server  # noqa: PLC0414
