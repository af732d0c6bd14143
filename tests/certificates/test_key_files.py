"""Certificates and keys from files: what is read, and what is refused by name of the file."""

import base64
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from traceback import TracebackException

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from certificates.making import NOW, Made, certificate, key, key_pem, made, pfx, written
from grantway import Secret, SigningKey
from grantway.certificate import ClientCertificate, client_certificate
from grantway.errors import ConfigurationError, VaultError
from grantway.oauth.assertion import signed
from grantway.oauth.key_files import LARGEST, KeyFileSigner, opened

PASSWORD = "correct horse"


def signer(
    source: Path | str | Secret, password: str | None = None, now: float = NOW
) -> KeyFileSigner:
    found = client_certificate(source)
    secret = Secret(password) if password else None
    return opened(ClientCertificate(found.source, password=secret), now)


def refusal(content: bytes, folder: Path, password: str | None = None) -> ConfigurationError:
    path = written(folder, content)
    with pytest.raises(ConfigurationError) as caught:
        signer(path, password)
    assert str(path) in str(caught.value)
    assert caught.value.file == str(path)
    assert caught.value.remedy
    trace = caught.value.__traceback__
    assert trace is not None
    assert trace.tb_next is not None
    # Without the frames of this test, which know all of it.
    ours = TracebackException(
        type(caught.value), caught.value, trace.tb_next.tb_next, capture_locals=True
    )
    shown = "".join(ours.format())
    told = shown + repr(caught.value) + repr(caught.value.as_dict())
    # Neither the body of a PEM nor the password is in it, nor is the library's own exception.
    for line in content.splitlines():
        if len(line) == 64:
            assert line.decode("latin-1") not in told
    assert PASSWORD not in told
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


FORMS: dict[str, Callable[[Made], bytes]] = {
    "key, then certificate": lambda of: of.pem(),
    "certificate, then key": lambda of: of.certificate_pem + of.key_pem(),
    "a key of the older form": lambda of: of.key_pem(traditional=True) + of.certificate_pem,
    "with attributes between, as openssl pkcs12 writes them": lambda of: (
        b"Bag Attributes\n    localKeyID: 01\n"
        + of.key_pem()
        + b"subject=CN=x\n"
        + of.certificate_pem
    ),
    "with the ends of lines of Windows": lambda of: of.pem().replace(b"\n", b"\r\n"),
    "PFX without a password": lambda of: of.pfx(None),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_in_every_form_there_is(form: str, tmp_path: Path) -> None:
    of = made()
    found = signer(written(tmp_path, FORMS[form](of)))
    assert found.key.certificate == of.der
    assert found.key.algorithms[:2] == ("PS256", "RS256")


LOCKED: dict[str, Callable[[Made], bytes]] = {
    "PEM": lambda of: of.pem(PASSWORD.encode()),
    "PEM of the older form": lambda of: (
        of.key_pem(PASSWORD.encode(), traditional=True) + of.certificate_pem
    ),
    "PFX": lambda of: of.pfx(PASSWORD.encode()),
}


@pytest.mark.parametrize("form", LOCKED)
def test_a_locked_file_opens_with_its_password_and_no_other(form: str, tmp_path: Path) -> None:
    of = made()
    content = LOCKED[form](of)
    assert signer(written(tmp_path, content), PASSWORD).key.certificate == of.der
    assert "certificate_password" in refusal(content, tmp_path).remedy
    assert "does not open with this password" in str(refusal(content, tmp_path, "wrong"))


def test_a_password_that_is_not_needed_does_no_harm(tmp_path: Path) -> None:
    of = made()
    assert signer(written(tmp_path, of.pem()), PASSWORD).key.certificate == of.der


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("p256", "ES256"), ("p384", "ES384"), ("p521", "ES512")]
)
def test_the_curve_of_a_key_says_its_one_algorithm(
    kind: str, algorithm: str, tmp_path: Path
) -> None:
    assert signer(written(tmp_path, made(kind).pem())).key.algorithms == (algorithm,)


def test_the_certificate_of_a_key_is_found_among_those_above_it(tmp_path: Path) -> None:
    of, above, root = made(), made("p256"), made("p384")
    pem = above.certificate_pem + of.certificate_pem + of.key_pem() + root.certificate_pem
    for content, password in (
        (pem, None),
        (of.pfx(b"secret", above.certificate, root.certificate), "secret"),
    ):
        found = signer(written(tmp_path, content), password).key
        assert found.certificate == of.der
        assert found.chain == (above.der, root.der)


def test_a_key_without_a_certificate_is_read(tmp_path: Path) -> None:
    assert signer(written(tmp_path, made().key_pem())).key == SigningKey(
        ("PS256", "RS256", "PS384", "RS384", "PS512", "RS512")
    )


def test_a_content_is_read_as_a_file_is() -> None:
    of = made()
    assert signer(Secret(of.pem().decode())).key.certificate == of.der
    encoded = base64.encodebytes(of.pfx(PASSWORD.encode())).decode()
    assert signer(Secret(encoded), PASSWORD).key.certificate == of.der


