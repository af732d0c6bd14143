"""What grantway asks of a provider, and a sign-in at a Postern on this machine."""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grantway_postern
import pytest
from grantway_postern import PROTOCOL, mail, postern_token

from grantway import Environment, Trust
from grantway.errors import InteractionRequired, InvalidGrant, InvalidParameter, MalformedResponse
from grantway.testing import (
    ManualClock,
    ProviderContract,
    Reply,
    ScriptedPrompter,
    dispatcher_of,
    granted,
    json_reply,
)

ME = "me@example.org"


class TestPostern(ProviderContract):
    """The one parameter set."""

    api_version = (0, 1)
    plugin = grantway_postern
    provider = "Postern"
    environment = Environment("Hill", "https://postern.scripted.example", protocol=PROTOCOL)
    parameters: Mapping[str, Any] = {"postern_mail": ME}
    interactive = True
    renews = True

    def answers(self) -> Mapping[str, Reply]:
        """Both endpoints."""
        return {
            "codes": json_reply({"challenge": "a challenge"}),
            "token": granted(refresh_token="sentinel-refresh-token-8d02"),
        }

    def person(self) -> ScriptedPrompter:
        """Somebody who reads their mail."""
        return ScriptedPrompter(*["123 456"] * 20)


class Postern(ThreadingHTTPServer):
    """Mails codes into `mails`, and lets each code and each refresh token serve once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mails: dict[str, str] = {}
        self.challenges: dict[str, str] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.spent: list[str] = []

    def sign_in(self, who: str) -> dict[str, Any]:
        """A session."""
        token = secrets.token_urlsafe(24)
        self.refresh_tokens[token] = who
        return {
            "access_token": f"{who}-{secrets.token_hex(8)}",
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": token,
        }


class _Handler(BaseHTTPRequestHandler):
    server: Postern

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path, asked:
            case "/codes", {"mail": who}:
                code, challenge = secrets.token_hex(4), secrets.token_urlsafe(16)
                self.server.mails[who] = code
                self.server.challenges[f"{challenge} {code}"] = who
                self._answer(200, {"challenge": challenge})
            case "/sessions", {"challenge": challenge, "code": code}:
                self._sign_in(self.server.challenges.pop(f"{challenge} {code}", None))
            case "/sessions", {"refresh_token": token}:
                self.server.spent.append(token)
                self._sign_in(self.server.refresh_tokens.pop(token, None))
            case _:
                self._answer(404, {"message": "Not Found"})

    def _sign_in(self, who: str | None) -> None:
        if who is None:
            self._answer(400, {"error": "invalid_grant"})
        else:
            self._answer(200, self.server.sign_in(who))

    def _answer(self, status: int, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Reader(ScriptedPrompter):
    """Somebody who reads the code from their mail."""

    def __init__(self, postern: Postern, who: str = ME) -> None:
        super().__init__()
        self._postern, self._who = postern, who

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Read it, and type it with a space too many."""
        self.asked.append((question, secret))
        return f"{self._postern.mails[self._who]} "


@contextmanager
def running() -> Iterator[Postern]:
    """The server, while it runs."""
    server = Postern()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def postern() -> Iterator[Postern]:
    """The server."""
    with running() as server:
        yield server


@pytest.fixture
def here(postern: Postern) -> Environment:
    """The environment that it is."""
    url = f"http://127.0.0.1:{postern.server_port}"
    return Environment("Here", url, protocol=PROTOCOL, trust=Trust(loopback_http=True))


def test_the_code_is_asked_for_once_and_then_each_refresh_token_serves_once(
    postern: Postern, here: Environment
) -> None:
    reader, clock = Reader(postern), ManualClock()
    with dispatcher_of(grantway_postern, prompter=reader, clock=clock) as dispatcher:
        tokens: list[str] = []
        for _ in range(4):
            result = postern_token(dispatcher, mail=ME, environment=here)
            tokens.append(result.access_token)
            assert postern_token(dispatcher, mail=ME, environment=here) is result
            clock.advance(3600)
    assert len(set(tokens)) == 4
    assert reader.asked == [("The code from the mail", True)]
    assert len(set(postern.spent)) == len(postern.spent) == 3
    assert result.account is not None
    assert result.account.user_name == ME


def test_whoever_signs_in_beside_another_is_asked_too(postern: Postern, here: Environment) -> None:
    other = "other@example.org"
    clock = ManualClock()

    class Both(Reader):
        def show(self, text: str) -> None:
            super().show(text)
            self._who = other if other in text else ME

    with dispatcher_of(grantway_postern, prompter=Both(postern), clock=clock) as dispatcher:
        for _ in range(2):
            for who in (ME, other):
                result = postern_token(dispatcher, mail=who, environment=here)
                assert result.access_token.startswith(who)
            clock.advance(3600)


def test_a_code_that_is_wrong_is_an_invalid_grant(postern: Postern, here: Environment) -> None:
    wrong = ScriptedPrompter("no such code")
    with dispatcher_of(grantway_postern, prompter=wrong) as dispatcher:
        with pytest.raises(InvalidGrant):
            postern_token(dispatcher, mail=ME, environment=here)


def test_a_refresh_token_that_was_revoked_has_the_person_asked_again(
    postern: Postern, here: Environment
) -> None:
    reader, clock = Reader(postern), ManualClock()
    with dispatcher_of(grantway_postern, prompter=reader, clock=clock) as dispatcher:
        postern_token(dispatcher, mail=ME, environment=here)
        postern.refresh_tokens.clear()
        clock.advance(3600)
        postern_token(dispatcher, mail=ME, environment=here)
    assert len(reader.asked) == 2


def test_without_a_person_no_mail_is_sent(postern: Postern, here: Environment) -> None:
    with dispatcher_of(grantway_postern) as dispatcher:
        with pytest.raises(InteractionRequired, match="nobody can be asked"):
            postern_token(dispatcher, mail=ME, environment=here)
    assert postern.mails == {}


def test_an_authority_that_is_no_postern_is_sent_nothing(postern: Postern) -> None:
    url = f"http://127.0.0.1:{postern.server_port}"
    other = Environment("Other", url, trust=Trust(loopback_http=True))
    with dispatcher_of(grantway_postern, prompter=Reader(postern)) as dispatcher:
        with pytest.raises(InvalidParameter, match="no Postern"):
            postern_token(dispatcher, mail=ME, environment=other)
    assert postern.mails == {}


def test_an_answer_without_a_challenge_is_malformed() -> None:
    contract = TestPostern()
    with contract.stage(json_reply({}), at="codes") as stage:
        with pytest.raises(MalformedResponse, match="no challenge"):
            stage.acquire()


@pytest.mark.parametrize("wrong", ["me", "@host", "me@", "m e@host", 5])
def test_what_is_no_mail_address_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        mail(wrong)


def test_the_host_of_an_address_has_no_case() -> None:
    assert mail("Me@Example.ORG") == "Me@example.org"
