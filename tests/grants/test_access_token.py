"""A token that the caller has already: read, refused when it is over, sent and cached nowhere."""

import json
import logging
from base64 import urlsafe_b64encode
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.presenting import UNFIT, shown
from grantway import AuthenticationResult, Environment, Reference, Trust
from grantway.cache.memory import MemoryTokenCache
from grantway.cache.sqlite import SqliteTokenCache
from grantway.errors import InvalidParameter, NoParameterSetMatches, ProtocolViolation
from oauth.support import FakeClock, dispatcher, environment
from servers.raw import RawServer, respond

NOW = 1_700_000_000.0
LATER = datetime(2030, 1, 31, 12, tzinfo=UTC)
CLAIMS: dict[str, object] = {
    "aud": "https://graph.example",
    "tid": "a tenant",
    "oid": "an object",
    "upn": "alice@contoso.example",
    "scp": "Mail.Read User.Read",
    "amr": ["pwd", "mfa"],
    "exp": int(LATER.timestamp()),
}
NOWHERE = "http://127.0.0.1:1"


def token(claims: object, *, signature: str = "c2ln") -> str:
    def part(value: object) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.{signature}"


def take(given: object, now: float = NOW, **more: Any) -> AuthenticationResult:
    with dispatcher(clock=FakeClock(now)) as asking:
        return asking.acquire(
            **{"environment": environment(NOWHERE), "access_token": given, **more}
        )


def test_what_a_token_says_of_itself_is_told() -> None:
    given = token(CLAIMS)
    result = take(given)
    assert (result.access_token, result.token_type) == (given, "Bearer")
    assert result.expires_on == LATER
    assert result.tenant_id == "a tenant"
    assert result.scopes == ("Mail.Read", "User.Read")
    assert result.resource == "https://graph.example"
    assert result.authentication_methods == ("pwd", "mfa")
    assert (result.environment, result.provider) == ("Raw", "AccessToken")
    assert result.acquired_on == datetime.fromtimestamp(NOW, UTC)


def test_it_names_no_account_for_nobody_has_checked_who_it_is() -> None:
    result = take(token({**CLAIMS, "sub": "alice", "iss": "https://issuer.example"}))
    assert result.account is None
    assert "alice" not in json.dumps({**result.as_dict(), "access_token": ""})


@pytest.mark.parametrize("opaque", ["opaque", "a.b.c", "a.b.c.d.e", token(CLAIMS, signature="")])
def test_an_opaque_token_is_taken_and_says_nothing(opaque: str) -> None:
    result = take(opaque)
    assert result.access_token == opaque
    assert (result.expires_on, result.tenant_id, result.scopes) == (None, "", ())
    assert result.resource is None


@pytest.mark.parametrize(
    "spelled",
    [LATER, "2030-01-31T12:00:00Z", "2030-01-31T13:00:00+01:00", LATER.timestamp(), "1896091200"],
)
def test_when_an_opaque_token_expires_can_be_said(spelled: object) -> None:
    assert take("opaque", expires_on=spelled).expires_on == LATER


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("soon", "expected an instant"),
        ("2030-01-31T12:00:00", "no offset"),
        (LATER.replace(tzinfo=None), "no offset"),
        (True, "expected an instant"),
        (float("nan"), "expected an instant"),
        (1e300, "expected an instant"),
        ([], "expected an instant"),
        ("", "expected an instant"),
    ],
)
def test_what_is_no_instant_is_refused(spelled: object, why: str) -> None:
    with pytest.raises(InvalidParameter, match=why) as caught:
        take("opaque", expires_on=spelled)
    assert caught.value.parameter == "expires_on"


def test_where_both_say_when_it_expires_the_earlier_counts() -> None:
    early = datetime(2029, 1, 1, tzinfo=UTC)
    assert take(token(CLAIMS), expires_on=early).expires_on == early
    assert take(token(CLAIMS), expires_on="2031-01-01T00:00:00Z").expires_on == LATER


@pytest.mark.parametrize("late", [0, 1, 1e6])
def test_a_token_that_has_expired_is_refused(late: float) -> None:
    for call in ({"given": token(CLAIMS)}, {"given": "opaque", "expires_on": LATER}):
        with pytest.raises(InvalidParameter, match=r"expired on 2030-01-31 at 12:00:00 UTC"):
            take(**call, now=LATER.timestamp() + late)
        assert take(**call, now=LATER.timestamp() - 1).access_token == call["given"]


@pytest.mark.parametrize("exp", ["soon", None, True, [], {}, -1, 1e300, "1896091200"])
def test_an_expiry_that_is_none_is_not_known(exp: object) -> None:
    assert take(token({**CLAIMS, "exp": exp})).expires_on is None


@given(st.dictionaries(st.sampled_from(sorted(CLAIMS)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4,
)))  # fmt: skip
def test_no_claim_crashes_the_reading(claims: dict[str, object]) -> None:
    exp = claims.get("exp")
    is_over = isinstance(exp, int | float) and not isinstance(exp, bool) and 0 <= exp <= NOW
    with pytest.raises(InvalidParameter, match="expired") if is_over else nullcontext():
        assert take(token(claims)).account is None