def _several_keys() -> bytes:
    # The bags of two keys in one file, as Java's keytool writes them. It is refused by their
    # number, before anything of it is deciphered.
    one, two = made(number=1), made(number=2)
    return one.pfx(None) + two.pfx(None)


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "a text": (lambda: b"hello", "neither PEM nor PFX"),
    "zeros": (lambda: b"\0" * 5000, "neither PEM nor PFX"),
    "a page": (lambda: b"<!DOCTYPE html><title>Not found</title>", "neither PEM nor PFX"),
    "DER of no PFX": (lambda: made().der, "damaged, or no PFX"),
    "a certificate alone": (lambda: made().certificate_pem, "no private key"),
    "a PFX without key": (lambda: pfx(None, made().certificate, None), "no private key"),
    "two keys": (lambda: made().key_pem() + made("p256").pem(), "several private keys"),
    "a PFX with two keys": (_several_keys, "several private keys"),
    "a key of another certificate": (
        lambda: made().key_pem() + made(number=7).certificate_pem,
        "belongs to none",
    ),
    "a key of another kind than its certificate": (
        lambda: made().key_pem() + made("p256").certificate_pem,
        "belongs to none",
    ),
    "a PFX with another's certificate": (
        lambda: made().pfx(None).replace(made().der, made().der[:-1] + b"\0"),
        "",
    ),
    "a short key": (lambda: made("short").pem(), "1024 bits"),
    "a key on a curve that JWS has not": (lambda: made("k256").pem(), "cannot sign here"),
    "an Edwards key": (lambda: made("ed25519").pem(), "cannot sign here"),
    "expired": (lambda: made(ends=NOW - 1, begins=NOW - 99_999).pem(), "has expired"),
    "not yet valid": (lambda: made(begins=NOW + 3600).pem(), "is not valid before"),
    "a broken key": (
        lambda: made().key_pem().replace(b"MII", b"AAA", 1) + made().certificate_pem,
        "private key that cannot be read",
    ),
    "a key that was cut": (
        lambda: made().key_pem()[:-400] + b"\n-----END PRIVATE KEY-----\n",
        "private key that cannot be read",
    ),
    "a broken certificate": (
        lambda: made().key_pem() + made().certificate_pem.replace(b"MII", b"AAA", 1),
        "certificate that cannot be read",
    ),
    "a public key": (
        lambda: (
            made()
            .private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ),
        "no private key",
    ),
    "a PEM file that was cut": (lambda: made().pem()[:700], "ends within its private key"),
    "a PFX that was cut": (lambda: made().pfx(None)[:900], "damaged, or no PFX"),
    "10 MB": (lambda: made().pem() + b"\n" * 10_000_000, f"larger than {LARGEST >> 10} KiB"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_cannot_be_used_is_refused_by_name(what: str, tmp_path: Path) -> None:
    make, words = WRONG[what]
    assert words in str(refusal(make(), tmp_path))


def test_a_certificate_may_be_some_minutes_younger_than_the_clock_says(tmp_path: Path) -> None:
    path = written(tmp_path, made(begins=NOW + 200).pem())
    assert signer(path).key.certificate


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(ConfigurationError, match="certificate"):
            signer(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs on Windows")
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.pem"
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="no regular file"):
        signer(path)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable to this user"
)
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, made().pem())
    path.chmod(0)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        signer(path)


@given(st.data())
def test_whatever_a_file_holds_only_our_error_comes_out(data: st.DataObject) -> None:
    of = made("p256")
    good = data.draw(st.sampled_from([of.pem(), of.pem(b"secret"), of.pfx(None), of.pfx()]))
    content = bytearray(good)
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    text = base64.b64encode(bytes(content[:cut])).decode() or "="
    try:
        found = signer(Secret(text), data.draw(st.sampled_from([None, "secret", "é"])))
    except ConfigurationError:
        return
    assert found.key.algorithms


def test_a_damaged_key_is_found_out_by_what_it_signs(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    good = made().private
    assert isinstance(good, rsa.RSAPrivateKey)
    numbers = good.private_numbers()
    damaged = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d ^ 2,
        numbers.dmp1 ^ 2,
        numbers.dmq1,
        numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    found = signer(written(tmp_path, key_pem(damaged) + made().certificate_pem))
    with pytest.raises((ConfigurationError, VaultError), match=r"private key|signer"):
        signed({"alg": "RS256"}, {}, found)


def test_a_key_that_was_read_is_shown_nowhere_and_goes_nowhere(tmp_path: Path) -> None:
    found = signer(written(tmp_path, made().pem()))
    assert "PRIVATE" not in repr(found)
    assert "object at" not in repr(found)
    with pytest.raises(TypeError, match="private key cannot be pickled"):
        pickle.dumps(found)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "  ",
        b"client.pem",
        ["client.pem"],
        "a\0b",
        "-----BEGIN PRIVATE KEY-----",
        "a\nb",
    ],
)
def test_what_is_no_certificate_at_all_is_refused_without_repeating_it(value: object) -> None:
    with pytest.raises(ValueError) as caught:
        client_certificate(value)
    assert "PRIVATE" not in str(caught.value)


def test_a_path_of_windows_is_a_path() -> None:
    assert client_certificate(r"C:\keys\client.pfx").source == r"C:\keys\client.pfx"
    assert str(client_certificate("env:CERTIFICATE")) == "env:CERTIFICATE"
    assert str(client_certificate(Secret("content"))) == "***"


def test_the_certificate_of_another_time_is_the_same_parameter() -> None:
    assert client_certificate("client.pem") == ClientCertificate(
        "client.pem", password=Secret("x"), now=lambda: 1.0
    )
    assert certificate(key("p256"))
