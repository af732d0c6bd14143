"""Proofs of possession, read by a library that did not make them."""

import copy
import json
import pickle
import time
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from grantway import AuthenticationResult, ProofKey, Secret
from grantway.errors import InvalidParameter
from grantway.proof_key import ALGORITHMS

KEY = ProofKey.generate()
KINDS: dict[str, Any] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}


def checked(proof: str, algorithm: str = "ES256") -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a proof whose signature is that of the key it names."""
    jwk = jwt.get_unverified_header(proof)["jwk"]
    registry = JWSRegistry(algorithms=[algorithm])
    registry.max_header_length = 2048  # an RSA key does not fit the usual one
    found = jws.deserialize_compact(proof, KINDS[jwk["kty"]].import_key(jwk), registry=registry)
    header: dict[str, Any] = dict(found.headers())
    return header, json.loads(found.payload)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_proof_is_signed_by_the_key_that_it_names(algorithm: str) -> None:
    key = ProofKey.generate(algorithm)
    header, claims = checked(key.proof("POST", "https://a.example/token"), algorithm)
    assert header.keys() == {"typ", "alg", "jwk"}
    assert (header["typ"], header["alg"]) == ("dpop+jwt", algorithm)
    assert header["jwk"] == key.public_jwk
    assert not header["jwk"].keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
    assert claims.keys() == {"jti", "htm", "htu", "iat"}
    assert key.thumbprint == KINDS[header["jwk"]["kty"]].import_key(header["jwk"]).thumbprint()
    again = ProofKey(key.export())
    assert again == key
    assert again.public_jwk == key.public_jwk


@pytest.mark.parametrize(
    ("url", "htu"),
    [
        ("https://a.example/x?y=z#f", "https://a.example/x"),
        ("https://a.example?y", "https://a.example"),
        ("https://a.example:8443/a%20b/?", "https://a.example:8443/a%20b/"),
        ("http://[::1]:80/x#", "http://[::1]:80/x"),
    ],
)
def test_query_and_fragment_are_in_no_proof(url: str, htu: str) -> None:
    proof = KEY.proof("GET", url, nonce="n", access_token=Secret("the-token"), now=1.9)
    _, claims = checked(proof)
    jti = claims.pop("jti")
    assert claims == {
        "htm": "GET",
        "htu": htu,
        "iat": 1,
        "nonce": "n",
        # SHA-256 of "the-token", as openssl has it.
        "ath": "wqc_z2HfvcrceaELozCy7162b8Cmc17Wm3lrs8l7l64",
    }
    assert len(urlsafe_b64decode(jti)) * 8 >= 128


def test_no_two_proofs_are_alike() -> None:
    proofs = [KEY.proof("GET", "https://a.example/") for _ in range(50)]
    assert len({checked(each)[1]["jti"] for each in proofs}) == 50
    assert abs(checked(proofs[0])[1]["iat"] - time.time()) < 30


def test_a_key_shows_nothing_and_goes_nowhere() -> None:
    exported = KEY.export().reveal()
    result = AuthenticationResult("token", "DPoP", proof_key=KEY)
    for shown in (repr(KEY), str(KEY), f"{KEY}", repr([KEY]), repr(KEY.export()), repr(result)):
        assert "ES256:" not in shown
        assert exported[10:50] not in shown
    assert exported[10:50] not in repr(result.as_dict(secrets=True))
    for each in (KEY, result):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(each)
        assert copy.copy(each) is each
        assert copy.deepcopy(each) is each


@pytest.mark.parametrize("text", ["x", "HS256:c2VudGluZWw=", "none:", "sentinel-key"])
def test_what_is_no_key_is_refused_unseen(text: str) -> None:
    with pytest.raises(ValueError, match="no key") as caught:
        ProofKey(Secret(text))
    assert text not in str(caught.value)
    with pytest.raises(ValueError, match="no proof is signed"):
        ProofKey.generate("HS256")


def test_a_result_makes_proofs_with_the_hash_of_its_token() -> None:
    result = AuthenticationResult("the-token", "DPoP", proof_key=KEY)
    _, claims = checked(result.proof("GET", "https://a.example/", nonce="n"))
    assert claims["ath"] == "wqc_z2HfvcrceaELozCy7162b8Cmc17Wm3lrs8l7l64"
    assert claims["nonce"] == "n"
    with pytest.raises(InvalidParameter, match="bound to no key"):
        AuthenticationResult("the-token").proof("GET", "https://a.example/")
