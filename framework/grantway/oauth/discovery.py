"""Learning an environment from its authority's own metadata: the discovery `oidc`.

The URL is the issuer, to the letter; `/.well-known/openid-configuration` at its end, by which it
is often handed around, is left out. What is learned is that the document is that issuer's
(OpenID Connect Discovery, RFC 8414), and that its endpoints are where the environment's hosts
are. A document cannot add to those: an endpoint elsewhere is refused by name, and whoever asked
decides whether that host is the authority's.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from grantway.hookspecs import hookimpl
from grantway.offerings import Discovery
from grantway.protocol import OIDC

if TYPE_CHECKING:
    from grantway.context import Context
    from grantway.environment import Environment

_DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
_ENDPOINTS = (
    "token_endpoint", "authorization_endpoint", "device_authorization_endpoint", "jwks_uri",
    "pushed_authorization_request_endpoint", "revocation_endpoint",
)  # fmt: skip


@hookimpl
def grantway_discoveries() -> Iterable[Discovery]:
    """The discovery of any OpenID provider or RFC 8414 server."""
    return [
        Discovery(
            "oidc",
            discover,
            protocols=(OIDC,),
            summary="an issuer, by OpenID Discovery or RFC 8414",
        )
    ]


def discover(url: str, context: "Context") -> "Environment":
    """The environment of an issuer.

    Raises:
        as `borne_out`.
    """
    issuer = url
    for document in _DOCUMENTS:
        issuer = issuer.removesuffix(document)
    found = attrs.evolve(context.environment, authority=issuer, protocol=OIDC)
    return borne_out(found, context)


def borne_out(environment: "Environment", context: "Context") -> "Environment":
    """The environment, once the metadata of its authority has borne it out.

    Raises:
        ProtocolViolation: the document is another issuer's; or an endpoint is on a host that the
            environment does not name, or not https.
        MalformedResponse: it has no token endpoint.
        AuthorityError, TransportError, DeadlineExceeded: it could not be had.
    """
    from grantway.environment import host_of
    from grantway.errors import MalformedResponse, ProtocolViolation
    from grantway.oauth.metadata import located, metadata

    document = metadata(environment, attrs.evolve(context, environment=environment))
    if not isinstance(document.get("token_endpoint"), str):
        raise MalformedResponse(
            f"The metadata of {environment.name} names no token_endpoint.",
            remedy="Check that the URL is of an OAuth 2 server.",
            host=host_of(environment.authority),
        )
    elsewhere: dict[str, list[str]] = {}
    for name in _ENDPOINTS:
        endpoint, host = located(document, name, environment)
        if endpoint and not environment.names(host):
            elsewhere.setdefault(host, []).append(name)
    if elsewhere:
        told = "; ".join(f"{host} ({', '.join(names)})" for host, names in elsewhere.items())
        options = " ".join(f"--host {host}" for host in elsewhere)
        raise ProtocolViolation(
            f"The metadata of {environment.name} has endpoints on hosts that nobody named: {told}.",
            remedy=f"If they are the authority's, name them: {options}; in Python, "
            f"hosts={[*elsewhere]}.",
        )
    return environment
