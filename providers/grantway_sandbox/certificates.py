"""Certificates that the sandbox makes itself.

Two uses, kept apart. The sandbox's TLS: a CA of its own signs one server certificate for loopback;
both live as long as the sandbox, on elliptic curves because they are made at every start. A
client's credential: a self-signed certificate with an RSA key, since Entra takes RS256 and PS256
assertions only.

Validity is counted from the machine's clock and not from the sandbox's, because the other side of
a TLS handshake has no other one.
"""

import datetime as dt
import ipaddress
import os
import ssl
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@frozen
class KeyAndCertificate:
    """A private key with its certificate."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def key_pem(self) -> str:
        """The key as unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode("ascii")

    @property
    def certificate_pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the certificate in upper-case hex, as portals show it."""
        # Not a protection: a name, which the world computes this way.
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: str, issuer: str, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .serial_number(x509.random_serial_number())
        # An hour of slack for clients whose clock is behind.
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def make_authority() -> KeyAndCertificate:
    """Make a CA that may sign end certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = "Sandbox CA"
    certificate = (
        _builder(name, name, 30)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyAndCertificate(key, certificate)


def make_server_certificate(authority: KeyAndCertificate, host: str) -> KeyAndCertificate:
    """Make a certificate for the loopback address `host` and the name `localhost`."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = authority.key.public_key()
    certificate = (
        _builder("Sandbox", "Sandbox CA", 30)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return KeyAndCertificate(key, certificate)


def make_client_certificate(name: str, *, days: int = 365) -> KeyAndCertificate:
    """Make a self-signed certificate that an application can prove itself with.

    A negative `days` makes one that ran out, for trying that out.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    builder = _builder(name, name, days) if days > 0 else _expired(name, -days)
    certificate = builder.public_key(key.public_key()).sign(key, hashes.SHA256())
    return KeyAndCertificate(key, certificate)


def _expired(name: str, days: int) -> x509.CertificateBuilder:
    end = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=365))
        .not_valid_after(end)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
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


def write_private(path: Path, *texts: str) -> Path:
    """Write PEM texts to a new file that only its owner can read, and return its path."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.writelines(texts)
    return path


def server_context(identity: KeyAndCertificate, folder: Path) -> ssl.SSLContext:
    """Return a server-side TLS context; `ssl` reads keys from files only, hence the folder."""
    path = folder / "server.pem"
    if not path.exists():
        write_private(path, identity.key_pem, identity.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path)
    return context
