"""Challenges of APIs: what a `WWW-Authenticate` header says, and what a token needs then."""

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import Challenge

CLAIMS = {"access_token": {"nbf": {"essential": True, "value": "1604106651"}}}
COMPACT = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
STRANGE = {"access_token": {"xms_???>>>": {"values": ["~~~", "ÿþ?"]}}}


def encoded(claims: object, *, url_safe: bool = False, padded: bool = True) -> str:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(json.dumps(claims, ensure_ascii=False).encode()).decode()
    return text if padded else text.rstrip("=")


def only(header: str) -> Challenge:
    (found,) = Challenge.parse(header)
    return found


# The header.


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        (",, ,", []),
        ("Basic", [("Basic", {}, "")]),
        ("Negotiate", [("Negotiate", {}, "")]),
        ("Negotiate YWJj/+._~-==", [("Negotiate", {}, "YWJj/+._~-==")]),
        ("NTLM TlRM, Bearer", [("NTLM", {}, "TlRM"), ("Bearer", {}, "")]),
        ('Basic realm="a b"', [("Basic", {"realm": "a b"}, "")]),
        (r'Basic realm="a\"b\\c, Bearer x=\"y"', [("Basic", {"realm": r'a"b\c, Bearer x="y'}, "")]),
        ('Bearer realm=""', [("Bearer", {"realm": ""}, "")]),
        ("Bearer ReAlM=x,\tERROR = y", [("Bearer", {"realm": "x", "error": "y"}, "")]),
        (
            'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
            [
                ("Newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}, ""),
                ("Basic", {"realm": "simple"}, ""),
            ],
        ),
        ('Basic realm="a" , , DPoP algs="ES256"', [("Basic", {"realm": "a"}, ""), ("DPoP", {"algs": "ES256"}, "")]),
        ('Bearer a="1" b="2"', [("Bearer", {"a": "1", "b": "2"}, "")]),
        ("Bearer a=1, a=2", [("Bearer", {"a": "1"}, "")]),
        ("Bearer claims=eyJh/+Q==, error=e", [("Bearer", {"claims": "eyJh/+Q==", "error": "e"}, "")]),
        # What stands before the fault counts, and nothing after it.
        ('Bearer error="e", realm="never closed, scope=x', [("Bearer", {"error": "e"}, "")]),
        ("Bearer error=e, =x, scope=y", [("Bearer", {"error": "e"}, "")]),
        ("Bearer error=e, \u00e9=x, scope=y", [("Bearer", {"error": "e"}, "")]),
        ("error=e, scope=y", []),
        ('"Bearer"', []),
    ],
)  # fmt: skip
def test_a_header_is_read(header: str, found: list[tuple[str, dict[str, str], str]]) -> None:
    challenges = Challenge.parse(header)
    assert [(each.scheme, dict(each.values), each.token68) for each in challenges] == found


def test_several_headers_are_one_list() -> None:
    headers = ["Negotiate", 'Bearer realm="a", error=e', "Basic realm=b"]
    assert Challenge.parse(headers) == Challenge.parse(", ".join(headers))
    # One that makes no sense does not spoil the next.
    assert [each.scheme for each in Challenge.parse(['Basic realm="', "Bearer"])] == [
        "Basic",
        "Bearer",
    ]


TOKEN = st.text(string.ascii_letters + string.digits + "!#$%&'*+.^_`|~-", min_size=1, max_size=8)
QUOTED = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=12)
SPACE = st.text(" \t", max_size=2)
PARAMETERS = st.dictionaries(TOKEN.map(str.lower), QUOTED, max_size=4)
CHALLENGES = st.lists(st.tuples(TOKEN, PARAMETERS), max_size=4)


@given(CHALLENGES, st.data())
def test_what_the_standard_allows_is_read_as_it_was_meant(
    meant: list[tuple[str, dict[str, str]]], data: st.DataObject
) -> None:
    elements: list[str] = []
    for scheme, values in meant:
        written = []
        for name, value in values.items():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            spelled = data.draw(st.sampled_from([name, name.upper()]))
            written.append(f'{spelled}{data.draw(SPACE)}={data.draw(SPACE)}"{escaped}"')
        first, *rest = written or [""]
        elements += [f"{scheme} {first}", *rest]
    between = f"{data.draw(SPACE)},{data.draw(SPACE)}{data.draw(st.sampled_from(['', ',', ' , ']))}"
    found = Challenge.parse(between.join(elements))
    assert [(each.scheme, dict(each.values)) for each in found] == meant


