"""Results and refresh tokens as bytes: all that went in comes out, and nothing else is believed."""

import json
from datetime import UTC, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.support import ALICE, facts, result, stored
from grantway import AuthenticationResult, ProofKey, Secret, StoredRefreshToken, UserInfo
from grantway.cache import codec
from grantway.errors import CacheError

KEY = ProofKey.generate()
texts = st.text(st.characters(), max_size=8)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone.min])
instants = st.none() | st.datetimes(timezones=zones)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
accounts = st.none() | st.builds(
    UserInfo, texts, texts, texts, texts, texts, texts, st.dictionaries(texts, json_values)
)
results = st.builds(
    AuthenticationResult,
    texts,
    texts,
    acquired_on=instants,
    expires_on=instants,
    extended_expires_on=instants,
    refresh_on=instants,
    refresh_token=st.none() | texts,
    id_token=st.none() | texts,
    scopes=st.lists(texts, max_size=3).map(tuple),
    resource=st.none() | texts,
    tenant_id=texts,
    account=accounts,
    authentication_methods=st.lists(texts, max_size=2).map(tuple),
    refresh_token_expires_on=instants,
    proof_key=st.sampled_from([None, KEY]),
    environment=texts,
    provider=texts,
    correlation_id=texts,
    issued_token_type=texts,
)


@given(texts, results)
def test_a_result_comes_out_as_it_went_in(key: str, made: AuthenticationResult) -> None:
    read = codec.decode_result(codec.encode_result(key, made))
    assert read is not None
    assert read[0] == key
    assert facts(read[1]) == facts(made)
    assert all(
        (one is None) == (other is None) and (one is None or one.utcoffset() == other.utcoffset())
        for one, other in ((read[1].expires_on, made.expires_on),)
    )


@given(
    texts, st.sampled_from(["t", "ü" * 9]), accounts, texts, texts, texts, texts,
    st.sampled_from([None, KEY]),
)  # fmt: skip
def test_a_refresh_token_comes_out_as_it_went_in(
    slot: str,
    token: str,
    account: UserInfo | None,
    owner: str,
    environment: str,
    provider: str,
    client_id: str,
    proof_key: ProofKey | None,
) -> None:
    made = StoredRefreshToken(
        Secret(token),
        account,
        owner,
        environment=environment,
        provider=provider,
        client_id=client_id,
        proof_key=proof_key,
    )
    read = codec.decode_refresh_token(codec.encode_refresh_token(slot, made))
    assert read is not None
    assert (read[0], facts(read[1])) == (slot, facts(made))


def test_each_field_there_is_is_kept() -> None:
    """A field that comes to these records has to come to their format, with a default."""
    for kind, names in (
        (AuthenticationResult, codec._RESULT),
        (StoredRefreshToken, codec._STORED),
        (UserInfo, codec._ACCOUNT),
    ):
        fields = {each.name for each in attrs.fields(kind)}  # type: ignore[arg-type]
        assert fields == set(names) - {"is", "key"}


def test_what_was_stored_before_a_field_came_is_read_with_its_default() -> None:
    older = changed(
        authentication_methods="gone", refresh_token_expires_on="gone", issued_token_type="gone"
    )
    read = codec.decode_result(older)
    assert read is not None
    assert (read[1].authentication_methods, read[1].refresh_token_expires_on) == ((), None)
    assert read[1].issued_token_type == ""
    content = json.loads(codec.encode_refresh_token("s", stored(client_id="an application")))
    del content["client_id"]
    token = codec.decode_refresh_token(json.dumps(content).encode())
    assert token is not None
    assert (token[1].client_id, token[1].account) == ("", ALICE)


def test_what_is_bound_to_no_key_is_as_older_versions_read_it() -> None:
    assert "proof_key" not in json.loads(codec.encode_result("k", result()))
    assert "proof_key" not in json.loads(codec.encode_refresh_token("s", stored()))


def changed(**changes: Any) -> bytes:
    content = json.loads(codec.encode_result("k", result()))
    content.update(changes)
    return json.dumps({name: each for name, each in content.items() if each != "gone"}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"is": "result/1"}',
        b"[" * 100_000,
        changed(**{"is": "result/2"}),
        changed(**{"is": 1}),
        changed(key="gone"),
        changed(access_token="gone"),
        changed(access_token=None),
        changed(more="than there is"),
        changed(scopes="a b"),
        changed(scopes=["a", 1]),
        changed(authentication_methods=[1]),
        changed(authentication_methods=None),
        changed(expires_on="tomorrow"),
        changed(expires_on=1.5),
        changed(proof_key="no key"),
        changed(proof_key=1),
        changed(account=[]),
        changed(account={"subject": "s"}),
        changed(account={**facts(ALICE), "claims": None}),  # type: ignore[dict-item]
        codec.encode_refresh_token("s", stored()),
    ],
    ids=lambda each: each[:30],
)
def test_what_is_not_exactly_a_result_is_none(content: bytes) -> None:
    assert codec.decode_result(content) is None


def test_what_is_not_exactly_a_refresh_token_is_none() -> None:
    content = json.loads(codec.encode_refresh_token("s", stored()))
    assert codec.decode_refresh_token(json.dumps({**content, "token": ""}).encode()) is None
    assert codec.decode_refresh_token(codec.encode_result("k", result())) is None


@pytest.mark.parametrize("claim", [object(), float("nan"), {1: {2}}], ids=repr)
def test_claims_that_json_cannot_hold_are_a_cache_error_that_tells_no_value(claim: object) -> None:
    account = attrs.evolve(ALICE, claims={"sentinel-claim": claim})
    with pytest.raises(CacheError, match="claims that JSON cannot hold") as caught:
        codec.encode_result("k", result(account=account))
    assert caught.value.__context__ is None
