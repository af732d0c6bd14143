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
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    GrantwayError,
    MalformedResponse,
    ProtocolViolation,
)
from grantway.oauth.client_authentication import is_by_mutual_tls
from grantway.parameters import CERTIFICATE
from grantway.protocol import GUID
from grantway.request import TokenRequest

MAX_AGE = 3600.0
"""Seconds for which a metadata document is used before it is asked for again; where there was none,
that is believed for a minute."""

_TENANT = "{tenantid}"


def endpoints(request: TokenRequest, context: Context, *further: str) -> Endpoints:
    """The endpoints for a request, asking the authority only for what is not known without.

    `further` names those that are needed beside the token endpoint (`authorization`,
    `device_authorization`). Of the others a document may say what it likes.

    Raises:
        ConfigurationError: `authorization` is needed, and the authority does not say where its
            requests are lodged, which it requires or the environment asks for.
        ProtocolViolation: the document is another issuer's, or points to a host or scheme that
            the environment does not allow; or `authorization` is needed, and it lists ways of
            proving possession of a code without S256 (RFC 9700, section 2.1.1).
        MalformedResponse: it has no token endpoint.
        AuthorityError, TransportError, DeadlineExceeded: it could not be had.
    """
    environment = request.environment
    planned = planned_endpoints(environment, request.tenant)
    needed = ("token", *further)
    if environment.pushed_authorization and "authorization" in further:
        needed = (*needed, "pushed_authorization")
    if all(getattr(planned, name) != FROM_METADATA for name in needed):
        return planned
    document = metadata(environment, context)

    methods = listed(document, "token_endpoint_auth_methods_supported")
    if CERTIFICATE.name in request.values:
        document = _by_mutual_tls(document, environment, methods)

    def found(name: str) -> str:
        if name not in needed:
            return ""
        known: str = getattr(planned, name)
        if known != FROM_METADATA:
            return known
        if name == "token":
            return token_endpoint(document, environment)
        return endpoint(document, f"{name}_endpoint", environment)

    token = found("token")
    pushed = ""
    if "authorization" in further:
        check_challenge_methods(document, environment)
        pushed = _pushed_authorization(document, environment)
    return attrs.evolve(
        planned,
        token=token,
        authorization=found("authorization"),
        device_authorization=found("device_authorization"),
        pushed_authorization=pushed,
        says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        client_authentication=planned.client_authentication or methods or ("client_secret_basic",),
        assertion_algorithms=listed(document, "token_endpoint_auth_signing_alg_values_supported")
        or None,
        scopes=listed(document, "scopes_supported") or None,
    )


def _by_mutual_tls(
    document: Mapping[str, object], environment: Environment, methods: tuple[str, ...]
) -> Mapping[str, object]:
    """The document with the endpoints that ask for a certificate (RFC 8705, section 5).

    They take the place of the usual ones only where the client shows one: a server that asks for
    certificates makes a person's browser ask for them too.
    """
    if not is_by_mutual_tls(environment, methods):
        return document
    aliases = document.get("mtls_endpoint_aliases")
    if not isinstance(aliases, dict):
        return document
    named = cast("dict[str, object]", aliases)
    return {**document, **{name: url for name, url in named.items() if name in document}}


def metadata(environment: Environment, context: Context) -> Mapping[str, object]:
    """The metadata document of an environment's authority, its issuer checked.

    Raises:
        as `endpoints`.
    """
    document = unchecked(environment, context)
    check_issuer(document, environment)
    return document


def unchecked(environment: Environment, context: Context) -> Mapping[str, object]:
    """The first document there is where an authority's metadata may be; whose it is is not known.

    Raises:
        as `endpoints`.
    """
    protocol, failure = environment.protocol, None
    tenant = environment.tenant or protocol.default_tenant
    urls = [environment.expand(each, tenant=tenant) for each in protocol.metadata_urls]
    for url in urls:
        try:
            document = context.transport.fetch_json(
                AuthorityRequest("metadata", url), context, max_age=MAX_AGE
            )
        except (AuthorityError, MalformedResponse) as error:
            # Not there, or not that kind of document: the next place it may be at.
            if failure is None or _is_not_there(failure):
                failure = error
            continue
        return document
    if failure is None:
        raise ProtocolViolation(f"The protocol {protocol.name} has no metadata.")
    if _is_not_there(failure):
        failure.remedy = (
            f"Check that the authority is the issuer, path and all: its metadata was looked for at "
            f"{' and '.join(urls)}."
        )
    raise failure


