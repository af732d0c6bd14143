"""TLS with a host, by the transport's own connections: a proxy's tunnel, roots, certificates.

OpenSSL stops at the first thing that it does not like about a certificate. So where one is not
trusted, a second handshake that believes everything brings it here to be read. Nothing is said on
that connection, and no client certificate is shown.
"""

import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import attrs
from urllib3.exceptions import SSLError
from urllib3.util.ssl_ import create_urllib3_context

from grantway.authority import AuthorityRequest
from grantway.checks import certificate as certificates
from grantway.checks.certificate import Certificate
from grantway.checks.check import Check, Step
from grantway.checks.road import PLAIN, Road
from grantway.errors import GrantwayError
from grantway.oauth.connections import Connections
from grantway.oauth.failures import NotConnected, failure_of
from grantway.oauth.routes import CONNECT_TIMEOUT, Route
from grantway.oauth.watchdog import Watch

NAMES = ("tls", "chain", "name", "expiry")

# OpenSSL's numbers for: not yet valid, expired, another name, another address. Whom to trust is
# settled before it comes to these.
_NOT_THE_CHAIN = {9, 10, 62, 64}


@attrs.frozen
class _Peer:
    """Who answered, trusted or not."""

    version: str
    certificate: Certificate | None


@attrs.frozen
class _Refused:
    """Why nobody did that is trusted; `code`: OpenSSL's number, if it is for the certificate."""

    error: GrantwayError
    code: int | None


@attrs.frozen
class Handshake:
    """The handshake at the end of a road, looked at in one step."""

    road: Road

    @property
    def steps(self) -> tuple[Step, ...]:
        """What there is to look at."""
        return (Step(NAMES, self._look, ("tcp",)),)

    def check(self, name: str) -> Check:
        """All of it as one finding: whether there is an agreement.

        Raises:
            TransportError, DeadlineExceeded: there is none.
        """
        found = self._agreed(self.road.route)
        if isinstance(found, _Refused):
            raise found.error
        told = f"{self.road.shown} agreed on {found.version}"
        return Check(name, "ok", told, facts={"host": self.road.shown, "version": found.version})

    def _look(self) -> Iterator[Check]:
        if not self.road.is_tls:
            for name in NAMES:
                yield Check(name, "skipped", PLAIN)
            return
        found = self._agreed(self.road.route)
        refused = None
        if isinstance(found, _Refused):
            if found.code is None:
                raise found.error
            refused, found = found, self._agreed(self._anybody())
            if isinstance(found, _Refused):
                raise refused.error
        facts = {"version": found.version}
        yield Check("tls", "ok", f"{self.road.shown} agreed on {found.version}", facts=facts)
        if found.certificate is not None:
            yield from self._about(found.certificate, refused)
        elif refused is not None:
            raise refused.error
        else:
            for name in NAMES[1:]:
                yield Check(name, "skipped", "the certificate is trusted, but cannot be read here")

    def _about(self, certificate: Certificate, refused: _Refused | None) -> Iterator[Check]:
        """What there is to say of a certificate; `refused`: it is not trusted."""
        fits = refused is None or certificates.is_for(certificate, self.road.host)
        now = self.road.context.clock.time()
        name = certificates.name_check(certificate, self.road.host, fits=fits)
        expiry = certificates.expiry_check(certificate, now, whose=self.road.shown)
        facts = {"issuer": certificate.issuer, "subject": certificate.subject}
        is_told_below = (
            refused is not None
            and refused.code in _NOT_THE_CHAIN
            and "failed" in (name.outcome, expiry.outcome)
        )
        issued = f"issued by {certificate.issuer!r}"
        if refused is None or is_told_below:
            yield Check("chain", "ok", f"the certificate is {issued}", facts=facts)
        else:
            text = f"{refused.error.message} It is {issued}."
            yield Check("chain", "failed", text, refused.error.remedy, facts)
        yield name
        yield expiry

    def _anybody(self) -> Route:
        """The same road for somebody who trusts everybody and has nothing to show."""
        trusting = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        return attrs.evolve(self.road.route, verify=False, cert=None, context=trusting)

    def _agreed(self, way: Route) -> _Peer | _Refused:
        context, code = self.road.context, None
        try:
            with Watch(context), closing(Connections(1)) as connections:
                longest = min(CONNECT_TIMEOUT, context.remaining())
                with closing(connections.connect(self.road.url, way, longest)) as connection:
                    return _peer(connection.sock)
        except Exception as error:  # noqa: BLE001  # the libraries'; put into our words
            if isinstance(error, SSLError):
                code = getattr(error.args[0], "verify_code", None)
            failure = failure_of(
                error, AuthorityRequest("TLS", self.road.url), context, asked=False
            )
        if isinstance(failure, NotConnected):
            failure = failure.error
        if not isinstance(failure, GrantwayError):
            raise failure
        return _Refused(failure, code)


def _peer(connection: object) -> _Peer:
    # Through TLS to a proxy it is urllib3's own kind of socket, which has these methods too.
    socket = cast("ssl.SSLSocket", connection)
    encoded = socket.getpeercert(binary_form=True)
    return _Peer(socket.version() or "TLS", certificates.read(encoded) if encoded else None)
