"""What a client proves itself with that is better than a secret: a certificate and its key.

A `ClientCertificate` is a parameter's value. It says where certificate and key are: in a file, in
a vault, or with a `Signer`, which is anything that signs with a private key that need not be here
(a hardware module, a cloud's key service). It is opened when the secrets of a request are, before
any network; `grantway.oauth.key_files` reads the files and `grantway.oauth.assertion` has it sign.

What a token is cached under counts where the certificate is, never what is in it: after a renewal
at the same place the same tokens serve.
"""

import os
import re
from collections.abc import Callable
from typing import Protocol, Self, cast, runtime_checkable

import attrs

from grantway.secret import MASK, HoldsSecret, Reference, Secret

# A scheme has two characters at least: C:\ begins a path.
_REFERENCE = r"(?s)[a-z][a-z0-9+.-]+:.+"


@attrs.frozen
class SigningKey:
    """What is public of a private key.

    Attributes:
        algorithms: the JWS algorithms it can sign by (RFC 7518, section 3.1), the preferred one
            first: `("PS256", "RS256")`, `("ES256",)`.
        certificate: the client's certificate, in DER; empty where the authority knows the key
            without one.
        chain: the certificates above it, in DER, the nearest first.
        key_id: the name (`kid`) under which the authority knows the key, where it does by name.
    """

    algorithms: tuple[str, ...]
    certificate: bytes = attrs.field(default=b"", repr=False)
    chain: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    key_id: str = ""


@runtime_checkable
class Signer(Protocol):
    """Signs with a private key, which need not be here."""

    @property
    def key(self) -> SigningKey:
        """What is public of the key."""
        ...

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """The signature of `data` by one of `key.algorithms`, as JWS has it.

        For ES256 and kin that is R and S, one after the other (RFC 7518, section 3.4).
        What it raises becomes a `VaultError`, without its text.
        """
        ...


@attrs.frozen
class ClientCertificate(HoldsSecret):
    """Where the client's certificate and key are, and once opened: the two of them.

    Attributes:
        source: the path of a PEM or PFX file; a reference to the content of such a file, PFX in
            base64; that content; or what is public of a signer's key.
        signer: what signs; None until it is opened, where it is not the source.
        password: of an encrypted key.
        now: the time in seconds since the epoch; None until it is opened.
    """

    source: str | Reference | Secret | SigningKey
    signer: Signer | None = attrs.field(default=None, eq=False, repr=False)
    password: Secret | None = attrs.field(default=None, eq=False, repr=False)
    now: Callable[[], float] | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def held(self) -> str | Reference | Secret | SigningKey:
        """The source."""
        return self.source

    def holding(self, found: Secret) -> Self:
        """The same with this content as its source."""
        return attrs.evolve(self, source=found)

    def __str__(self) -> str:
        match self.source:
            case Secret():
                return MASK
            case SigningKey(key_id=key_id):
                return f"a signer's key {key_id}".rstrip()
            case _:
                return str(self.source)


def client_certificate(value: object) -> ClientCertificate:
    """Take a certificate from Python or as text.

    Text is the path of a file, or a reference such as `env:NAME`; the content itself is a
    `Secret`. A `Signer` stands for the key that it has.

    Raises:
        ValueError: it is none of these; a content is not repeated.
    """
    match value:
        case ClientCertificate():
            return value
        case Secret() | Reference():
            return ClientCertificate(value)
        case str() | os.PathLike():
            text = os.fspath(cast("str | os.PathLike[str]", value))
            return ClientCertificate(_located(text))
        case Signer() if isinstance(value.key, SigningKey):
            if not value.key.algorithms:
                raise ValueError("the signer's key has no algorithm")
            return ClientCertificate(value.key, value)
        case _:
            raise ValueError("expected a path, a Secret, a Reference or a Signer")


def _located(text: object) -> str | Reference:
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError("expected the path of a PEM or PFX file")
    if "-----BEGIN" in text or "\n" in text:
        raise ValueError("expected the path of a file, not its content; that is a Secret")
    if re.fullmatch(_REFERENCE, text):
        return Reference(text)
    return text.strip()
