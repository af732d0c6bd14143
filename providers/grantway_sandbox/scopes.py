"""What a token request asks for: one resource, permissions on it, and OpenID Connect's scopes.

v2 takes `scope`, a list of `R/permission` or `R/.default`, with the resource as everything before
the last slash: that is why `https://x/` as an audience is written `https://x//.default`. A bare
word is a permission of Microsoft Graph. v1 takes `resource` and ignores `scope`.

A request that names several resources gets a token for the first, as Entra's pages say of
refreshing; client credentials must name one, with `.default`.
"""

from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from grantway_sandbox.authority import Authority
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.model import Resource, Tenant

OPENID_SCOPES: Final = ("openid", "profile", "email", "offline_access")
_DEFAULT: Final = ".default"
_GRAPH: Final = "https://graph.microsoft.com"


@frozen
class Target:
    """What was asked for, resolved. `identifier` is the resource as the client wrote it."""

    identifier: str
    resource: Resource
    permissions: tuple[str, ...]
    everything: bool
    openid: tuple[str, ...]

    @property
    def granted(self) -> tuple[str, ...]:
        """The delegated permissions of a token for this target."""
        return self.resource.scopes if self.everything else self.permissions

    @property
    def scope(self) -> str:
        """The `scope` of a v2 answer: permissions qualified by the resource, `.default` too.

        OpenID's scopes are named for Microsoft Graph only and offline_access never is, as in Entra.
        """
        words = [f"{self.identifier}/{name}" for name in self.granted]
        if self.everything:
            words.append(f"{self.identifier}/{_DEFAULT}")
        if self.resource.answers_to(_GRAPH):
            words = [word for word in self.openid if word != "offline_access"] + words
        return " ".join(words)

    @property
    def asked(self) -> tuple[str, ...]:
        """The scopes as a refresh token keeps them, for a refresh that names none."""
        names = (_DEFAULT,) if self.everything else self.permissions
        return (*self.openid, *(f"{self.identifier}/{name}" for name in names))


def from_resource(authority: Authority, tenant: Tenant | None, resource: str | None) -> Target:
    """Resolve what a v1 request asks for. There, an id_token comes along always."""
    if not resource:
        raise missing("resource")
    found = authority.find_resource(resource, tenant)
    return Target(resource, found, (), True, ("openid",))


def from_scope(
    authority: Authority, tenant: Tenant | None, scope: str | None, *, app_only: bool = False
) -> Target:
    """Resolve what a v2 request asks for; `app_only` for client credentials."""
    if scope is None:
        raise missing("scope")
    words = scope.split()
    if not words:
        raise EntraError(70011)
    openid = tuple(word for word in words if word in OPENID_SCOPES)
    if app_only:
        _check_app_only(scope, words)
    asked = [_split(word) for word in words if word not in OPENID_SCOPES]
    if not asked:
        asked = [(_GRAPH, "User.Read")]
    identifier = asked[0][0]
    resource = authority.find_resource(identifier, tenant)
    names = tuple(name for where, name in asked if resource.answers_to(where))
    everything = _DEFAULT in names
    for name in names:
        if name not in (_DEFAULT, *resource.scopes):
            raise EntraError(
                70011,
                "The provided value for the input parameter 'scope' is not valid. The scope "
                f"'{identifier}/{name}' does not exist on the resource '{resource.name}'.",
            )
    if everything and len(names) > 1:
        raise EntraError(
            70011,
            "The provided value for the input parameter 'scope' is not valid. .default scope "
            "can't be combined with resource-specific scopes.",
        )
    return Target(identifier, resource, names if not everything else (), everything, openid)


def _split(word: str) -> tuple[str, str]:
    if "/" not in word:
        return _GRAPH, word
    resource, _, name = word.rpartition("/")
    parts = urlsplit(resource)
    if not resource or not name or (parts.scheme and not parts.netloc):
        raise EntraError(
            70011,
            "The provided request must include a 'scope' input parameter. The provided value for "
            f"the input parameter 'scope' is not valid. The scope {word} is not valid.",
        )
    return resource, name


def _check_app_only(scope: str, words: list[str]) -> None:
    if all(word in OPENID_SCOPES for word in words):
        raise EntraError(
            28002,
            f"Provided value for the input parameter scope '{scope}' is not valid when requesting "
            "an access token. Please specify a valid scope.",
        )
    if len(words) > 1 or not words[0].endswith(f"/{_DEFAULT}"):
        raise EntraError(
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must "
            "have a scope value with /.default suffixed to the resource identifier (application "
            "ID URI).",
        )
