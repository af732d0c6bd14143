"""For callers who want types: one function in place of names that a checker cannot know."""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Literal

from grantway import AuthenticationResult, Dispatcher, Environment, Reference, Secret, Signer
from grantway_github.app import PROVIDER
from grantway_github.environment import GITHUB

Level = Literal["read", "write", "admin"]
"""How much of a permission."""


def github_token(
    dispatcher: Dispatcher,
    *,
    app_id: str | int,
    key: str | PathLike[str] | Secret | Reference | Signer,
    installation_id: str | int,
    repositories: Iterable[str] | None = None,
    permissions: Mapping[str, Level] | None = None,
    environment: str | Environment = GITHUB.name,
    timeout: float | None = None,
    force_refresh: bool = False,
) -> AuthenticationResult:
    """A token of a GitHub App's installation: from the cache while one there is fresh.

    Args:
        dispatcher: gets it; the plugin has to be one that its registry knows.
        app_id: the client id of the app, or its number.
        key: the private key of the app: a path, a reference, the PEM text as a `Secret`, or
            what signs with a key that is elsewhere.
        installation_id: which installation.
        repositories: of these only, by name without the owner; None: of all that it has.
        permissions: no more than these; None: all that it has.
        environment: a GitHub, by name or as it is.
        timeout: seconds the call may take.
        force_refresh: pass the cache by, and replace its entry.

    Raises:
        GrantwayError: as `Dispatcher.acquire`.
    """
    return dispatcher.acquire(
        provider=PROVIDER.name,
        timeout=timeout,
        force_refresh=force_refresh,
        environment=environment,
        github_app_id=app_id,
        github_app_key=key,
        github_installation_id=installation_id,
        github_repositories=None if repositories is None else tuple(repositories),
        github_permissions=permissions,
    )