def _is_not_there(failure: GrantwayError) -> bool:
    return isinstance(failure, AuthorityError) and failure.status in (404, 410)


def token_endpoint(document: Mapping[str, object], environment: Environment) -> str:
    """The token endpoint of a metadata document.

    Raises:
        ProtocolViolation: as `endpoint`.
        MalformedResponse: the document names none.
    """
    token = endpoint(document, "token_endpoint", environment)
    if not token:
        raise MalformedResponse(
            f"The metadata of {environment.name} names no token_endpoint.",
            remedy="Check that the authority is the issuer of an OAuth 2 server.",
            host=host_of(environment.authority),
        )
    return token


def located(document: Mapping[str, object], name: str, environment: Environment) -> tuple[str, str]:
    """An endpoint that a metadata document names, and its host; "" twice where it names none.

    Raises:
        ProtocolViolation: nothing can be sent there, whatever hosts the environment allows.
    """
    url = document.get(name)
    if not isinstance(url, str) or not url:
        return "", ""
    try:
        return url, environment.destination(url)
    except ValueError as error:
        raise ProtocolViolation(
            f"The {name} in the metadata of {environment.name} cannot be used: {error}."
        ) from None


def endpoint(document: Mapping[str, object], name: str, environment: Environment) -> str:
    """An endpoint of a metadata document that may be used; "" where it names none.

    Raises:
        ProtocolViolation: it is on a host or by a scheme that the environment does not allow.
    """
    url, host = located(document, name, environment)
    if url and not environment.names(host):
        raise ProtocolViolation(
            f"The {name} of {environment.name} is on another host, {host}.",
            remedy=f'If that host is the authority\'s, add to the environment: hosts = ["{host}"]',
        )
    return url


def _pushed_authorization(document: Mapping[str, object], environment: Environment) -> str:
    """Where authorization requests are lodged (RFC 9126, section 5); "" where they need not be.

    Raises:
        ConfigurationError: they are to be, and the authority does not say where.
        ProtocolViolation: as `endpoint`.
    """
    is_required = document.get("require_pushed_authorization_requests") is True
    if not (is_required or environment.pushed_authorization):
        return ""
    url = endpoint(document, "pushed_authorization_request_endpoint", environment)
    if not url:
        name = environment.name
        raise ConfigurationError(
            f"{name} requires that sign-in requests are lodged first, and does not say where."
            if is_required
            else f"Sign-in requests are to be lodged with {name} first, which does not offer that.",
            remedy="Have its metadata name a pushed_authorization_request_endpoint (RFC 9126)."
            if is_required
            else "Leave pushed_authorization out of the environment.",
        )
    return url


def listed(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The texts that a metadata document lists under a name; empty where it lists none."""
    found = document.get(name)
    return (
        tuple(str(each) for each in cast("list[object]", found)) if isinstance(found, list) else ()
    )


def check_challenge_methods(document: Mapping[str, object], environment: Environment) -> None:
    """Refuse an authority that lists ways of proving possession of a code without S256.

    Raises:
        ProtocolViolation: it does.
    """
    methods = listed(document, "code_challenge_methods_supported")
    if methods and "S256" not in methods:
        raise ProtocolViolation(
            f"The metadata of {environment.name} lists code challenge methods without S256.",
            remedy="Have the authority support PKCE with S256 (RFC 7636).",
        )


def issuers(environment: Environment) -> tuple[str, ...]:
    """The issuers that this environment's documents and tokens may carry, as templates."""
    authorities = [environment.authority.rstrip("/")]
    authorities += [f"https://{host}" for host in environment.hosts]
    tenant = environment.tenant or ""
    found = [
        environment.expand(
            template.replace("{authority}", authority).replace(
                "{origin}", "/".join(authority.split("/")[:3])
            ),
            tenant=tenant,
            tenant_id=_TENANT,
        )
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


def check_issuer(document: Mapping[str, object], environment: Environment) -> None:
    """Refuse a metadata document that is of another issuer.

    Raises:
        ProtocolViolation: it is.
    """
    issuer = document.get("issuer")
    if not is_issuer(issuer, environment):
        expected = " or ".join(issuers(environment))
        raise ProtocolViolation(
            f"The metadata of {environment.name} is of the issuer {str(issuer)[:200]!r}, not of "
            f"{expected}.",
            remedy="The authority must be the issuer to the letter, a slash at its end included; "
            "an issuer of its own, if you trust it, is added to the environment's issuers.",
        )
