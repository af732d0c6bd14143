"""Certificates for servers on loopback: a CA of our own, and certificates nobody trusts."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as paths of PEM files."""

    certificate: Path
    key: Path


class LocalCa:
    """A certificate authority made for one test run. `bundle` is what clients are to trust."""

    LIFETIME = DAY

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("grantway tests CA")
        public = self._key.public_key()
        self._certificate = (
            _builder(self._name, self._name, public, timedelta(0))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, *names: str, age: timedelta = timedelta(0), lifetime: timedelta = LIFETIME
    ) -> Identity:
        """Issue a certificate for host names and addresses.

        One whose `age` is more than its `lifetime` has expired; one of an age below minus a day
        is not valid yet.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _leaf(self._name, key.public_key(), names, age, lifetime)
            .add_extension(authority_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _write(self._folder, certificate, key)


def self_signed(folder: Path, *names: str) -> Identity:
    """Make a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _leaf(_name(names[0]), key.public_key(), names, timedelta(0)).sign(
        key, hashes.SHA256()
    )
    return _write(folder, certificate, key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    age: timedelta,
    lifetime: timedelta = LocalCa.LIFETIME,
) -> x509.CertificateBuilder:
    born = datetime.now(UTC) - age
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(born - DAY)
        .not_valid_after(born + lifetime)
    )


def _leaf(
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    names: tuple[str, ...],
    age: timedelta,
    lifetime: timedelta = LocalCa.LIFETIME,
) -> x509.CertificateBuilder:
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    return (
        _builder(issuer, _name(names[0]), key, age, lifetime)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Identity:
    stem = f"{certificate.serial_number:x}"
    identity = Identity(folder / f"{stem}.pem", folder / f"{stem}.key")
    identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    identity.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return identity
