"""Where an authority's endpoints are, and who it says it is (OpenID Discovery, RFC 8414).

A metadata document is believed only so far: its issuer has to be the one that was configured, to
the letter; and an endpoint on another host is used only where the environment lists that host.
So a document that somebody else wrote cannot lead a secret astray.

An authority of many tenants has one document for all of them, whose issuer is a template. The
protocol lists the templates that it may be; `{tenantid}` in them stands for itself or for a
GUID, and for nothing else.
"""

import re
from collections.abc import Mapping
from typing import cast

import attrs

from grantway.authority import FROM_METADATA, AuthorityRequest, Endpoints, planned_endpoints
from grantway.context import Context
from grantway.environment import Environment, host_of
from grantway.errors import AuthorityError, GrantwayError, MalformedResponse, ProtocolViolation
from grantway.protocol import GUID
from grantway.request import TokenRequest

MAX_AGE = 3600.0
"""Seconds for which a metadata document is used before it is asked for again."""

_TENANT = "{tenantid}"


def endpoints(request: TokenRequest, context: Context, *further: str) -> Endpoints:
    """The endpoints for a request, asking the authority only for what is not known without.

    `further` names those that are needed beside the token endpoint (`authorization`,
    `device_authorization`). Of the others a document may say what it likes.

    Raises:
        ProtocolViolation: the document is another issuer's, or points to a host or scheme that
            the environment does not allow; or `authorization` is needed, and it lists ways of
            proving possession of a code without S256 (RFC 9700, section 2.1.1).
        MalformedResponse: it has no token endpoint.
        AuthorityError, TransportError, DeadlineExceeded: it could not be had.
    """
    environment = request.environment
    planned = planned_endpoints(environment, request.tenant)
    if planned.token != FROM_METADATA:
        return planned
    document = metadata(environment, context)
    token = endpoint(document, "token_endpoint", environment)
    if not token:
        raise MalformedResponse(
            f"The metadata of {environment.name} names no token_endpoint.",
            remedy="Check that the authority is the issuer of an OAuth 2 server.",
            host=host_of(environment.authority),
        )

    def found(name: str) -> str:
        return endpoint(document, f"{name}_endpoint", environment) if name in further else ""

    pushed = ""
    if "authorization" in further:
        _check_challenge_methods(document, environment)
        if document.get("require_pushed_authorization_requests") is True:
            pushed = endpoint(document, "pushed_authorization_request_endpoint", environment)
    listed = _listed(document, "token_endpoint_auth_methods_supported")
    return attrs.evolve(
        planned,
        token=token,
        authorization=found("authorization"),
        device_authorization=found("device_authorization"),
        pushed_authorization=pushed,
        says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        client_authentication=planned.client_authentication or listed or ("client_secret_basic",),
    )


def metadata(environment: Environment, context: Context) -> Mapping[str, object]:
    """The metadata document of an environment's authority, its issuer checked.

    Raises:
        as `endpoints`.
    """
    first: GrantwayError | None = None
    for template in environment.protocol.metadata_urls:
        tenant = environment.tenant or environment.protocol.default_tenant
        url = environment.expand(template, tenant=tenant)
        try:
            document = context.transport.fetch_json(
                AuthorityRequest("metadata", url), context, max_age=MAX_AGE
            )
        except (AuthorityError, MalformedResponse) as error:
            # Not there, or not that kind of document: the next place it may be at.
            first = first or error
            continue
        _check_issuer(document, environment)
        return document
    if first is not None:
        raise first
    raise ProtocolViolation(f"The protocol {environment.protocol.name} has no metadata.")


def endpoint(document: Mapping[str, object], name: str, environment: Environment) -> str:
    """An endpoint of a metadata document that may be used; "" where it names none.

    Raises:
        ProtocolViolation: it is on a host or by a scheme that the environment does not allow.
    """
    url = document.get(name)
    if not isinstance(url, str) or not url:
        return ""
    try:
        host = environment.destination(url)
    except ValueError as error:
        raise ProtocolViolation(
            f"The {name} in the metadata of {environment.name} cannot be used: {error}."
        ) from None
    if not environment.names(host):
        raise ProtocolViolation(
            f"The {name} of {environment.name} is on another host, {host}.",
            remedy=f'If that host is the authority\'s, add to the environment: hosts = ["{host}"]',
        )
    return url


def _listed(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    listed = document.get(name)
    return (
        tuple(str(each) for each in cast("list[object]", listed))
        if isinstance(listed, list)
        else ()
    )


def _check_challenge_methods(document: Mapping[str, object], environment: Environment) -> None:
    methods = _listed(document, "code_challenge_methods_supported")
    if methods and "S256" not in methods:
        raise ProtocolViolation(
            f"The metadata of {environment.name} lists code challenge methods without S256.",
            remedy="Have the authority support PKCE with S256 (RFC 7636).",
        )


def issuers(environment: Environment) -> tuple[str, ...]:
    """The issuers that this environment's documents and tokens may carry, as templates."""
    authorities = [environment.authority.rstrip("/")]
    authorities += [f"https://{host}" for host in environment.hosts]
    found = [
        template.replace("{authority}", authority)
        .replace("{origin}", "/".join(authority.split("/")[:3]))
        .replace("{issuer}", environment.authority)
        for template in environment.protocol.issuers
        for authority in (authorities[:1] if "{issuer}" in template else authorities)
    ]
    return tuple(dict.fromkeys((*found, *environment.issuers)))


def is_issuer(issuer: object, environment: Environment, tenant_id: str | None = None) -> bool:
    """Whether an issuer is one of the environment's.

    `tenant_id` is the tenant a token names; None, for a document, admits the template itself
    and any GUID.
    """
    if not isinstance(issuer, str):
        return False
    for template in issuers(environment):
        if _TENANT not in template:
            if issuer == template:
                return True
        elif tenant_id is not None:
            if re.fullmatch(GUID.pattern, tenant_id) and issuer == template.replace(
                _TENANT, tenant_id
            ):
                return True
        else:
            head, _, tail = template.partition(_TENANT)
            if re.fullmatch(
                rf"{re.escape(head)}({re.escape(_TENANT)}|{GUID.pattern}){re.escape(tail)}", issuer
            ):
                return True
    return False


def _check_issuer(document: Mapping[str, object], environment: Environment) -> None:
    issuer = document.get("issuer")
    if not is_issuer(issuer, environment):
        expected = " or ".join(issuers(environment))
        raise ProtocolViolation(
            f"The metadata of {environment.name} is of the issuer {str(issuer)[:200]!r}, not of "
            f"{expected}.",
            remedy="The authority must be the issuer to the letter, a slash at its end included.",
        )
