"""What a server's certificate says: for whom it is, of whom, and until when.

Trust is not decided here. OpenSSL does that, and stops at the first thing that is wrong; this
tells the rest, so that somebody who has three things to repair hears of three.
"""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import attrs

from grantway.checks.check import Check

if TYPE_CHECKING:
    from cryptography.x509 import Name

SOON = timedelta(days=14)
"""Less than this until a certificate expires is a warning: time enough for whoever renews it by
hand, and less than what is left when services do it by themselves (a third of 90 days)."""

_MOST_NAMES = 5


@attrs.frozen
class Certificate:
    """A certificate, as far as it is told about."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    def facts(self, now: datetime) -> Mapping[str, object]:
        """The certificate as JSON-ready facts."""
        return {
            "issuer": self.issuer,
            "names": list(self.names),
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "days_left": (self.not_after - now) // timedelta(days=1),
        }


def read(encoded: bytes) -> Certificate | None:
    """Read a certificate in DER, or in PEM; None: it cannot be read.

    OpenSSL takes some that a stricter reader does not.
    """
    # Imported here: cryptography is slow to import, and the commands of this package need it late.
    from cryptography import x509

    is_pem = encoded.lstrip().startswith(b"-----")
    try:
        found = (x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate)(
            encoded
        )
        return Certificate(
            _called(found.subject),
            _called(found.issuer),
            _names(found),
            found.not_valid_before_utc,
            found.not_valid_after_utc,
        )
    except (ValueError, TypeError):
        return None


def _names(found: object) -> tuple[str, ...]:
    from cryptography import x509

    extensions = cast("x509.Certificate", found).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    )


def _called(name: "Name") -> str:
    """What somebody is called: by the common name, else by all that there is."""
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def is_for(certificate: Certificate, host: str) -> bool:
    """Whether the certificate is for a host, by name or literal address (RFC 6125)."""
    from urllib3.util.ssl_match_hostname import CertificateError, match_hostname

    stated = tuple(
        ("IP Address" if _is_address(name) else "DNS", name) for name in certificate.names
    )
    try:
        match_hostname({"subjectAltName": stated}, host)
    except CertificateError:
        return False
    return True


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def name_check(certificate: Certificate, host: str, *, fits: bool) -> Check:
    """Whether the certificate is for the host that was asked for, as a finding."""
    listed = ", ".join(certificate.names[:_MOST_NAMES]) or "nobody by name"
    if more := len(certificate.names) - _MOST_NAMES:
        listed += f" and {more} more" if more > 0 else ""
    facts = {"names": list(certificate.names)}
    if fits:
        return Check("name", "ok", f"the certificate is for {listed}", facts=facts)
    return Check(
        "name",
        "failed",
        f"The certificate is for {listed}, not for {host}.",
        "Call the authority by a name that its certificate has; or have whoever runs it add "
        f"{host}. If the issuer is not whom you expect, something on the way answers in its place.",
        facts,
    )


def expiry_check(
    certificate: Certificate, now: float, *, whose: str, name: str = "expiry"
) -> Check:
    """Whether the certificate is valid now, and for how long, as a finding."""
    at = datetime.fromtimestamp(now, UTC)
    facts = certificate.facts(at)
    begins, ends = certificate.not_before, certificate.not_after
    renew = f"Have whoever runs {whose} renew it"
    if at < begins:
        return Check(
            name,
            "failed",
            f"The certificate of {whose} is not valid before {_day(begins)}, and this machine's "
            f"clock says {_day(at)}.",
            f"Check this machine's clock. If it is right: {renew[0].lower()}{renew[1:]}.",
            facts,
        )
    if at >= ends:
        return Check(
            name,
            "failed",
            f"The certificate of {whose} expired {_days(at - ends)} ago, on {_day(ends)}; this "
            f"machine's clock says {_day(at)}.",
            f"{renew}. If the date is wrong, set this machine's clock.",
            facts,
        )
    if ends - at < SOON:
        found = f"The certificate of {whose} expires in {_days(ends - at)}, on {_day(ends)}."
        return Check(name, "warning", found, f"{renew}.", facts)
    return Check(name, "ok", f"valid for {_days(ends - at)}, until {_day(ends)}", facts=facts)


def _days(span: timedelta) -> str:
    if span < timedelta(days=1):
        return "less than a day"
    return "1 day" if span.days == 1 else f"{span.days} days"


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
