"""A cloud or authority, as data: where it is, how it is spoken to, what may be asked of it.

An `Environment` comes from a plugin, from configuration or from a line of Python, and is the
same thing in each case. It names every host that may ever see a secret of a request: hosts
match exactly, port included, and nothing that an authority says later widens the set.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from grantway.protocol import (
    GUID,
    OIDC,
    AssertionAudience,
    ClientAuthenticationMethod,
    Protocol,
)
from grantway.secret import MASK
from grantway.suggest import did_you_mean

if TYPE_CHECKING:
    from urllib.parse import SplitResult

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""The pattern of what can name an environment."""

_LOOPBACK = {"127.0.0.1", "::1"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_IPV6 = r"[0-9a-f:.]*:[0-9a-f:.]*"


# What untyped callers hand over is refused here, and fails nowhere later.
_KINDS = {
    "protocol": (Protocol, "a Protocol"),
    "authority": (str, "a text"),
    "tenant": (str | None, "a text"),
    "default_resource": (str | None, "a text"),
    "client_authentication": (str | None, "a text"),
    "assertion_audience": (str | None, "a text"),
    "dpop": (bool, "True or False"),
    "pushed_authorization": (bool, "True or False"),
    "transient": (bool, "True or False"),
}


def _split(url: str) -> "SplitResult":
    # Imported here: it is slow to import, and describing an environment is where it is first used.
    from urllib.parse import urlsplit

    return urlsplit(url)


def masked_url(url: str) -> str:
    """A URL for a message: who is named before its host, and with which password, is masked.

    Whatever is before the last `@` may be that: a password that nobody has escaped holds anything.
    """
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", rf"\1{MASK}@", url, flags=re.DOTALL)


def host_of(url: str) -> str:
    """The host of a URL in the one spelling that hosts are compared in: `name` or `name:port`.

    The port is left out where it is the scheme's own. Look-alikes are refused, not repaired.

    Raises:
        ValueError: no http or https URL, or one with user information, an empty or non-ASCII
            host, an empty label, an escape, white space, a control character or a backslash.
    """
    if re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise ValueError(
            f"{masked_url(url)!r} contains white space, a control character or a backslash"
        )
    origin = re.match(r"[^/?#]*//[^/?#]*", url)
    return _host_of(origin[0] if origin else url)


@lru_cache(maxsize=1024)  # the same few are looked at several times per request
def _host_of(url: str) -> str:
    """The host of an origin: of a URL without its path and query."""
    parts = _split(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise ValueError(f"{masked_url(url)!r} is not an http or https URL")
    if "@" in parts.netloc:
        raise ValueError("a URL here must not carry user information")
    if not (re.fullmatch(_HOST, host) or re.fullmatch(_IPV6, host)):
        raise ValueError(f"{host!r} is not a plain ASCII host name")
    bracketed = f"[{host}]" if ":" in host else host
    port = _port(parts)
    return bracketed if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{bracketed}:{port}"


def _port(parts: "SplitResult") -> int | None:
    try:
        return parts.port
    except ValueError:
        # Not repeated: where a host is forgotten it is a password.
        raise ValueError("the port of a URL is no number that a port can have") from None


def is_loopback(url: str) -> bool:
    """Whether the URL's host is a literal loopback address (RFC 8252, section 8.3)."""
    return (_split(url).hostname or "") in _LOOPBACK


def _frozen(given: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(given))


def _frozen_advice(given: Mapping[int, str]) -> Mapping[int, str]:
    return MappingProxyType(dict(given))


def _words(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@attrs.frozen
class Trust:
    """How an environment's servers are reached and believed.

    Attributes:
        ca_bundle: path of a PEM file that takes the place of the usual roots. None: what
            `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` names, else the roots of certifi.
        client_certificate: paths of a PEM certificate and its key, shown to the servers.
        proxy: URL of the proxy to use; "" for none. None: as `HTTPS_PROXY` and `NO_PROXY` say.
        headers: fixed headers for every request, such as a gateway asks for.
        loopback_http: plain http is accepted, to a literal loopback address only.
    """

    ca_bundle: str | None = None
    client_certificate: tuple[str, str] | None = None
    # A proxy's URL may hold a password, a gateway's header a key: neither is shown.
    proxy: str | None = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_frozen, hash=False, repr=False
    )
    loopback_http: bool = False

    def admits_http(self, url: str) -> bool:
        """Whether plain http may be spoken there."""
        return self.loopback_http and is_loopback(url)


@attrs.frozen
class Environment:
    """One cloud: a name, an authority, the protocol it speaks and the resources it has.

    Two lines make any OpenID provider one:

    >>> from grantway import Environment
    >>> keycloak = Environment("Keycloak", authority="https://id.example.org/realms/main")

    Attributes:
        name: how it is called; compared without regard to case.
        aliases: other names for it, likewise.
        authority: base URL of the token-issuing server; for `oidc` the issuer, to the letter.
        protocol: how the authority is spoken to; `oidc` unless said otherwise.
        tenant: the tenant of a single-tenant authority; another one is then refused.
        resources: short names of resources (`graph`) and the URI each stands for here.
        default_resource: name or URI of the resource when a call gives none.
        hosts: further hosts (`name` or `name:port`) that may be sent secrets.
        issuers: further issuers that metadata and id_tokens may name, each to the letter.
        client_authentication: the way a client shows its secret or certificate here, over the
            protocol's.
        assertion_audience: whom a client's assertion is for here, over the protocol's.
        dpop: every token is bound to a key that never leaves here (DPoP, RFC 9449). The authority
            has to take that: a token that is not bound is refused. Not so unless said, for most
            APIs take bearer tokens only.
        pushed_authorization: a sign-in's request is lodged with the authority first (RFC 9126)
            where that is only offered, too. An authority that requires it has it in any case.
        advice: what to tell a user about the authority's own error numbers.
        default: calls that name no environment mean this one; only a built-in may say so.
        closed: why and since when the cloud is closed; a use of it is warned about.
        unavailable: why it cannot be used now and what to do; asking for a token there then
            raises `ConfigurationError`, before any secret is opened and before any network.
        trust: CA bundle, client certificate, proxy, headers.
        transient: where it is was found out just now, and may be another place the next time. So
            nothing is remembered of it from one process to another but tokens.
        summary: one line for lists.

    Raises:
        ValueError: a name, URL or host that cannot be.
    """

    name: str = attrs.field()
    authority: str = attrs.field()
    protocol: Protocol = attrs.field(default=OIDC, kw_only=True)
    aliases: tuple[str, ...] = attrs.field(default=(), converter=_words, kw_only=True)
    tenant: str | None = attrs.field(default=None, kw_only=True)
    resources: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_frozen, kw_only=True, hash=False
    )
    default_resource: str | None = attrs.field(default=None, kw_only=True)
    hosts: tuple[str, ...] = attrs.field(default=(), converter=_words, kw_only=True)
    issuers: tuple[str, ...] = attrs.field(default=(), converter=_words, kw_only=True)
    client_authentication: ClientAuthenticationMethod | None = attrs.field(
        default=None, kw_only=True
    )
    assertion_audience: AssertionAudience | None = attrs.field(default=None, kw_only=True)
    dpop: bool = attrs.field(default=False, kw_only=True)
    pushed_authorization: bool = attrs.field(default=False, kw_only=True)
    advice: Mapping[int, str] = attrs.field(
        factory=dict[int, str], converter=_frozen_advice, kw_only=True, hash=False, repr=False
    )
    closed: str = attrs.field(default="", kw_only=True)
    unavailable: str = attrs.field(default="", kw_only=True)
    default: bool = attrs.field(default=False, kw_only=True)
    trust: Trust = attrs.field(factory=Trust, kw_only=True)
    transient: bool = attrs.field(default=False, kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)
    secret_hosts: frozenset[str] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            if not isinstance(name, str) or not re.fullmatch(NAME, name):
                raise ValueError(
                    f"{name!r} cannot name an environment: letters, digits, dot, dash, underscore"
                )
        for what, (kind, words) in _KINDS.items():
            if not isinstance(getattr(self, what), kind):
                raise ValueError(f"{what} must be {words}")
        if self.protocol.needs_tenant and not self.tenant:
            raise ValueError(
                f"the protocol {self.protocol.name} is that of one tenant: name it as tenant"
            )
        if self.protocol.audience == "fixed" and self.default_resource is not None:
            raise ValueError(
                f"the protocol {self.protocol.name} names no resources: leave default_resource out"
            )
        if not all(isinstance(each, str) for pair in self.resources.items() for each in pair):
            raise ValueError("resources must be texts by name")
        if "?" in self.authority or "#" in self.authority:
            raise ValueError(
                f"the authority {masked_url(self.authority)!r} has a query or fragment"
            )
        self.check_scheme(self.authority)
        for host in self.hosts:
            if re.search(r"[/?#]", host):
                raise ValueError(
                    f"{masked_url(host)!r} is no host: name or name:port, without path or scheme"
                )
        hosts = {host_of(self.authority), *(host_of(f"https://{host}") for host in self.hosts)}
        object.__setattr__(self, "secret_hosts", frozenset(hosts))
        if self.default_resource is not None:
            self.resource(self.default_resource)

    def check_scheme(self, url: str) -> None:
        """Refuse a URL that is not https, save a loopback address that `trust` allows.

        Raises:
            ValueError: plain http, or no URL at all.
        """
        host_of(url)
        if url.startswith("https://"):
            return
        if self.trust.admits_http(url):
            return
        raise ValueError(
            f"{masked_url(url)!r} is not https; plain http is for a literal loopback address of an "
            "environment that says trust.loopback_http"
        )

    def destination(self, url: str) -> str:
        """The host that something is about to be sent to, as `host_of` spells it.

        Raises:
            ValueError: as `check_scheme`; or the port is 0, which nobody listens at: an HTTP
                library takes it for none given, and would go to the scheme's own port.
        """
        self.check_scheme(url)
        host = host_of(url)
        if host.endswith(":0"):
            raise ValueError(f"{masked_url(url)!r} has the port 0, at which nothing can be reached")
        return host

    @property
    def has_tenant(self) -> bool:
        """Whether there is a tenant to speak of: one of its own, or one that calls name."""
        return bool(self.tenant or self.protocol.tenant or self.protocol.default_tenant)

    @property
    def single_tenant(self) -> str | None:
        """The one tenant of a single-tenant authority, else None.

        An authority whose protocol knows no tenants has one all the same: the protocol's default,
        else the environment's name stands for it, so that what requires a tenant is complete there.
        The name is for selection alone, and never told as a tenant (`has_tenant`).
        """
        if self.tenant or self.protocol.tenant is not None:
            return self.tenant
        return self.protocol.default_tenant or self.name

    def names(self, host: str) -> bool:
        """Whether a secret may go to `host` (as `host_of` spells it): exact match only."""
        return host in self.secret_hosts

    def resource(self, value: str) -> str:
        """The URI (or GUID) that `value` stands for: a name of this environment, or itself.

        Raises:
            ValueError: neither a name here, nor a GUID, nor an absolute URI.
        """
        for name, uri in self.resources.items():
            if name.casefold() == value.casefold():
                return uri
        if re.fullmatch(GUID.pattern, value):
            return GUID.canonical(value)
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+", value):
            return value
        known = ", ".join(self.resources) or "none"
        raise ValueError(
            f"{value!r} is neither a resource of {self.name} ({known}), nor a GUID, nor an "
            f"absolute URI. {did_you_mean(value, self.resources)}".rstrip()
        )

    def expand(self, template: str, *, tenant: str = "", tenant_id: str = "") -> str:
        """Fill a template of the protocol (see `grantway.protocol`) for this authority."""
        base = self.authority.rstrip("/")
        parts = _split(base)
        return (
            template.replace("{authority}", base)
            .replace("{issuer}", self.authority)
            .replace("{origin}", f"{parts.scheme}://{parts.netloc}")
            .replace("{path}", parts.path)
            .replace("{tenantid}", tenant_id)
            .replace("{tenant}", tenant)
        )