@given(st.text(max_size=200) | st.text('Bearer =",\\ \t', max_size=60))
def test_no_header_fails(header: str) -> None:
    for each in Challenge.parse(header):
        each.parameters()


def test_a_long_header_takes_no_long_time() -> None:
    assert Challenge.parse('Bearer x="' + "\\" * 2_000_000)[0].values == {}
    assert len(Challenge.parse("Basic " * 200_000)) < 20_000


# What it demands.


@pytest.mark.parametrize("claims", [CLAIMS, STRANGE])
@pytest.mark.parametrize("url_safe", [True, False])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "DPoP"])
def test_claims_are_decoded(
    claims: object, url_safe: bool, padded: bool, quoted: bool, scheme: str
) -> None:
    text = encoded(claims, url_safe=url_safe, padded=padded)
    text = f'"{text}"' if quoted else text
    challenge = only(f'{scheme} realm="", error="insufficient_claims", claims={text}')
    assert json.loads(challenge.claims) == claims
    assert challenge.parameters() == {"claims": challenge.claims}


def test_all_that_a_challenge_of_a_revoked_session_says_is_there() -> None:
    challenge = only(
        'Bearer authorization_uri="https://login.example/authorize", error="invalid_token", '
        f'error_description="User session has been revoked", claims="{encoded(CLAIMS)}"'
    )
    assert challenge.authorization_uri == "https://login.example/authorize"
    assert challenge.error == "invalid_token"
    assert challenge.description == "User session has been revoked"
    assert challenge.parameters() == {"claims": COMPACT}


def test_claims_may_stand_there_as_json() -> None:
    escaped = COMPACT.replace('"', '\\"')
    assert only(f'Bearer claims="{escaped}"').claims == COMPACT


@pytest.mark.parametrize(
    "said", ["", "*", "eyJh", "W10=", encoded([1]), encoded("x"), "{", "\u00ff" * 8, "A"]
)
def test_claims_that_cannot_be_read_are_none(said: str) -> None:
    challenge = only(f'Bearer error="insufficient_claims", claims="{said}"')
    assert challenge.claims == ""
    assert challenge.parameters() == {}


def test_a_better_sign_in_is_asked_for_by_its_names() -> None:
    challenge = only(
        'Bearer error="insufficient_user_authentication", acr_values="gold silver gold", '
        'error_description="A different authentication level is required"'
    )
    assert challenge.acr_values == ("gold", "silver")
    demanded = challenge.parameters()
    assert json.loads(str(demanded.pop("claims"))) == {
        "id_token": {"acr": {"essential": True, "values": ["gold", "silver"]}}
    }
    assert demanded == {"prompt": "login"}


@pytest.mark.parametrize(
    ("said", "age", "demanded"),
    [
        ('"5"', 5, {"prompt": "login"}),
        ("0", 0, {"prompt": "login"}),
        ('"soon"', None, {}),
        ('"-1"', None, {}),
        ('""', None, {}),
    ],
)
def test_a_newer_sign_in_is_a_new_one(said: str, age: int | None, demanded: object) -> None:
    challenge = only(f"Bearer error=insufficient_user_authentication, max_age={said}")
    assert challenge.max_age == age
    assert challenge.parameters() == demanded


def test_scopes_are_asked_for_where_they_are_what_is_wanting() -> None:
    said = 'scope="openid https://api.example/Read openid"'
    challenge = only(f'Bearer error="insufficient_scope", {said}')
    assert challenge.parameters() == {"scopes": ("openid", "https://api.example/Read")}
    assert only(f"Bearer error=invalid_token, {said}").parameters() == {}
    assert only("Bearer error=insufficient_scope").parameters() == {}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        'Bearer error="invalid_token"',
        f'Basic claims="{encoded(CLAIMS)}"',
        f'Negotiate error=insufficient_claims, claims="{encoded(CLAIMS)}"',
        "Bearer acr_values=gold, max_age=5",
        'DPoP error="use_dpop_nonce"',
    ],
)
def test_nothing_else_is_answered_by_another_token(header: str) -> None:
    assert Challenge.demanded(header) is None


def test_the_challenge_that_can_be_answered_is_found_among_others() -> None:
    header = f'Negotiate, Basic realm="x", Bearer error=e, DPoP claims="{encoded(CLAIMS)}", Bearer'
    found = Challenge.demanded(header)
    assert found is not None
    assert (found.scheme, found.claims) == ("DPoP", COMPACT)


def test_a_challenge_is_a_value() -> None:
    one, other = (only("Bearer error=x") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    changed: Any = one.values
    with pytest.raises(TypeError):
        changed["error"] = "y"
