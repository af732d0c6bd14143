"""The road to the host of a URL, as the transport would take it: which proxy, which roots.

Found out by the transport's own function; what is added here is where it is said.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from grantway.checks import certificate as certificates
from grantway.checks.check import Check, Step
from grantway.context import Context
from grantway.environment import host_of, masked_url
from grantway.errors import ConfigurationError
from grantway.oauth.routes import Route, bundle_variable, is_exempt, proxy_variable, route
from grantway.secret import Unshown

PLAIN = "plain http, to a loopback address, which the environment allows"

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


class Road:
    """The road to the host of a URL; its steps look at proxy and roots.

    Args:
        url: any of the host.
        context: of the test; its environment names the host.
        environ: the variables that say which proxy and roots to use.
    """

    def __init__(self, url: str, context: Context, environ: Mapping[str, str]) -> None:
        self.url = url
        self.context = context
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.shown = host_of(url)
        self.is_tls = parts.scheme == "https"
        self._scheme = parts.scheme
        self._port = parts.port or _PORTS[parts.scheme]
        self._environ = Unshown(environ)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What there is to look at, in order."""
        return (
            Step(("proxy",), self._look_at_proxy),
            Step(("trust",), self._look_at_trust, ("proxy",)),
        )

    @property
    def route(self) -> Route:
        """The road as the transport has it.

        Raises:
            ConfigurationError: it cannot be gone.
        """
        if isinstance(self._found, ConfigurationError):
            raise self._found
        return self._found

    @property
    def next_stop(self) -> tuple[str, str, int]:
        """Whom to connect to, host or proxy: what it is called in messages, its host, its port."""
        if not self._proxy:
            return self.shown, self.host, self._port
        parts = urlsplit(self._proxy if "//" in self._proxy else f"http://{self._proxy}")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT)
        return f"the proxy {host}:{port}", host, port

    @cached_property
    def _found(self) -> Route | ConfigurationError:
        try:
            return route(self.context.environment, self.url, self._environ)
        except ConfigurationError as error:
            return error.with_traceback(None)

    @property
    def _proxy(self) -> str:
        return self.route.proxies.get(self._scheme, "")

    def _look_at_proxy(self) -> Iterator[Check]:
        if isinstance(self._found, ConfigurationError) and self._found.file:
            yield Check("proxy", "skipped", "trust has to be right first")
            return
        stated = self.context.environment.trust.proxy
        variable = proxy_variable(self._scheme, self._environ)
        if self._proxy:
            shown, origin = masked_url(self._proxy), variable
            if stated is not None:
                origin = "the environment"
            facts = {"proxy": shown, "from": origin}
            yield Check("proxy", "ok", f"{shown}, from {origin}", facts=facts)
            return
        why = ""
        if stated is not None:
            why = ", as the environment says"
        elif variable and is_exempt(self.url, self._environ):
            why = f": NO_PROXY takes {self.host} out of {variable}"
        yield Check("proxy", "ok", f"none{why}", facts={"proxy": None})

    def _look_at_trust(self) -> Iterator[Check]:
        way = self.route
        if not self.is_tls:
            yield Check("trust", "skipped", PLAIN)
            return
        bundle = DEFAULT_CA_BUNDLE_PATH if way.verify is True else str(way.verify)
        origin = "certifi's" if way.verify is True else f"from {bundle_variable(self._environ)}"
        if self.context.environment.trust.ca_bundle:
            origin = "from the environment"
        found = f"servers by the roots in {bundle}, {origin}"
        facts: dict[str, object] = {"ca_bundle": bundle, "client_certificate": None}
        if way.cert is None:
            yield Check("trust", "ok", found, facts=facts)
            return
        path = way.cert[0]
        facts["client_certificate"] = path
        found = f"{found}; what we show is {path}"
        # The first in the file is the client's own. OpenSSL has taken it already.
        own = certificates.read(Path(path).read_bytes())
        if own is None:
            yield Check("trust", "ok", found, facts=facts)
            return
        now = self.context.clock.time()
        told = certificates.expiry_check(own, now, whose="this client", name="trust")
        text, remedy = f"{found}, {told.found}", ""
        if told.outcome != "ok":
            text, remedy = told.found, "Renew it (trust.client_certificate), or set the clock."
        yield Check("trust", told.outcome, text, remedy, {**facts, **told.facts})
