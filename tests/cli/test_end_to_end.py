"""The command line as processes, over real HTTP, against the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.support import process

pytest.importorskip("flask")

from grantway_sandbox.server import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def here(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """Variables of a user who has described the sandbox in their configuration."""
    application = sandbox.application
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
        [profiles.work]
        environment = "Box"
        tenant_id = "contoso.example"
        credential = "{application.application_id}=env:APP_SECRET"

        [environments.Box]
        authority = "{sandbox.url}"
        protocol = "entra-v2"
        default_resource = "https://graph.microsoft.com"
        trust = {{loopback_http = true}}
        """
    )
    return {"GRANTWAY_CONFIG": str(file), "APP_SECRET": application.secret}


def test_a_token_is_obtained_and_decoded(here: dict[str, str]) -> None:
    token = process("token", "-p", "work", **here)
    assert (token.code, token.stderr) == (0, "")
    assert token.stdout.count("\n") == 1
    decoded = process("decode", "--json", stdin=token.stdout)
    assert decoded.json["claims"]["aud"] == "https://graph.microsoft.com"


def test_a_refresh_token_is_redeemed_and_its_successor_saved(
    sandbox: Sandbox, here: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "refresh-token"
    kept.write_text(sandbox.issue_refresh_token())
    kept.chmod(0o600)
    before = kept.read_text()
    reference = f"file:{kept}"
    outcome = process(
        "token", "-p", "work", "--refresh-token", reference, "--save-refresh-token", reference,
        "--json", **here,
    )  # fmt: skip
    assert outcome.code == 0, outcome
    assert outcome.json["account"]["user_name"] == sandbox.user.user_name
    assert kept.read_text().strip() not in (before, "")
    assert kept.read_text().strip() not in outcome.all


def test_vv_says_what_is_sent_and_shows_no_secret(sandbox: Sandbox, here: dict[str, str]) -> None:
    refresh_token = sandbox.issue_refresh_token()
    outcome = process(
        "-vv", "token", "-p", "work", "--refresh-token", "env:RT", "-o", "table",
        RT=refresh_token, **here,
    )  # fmt: skip
    assert outcome.code == 0, outcome
    assert f"POST {sandbox.url}/contoso.example/oauth2/v2.0/token" in outcome.stderr
    assert refresh_token not in outcome.all
    assert sandbox.application.secret not in outcome.all
    assert "eyJ" not in outcome.all


def test_what_explain_shows_is_what_is_sent(here: dict[str, str], sandbox: Sandbox) -> None:
    explained = process("explain", "-p", "work", "--json", **here)
    planned = explained.json["requests"][0]
    process("token", "-p", "work", **here)
    sent = sandbox.requests[-1]
    assert planned["method"] == sent.method
    assert planned["url"] == f"{sandbox.url}{sent.path}"
    masked = tuple((name, "***" if name == "client_secret" else v) for name, v in sent.fields)
    assert tuple(map(tuple, planned["fields"])) == masked


def test_a_refusal_exits_with_5_and_shows_no_secret(here: dict[str, str]) -> None:
    wrong = {**here, "APP_SECRET": "a-wrong-secret-of-mine"}
    outcome = process("-vv", "token", "-p", "work", "--json", **wrong)
    assert outcome.code == 5
    assert outcome.stdout == ""
    assert "invalid_client" in outcome.stderr
    assert "a-wrong-secret" not in outcome.stderr


def test_no_answer_exits_with_6(here: dict[str, str], tmp_path: Path) -> None:
    file = Path(here["GRANTWAY_CONFIG"])
    lines = file.read_text().splitlines()
    moved = ['authority = "http://127.0.0.1:9"' if "authority" in line else line for line in lines]
    file.write_text("\n".join(moved))
    outcome = process("token", "-p", "work", "--json", **here)
    assert outcome.code == 6
    assert outcome.error["type"] == "TransportError"
