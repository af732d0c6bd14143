"""Rows under lock and key: AES-256-GCM for what is in them, keyed hashes for what they are called.

From the one key of a cache, three are derived (HKDF, RFC 5869), so that none says anything of
another: for the content of rows, for their names, and the dispatcher's `fingerprint_key`.

A row's content is bound to its kind, its name and the version of this format: what was sealed as
one row opens as no other. Nonces are random; at 96 bits that is sound for 2^32 rows under one key.
"""

import os

FORMAT = b"grantway token cache 1"
KEY_LENGTH = 32
_NONCE_LENGTH = 12
_NAME_LENGTH = 16


class Sealer:
    """Seals and opens rows, and names them.

    Attributes:
        fingerprint_key: see `TokenCache.fingerprint_key`.
        tag: a number that tells this key's rows from those of another key.
    """

    __slots__ = ("_cipher", "_names", "fingerprint_key", "tag")

    def __init__(self, key: bytes) -> None:
        # Imported here: it is slow to import, and a cache in memory does without.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        def derived(what: bytes, length: int = KEY_LENGTH) -> bytes:
            return HKDF(SHA256(), length, salt=FORMAT, info=what).derive(key)

        self._cipher = AESGCM(derived(b"rows"))
        self._names = derived(b"names")
        self.fingerprint_key = derived(b"fingerprints")
        self.tag = int.from_bytes(derived(b"tag", 4))

    def name(self, kind: str, key: str) -> bytes:
        """The name of a row or index entry, from which its key cannot be told."""
        from hashlib import blake2b

        text = f"{kind}\0{key}".encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._names, digest_size=_NAME_LENGTH).digest()

    def seal(self, kind: str, name: bytes, content: bytes) -> bytes:
        """The content of a row, encrypted and bound to its kind and name."""
        nonce = os.urandom(_NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, content, _bound(kind, name))

    def open(self, kind: str, name: bytes, sealed: object) -> bytes | None:
        """The content of a row; None where it was not sealed as this row with this key."""
        from cryptography.exceptions import InvalidTag

        if type(sealed) is not bytes or len(sealed) <= _NONCE_LENGTH:
            return None
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], _bound(kind, name)
            )
        except InvalidTag:
            return None


def _bound(kind: str, name: bytes) -> bytes:
    return b"\0".join((FORMAT, kind.encode(), name))
