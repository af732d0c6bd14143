"""Certificates and private keys from PEM and PFX files.

A file is read whole, up to a size that no real one has, and only if it is a regular file. What is
in it is held against itself: one private key; the certificate that belongs to it, found by its
public key whatever the order; a certificate that is in its time. So what is wrong is said here,
with the file's name, before any network, and not by an authority that only says no.

No message repeats anything of what a file holds, nor what the library said of it.
"""

import base64
import binascii
import os
import re
import stat
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import attrs

from grantway.certificate import ClientCertificate, SigningKey
from grantway.errors import ConfigurationError
from grantway.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

LARGEST = 256 * 1024
"""Bytes of the largest file that is read; one with a long chain has 20,000."""

SMALLEST_RSA = 2048
"""Bits of the shortest RSA key that is used (RFC 7518, sections 3.3 and 3.5)."""

SKEW = 300.0
"""Seconds by which this machine's clock may differ from that of whoever issued a certificate."""

_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA = ("PS256", "RS256", "PS384", "RS384", "PS512", "RS512")
_PEM_KEY = rb"-----BEGIN ((?:[A-Z0-9]+ )?PRIVATE KEY)-----.*?-----END \1-----"
_PEM_CERTIFICATE = rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"
# The object identifiers of a key's bag in a PFX file (RFC 7292, section 4.2), in DER.
_PFX_KEY = rb"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01[\x01\x02]"


@attrs.frozen(eq=False)
class KeyFileSigner:
    """A `Signer` whose private key has come from a file."""

    key: SigningKey
    _private: "PrivateKeyTypes" = attrs.field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled: pass the path of its file")

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """See `Signer.sign`.

        Raises:
            ConfigurationError: the key is broken: what it signs its own public half refuses.
        """
        import jwt

        how = jwt.get_algorithm_by_name(algorithm)
        signature = how.sign(data, self._private)
        # Keys are loaded without the long proof that their numbers are sound. This is one.
        if not how.verify(data, self._private.public_key(), signature):
            raise ConfigurationError("The private key of the certificate is damaged.")
        return signature


def opened(certificate: ClientCertificate, now: float) -> KeyFileSigner:
    """Read the certificate and key of a file, or of the content of one.

    Args:
        certificate: its source is a path, or a content.
        now: seconds since the epoch, which the certificate has to be valid at.

    Raises:
        ConfigurationError: that cannot be done; the message names the file.
    """
    if isinstance(certificate.source, Secret):
        content, path = _decoded(certificate.source), ""
    else:
        path = str(certificate.source)
        content = Secret(base64.b64encode(read(path)).decode() or " ")
    return _File(path, content, certificate.password).signer(now)


def read(path: str) -> bytes:
    """The content of a regular file that is not too large.

    Raises:
        ConfigurationError: it is not there, is none, or cannot be read.
    """
    failure = ""
    try:
        # What is no regular file may have nobody at its other end, and is not waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                failure = "is no regular file"
            elif status.st_size > LARGEST:
                failure = f"is larger than {LARGEST >> 10} KiB, which no certificate is"
            else:
                return file.read(LARGEST)
    except OSError as error:
        failure = f"cannot be read: {error.strerror or type(error).__name__}"
    except ValueError:
        failure = "is no path"
    raise ConfigurationError(
        f"certificate: {path} {failure}.",
        remedy="Give the path of a PEM or PFX file with the certificate and its private key.",
        file=path,
    )


def _decoded(content: Secret) -> Secret:
    """The bytes of a content that came as text, in base64: PEM as it is, PFX in base64 already."""
    if "-----BEGIN" in content.reveal():
        return Secret(base64.b64encode(content.reveal().encode()).decode())
    return content


