"""The assertion that a client signs: its claims, its header, and whose signature it bears."""

import base64
import hashlib
import json
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from certificates.making import NOW, PUBLIC, Made, made
from grantway import OIDC, ClientCertificate, Environment, Protocol, Secret, Signer, SigningKey
from grantway.certificate import client_certificate
from grantway.errors import ConfigurationError, GrantwayError, VaultError
from grantway.oauth.assertion import LIFETIME, client_assertion
from grantway.oauth.key_files import opened
from grantway_clouds.protocols import ADFS, ENTRA_V1, ENTRA_V2

CLIENT = "11111111-2222-3333-4444-555555555555"
AUDIENCE = "https://login.example/token"


@attrs.frozen
class SecurityModule:
    """A signer whose private key never leaves it, as a hardware module's or a key service's."""

    of: Made
    key: SigningKey
    asked: list[str] = attrs.field(factory=list)

    def sign(self, data: bytes, algorithm: str) -> bytes:
        self.asked.append(algorithm)
        private = self.of.private
        if isinstance(private, rsa.RSAPrivateKey):
            scheme: Any = padding.PKCS1v15()
            if algorithm.startswith("PS"):
                scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return private.sign(data, scheme, hashes.SHA256())
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        r, s = utils.decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


def from_file(of: Made) -> ClientCertificate:
    source = client_certificate(Secret(of.pem().decode()))
    return attrs.evolve(source, signer=opened(source, NOW), now=lambda: NOW)


def from_module(of: Made, *algorithms: str, **more: Any) -> ClientCertificate:
    signer = SecurityModule(of, SigningKey(algorithms, of.der, **more))
    return attrs.evolve(client_certificate(signer), now=lambda: NOW)


def environment(protocol: Protocol = OIDC) -> Environment:
    return Environment("Cloud", authority="https://login.example", protocol=protocol)


def assertion(
    certificate: ClientCertificate, protocol: Protocol = OIDC, **more: Any
) -> tuple[dict[str, Any], dict[str, Any], str]:
    token = client_assertion(certificate, CLIENT, AUDIENCE, environment(protocol), **more)
    text = token.reveal()
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in text.split(".")[:2]
    )
    return header, claims, text


def verify(text: str, of: Made, algorithm: str) -> dict[str, Any]:
    """Have a library that is not ours, nor the one that we sign with, believe it."""
    pem = of.private.public_key().public_bytes(*PUBLIC)
    kind: Any = RSAKey if isinstance(of.private, rsa.RSAPrivateKey) else ECKey
    registry = JWSRegistry(strict_check_header=False, algorithms=[algorithm])
    token = joserfc_jwt.decode(text, kind.import_key(pem), registry=registry)
    return dict(token.claims)


@pytest.mark.parametrize(
    ("kind", "listed", "algorithm"),
    [
        ("rsa", None, "PS256"),
        ("rsa", ("RS256", "ES256"), "RS256"),
        ("rsa", ("PS384",), "PS384"),
        ("rsa", ("RS512", "HS256"), "RS512"),
        ("p256", None, "ES256"),
        ("p384", ("ES256", "ES384"), "ES384"),
        ("p521", None, "ES512"),
    ],
)
def test_another_library_believes_it_by_every_algorithm(
    kind: str, listed: tuple[str, ...] | None, algorithm: str
) -> None:
    header, claims, text = assertion(from_file(made(kind)), listed=listed)
    assert header["alg"] == algorithm
    assert verify(text, made(kind), algorithm) == claims


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("rsa", "PS256"), ("rsa", "RS256"), ("p256", "ES256")]
)
def test_a_signer_signs_without_its_key_being_here(kind: str, algorithm: str) -> None:
    certificate = from_module(made(kind), algorithm, key_id="key 1")
    header, _, text = assertion(certificate)
    assert header["kid"] == "key 1"
    assert verify(text, made(kind), algorithm)
    assert isinstance(certificate.signer, SecurityModule)
    assert certificate.signer.asked == [algorithm]


def test_it_names_the_client_twice_and_lives_for_ten_minutes() -> None:
    _, claims, _ = assertion(from_file(made()))
    assert claims.pop("jti")
    assert claims == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": AUDIENCE,
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 600,
    }
    assert LIFETIME == 600


