"""The discovery `arm`: a cloud by the metadata of its resource manager.

`{arm}/metadata/endpoints` tells who signs in the users of a cloud and what tokens are for. It has
three api-versions in use, asked newest first until one answers:

    2022-09-01   one cloud, as an object
    2020-06-01   a list of clouds, of which this resource manager's own is taken
    1.0          one cloud in fewer words (Azure Stack Hub); AD FS is told by the login
                 endpoint's path `/adfs`

A document is read for what it has, not by the version that was asked for: servers answer in the
shape they know. It is believed about its own resource manager only: a cloud that says it has
another one is refused.

The login endpoint is the one host it can name. It is the word of the resource manager that the
caller trusts, as it is for every client of that cloud; nothing is asked there. The others of its
URIs are audiences, which are named in requests and never connected to.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import attrs

from grantway import AuthorityRequest, Context, Environment
from grantway.environment import host_of
from grantway.errors import AuthorityError, GrantwayError, MalformedResponse, ProtocolViolation
from grantway_clouds.advice import ADVICE
from grantway_clouds.protocols import ADFS, ENTRA_V2, TENANT

API_VERSIONS = ("2022-09-01", "2020-06-01", "1.0")
"""The api-versions of the metadata, newest first."""

_PATH = "/metadata/endpoints"
_CLOUDS = "clouds"
_ADFS_PATH = "/adfs"
_ANY_TENANT = ("", "common", "organizations", "adfs")

Cloud = Mapping[str, object]


def discover(url: str, context: Context) -> Environment:
    """The environment of the cloud that a resource manager is of.

    Raises:
        ProtocolViolation: the document is of other clouds, or names a login endpoint that cannot
            be one.
        MalformedResponse: it names none.
        AuthorityError, TransportError, DeadlineExceeded: it could not be had.
    """
    base = url.partition("?")[0].partition("#")[0].rstrip("/").removesuffix(_PATH)
    first: GrantwayError | None = None
    for version in API_VERSIONS:
        request = AuthorityRequest(
            "metadata", f"{base}{_PATH}?api-version={version}", list_name=_CLOUDS
        )
        try:
            document = context.transport.fetch_json(request, context)
            return _environment(_own(document, base), base, context)
        except (AuthorityError, MalformedResponse) as error:
            # This version is not known there.
            first = first or error
    assert first is not None  # noqa: S101  # there is more than one version
    raise first


def _own(document: Cloud, base: str) -> Cloud:
    """The cloud of the document whose resource manager was asked."""
    listed = _list(document.get(_CLOUDS)) if _CLOUDS in document else [document]
    clouds = [cloud for each in listed if (cloud := _object(each))]
    asked = host_of(base)
    mine = [each for each in clouds if _host(each.get("resourceManager")) == asked]
    if not mine and len(clouds) == 1 and not clouds[0].get("resourceManager"):
        mine = clouds
    if mine or not clouds:
        return mine[0] if mine else {}
    others = ", ".join(
        f"{str(each.get('name', 'a cloud'))[:40]} ({str(each.get('resourceManager'))[:80]})"
        for each in clouds[:10]
    )
    raise ProtocolViolation(
        f"The metadata of {asked} is not of this resource manager, but of: {others}.",
        remedy="Ask the resource manager of the cloud itself, by the address it has there.",
    )


def _environment(cloud: Cloud, base: str, context: Context) -> Environment:
    authentication = _object(cloud.get("authentication"))
    login = authentication.get("loginEndpoint")
    if not isinstance(login, str) or not login:
        raise MalformedResponse(
            f"The metadata of {host_of(base)} names no login endpoint.",
            remedy="Check that the URL is that of a resource manager.",
            host=host_of(base),
        )
    login = login.rstrip("/")
    tenant, provider = (_word(authentication.get(each)) for each in ("tenant", "identityProvider"))
    is_adfs = login.lower().endswith(_ADFS_PATH) or provider == "adfs"
    is_one = tenant not in _ANY_TENANT and not is_adfs
    try:
        return attrs.evolve(
            context.environment,
            authority=re.sub(rf"(?i){_ADFS_PATH}\Z", "", login) if is_adfs else login,
            protocol=ADFS if is_adfs else ENTRA_V2,
            tenant=TENANT.read(tenant) if is_one else None,
            resources=dict(_resources(cloud, authentication)),
            advice={} if is_adfs else ADVICE,
            summary=f"discovered at {base}",
        )
    except ValueError as error:
        raise ProtocolViolation(
            f"What the metadata of {host_of(base)} says of signing in cannot be used: {error}."
        ) from None


def _resources(cloud: Cloud, authentication: Cloud) -> Iterator[tuple[str, str]]:
    """What tokens are for, under the names that the built-in clouds have for it."""
    vault = _object(cloud.get("suffixes")).get("keyVaultDns")
    said: Mapping[str, Sequence[object]] = {
        "graph": [cloud.get("microsoftGraphResourceId")],
        "aadgraph": [cloud.get(name) for name in ("graphAudience", "graph", "graphEndpoint")],
        # Every client takes the first one.
        "arm": _list(authentication.get("audiences")),
        "keyvault": [f"https://{vault.strip('.')}" if isinstance(vault, str) and vault else None],
    }
    for name, candidates in said.items():
        usable = [str(each) for each in candidates if _is_uri(each)]
        if usable:
            yield name, usable[0]


def _object(value: object) -> Cloud:
    return cast("Cloud", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"https?://[!-~]{1,2000}", value))


def _host(url: object) -> str:
    try:
        return host_of(url) if isinstance(url, str) else ""
    except ValueError:
        return ""


def _word(value: object) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""
