"""Tokens of GitHub App installations, for grantway.

environment.py   the environment `GitHub`, and where its API is
app.py           the provider: an app proves itself, and gets a token of an installation
front.py         `github_token`, for callers who want types
"""

from grantway import CredentialProvider, Environment, hookimpl
from grantway_github.app import PROVIDER
from grantway_github.environment import GITHUB
from grantway_github.front import Level, github_token

__all__ = ["GITHUB", "PROVIDER", "Level", "github_token"]


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    """One: an app for one of its installations."""
    return [PROVIDER]


@hookimpl
def grantway_environments() -> list[Environment]:
    """One: github.com. Others are `like` it, in configuration."""
    return [GITHUB]
