"""The benchmarks' token server counts right and delays nobody but the one who asked."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from .json_authority import JsonAuthority, Stats
from .tls import LocalCa, self_signed

FORM = {"grant_type": "client_credentials"}


def test_each_token_is_new_and_counted() -> None:
    with JsonAuthority() as authority, requests.Session() as session:
        answers = [session.post(authority.url, data=FORM, timeout=5).json() for _ in range(3)]
        assert len({answer["access_token"] for answer in answers}) == 3
        assert answers[0]["expires_in"] == 3600
        assert "refresh_token" not in answers[0]
        assert authority.stats() == Stats(tokens=3, metadata=0, connections=1)
        authority.reset()
        assert authority.stats() == Stats(tokens=0, metadata=0, connections=0)
        renewed = session.post(authority.url, data={"grant_type": "refresh_token"}, timeout=5)
        assert renewed.json()["refresh_token"]
        assert authority.stats().connections == 1


def test_metadata_names_this_server() -> None:
    with JsonAuthority() as authority:
        issuer = f"{authority.url}/tenant/v2.0"
        found = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
        assert found["issuer"] == issuer
        assert found["token_endpoint"] == f"{authority.url}/tenant/oauth2/v2.0/token"
        assert requests.get(f"{authority.url}/nothing", timeout=5).status_code == 404
        assert authority.stats() == Stats(tokens=0, metadata=1, connections=2)


def test_a_delay_blocks_nobody_else() -> None:
    with JsonAuthority(delay_ms=200) as authority:

        def ask(_: int) -> int:
            return requests.post(authority.url, data=FORM, timeout=5).status_code

        started = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(ask, range(16))) == {200}
        assert 0.2 <= time.monotonic() - started < 1.6
        assert authority.stats() == Stats(tokens=16, metadata=0, connections=16)


def test_it_speaks_tls(local_ca: LocalCa, tmp_path: Path) -> None:
    identity = local_ca.issue("localhost", "127.0.0.1")
    with JsonAuthority(identity=identity, host="localhost") as authority:
        assert authority.url.startswith("https://localhost:")
        answer = requests.post(authority.url, data=FORM, timeout=5, verify=str(local_ca.bundle))
        assert answer.json()["access_token"]
        assert authority.stats().tokens == 1
    with JsonAuthority(identity=self_signed(tmp_path, "127.0.0.1")) as authority:
        assert authority.stats().requests == 0


def test_it_ends_with_its_context() -> None:
    with JsonAuthority() as authority:
        url = authority.url
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)
