"""A plugin, a transport and ways to run the command line, for its tests."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import click
from click.testing import CliRunner

from grantway import (
    AuthenticationResult,
    AuthorityRequest,
    Configuration,
    Context,
    CredentialProvider,
    Environment,
    Parameter,
    ParameterSet,
    Registry,
    TokenRequest,
    hookimpl,
)
from grantway.cache.memory import MemoryTokenCache
from grantway.cli.program import program
from grantway.cli.session import Session
from grantway.config import parse
from grantway.parameters import APPLICATION_ID, SAVE_REFRESH_TOKEN, flag, text, words
from grantway.secret import secret

SENTINEL = "s3ntinel-Secret-never-shown"
APP = "11111111-2222-3333-4444-555555555555"
GRANTWAY = Path(sys.executable).with_name("grantway")

VOUCHER = Parameter("voucher", secret, "A voucher to hand in.", secret=True, env="TEST_VOUCHER")
COLOUR = Parameter("colour", text, "Which colour.", choices=("red", "green"), aliases=("hue",))
QUICK = Parameter("quick", flag, "Be quick; false forbids it.")
TAGS = Parameter("tags", words, "Tags to attach.")


def given(request: TokenRequest) -> Mapping[str, object]:
    return dict(request.values)


@attrs.define
class Shop:
    """A plugin: the provider `Voucher`, an environment, and a command of its own.

    `answer` is called with request and context; what it raises is raised.
    """

    answer: Callable[[TokenRequest, Context], AuthenticationResult] = attrs.field(
        default=lambda request, context: token_result()
    )
    requests: list[TokenRequest] = attrs.field(factory=list)
    commands: tuple[click.Command, ...] = ()

    @hookimpl
    def grantway_providers(self) -> Sequence[CredentialProvider]:
        sets = (
            ParameterSet("Voucher", (VOUCHER,), optional=(COLOUR, QUICK, TAGS, SAVE_REFRESH_TOKEN)),
            ParameterSet("Told", (COLOUR,), at_least_one=(APPLICATION_ID, TAGS)),
        )
        return [
            CredentialProvider(
                "Shop", sets, self._authenticate, plan=self._plan, summary="hands out tokens"
            )
        ]

    @hookimpl
    def grantway_environments(self) -> Sequence[Environment]:
        return [
            Environment(
                "Mall",
                authority="https://mall.example/id",
                resources={"till": "https://till.example"},
                default_resource="till",
            ),
            Environment("Ruin", authority="https://ruin.example", closed="closed since 2020"),
        ]

    @hookimpl
    def grantway_commands(self) -> Sequence[click.Command]:
        return self.commands

    def _authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        self.requests.append(request)
        return self.answer(request, context)

    def _plan(self, request: TokenRequest) -> Sequence[AuthorityRequest]:
        fields = (("grant_type", "voucher"), ("voucher", _secret(request)))
        return [AuthorityRequest("token", "https://mall.example/id/token", fields)]


def _secret(request: TokenRequest) -> object:
    from grantway.secret import Secret

    return Secret(SENTINEL) if VOUCHER.name in request.values else None


def token_result(token: str = "the-access-token", **more: object) -> AuthenticationResult:
    facts: dict[str, object] = {
        "acquired_on": datetime(2030, 1, 1, tzinfo=UTC),
        "expires_on": datetime(2030, 1, 1, 1, tzinfo=UTC),
        "refresh_token": "the-refresh-token",
        "id_token": "the-id-token",
    }
    return AuthenticationResult(token, **{**facts, **more})


@attrs.frozen
class Outcome:
    """What one run of the command line gave."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> object:
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, object]:
        found = json.loads(self.stderr)
        assert isinstance(found, dict)
        return found

    @property
    def all(self) -> str:
        return self.stdout + self.stderr


def session(
    *plugins: object, config: str = "", names: Sequence[str] = (), **parts: object
) -> Session:
    """A session on the built-in plugins and these, with a configuration of that text.

    What it caches is gone with it, unless a `cache` is given.
    """
    configuration = parse(config, Path("/there/config.toml")) if config else Configuration()
    registry = Registry.of(*plugins, configuration=configuration, names=names)
    kept: dict[str, Any] = {"cache": MemoryTokenCache(), **parts}
    return Session(registry=registry, configuration=configuration, **kept)


def run(*args: str, session: Session | None = None, stdin: str | bytes | None = None) -> Outcome:
    """Run the command line in this process."""
    result = CliRunner().invoke(program, args, input=stdin, obj=session)
    return Outcome(result.exit_code, result.stdout, result.stderr)


def process(
    *args: str, stdin: str | None = None, python: bool = False, **variables: str
) -> Outcome:
    """Run the command line as a process of its own."""
    command = [sys.executable, "-m", "grantway"] if python else [str(GRANTWAY)]
    done = subprocess.run(
        [*command, *args],
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def jwt(claims: Mapping[str, object], header: Mapping[str, object] | None = None) -> str:
    """An unsigned-looking token with these claims."""

    def part(value: Mapping[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header or {'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


@attrs.frozen
class Clock:
    """A clock that stands still."""

    now: float

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, event: object, seconds: float) -> bool:
        return False
