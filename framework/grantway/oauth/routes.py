"""How an environment's servers are reached: proxy, roots, client certificate.

What the environment says comes first, then what users of requests expect: `HTTPS_PROXY` and kin
with `NO_PROXY`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`. All of it is found out once per
environment and host, not at each request, where it is a third of the cost; and the roots are
loaded once, not for each connection.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs
from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    address_in_network,
    is_ipv4_address,
    is_valid_cidr,
)
from urllib3.util.ssl_ import create_urllib3_context

from grantway.certificate import ClientCertificate
from grantway.environment import Environment, is_loopback
from grantway.errors import ConfigurationError
from grantway.nearby import NearbyTrust
from grantway.secret import Secret, Unshown

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
"""Seconds, the usual for a token endpoint; both are cut to what is left of the caller's time."""


@attrs.frozen
class Route:
    """The way to one host.

    Attributes:
        proxies: scheme to proxy URL; empty for none.
        verify: True for the usual roots, or the path of a CA bundle.
        cert: paths of the client's certificate and key.
        renewed: when the client's own certificate was last written, in nanoseconds.
        headers: the environment's fixed headers.
        context: `verify` and `cert`, loaded; None for a host that does not speak TLS.
        thumbprint: of the one certificate that is believed; "": `verify` says whom to believe.
        connect_timeout: seconds that connecting may take.
    """

    proxies: dict[str, str] = attrs.field(repr=False)
    verify: bool | str
    cert: tuple[str, str] | None
    renewed: int = attrs.field(default=0, kw_only=True)
    headers: Mapping[str, str] = attrs.field(repr=False, kw_only=True)
    context: ssl.SSLContext | None = attrs.field(default=None, repr=False, kw_only=True)
    thumbprint: str = attrs.field(default="", kw_only=True)
    connect_timeout: float = attrs.field(default=CONNECT_TIMEOUT, kw_only=True)


def route(
    environment: Environment,
    url: str,
    environ: Mapping[str, str],
    certificate: ClientCertificate | None = None,
) -> Route:
    """Find out the way to the host of `url`.

    Args:
        environment: whose host it is.
        url: an address there.
        environ: the environment variables that have a say.
        certificate: the client's own, to be shown in place of the environment's.

    Raises:
        ConfigurationError: a CA bundle or certificate that is named does not exist or cannot be
            used.
    """
    trust = environment.trust
    scheme = urlsplit(url).scheme
    # They may hold a password, so they stand in no variable of a function that may raise.
    proxies = Unshown({scheme: _proxy(url, scheme, environ, trust.proxy)})
    if not _is_usable(proxies[scheme]):
        raise ConfigurationError(
            f"{environment.name}: the address of the proxy, or its user name or password, cannot "
            "be sent.",
            remedy="Check HTTPS_PROXY and ALL_PROXY, or the environment's proxy.",
        )
    bundle = trust.ca_bundle or environ.get(bundle_variable(environ))
    files, password, renewed = trust.client_certificate, None, 0
    if certificate is not None:
        path = _shown_in_tls(certificate, is_proxied=bool(proxies[scheme]))
        files, password, renewed = (path, path), certificate.password, written(path)
    near = trust if isinstance(trust, NearbyTrust) else NearbyTrust()
    return Route(
        proxies=proxies if proxies[scheme] else Unshown(),
        verify=bundle or True,
        cert=files,
        renewed=renewed,
        headers=trust.headers,
        context=None
        if scheme != "https"
        # Whose thumbprint is known is believed for it alone; the connection compares it.
        else create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        if near.thumbprint
        else _trusting(bundle or "", files, password, environment.name),
        thumbprint=near.thumbprint,
        connect_timeout=near.connect_timeout or CONNECT_TIMEOUT,
    )


