"""A GitHub App for one of its installations.

The app signs a JWT (RS256) that names it and lives for less than ten minutes, and sends it as a bearer
token to `POST /app/installations/{id}/access_tokens`. What comes back is a token that lives for an
hour, for all that the installation may do, or for the repositories and permissions that were asked
for. There is no refresh token: who has the key asks again.

The JWT is made anew for each sending, so that none is ever sent twice.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

import attrs

from grantway import (
    AuthenticationResult,
    AuthorityRequest,
    ClientCertificate,
    Context,
    CredentialProvider,
    Parameter,
    ParameterSet,
    Secret,
    TokenRequest,
)
from grantway.environment import host_of
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    ConfigurationError,
    InvalidParameter,
    MalformedResponse,
    Throttled,
)
from grantway.json_body import Json
from grantway.parameters import (
    CERTIFICATE_PASSWORD,
    ENVIRONMENT,
    client_certificate,
    text,
    words,
)
from grantway.secret import MASK
from grantway_github.environment import PROTOCOL, api_of

LIFETIME = 540
"""Seconds from now on that a JWT lives: GitHub takes no more than 600, by its own clock."""

SKEW = 60
"""Seconds by which a JWT is dated back, for a clock here that is ahead of GitHub's."""

LEVELS = ("read", "write", "admin")

_API_VERSION = "2022-11-28"
_ALGORITHM = "RS256"
_REMEDIES = {
    401: "Check github_app_id and github_app_key, and the clock of this machine.",
    403: "Check that the installation is not suspended.",
    404: "Check github_installation_id: the app has no such installation here.",
    422: "Ask for repositories and permissions that the installation has.",
}


def number(value: object) -> str:
    """A positive whole number, as text."""
    digits = str(value).strip() if isinstance(value, str | int) else ""
    if not (digits.isascii() and digits.isdecimal() and digits.strip("0")):
        raise ValueError("expected a positive whole number")
    return digits.lstrip("0")


def application(value: object) -> str:
    """A client id or a number."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return number(value) if is_number else text(value)


def repositories(value: object) -> tuple[str, ...]:
    """Names of repositories, without their owner; in one order, whatever the order was."""
    found = words(value)
    if any("/" in name for name in found):
        raise ValueError("expected names without the owner, who is the installation's")
    return tuple(sorted({name.casefold() for name in found}))


def permissions(value: object) -> tuple[str, ...]:
    """Permissions as `contents:read`, or as a mapping of name to level; in one order."""
    if isinstance(value, Mapping):
        value = [
            f"{name}:{level}" for name, level in cast("Mapping[object, object]", value).items()
        ]
    found = words(value)
    for each in found:
        name, _, level = each.partition(":")
        if not name or level not in LEVELS:
            raise ValueError(f"expected NAME:LEVEL, with a level of {', '.join(LEVELS)}")
    if len({each.partition(":")[0] for each in found}) < len(found):
        raise ValueError("a permission is named twice")
    return tuple(sorted(found))


APP_ID = Parameter(
    "github_app_id",
    application,
    "The client id of the GitHub App, or its number.",
    env="GITHUB_APP_ID",
)
APP_KEY = Parameter(
    "github_app_key",
    client_certificate,
    "The private key of the GitHub App: the path of its PEM file, or a reference.",
    env="GITHUB_APP_KEY",
)
INSTALLATION_ID = Parameter(
    "github_installation_id",
    number,
    "The installation of the app that the token is for, by its number.",
    env="GITHUB_INSTALLATION_ID",
)
REPOSITORIES = Parameter(
    "github_repositories", repositories, "Of these repositories only, by name without the owner."
)
PERMISSIONS = Parameter(
    "github_permissions", permissions, "No more than these permissions, as contents:read."
)


@attrs.frozen
class AppJwt:
    """Shows who the app is by a JWT, a new one for each sending.

    Attributes:
        app_id: whose it is.
        key: what signs it. One that is not opened yet stands in a plan: nothing is signed.
    """

    app_id: str
    key: ClientCertificate

    def headers(self, url: str) -> Mapping[str, str | Secret]:
        """The JWT, and the version of the API that is spoken."""
        return {
            "Accept": "application/vnd.github+json",
            "Authorization": self._bearer(),
            "X-GitHub-Api-Version": _API_VERSION,
        }

    def fields(self, url: str) -> tuple[tuple[str, str | Secret], ...]:
        """None."""
        return ()

    def _bearer(self) -> Secret:
        signer, time = self.key.signer, self.key.now
        if signer is None or time is None:
            return Secret(MASK)
        # Imported here: a plan signs nothing.
        from grantway.oauth.assertion import signed

        if _ALGORITHM not in signer.key.algorithms:
            raise ConfigurationError(
                f"github_app_key: GitHub takes JWTs signed by {_ALGORITHM}, and this key signs by "
                f"{' or '.join(signer.key.algorithms)}.",
                remedy="Give the private key that GitHub has made for the app.",
            )
        now = int(time())
        claims = {"iss": self.app_id, "iat": now - SKEW, "exp": now + LIFETIME}
        jwt = signed({"alg": _ALGORITHM, "typ": "JWT"}, claims, signer)
        return Secret(f"Bearer {jwt.reveal()}")


def grant(request: TokenRequest) -> AuthorityRequest:
    """The one request of this provider."""
    asked: dict[str, Json] = {}
    if named := request.get(REPOSITORIES):
        asked["repositories"] = named
    if allowed := request.get(PERMISSIONS):
        asked["permissions"] = dict(each.split(":", 1) for each in allowed)
    installation = request[INSTALLATION_ID]
    return AuthorityRequest(
        "token",
        f"{api_of(request.environment)}/app/installations/{installation}/access_tokens",
        json=asked,
        authentication=AppJwt(request[APP_ID], request[APP_KEY]),
    )


def _check(request: TokenRequest) -> None:
    """Refuse to show the app's JWT to an authority that is no GitHub."""
    if request.environment.protocol.name != PROTOCOL.name:
        raise InvalidParameter(
            f"environment: {request.environment.name} is no GitHub.",
            remedy="Give environment GitHub, or one that is like it.",
            parameter=ENVIRONMENT.name,
        )