@attrs.frozen
class _File:
    """One file's content, in base64 so that it can be a `Secret`, and the steps through it."""

    path: str
    content: Secret
    password: Secret | None

    def signer(self, now: float) -> KeyFileSigner:
        private, certificates = self._pem() if self._is_pem() else self._pfx()
        algorithms = self._algorithms(private)
        if not certificates:
            return KeyFileSigner(SigningKey(algorithms), private)
        leaf = self._of(private, certificates)
        self._check_time(leaf, now)
        chain = tuple(_der(each) for each in certificates if each is not leaf)
        return KeyFileSigner(SigningKey(algorithms, _der(leaf), chain), private)

    def fault(self, what: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(
            f"certificate: {self.path or 'the content given'} {what}.",
            remedy=remedy,
            file=self.path,
        )

    def _bytes(self) -> bytes:
        with suppress(binascii.Error, ValueError):
            return base64.b64decode("".join(self.content.reveal().split()), validate=True)
        raise self.fault("is neither PEM nor a PFX file in base64", _FORMATS)

    def _is_pem(self) -> bool:
        return b"-----BEGIN" in self._bytes()

    def _pem(self) -> "tuple[PrivateKeyTypes, list[Certificate]]":
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificate

        keys = len(re.findall(_PEM_KEY, self._bytes(), re.DOTALL))
        if not keys and re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", self._bytes()):
            raise self.fault("ends within its private key", "Copy or export it anew, whole.")
        if not keys:
            raise self.fault(
                "holds no private key", "Put the private key in it, beside the certificate."
            )
        if keys > 1:
            raise self.fault("holds several private keys", "Keep the one of this client.")
        certificates: list[Certificate] | None = None
        with suppress(ValueError):
            certificates = [
                load_pem_x509_certificate(each)
                for each in re.findall(_PEM_CERTIFICATE, self._bytes(), re.DOTALL)
            ]
        if certificates is None:
            raise self.fault("holds a certificate that cannot be read", "Export it anew, as PEM.")

        def load(password: bytes | None) -> "PrivateKeyTypes":
            key = re.search(_PEM_KEY, self._bytes(), re.DOTALL)
            return load_pem_private_key(
                key[0] if key else b"", password, unsafe_skip_rsa_key_validation=True
            )

        is_encrypted = re.search(rb"-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED", self._bytes())
        if is_encrypted and self.password is None:
            raise self._needs_password()
        with suppress(Exception):  # whatever the library makes of a broken file
            if is_encrypted and self.password is not None:
                return load(self.password.reveal().encode()), certificates
            return load(None), certificates
        if is_encrypted:
            raise self._is_locked()
        raise self.fault(
            "holds a private key that cannot be read", "Export it anew, as PKCS #8 PEM."
        )

    def _pfx(self) -> "tuple[PrivateKeyTypes, list[Certificate]]":
        from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

        if not self._bytes():
            raise self.fault("is empty", _FORMATS)
        if not self._bytes().startswith(b"\x30"):
            raise self.fault("is neither PEM nor PFX", _FORMATS)
        if len(re.findall(_PFX_KEY, self._bytes())) > 1:
            raise self.fault("holds several private keys", "Export the one of this client alone.")
        password = self.password
        try:
            bag = load_pkcs12(self._bytes(), password.reveal().encode() if password else None)
        except Exception as error:  # noqa: BLE001  # whatever the library makes of a broken file
            bag, is_locked = None, "password" in str(error).lower()
        else:
            is_locked = False
        if is_locked:
            raise self._needs_password() if password is None else self._is_locked()
        if bag is None:
            raise self.fault("is damaged, or no PFX file", "Export it anew.")
        if bag.key is None:
            raise self.fault("holds no private key", "Export it anew, with its private key.")
        found = [bag.cert, *bag.additional_certs]
        return bag.key, [each.certificate for each in found if each is not None]

    def _needs_password(self) -> ConfigurationError:
        return self.fault(
            "is encrypted",
            "Give its password: certificate_password (--certificate-password env:NAME).",
        )

    def _is_locked(self) -> ConfigurationError:
        return self.fault(
            "does not open with this password, or is damaged", "Check certificate_password."
        )

    def _algorithms(self, private: "PrivateKeyTypes") -> tuple[str, ...]:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if isinstance(private, rsa.RSAPrivateKey):
            if private.key_size < SMALLEST_RSA:
                raise self.fault(
                    f"holds an RSA key of {private.key_size} bits, which is too short",
                    f"Make one of {SMALLEST_RSA} bits or more.",
                )
            return _RSA
        if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _BY_CURVE:
            return (_BY_CURVE[private.curve.name],)
        raise self.fault(
            "holds a key of a kind that cannot sign here",
            "Use an RSA key, or one on the curve P-256, P-384 or P-521.",
        )

    def _of(self, private: "PrivateKeyTypes", certificates: "list[Certificate]") -> "Certificate":
        for each in certificates:
            with suppress(Exception):  # a certificate with a key of a kind that is not known
                if each.public_key() == private.public_key():
                    return each
        raise self.fault(
            "holds a private key that belongs to none of its certificates",
            "Put a certificate and its own key together.",
        )

    def _check_time(self, certificate: "Certificate", now: float) -> None:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now > ends.timestamp():
            raise self.fault(
                f"has expired, on {ends:%Y-%m-%d}",
                "Renew the certificate and register it; check this machine's clock.",
            )
        if now + SKEW < begins.timestamp():
            today = datetime.fromtimestamp(now, UTC)
            raise self.fault(
                f"is not valid before {begins:%Y-%m-%d}, and here it is {today:%Y-%m-%d}",
                "Check this machine's clock.",
            )


_FORMATS = "Give a PEM file or a PFX (PKCS #12) file."


def _der(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