def written(path: str) -> int:
    """When a file was last written, in nanoseconds; 0 where that cannot be told."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _shown_in_tls(certificate: ClientCertificate, *, is_proxied: bool) -> str:
    """The path of a client's certificate, which TLS takes from a PEM file alone.

    Raises:
        ConfigurationError: it is anywhere else; or it has a password and would be shown through
            a proxy, whose library takes none.
    """
    path = certificate.source
    if not isinstance(path, str) or not _is_pem(path):
        raise ConfigurationError(
            "certificate: in the TLS handshake one can be shown from a PEM file only.",
            remedy="Give the path of a PEM file, or set client_authentication to private_key_jwt.",
            file=path if isinstance(path, str) else "",
        )
    if is_proxied and certificate.password is not None:
        raise ConfigurationError(
            "certificate: one with a password cannot be shown through a proxy.",
            remedy="Take the password off the file and keep it readable to its owner alone.",
            file=path,
        )
    return path


def _is_pem(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            # A PFX file is DER, and begins with a sequence.
            return file.read(1) != b"\x30"
    except OSError:
        return False


def _trusting(
    bundle: str, certificate: tuple[str, str] | None, password: Secret | None, name: str
) -> ssl.SSLContext:
    """A TLS context with whom to trust, and who to be.

    What is wrong with the files is found out here; later it would look like a server that is not
    to be trusted.
    """
    path = next((each for each in (bundle, *(certificate or ())) if not _exists(each)), "")
    fault = f"there is no file {path}" if path else ""
    context = create_urllib3_context()
    try:
        if not fault:
            path = bundle or DEFAULT_CA_BUNDLE_PATH
            is_file = Path(path).is_file()
            # OpenSSL looks into a folder when it is asked for somebody.
            context.load_verify_locations(**{"cafile" if is_file else "capath": path})
        if not fault and certificate:
            path = certificate[0]
            # A key that is encrypted must not ask the terminal for its password.
            context.load_cert_chain(
                *certificate, password=lambda: password.reveal() if password else ""
            )
    except (OSError, ValueError):
        fault = f"{path} cannot be read or holds no certificate (or key) that can be used"
    if not fault:
        return context
    raise ConfigurationError(
        f"{name}: {fault}.",
        remedy="Correct ca_bundle or client_certificate of the environment, or REQUESTS_CA_BUNDLE.",
        file=path,
    )


def _exists(path: str) -> bool:
    try:
        return not path or Path(path).exists()
    except OSError:
        # It cannot be told; what is wrong with it shows when it is read.
        return True


def _is_usable(proxy: str) -> bool:
    """Whether host and port can be, and user name and password be sent (RFC 7617)."""
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        (parts.hostname or "").encode("idna")
        unquote(f"{parts.username}:{parts.password}").encode("latin-1")
        # That of no other than a port raises; and nobody listens at 0.
        return not proxy or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        return False


def _proxy(url: str, scheme: str, environ: Mapping[str, str], named: str | None) -> str:
    """The proxy to go by: the one that the environment names, else that of the variables."""
    if scheme == "http":
        # What is in clear is for this machine alone, and stays on it.
        return named if named and is_loopback(named if "//" in named else f"//{named}") else ""
    if named is not None:
        return named
    variable = proxy_variable(scheme, environ)
    return "" if not variable or is_exempt(url, environ) else environ[variable]


def proxy_variable(scheme: str, environ: Mapping[str, str]) -> str:
    """The variable that names the proxy for a scheme; "" where none does."""
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if environ.get(name)), "")


def is_exempt(url: str, environ: Mapping[str, str]) -> bool:
    """Whether `NO_PROXY` takes the host of `url` out."""
    exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    entries = [each for each in exempt.replace(" ", "").lower().split(",") if each]
    parts = urlsplit(url)
    host = parts.hostname or ""
    # As requests does it, which sets a variable of this process for it.
    if is_ipv4_address(host):
        known = (each for each in entries if is_valid_cidr(each))
        return bool({"*", host} & {*entries}) or any(address_in_network(host, e) for e in known)
    names = (host, f"{host}:{parts.port}")
    return "*" in entries or any(
        name.endswith(each) or name == each.lstrip(".") for each in entries for name in names
    )


def bundle_variable(environ: Mapping[str, str]) -> str:
    """The variable that names the roots to trust; "" where none does."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return next((name for name in names if environ.get(name)), "")
