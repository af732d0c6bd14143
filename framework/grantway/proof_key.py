"""The key that a token is bound to, and the proofs that it is at hand (DPoP, RFC 9449).

A bound token is of no use without the key: each request that carries it carries a proof beside it,
a small JWT that the key has signed for that one request. A proof is used once; so one is made for
each sending, also when the same request is sent again.

The private key is kept as text until the first proof is made: whoever finds a token in a cache and
sends it nowhere pays for no cryptography.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from grantway.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

ALGORITHMS = ("ES256", "EdDSA", "ES384", "ES512", "PS256", "RS256")
"""The signatures that a proof can have, the one that is preferred first."""


class ProofKey:
    """A private key that makes proofs of possession. It shows nothing of itself.

    Made by `generate`, or again from what `export` gave. Safe across threads.

    Raises:
        ValueError: the text is not what `export` gives.
    """

    __slots__ = ("_key", "_text", "algorithm")

    def __init__(self, text: Secret) -> None:
        algorithm = text.reveal().partition(":")[0]
        if algorithm not in ALGORITHMS:
            # Not repeated: it may be a key.
            raise ValueError("this is no key for proofs of possession")
        #: How its proofs are signed, by the name that JOSE has for it (RFC 7518).
        self.algorithm = algorithm
        self._text = text
        self._key: PrivateKeyTypes | None = None

    @classmethod
    def generate(cls, algorithm: str = ALGORITHMS[0]) -> "ProofKey":
        """A new key for one of `ALGORITHMS`."""
        from base64 import b64encode

        from cryptography.hazmat.primitives import serialization

        encoded = _new(algorithm).private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls(Secret(f"{algorithm}:{b64encode(encoded).decode()}"))

    def export(self) -> Secret:
        """The key as text, for a place that is as safe as that of the tokens bound to it."""
        return self._text

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """The public key alone (RFC 7517)."""
        from jwt.algorithms import get_default_algorithms

        known: Any = get_default_algorithms()[self.algorithm]
        jwk: dict[str, Any] = known.to_jwk(self._loaded().public_key(), as_dict=True)
        # PyJWT says of an RSA key what it is for; a thumbprint and a proof want the key alone.
        return {name: value for name, value in jwk.items() if isinstance(value, str)}

    @property
    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of the public key (RFC 7638): `jkt`, and `dpop_jkt`."""
        import json

        needed = ("crv", "e", "kty", "n", "x", "y")
        members = {name: value for name, value in self.public_jwk.items() if name in needed}
        return _hash(json.dumps(members, sort_keys=True, separators=(",", ":")))

    def proof(
        self,
        method: str,
        url: str,
        *,
        nonce: str | None = None,
        access_token: Secret | None = None,
        now: float | None = None,
    ) -> str:
        """A proof for one request, good for one sending (RFC 9449, section 4.2).

        Args:
            method: the request's method.
            url: where it goes; query and fragment do not count.
            nonce: what the server wants repeated, where it does.
            access_token: the token that the request carries, where it carries one.
            now: seconds since the epoch; the system's clock unless given.
        """
        import secrets
        from urllib.parse import urlsplit

        import jwt

        claims: dict[str, object] = {
            "jti": secrets.token_urlsafe(24),
            "htm": method,
            "htu": urlsplit(url)._replace(query="", fragment="").geturl(),
            "iat": int(time.time() if now is None else now),
        }
        if access_token is not None:
            claims["ath"] = _hash(access_token.reveal())
        if nonce is not None:
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "jwk": dict(self.public_jwk)}
        return jwt.encode(claims, self._loaded(), self.algorithm, header)

    def _loaded(self) -> "Any":  # noqa: ANN401  # of the algorithm's type
        key = self._key
        if key is None:
            from base64 import b64decode

            from cryptography.hazmat.primitives.serialization import load_der_private_key

            key = self._key = load_der_private_key(
                b64decode(self._text.reveal().partition(":")[2]), password=None
            )
        return key

    def __repr__(self) -> str:
        return f"<ProofKey {self.algorithm}>"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, ProofKey) else NotImplemented

    def __hash__(self) -> int:
        return hash((ProofKey, self._text))

    def __copy__(self) -> "ProofKey":
        return self

    def __deepcopy__(self, memo: object) -> "ProofKey":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ProofKey cannot be pickled: whoever has it can use the tokens bound")


class Possession:
    """Which key the tokens of one acquisition are bound to.

    That of the refresh token at rest; else one that is made when it is first needed.
    """

    __slots__ = ("key",)

    def __init__(self, key: ProofKey | None = None) -> None:
        self.key = key

    def settled(self, algorithm: Callable[[], str]) -> ProofKey:
        """The key; where there is none yet, a new one for the algorithm that is then asked for."""
        if self.key is None:
            self.key = ProofKey.generate(algorithm())
        return self.key

    def __repr__(self) -> str:
        return f"<Possession of {self.key!r}>"


def _new(algorithm: str) -> "Any":  # noqa: ANN401  # of the algorithm's type
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ES512":
            return ec.generate_private_key(ec.SECP521R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "PS256" | "RS256":
            return rsa.generate_private_key(65537, 2048)
        case _:
            raise ValueError(f"no proof is signed by {algorithm!r}")


def _hash(text: str) -> str:
    """SHA-256 in base64url, as RFC 7638 and RFC 9449 write it."""
    from hashlib import sha256

    from grantway.base64url import base64url

    return base64url(sha256(text.encode("ascii")).digest())
