"""Every built-in token cache keeps the contract that other people's are held to."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from contracts.cases import CACHES, SAME_CACHES, CacheCase
from grantway import Configuration, Registry
from grantway.cache import plugin
from grantway.testing import TokenCacheContract

REGISTRY = Registry.load(Configuration(environ={}), third_parties=False)


def test_every_built_in_cache_has_a_case() -> None:
    assert sorted({*CACHES, *SAME_CACHES}) == sorted(REGISTRY.token_caches)


@pytest.mark.parametrize("kind", sorted(CACHES))
class TestBuiltInTokenCaches(TokenCacheContract):
    api_version = (0, 1)
    plugin = plugin
    coordinates = True
    inspects = True

    @pytest.fixture(autouse=True)
    def _case(self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        case: CacheCase = CACHES[kind]
        self.name, self.folder, self.server = kind, tmp_path, None
        for field in ("persists", "shares_between_processes", "encrypts"):
            setattr(self, field, getattr(case, field))
        self.wrong_url, self.unreachable_url = case.wrong_url, case.unreachable_url
        monkeypatch.setenv("GRANTWAY_CACHE_KEY", bytes(range(32)).hex())

    @pytest.fixture
    def cache_url(self, kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
        server: Any = request.getfixturevalue("redis_server") if kind == "redis" else None
        self.server = server
        folder = str(tmp_path) if kind == "sqlite" else quote(str(tmp_path), safe="")
        return CACHES[kind].url.format(folder=folder, server=server and server.url)

    def at_rest(self, url: str) -> bytes:
        if self.server is None:
            return b"".join(each.read_bytes() for each in self.folder.rglob("*") if each.is_file())
        import redis

        with redis.Redis.from_url(self.server.url) as client:
            found = b""
            for key in client.scan_iter(match="*"):
                found += key + bytes(client.dump(key) or b"")
            return found
