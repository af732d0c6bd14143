"""What is sent to a host for a managed identity: what is planned is what is sent."""

from typing import TYPE_CHECKING

from grantway import AuthorityRequest
from grantway.errors import InvalidParameter
from grantway.parameters import CAPABILITIES, CLAIMS, RESOURCE, SCOPES
from grantway_grants.managed_identity.parameters import IDENTITIES, MANAGED_IDENTITY
from grantway_grants.shown import Shown
from grantway_grants.unbound import check_unbound

if TYPE_CHECKING:
    from grantway import Secret, TokenRequest
    from grantway_grants.managed_identity.hosts import Host

_DEFAULT = "/.default"


def audience(request: "TokenRequest") -> str:
    """The resource that a request is for; a scope `R/.default` means R.

    Raises:
        InvalidParameter: there is none, or what is asked for is no resource.
    """
    check_unbound(request, MANAGED_IDENTITY)
    if CAPABILITIES.name in request.values:
        raise InvalidParameter(
            "capabilities: a managed identity cannot be told what a client can handle.",
            remedy="Leave capabilities out; GRANTWAY_CAPABILITIES and the profile may give it too.",
            parameter=CAPABILITIES.name,
        )
    if CLAIMS.name in request.values:
        raise InvalidParameter(
            "claims: a managed identity takes no claims challenge.",
            remedy="Leave claims out; force_refresh passes our cache by, but not the host's own.",
            parameter=CLAIMS.name,
        )
    if request.scopes:
        first, *others = request.scopes
        resource = first.removesuffix(_DEFAULT)
        if others or resource in ("", first):
            raise InvalidParameter(
                "scopes: a managed identity is asked for a resource, not for scopes.",
                remedy="Give resource, or one scope that ends in /.default.",
                parameter=SCOPES.name,
            )
        return resource
    if request.resource:
        return request.resource
    names = ", ".join(request.environment.resources) or "none by name"
    raise InvalidParameter(
        f"resource: {request.environment.name} has no default for what a token is for.",
        remedy=f"Give resource (there are: {names}).",
        parameter=RESOURCE.name,
    )


def identity(request: "TokenRequest", where: "Host") -> tuple[tuple[str, str], ...]:
    """The identity that is meant, in the host's own word; empty for the system-assigned one.

    Raises:
        InvalidParameter: the host has no word for it.
    """
    for parameter in IDENTITIES:
        value = request.get(parameter)
        if value is None:
            continue
        word = where.kind.identities.get(parameter.name)
        if word is None:
            takes = " or ".join(where.kind.identities)
            raise InvalidParameter(
                f"{parameter.name}: {where.kind.name} does not let code choose its identity so.",
                remedy=f"Give {takes}." if takes else "Leave it out: the host decides.",
                parameter=parameter.name,
            )
        return ((word, value),)
    return ()


def token_request(
    request: "TokenRequest", where: "Host", key: "Secret | None" = None
) -> AuthorityRequest:
    """The request for a token; `key` answers the challenge of a host that has one.

    Raises:
        InvalidParameter: as `audience` and `identity`.
    """
    from urllib.parse import urlencode

    kind, resource = where.kind, audience(request)
    query = (("resource", resource), *identity(request, where))
    headers: dict[str, str | Secret] = {"Metadata": "true"} if kind.metadata else {}
    if where.secret is not None:
        headers[kind.secret_header] = where.secret
    if key is not None:
        headers["Authorization"] = key
    url, fields = where.url, query
    if kind.api_version:
        url, fields = f"{url}?{urlencode((('api-version', kind.api_version), *query))}", ()
    # Asked again at a pace of its own.
    return AuthorityRequest(
        "managed identity", url, fields, authentication=Shown(headers), single_use=True
    )
