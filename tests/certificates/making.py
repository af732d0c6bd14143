"""Certificates and keys for tests, and the files they come in."""

import datetime as dt
from functools import cache
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    PrivateKeyTypes,
)
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

NOW = 1_800_000_000.0
PUBLIC = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@cache
def key(kind: str, number: int = 0) -> CertificateIssuerPrivateKeyTypes:
    """A private key, made once per run: `number` tells two of a kind apart."""
    match kind:
        case "rsa":
            return rsa.generate_private_key(65537, 2048)
        case "short":
            return rsa.generate_private_key(65537, 1024)
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "p521":
            return ec.generate_private_key(ec.SECP521R1())
        case "k256":
            return ec.generate_private_key(ec.SECP256K1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def certificate(
    private: CertificateIssuerPrivateKeyTypes,
    *,
    name: str = "client.example",
    begins: float = NOW - 86_400,
    ends: float = NOW + 86_400,
) -> x509.Certificate:
    """A certificate that vouches for itself, valid around `NOW`."""
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    is_edwards = isinstance(private, ed25519.Ed25519PrivateKey)
    return (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(common)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(begins, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(ends, dt.UTC))
        .sign(private, None if is_edwards else hashes.SHA256())
    )


@frozen
class Made:
    """A key with its certificate, as what files hold."""

    private: CertificateIssuerPrivateKeyTypes
    certificate: x509.Certificate

    def key_pem(self, password: bytes | None = None, *, traditional: bool = False) -> bytes:
        return key_pem(self.private, password, traditional=traditional)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def pem(self, password: bytes | None = None) -> bytes:
        return self.key_pem(password) + self.certificate_pem

    def pfx(self, password: bytes | None = b"secret", *further: x509.Certificate) -> bytes:
        return pfx(self.private, self.certificate, password, *further)


def key_pem(
    private: PrivateKeyTypes, password: bytes | None = None, *, traditional: bool = False
) -> bytes:
    """A key as PEM: PKCS #8, or as OpenSSL wrote it before."""
    format_ = serialization.PrivateFormat
    return private.private_bytes(
        serialization.Encoding.PEM,
        format_.TraditionalOpenSSL if traditional else format_.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


def pfx(
    private: PrivateKeyTypes | None,
    own: x509.Certificate | None,
    password: bytes | None,
    *further: x509.Certificate,
) -> bytes:
    """A PKCS #12 file."""
    return pkcs12.serialize_key_and_certificates(
        b"client",
        private,  # type: ignore[arg-type]  # keys of kinds that it refuses are not given
        own,
        list(further),
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


@cache
def made(kind: str = "rsa", number: int = 0, **dates: float) -> Made:
    """A key of a kind and a certificate for it."""
    private = key(kind, number)
    return Made(private, certificate(private, **dates))


def written(folder: Path, content: bytes, name: str = "client.pem") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