def test_no_two_are_the_same() -> None:
    certificate = from_file(made("p256"))
    names = {assertion(certificate)[1]["jti"] for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) >= 22 for name in names), "128 bits at least"


def _thumbprint(of: Made, name: str) -> str:
    digest = hashlib.new(name, of.der).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("protocol", "algorithm", "name", "digest"),
    [
        (ENTRA_V2, "PS256", "x5t#S256", "sha256"),
        (ENTRA_V1, "RS256", "x5t", "sha1"),
        (ADFS, "RS256", "x5t", "sha1"),
        (OIDC, "PS256", "x5t#S256", "sha256"),
    ],
)
def test_each_protocol_knows_the_key_by_its_own_thumbprint(
    protocol: Protocol, algorithm: str, name: str, digest: str
) -> None:
    header, _, text = assertion(from_file(made()), protocol)
    assert header == {"alg": algorithm, "typ": "JWT", name: _thumbprint(made(), digest)}
    assert verify(text, made(), algorithm)


def test_the_chain_goes_along_where_it_is_asked_for() -> None:
    of, above = made(), made("p256")
    certificate = from_module(of, "PS256", chain=(above.der,))
    header, _, _ = assertion(certificate, ENTRA_V2, chain=True)
    assert header["x5c"] == [base64.b64encode(each.der).decode() for each in (of, above)]
    assert "x5c" not in assertion(certificate, ENTRA_V2)[0]


@pytest.mark.parametrize("protocol", [ENTRA_V2, ENTRA_V1, ADFS], ids=lambda each: each.name)
def test_a_key_of_a_kind_that_the_protocol_does_not_take_is_refused(protocol: Protocol) -> None:
    with pytest.raises(ConfigurationError, match=r"Cloud takes .*256, and this key signs by ES256"):
        assertion(from_file(made("p256")), protocol)


def test_an_algorithm_that_the_authority_does_not_list_is_not_used() -> None:
    with pytest.raises(ConfigurationError, match="ES384"):
        assertion(from_file(made("p384")), listed=("RS256", "ES256"))


def test_an_authority_that_goes_by_certificates_gets_one() -> None:
    bare = ClientCertificate(
        "key.pem", SecurityModule(made(), SigningKey(("PS256",))), None, lambda: NOW
    )
    with pytest.raises(ConfigurationError, match="there is none beside the key"):
        assertion(bare, ENTRA_V2)
    assert assertion(bare)[0] == {"alg": "PS256", "typ": "JWT"}


class _Broken:
    key = SigningKey(("PS256",))

    def __init__(self, result: object) -> None:
        self._result = result

    def sign(self, data: bytes, algorithm: str) -> bytes:
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result  # type: ignore[return-value]


@pytest.mark.parametrize(
    "result", [None, "text", b"", 7, RuntimeError("PIN 1234 is wrong"), SystemExit("PIN 1234")]
)
def test_a_signer_that_fails_is_told_and_what_it_said_is_not(result: object) -> None:
    certificate = ClientCertificate("a key", _Broken(result), now=lambda: NOW)
    with pytest.raises(VaultError, match="The signer of the certificate") as caught:
        assertion(certificate)
    assert "1234" not in repr(caught.value) + str(caught.value) + str(caught.value.__context__)


def test_what_a_signer_raises_of_ours_passes() -> None:
    class Locked(GrantwayError):
        """An error that a plugin's signer may raise."""

    with pytest.raises(Locked):
        assertion(ClientCertificate("a key", _Broken(Locked("no")), now=lambda: NOW))
    with pytest.raises(KeyboardInterrupt):
        assertion(ClientCertificate("a key", _Broken(KeyboardInterrupt()), now=lambda: NOW))


def test_only_what_can_sign_is_a_signer() -> None:
    assert isinstance(SecurityModule(made(), SigningKey(("PS256",))), Signer)
    with pytest.raises(ValueError, match="has no algorithm"):
        client_certificate(SecurityModule(made(), SigningKey(())))
    with pytest.raises(ValueError, match="expected a path"):
        client_certificate(object())
