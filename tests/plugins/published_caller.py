"""What a caller of the published plugins may write. Type checkers refuse the marked lines alone."""

from pathlib import Path

from grantway_github import github_token
from grantway_hillcloud import HILL_CLOUD
from grantway_postern import postern_token

from grantway import AuthenticationResult, Dispatcher, Environment, Secret


def github(dispatcher: Dispatcher) -> AuthenticationResult:
    narrow = github_token(
        dispatcher,
        app_id="Iv23liABCDEFGHIJKLMN",
        key=Path("key.pem"),
        installation_id=7,
        repositories=["docs"],
        permissions={"contents": "read"},
    )
    token: str = narrow.access_token
    github_token(dispatcher, app_id=5, key=Secret(token), installation_id="7", timeout=5)
    github_token(dispatcher, app_id=5, key="key.pem")  # refused
    github_token(dispatcher, app_id=5, key=b"key", installation_id=7)  # refused
    github_token(dispatcher, app_id=5, key="", installation_id=7, permissions={"a": "b"})  # refused
    github_token(dispatcher, app_id=5, key="k", installation_id=7, repository="docs")  # refused
    return narrow


def postern(dispatcher: Dispatcher) -> AuthenticationResult:
    hill: Environment = HILL_CLOUD
    postern_token(dispatcher, mail="me@example.org")  # refused
    postern_token(dispatcher, mail=5, environment=hill)  # refused
    return postern_token(dispatcher, mail="me@example.org", environment="Postern", timeout=5)