def plan(request: TokenRequest) -> Iterable[AuthorityRequest]:
    """The one request."""
    _check(request)
    yield grant(request)


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    """Get a token of the installation."""
    _check(request)
    sent = grant(request)
    try:
        answer = context.transport.fetch_json(sent, context)
    except AccessDenied as error:
        if error.retry_after is not None:
            # A limit that GitHub calls secondary, and tells by 403 instead of 429.
            raise _as_throttled(error) from None
        raise _explained(error) from None
    except AuthorityError as error:
        raise _explained(error) from None
    return _Answer(answer, sent, context).result(request)


def _as_throttled(error: AuthorityError) -> Throttled:
    wait = error.retry_after or 0.0
    return Throttled(
        error.message,
        remedy=f"Try again in {wait:.0f} seconds.",
        description=error.description,
        correlation_id=error.correlation_id,
        status=error.status,
        retry_after=wait,
        retryable=True,
    )


def _explained(error: AuthorityError) -> AuthorityError:
    error.remedy = error.remedy or _REMEDIES.get(error.status or 0, "")
    return error


@attrs.frozen
class _Answer:
    """What GitHub answers; the token in it stands in no variable as it is."""

    facts: Mapping[str, object] = attrs.field(repr=False)
    sent: AuthorityRequest
    context: Context

    def result(self, request: TokenRequest) -> AuthenticationResult:
        """The result that it stands for.

        Raises:
            MalformedResponse: it stands for none.
        """
        token, expires_on = self._token(), self._expiry()
        if token is None or expires_on is None:
            host = host_of(self.sent.url)
            raise MalformedResponse(
                f"{host} answered the {self.sent.endpoint} request with no usable "
                f"{'token' if token is None else 'expires_at'}.",
                remedy="Check that the authority is a GitHub, and that no proxy answers for it.",
                host=host,
            )
        self.context.redactor.add(token)
        return AuthenticationResult(
            token.reveal(),
            acquired_on=datetime.fromtimestamp(self.context.clock.time(), UTC),
            expires_on=expires_on,
            scopes=self._scopes(),
            environment=request.environment.name,
            provider=request.provider,
            correlation_id=self.context.correlation_id,
        )

    def _token(self) -> Secret | None:
        # Visible ASCII, or no header could carry it.
        if re.fullmatch(r"[!-~]+", str(self.facts.get("token") or "")):
            return Secret(str(self.facts["token"]))
        return None

    def _expiry(self) -> datetime | None:
        try:
            found = datetime.fromisoformat(str(self.facts.get("expires_at")))
        except ValueError:
            return None
        return found.astimezone(UTC) if found.tzinfo else None

    def _scopes(self) -> tuple[str, ...]:
        granted = self.facts.get("permissions")
        if not isinstance(granted, Mapping):
            return ()
        pairs = cast("Mapping[str, object]", granted).items()
        return tuple(sorted(f"{name}:{level}" for name, level in pairs))


PROVIDER = CredentialProvider(
    "GitHubApp",
    (
        ParameterSet(
            "GitHubApp",
            (APP_ID, APP_KEY, INSTALLATION_ID),
            optional=(CERTIFICATE_PASSWORD, REPOSITORIES, PERMISSIONS),
            summary="A GitHub App for one of its installations, with its private key.",
        ),
    ),
    authenticate,
    plan=plan,
    summary="a GitHub App for one of its installations, for an hour",
)
