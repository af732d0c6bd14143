"""A server beside this code: on its machine, or on the host and the link that it runs on.

Clouds put an endpoint there from which code gets a token without a secret. It speaks plain http by
nature: what is sent leaves neither the machine nor its link, and no name's certificate could be
told apart there. That is the one exception to "https always" beside the loopback address that an
environment declares, and it is kept narrow:

* it is for one request, in an environment that a provider makes of the one host that it asks;
* the host is a literal loopback, link-local or private address, or the word `localhost`;
* no proxy is ever used;
* nobody can declare it: no key of a configuration file means it, and an environment that a plugin
  offers is refused with it, for there `trust` is a `Trust` and nothing else.
"""

import attrs

from grantway.environment import Trust

_NETWORKS = (
    "127.0.0.0/8", "169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
    "::1/128", "fe80::/10", "fc00::/7",
)  # fmt: skip


def is_nearby(url: str) -> bool:
    """Whether the URL's host is a literal loopback, link-local or private address, or `localhost`.

    Other spellings of an address (`127.1`, an IPv4 address within IPv6) and other names are not.
    """
    # Imported here: only what asks such a server needs them.
    from ipaddress import ip_address, ip_network
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    networks = map(ip_network, _NETWORKS)
    return any(address.version == each.version and address in each for each in networks)


@attrs.frozen
class NearbyTrust(Trust):
    """How a server beside this code is reached and believed; made in code, for one request.

    Attributes:
        proxy: none, ever.
        thumbprint: the SHA-1 of the one certificate that is believed, as 40 hexadecimal digits, in
            the place of any roots; "": roots are asked, where it speaks https.
        connect_timeout: seconds that connecting may take; None: as long as usual.
    """

    proxy: str | None = attrs.field(default="", init=False, repr=False)
    thumbprint: str = ""
    connect_timeout: float | None = None

    def admits_http(self, url: str) -> bool:
        """Whether plain http may be spoken there: `is_nearby`."""
        return is_nearby(url)
