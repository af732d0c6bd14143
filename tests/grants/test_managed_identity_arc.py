"""The challenge of Azure Arc: one file of the agent's is read, and no other, whoever answers."""

import logging
import os
import sys
from pathlib import Path

import pytest

from grants.machines import GUID, TOKEN, authenticate, granted, variables
from grantway.errors import AuthorityError, ConfigurationError, GrantwayError, ProtocolViolation
from grantway_grants.managed_identity import arc, hosts, managed_identity
from servers.raw import Behaviour, RawServer, empty, html, json_answer

KEY = "sentinel-arc-key"
GRANTED = json_answer(granted(1_700_000_000.0))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its paths are of the other kind")


def challenging(value: str) -> Behaviour:
    return json_answer({"error": "unauthorized_client"}, 401, [("WWW-Authenticate", value)])


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "one.key").write_text(KEY)
    (tmp_path / "other.key").write_text(KEY)
    (tmp_path / "tokens-too").mkdir()
    (tmp_path / "tokens-too" / "one.key").write_text(KEY)
    (folder / "inner").mkdir()
    (folder / "inner" / "one.key").write_text(KEY)
    (folder / "one.txt").write_text(KEY)
    (folder / ".key").write_text(KEY)
    (folder / "link.key").symlink_to(tmp_path / "other.key")
    (folder / "folder.key").mkdir()
    os.mkfifo(folder / "pipe.key")
    (folder / "large.key").write_text("k" * (arc.LARGEST + 1))
    (folder / "largest.key").write_text("k" * arc.LARGEST)
    (folder / "empty.key").write_text("")
    (folder / "binary.key").write_bytes(b"sentinel-arc\x00-key")
    (folder / "lines.key").write_text("sentinel-arc-key\nX-Other: 1")
    return folder


def failed(server: RawServer, folder: Path, **more: object) -> GrantwayError:
    with pytest.raises(GrantwayError) as caught:
        authenticate(variables(hosts.AZURE_ARC, server), key_folder=str(folder), **more)
    return caught.value


@pytest.mark.parametrize("name", ["one.key", "largest.key"])
def test_the_second_request_shows_what_is_in_the_file(
    raw_server: RawServer, tokens: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw_server.serve(challenging(f"Basic realm={tokens}/{name}"), GRANTED)
    environ = variables(hosts.AZURE_ARC, raw_server)
    assert authenticate(environ, key_folder=str(tokens)).access_token == TOKEN
    first, second = raw_server.requests
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == f"Basic {(tokens / name).read_text()}"
    assert second.target == first.target
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "answer", [empty(401), html(401), json_answer({}, 401)], ids=["empty", "html", "json"]
)
def test_a_refusal_without_a_challenge_is_not_followed(
    raw_server: RawServer, tokens: Path, answer: Behaviour
) -> None:
    raw_server.serve(answer)
    failed(raw_server, tokens)
    assert len(raw_server.requests) == 1


def test_a_challenge_counts_whatever_page_comes_with_it(
    raw_server: RawServer, tokens: Path
) -> None:
    where = [("WWW-Authenticate", f'basic realm="{tokens}/one.key"')]
    raw_server.serve(html(401, headers=where), GRANTED)
    environ = variables(hosts.AZURE_ARC, raw_server)
    assert authenticate(environ, key_folder=str(tokens)).access_token == TOKEN


@pytest.mark.parametrize(
    "challenge",
    [
        "Bearer realm={0}/one.key",
        "Basic",
        "Basic realm=",
        "{0}/one.key",
        "Basic realm={0}/one.key, Basic realm={0}/one.key",
        "Basic realm={0}/one.key=",
        "Basic realm=one.key",
        "Basic realm=/etc/passwd",
        "Basic realm={0}/../other.key",
        "Basic realm={0}/../tokens/one.key",
        "Basic realm={0}/./one.key",
        "Basic realm={0}//one.key",
        "Basic realm={0}-too/one.key",
        "Basic realm={0}/inner/one.key",
        "Basic realm={0}/one.txt",
        "Basic realm={0}/.key",
        "Basic realm={0}/..key",
        "Basic realm={0}/one.KEY",
        "Basic realm={0}/link.key",
        "Basic realm={0}/folder.key",
        "Basic realm={0}/pipe.key",
        "Basic realm={0}/large.key",
        "Basic realm={0}/empty.key",
        "Basic realm={0}/binary.key",
        "Basic realm={0}/lines.key",
    ],
)
def test_a_hostile_challenge_gets_nothing(
    raw_server: RawServer, tokens: Path, challenge: str
) -> None:
    raw_server.serve(challenging(challenge.format(tokens)))
    error = failed(raw_server, tokens)
    assert isinstance(error, ProtocolViolation)
    assert len(raw_server.requests) == 1
    assert "sentinel" not in f"{error!r}{error.as_dict()}"


def test_a_file_that_cannot_be_read_is_told_with_who_may(
    raw_server: RawServer, tokens: Path
) -> None:
    raw_server.serve(challenging(f"Basic realm={tokens}/absent.key"))
    error = failed(raw_server, tokens)
    assert isinstance(error, ConfigurationError)
    assert "himds" in error.remedy
    assert error.file == f"{tokens}/absent.key"


def test_a_token_without_a_challenge_is_not_believed(raw_server: RawServer, tokens: Path) -> None:
    raw_server.serve(GRANTED)
    assert isinstance(failed(raw_server, tokens), ProtocolViolation)


def test_any_other_refusal_is_its_own(raw_server: RawServer, tokens: Path) -> None:
    raw_server.serve(json_answer({"error": "invalid_request"}, 400))
    error = failed(raw_server, tokens)
    assert isinstance(error, AuthorityError)
    assert error.error == "invalid_request"
    raw_server.serve(challenging(f"Basic realm={tokens}/one.key"))
    error = failed(raw_server, tokens)
    assert isinstance(error, AuthorityError)
    assert error.status == 401


@pytest.mark.parametrize("told", [{}, {"client_id": "another"}, {"client_id": 1}])
def test_an_agent_that_ignores_which_identity_was_asked_for_is_not_believed(
    raw_server: RawServer, tokens: Path, told: dict[str, object]
) -> None:
    where = challenging(f"Basic realm={tokens}/one.key")
    raw_server.serve(where, json_answer(granted(1_700_000_000.0, **told)))
    error = failed(raw_server, tokens, identity_client_id=GUID)
    assert isinstance(error, ProtocolViolation)
    assert "system-assigned" in str(error)


def test_without_a_folder_of_the_agents_nothing_is_read(raw_server: RawServer) -> None:
    raw_server.serve(challenging("Basic realm=/one.key"))
    with pytest.raises(ProtocolViolation):
        authenticate(variables(hosts.AZURE_ARC, raw_server), key_folder="")


def test_a_plan_shows_both_requests_masked(raw_server: RawServer) -> None:
    from grants.machines import wanted

    plan = managed_identity(variables(hosts.AZURE_ARC, raw_server)).plan
    assert plan is not None
    first, second = (each.masked() for each in plan(wanted()))
    assert "Authorization" not in first.headers
    assert second.headers["Authorization"] == "***"
    assert raw_server.connections == 0
