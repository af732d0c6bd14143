"""The assertion by which a client proves that it has a private key (RFC 7523, section 2.2).

A JWT that names the client twice, as issuer and as subject, is for one authority, lives for ten
minutes and is never the same twice. The header says which key has signed it in the way that the
authority's protocol asks for: by the certificate's thumbprint, or by name.

The signature comes from a `Signer`, so this module never sees a private key. The token is a
`Secret` from the moment that it is one.
"""

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Mapping

from grantway.base64url import base64url
from grantway.certificate import ClientCertificate, Signer, SigningKey
from grantway.environment import Environment
from grantway.errors import ConfigurationError, GrantwayError, VaultError
from grantway.secret import Secret
from grantway.suggest import type_of

LIFETIME = 600
"""Seconds that an assertion lives: more than a clock is wrong by, and no more than authorities
allow."""


def algorithm_of(key: SigningKey, environment: Environment, listed: tuple[str, ...] | None) -> str:
    """The algorithm to sign by: the key's first that protocol and authority take.

    Args:
        key: what is to sign.
        environment: where the assertion is for.
        listed: what the authority's metadata lists; None where it lists none.

    Raises:
        ConfigurationError: there is none.
    """
    allowed = environment.protocol.assertion_algorithms
    for each in key.algorithms:
        if (not allowed or each in allowed) and (listed is None or each in listed):
            return each
    taken = [each for each in allowed or listed or () if listed is None or each in listed]
    raise ConfigurationError(
        f"certificate: {environment.name} takes assertions signed by {' or '.join(taken)}, and "
        f"this key signs by {' or '.join(key.algorithms)}.",
        remedy="Use a certificate whose key can do that, and register it there.",
    )


def header_of(
    key: SigningKey, environment: Environment, algorithm: str, *, key_id: str, chain: bool
) -> dict[str, object]:
    """The header, which says by what key, and how, the assertion is signed.

    `key_id` is what the caller says that the authority calls the key; "": as the key says itself.

    Raises:
        ConfigurationError: the authority knows keys by their certificate, and there is none.
    """
    protocol = environment.protocol
    header: dict[str, object] = {"alg": algorithm, "typ": "JWT"}
    if named := key_id or key.key_id:
        header["kid"] = named
    if key.certificate:
        # A name that the world computes in this way, not a protection.
        name = "sha1" if protocol.assertion_thumbprint == "x5t" else "sha256"
        digest = hashlib.new(name, key.certificate, usedforsecurity=False).digest()
        header[protocol.assertion_thumbprint] = base64url(digest)
        if chain:
            links = (key.certificate, *key.chain)
            header["x5c"] = [b64encode(each).decode() for each in links]
    elif protocol.assertion_certificate or chain:
        raise ConfigurationError(
            f"certificate: {environment.name} knows a client's key by its certificate, and there "
            "is none beside the key.",
            remedy="Put the certificate into the file, before or after its key.",
        )
    return header


def client_assertion(
    certificate: ClientCertificate,
    client_id: str,
    audience: str,
    environment: Environment,
    *,
    listed: tuple[str, ...] | None = None,
    key_id: str = "",
    chain: bool = False,
    more: Mapping[str, object] | None = None,
) -> Secret:
    """A new assertion by a client.

    Args:
        certificate: opened: it has a signer and the time.
        client_id: whose it is.
        audience: whom it is for: the token endpoint, or the issuer.
        environment: where that is.
        listed: as `algorithm_of` takes it.
        key_id: as `header_of` takes it.
        chain: whether the certificate is to be in it, with those above it (`x5c`).
        more: further claims, or others in the place of these.

    Raises:
        ConfigurationError: as `algorithm_of` and `header_of`.
        VaultError: the signer failed.
    """
    if certificate.signer is None or certificate.now is None:
        raise TypeError("the certificate has not been opened")
    algorithm = algorithm_of(certificate.signer.key, environment, listed)
    header = header_of(certificate.signer.key, environment, algorithm, key_id=key_id, chain=chain)
    now = int(certificate.now())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": base64url(os.urandom(16)),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        **(more or {}),
    }
    return signed(header, claims, certificate.signer)


def signed(header: Mapping[str, object], claims: Mapping[str, object], signer: Signer) -> Secret:
    """A JWT (RFC 7515, section 7.1), signed by the algorithm that its header names.

    Raises:
        VaultError: the signer failed; what it said is not repeated.
    """
    text = ".".join(
        base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    )
    failure = "returned no bytes"
    try:
        signature = signer.sign(text.encode(), str(header["alg"]))
        if type(signature) is bytes and signature:
            return Secret(f"{text}.{base64url(signature)}")
    except (GrantwayError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # somebody else's code
        failure = f"raised {type_of(error)}"
    raise VaultError(
        f"The signer of the certificate {failure}.",
        remedy="Check that the place where its key is can be reached and allows to sign.",
    )
