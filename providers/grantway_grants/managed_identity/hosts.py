"""The kinds of host that give code an identity, and the one that this process runs on.

A kind is a value: the variables that tell of it, and how it is asked. The table is in the order
in which Microsoft's own libraries look, for variables of several kinds can be set at once; the last
one needs none. A kind that has no word for an identity refuses it, rather than give a token of
another one.

The address comes from a variable, so it is looked at before anything goes there: it has to be one
beside this code (`grantway.nearby`). What is wrong with it is told by the variable's name; its
value is not repeated, for it may hold anything.
"""

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from grantway.environment import host_of
from grantway.errors import ConfigurationError
from grantway.nearby import is_nearby
from grantway.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grantway.secret import Unshown

_METADATA_SERVICE = "http://169.254.169.254"
_PATH = "/metadata/identity/oauth2/token"

IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT"
IDENTITY_HEADER = "IDENTITY_HEADER"
THUMBPRINT = "IDENTITY_SERVER_THUMBPRINT"
IMDS_ENDPOINT = "IMDS_ENDPOINT"
MSI_ENDPOINT = "MSI_ENDPOINT"
MSI_SECRET = "MSI_SECRET"  # noqa: S105  # the name of a variable
AUTHORITY_HOST = "AZURE_POD_IDENTITY_AUTHORITY_HOST"


def _names(client_id: str, object_id: str = "", resource_id: str = "") -> "Mapping[str, str]":
    words = {
        "identity_client_id": client_id,
        "identity_object_id": object_id,
        "identity_resource_id": resource_id,
    }
    return MappingProxyType({name: word for name, word in words.items() if word})


@attrs.frozen(eq=False)
class Kind:
    """One kind of host.

    Attributes:
        name: what it is called in messages.
        variables: which have to be set, the first of them to the endpoint; none: it needs none.
        api_version: the `api-version` of the query; "": it is asked with a form.
        secret_header: the header that carries the secret in the second of the variables.
        metadata: whether `Metadata: true` is sent, which no browser can be made to send.
        identities: parameter to the host's own word for it; what is not there is refused.
        challenges: it wants to see that the code may read a file first (`arc`).
        is_metadata_service: it is asked where no variable tells of another, and may not be there.
    """

    name: str
    variables: tuple[str, ...]
    api_version: str
    secret_header: str = ""
    metadata: bool = True
    identities: "Mapping[str, str]" = attrs.field(factory=dict[str, str])
    challenges: bool = False
    is_metadata_service: bool = False


SERVICE_FABRIC = Kind(
    "Service Fabric",
    (IDENTITY_ENDPOINT, IDENTITY_HEADER, THUMBPRINT),
    "2019-07-01-preview",
    secret_header="Secret",  # noqa: S106  # the name of a header
    metadata=False,
)
APP_SERVICE = Kind(
    "App Service",
    (IDENTITY_ENDPOINT, IDENTITY_HEADER),
    "2019-08-01",
    secret_header="X-IDENTITY-HEADER",  # noqa: S106  # likewise
    identities=_names("client_id", "object_id", "mi_res_id"),
)
AZURE_ARC = Kind(
    "Azure Arc",
    (IDENTITY_ENDPOINT, IMDS_ENDPOINT),
    "2020-06-01",
    identities=_names("client_id", "object_id", "msi_res_id"),
    challenges=True,
)
MACHINE_LEARNING = Kind(
    "Machine Learning",
    (MSI_ENDPOINT, MSI_SECRET),
    "2017-09-01",
    secret_header="secret",  # noqa: S106  # likewise
    metadata=False,
    identities=_names("clientid"),
)
CLOUD_SHELL = Kind("Cloud Shell", (MSI_ENDPOINT,), "")
IMDS = Kind(
    "the instance metadata service",
    (),
    "2018-02-01",
    identities=_names("client_id", "object_id", "msi_res_id"),
    is_metadata_service=True,
)
KINDS = (SERVICE_FABRIC, APP_SERVICE, AZURE_ARC, MACHINE_LEARNING, CLOUD_SHELL, IMDS)


@attrs.frozen(eq=False)
class Host:
    """The host that this process runs on.

    Attributes:
        kind: its kind.
        url: its endpoint.
        secret: what shows that the code is what the endpoint is for; None: nothing does.
        thumbprint: of the one certificate that is believed; "": roots are asked.
    """

    kind: Kind
    url: str
    secret: Secret | None = None
    thumbprint: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the endpoint."""
        from urllib.parse import urlsplit

        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def host(environ: "Unshown[str]") -> Host:
    """The host that the variables of this process tell of.

    Raises:
        ConfigurationError: a variable holds what it cannot.
    """
    kind = next(each for each in KINDS if all(environ.get(name) for name in each.variables))
    if kind.is_metadata_service:
        if environ.get(IDENTITY_ENDPOINT):
            raise ConfigurationError(
                f"{IDENTITY_ENDPOINT} is set, and neither {IDENTITY_HEADER} nor {IMDS_ENDPOINT} "
                "is: that is no host of a managed identity that is known.",
                remedy="Set what belongs to it, or unset it.",
            )
        if not environ.get(AUTHORITY_HOST):
            return Host(kind, _METADATA_SERVICE + _PATH)
        return Host(kind, _endpoint(environ, AUTHORITY_HOST).strip("/") + _PATH)
    return Host(
        kind,
        _endpoint(environ, kind.variables[0], secure=kind is SERVICE_FABRIC),
        _secret(environ, kind.variables[1]) if kind.secret_header else None,
        _thumbprint(environ[THUMBPRINT]) if kind is SERVICE_FABRIC else "",
    )


def _endpoint(environ: "Unshown[str]", variable: str, *, secure: bool = False) -> str:
    if wrong := _wrong(environ[variable], secure=secure):
        raise ConfigurationError(
            f"{variable} {wrong}; nothing is sent there.",
            remedy="The cloud sets it, to a literal loopback, link-local or private address or to "
            "localhost. Unset it where it is not the cloud's.",
        )
    return environ[variable]


def _wrong(url: str, *, secure: bool) -> str:
    """What is wrong with an endpoint's address: "" if nothing. Raises nothing, so shows none."""
    try:
        is_plain = bool(host_of(url)) and url.isascii() and not re.search(r"[?#]|:0(?:/|$)", url)
    except ValueError:
        is_plain = False
    if not is_plain:
        return "is no plain http or https address"
    if not is_nearby(url):
        return "is the address of no host that this can run on"
    if secure and not url.startswith("https://"):
        return "has to be an https address where a thumbprint is given"
    return ""


def _secret(environ: "Unshown[str]", variable: str) -> Secret:
    # What a header can carry; asked here, where the variable can be named.
    if re.fullmatch(r"[\x21-\x7e]+", environ[variable]):
        return Secret(environ[variable])
    raise ConfigurationError(
        f"{variable} holds what no header can carry.",
        remedy="The cloud sets it; unset it where it is not the cloud's.",
    )


def _thumbprint(value: str) -> str:
    digits = re.sub(r"[\s:]", "", value).lower()
    if re.fullmatch(r"[0-9a-f]{40}", digits):
        return digits
    raise ConfigurationError(
        f"{THUMBPRINT} is no SHA-1 thumbprint of a certificate: 40 hexadecimal digits.",
        remedy="The cloud sets it; unset it where it is not the cloud's.",
    )
