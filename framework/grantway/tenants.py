"""Which cloud a tenant is in, by the tenant's own metadata.

An authority of many tenants has a metadata document for each. That of a tenant names its issuer,
which has the tenant's id in it, and often a region. So asking each cloud for the document tells
which one has the tenant. No secret is sent, and each cloud is asked at its own host alone; but
each learns that somebody asks for this tenant.

A cloud may answer for a tenant of another one: then the issuer is not of its hosts, and what the
document says is a hint of where to look. Where clouds share an authority, theirs is the tenant
whose `graph` is at the host that the document names (`msgraph_host`).
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import attrs

from grantway.authority import AuthorityRequest
from grantway.context import Context
from grantway.environment import Environment, host_of
from grantway.errors import AuthorityError, GrantwayError, InvalidParameter, ProtocolViolation
from grantway.oauth.metadata import MAX_AGE, is_issuer
from grantway.protocol import GUID

if TYPE_CHECKING:
    from grantway.context import Transport
    from grantway.parts import Clock

State = Literal["here", "elsewhere", "unknown", "failed"]

TIMEOUT = 10.0
"""Seconds within which a cloud has to answer."""

_MOST_AT_ONCE = 16
_SILENCE = (400, 404)


@attrs.frozen
class Finding:
    """What one cloud says of a tenant.

    Attributes:
        environment: the cloud.
        state: `here`: the tenant is in it; `elsewhere`: the cloud says that it is in another
            one; `unknown`: the cloud knows no such tenant; `failed`: it could not be asked, or
            its answer cannot be trusted.
        tenant_id: the tenant's id, where it is here.
        issuer, cloud, region, sub_region: what the document says of itself (`issuer`,
            `cloud_instance_name`, `tenant_region_scope`, `tenant_region_sub_scope`).
        graph_host: the host of its directory API (`msgraph_host`).
        error: what failed; None where nothing did.
    """

    environment: Environment
    state: State
    tenant_id: str = ""
    issuer: str = ""
    cloud: str = ""
    region: str = ""
    sub_region: str = ""
    graph_host: str = ""
    error: GrantwayError | None = None

    def as_dict(self) -> dict[str, object]:
        """The finding as JSON-ready facts."""
        facts: dict[str, object] = attrs.asdict(self, recurse=False)
        return {
            **facts,
            "environment": self.environment.name,
            "error": self.error.as_dict() if self.error else None,
        }


def has_tenants(environment: Environment) -> bool:
    """Whether an environment's tenants have metadata of their own."""
    protocol = environment.protocol
    return protocol.tenant is not None and any("{tenant}" in url for url in protocol.metadata_urls)


def which(
    tenant: str,
    environments: Sequence[Environment],
    transport: "Transport",
    clock: "Clock",
    *,
    timeout: float = TIMEOUT,
) -> tuple[Finding, ...]:
    """Ask each of these environments for a tenant, all at once; one finding each, in their order.

    Args:
        tenant: its GUID, or a domain of it.
        environments: whom to ask; each with metadata of its tenants.
        transport: the road to the network.
        clock: the source of time.
        timeout: seconds within which each has to answer.

    Raises:
        InvalidParameter: it is no tenant, or an environment has no metadata of tenants.
    """
    for environment in environments:
        _check(tenant, environment)

    def ask(environment: Environment) -> Finding:
        context = Context.lasting(timeout, environment, transport, clock)
        try:
            return _asked(tenant, context)
        except AuthorityError as error:
            unknown = error.status in _SILENCE
            return Finding(environment, "unknown" if unknown else "failed", error=error)
        except GrantwayError as error:
            return Finding(environment, "failed", error=error)

    if not environments:
        return ()
    with ThreadPoolExecutor(min(len(environments), _MOST_AT_ONCE)) as pool:
        return _told_apart(tuple(pool.map(ask, environments)))


def _check(tenant: str, environment: Environment) -> None:
    form = environment.protocol.tenant
    if form is None or not has_tenants(environment):
        raise InvalidParameter(
            f"environment: {environment.name} has no tenants to look among.",
            remedy="Name one that has; `grantway environments show NAME` tells.",
            parameter="environment",
        )
    try:
        form.read(tenant)
        if "." not in tenant and not re.fullmatch(GUID.pattern, tenant):
            raise ValueError(f"{tenant!r} is a word for several tenants, not one of them")
    except ValueError as error:
        raise InvalidParameter(
            f"{error}.", remedy="Give the GUID or a domain of one.", parameter="tenant"
        ) from None


def _asked(tenant: str, context: Context) -> Finding:
    environment = context.environment
    template = next(url for url in environment.protocol.metadata_urls if "{tenant}" in url)
    url = environment.expand(template, tenant=GUID.spelling(tenant))
    document = context.transport.fetch_json(
        AuthorityRequest("metadata", url), context, max_age=MAX_AGE
    )
    found = Finding(
        environment,
        "elsewhere",
        issuer=_text(document, "issuer"),
        cloud=_text(document, "cloud_instance_name"),
        region=_text(document, "tenant_region_scope"),
        sub_region=_text(document, "tenant_region_sub_scope"),
        graph_host=_text(document, "msgraph_host").lower(),
    )
    ids = re.findall(GUID.pattern, found.issuer)
    if not is_issuer(found.issuer, environment):
        if not ids:
            raise ProtocolViolation(f"{environment.name} answered with metadata of nobody.")
        return found
    if len(ids) != 1 or (_is_id(tenant) and GUID.spelling(tenant) != GUID.spelling(ids[0])):
        raise ProtocolViolation(f"{environment.name} answered with metadata of another tenant.")
    return attrs.evolve(found, state="here", tenant_id=GUID.spelling(ids[0]))


def _told_apart(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Of environments with one authority, that whose directory the document names."""
    named = {each.environment.authority for each in found if each.state == "here" and _is_of(each)}
    return tuple(
        attrs.evolve(each, state="elsewhere", tenant_id="")
        if each.state == "here" and each.environment.authority in named and not _is_of(each)
        else each
        for each in found
    )


def _is_of(finding: Finding) -> bool:
    graph = finding.environment.resources.get("graph", "")
    try:
        return bool(finding.graph_host) and host_of(graph) == finding.graph_host
    except ValueError:
        return False


def _is_id(tenant: str) -> bool:
    return bool(re.fullmatch(GUID.pattern, tenant))


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    return value[:300] if isinstance(value, str) else ""