def test_nothing_is_sent_and_nothing_is_cached(raw_server: RawServer, tmp_path: Path) -> None:
    for cache in (MemoryTokenCache(), SqliteTokenCache(tmp_path / "tokens.db")):
        with dispatcher(cache=cache, clock=FakeClock(NOW)) as asking:
            call: dict[str, Any] = {
                "environment": environment(raw_server),
                "access_token": token(CLAIMS),
            }
            assert asking.explain(**call).requests == ()
            for force in (False, True):
                asking.acquire(**call, force_refresh=force)
            assert not list(cache.entries())
    assert not raw_server.connections


def test_no_token_at_rest_is_served_in_its_place() -> None:
    first, second = token(CLAIMS), token({**CLAIMS, "tid": "another"})
    with dispatcher(clock=FakeClock(NOW)) as asking:
        of = environment(NOWHERE)
        for given in (first, second, first):
            assert asking.acquire(environment=of, access_token=given).access_token == given


def test_a_source_serves_it_until_it_expires_and_not_a_moment_longer() -> None:
    clock = FakeClock(NOW)
    with dispatcher(clock=clock) as asking:
        source = asking.bind(
            environment=environment(NOWHERE), access_token="opaque", expires_on=NOW + 600
        )
        for _ in range(6):
            assert source.token() == "opaque"
            clock.advance(99)
        clock.advance(6)
        with pytest.raises(InvalidParameter, match="expired"):
            source.token()


def test_a_reference_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with dispatcher() as asking:
        source = asking.bind(
            environment=environment(NOWHERE),
            access_token=Reference("env:MINE"),
            expires_on=LATER,
        )
        for each in ("one", "two"):
            monkeypatch.setenv("MINE", each)
            assert source.token() == each


def test_a_resource_that_is_not_its_audience_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    take(token(CLAIMS), resource="https://api.example")
    assert "says that it is for https://graph.example, not for https://api.example" in caplog.text


@pytest.mark.parametrize(
    ("aud", "resource"),
    [
        ("https://graph.example/", "https://graph.example"),
        (["https://other.example", "https://graph.example"], "https://graph.example"),
        ("00000003-0000-0000-c000-000000000000", "https://graph.example"),
        (None, "https://graph.example"),
        (["https://other.example", "a name"], "https://graph.example"),
    ],
)
def test_where_nothing_can_be_told_nothing_is_warned_of(
    caplog: pytest.LogCaptureFixture, aud: object, resource: str
) -> None:
    take(token({**CLAIMS, "aud": aud}), resource=resource)
    assert not caplog.records


def test_it_goes_to_its_own_audience_and_not_to_the_environments_default(
    raw_server: RawServer,
) -> None:
    import requests

    raw_server.serve(respond(200), respond(200))
    host = raw_server.url.removeprefix("http://")
    of = Environment(
        "Here",
        raw_server.url,
        default_resource="api",
        resources={"api": raw_server.url},
        trust=Trust(loopback_http=True),
    )
    with dispatcher(clock=FakeClock(NOW)) as asking, requests.Session() as session:
        session.trust_env = False
        there = asking.bind(environment=of, access_token=token(CLAIMS))
        with pytest.raises(
            ProtocolViolation, match=r"is for https://graph.example and is not sent"
        ):
            session.get(raw_server.url, auth=there.auth())
        assert not raw_server.connections
        session.get(raw_server.url, auth=there.auth(hosts=[host]))
        here = asking.bind(
            environment=of, access_token=token({**CLAIMS, "aud": raw_server.url}), resource="api"
        )
        session.get(raw_server.url, auth=here.auth())
    assert len(raw_server.requests) == 2


@pytest.mark.parametrize("more", [{"application_id": "x"}, {"tenant_id": "x"}, {"consent": True}])
def test_nothing_else_belongs_to_it(more: dict[str, Any]) -> None:
    with pytest.raises(NoParameterSetMatches):
        take("opaque", **more)


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_token_is_refused_and_not_repeated(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InvalidParameter) as caught:
        take(UNFIT[name])
    assert caught.value.parameter == "access_token"
    assert "sentinel" not in shown(caught.value) + caplog.text


@pytest.mark.parametrize("given", [{"access_token": "opaque"}, {"managed_identity": True}])
def test_where_every_token_is_bound_to_a_key_this_way_is_refused_beforehand(
    raw_server: RawServer, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", raw_server.url)
    monkeypatch.setenv("IDENTITY_HEADER", "sentinel-header")
    of = environment(raw_server, dpop=True)
    with dispatcher() as asking:
        for ask in (asking.acquire, asking.explain):
            with pytest.raises(InvalidParameter, match="bound to none"):
                ask(environment=of, **given)
    assert not raw_server.connections
