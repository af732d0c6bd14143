"""What an authority's answer becomes: a result with its lifetime, or an error with its facts."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from grantway import Dispatcher, Secret
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    ExpiredToken,
    GrantwayError,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    MalformedResponse,
    Throttled,
)
from grantway.oauth.answers import LONGEST_TOKEN
from grantway.oauth.transport import HttpTransport
from grantway.redaction import Redactor
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeClock,
    acquire,
    context,
    environment,
    granted,
    redeem,
    token_request,
)
from servers.raw import RawServer, empty, html, json_answer, respond

NOW = 1_700_000_000.0
MISSING = object()


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


# Lifetimes.


@pytest.mark.parametrize(
    ("expires_in", "expected"),
    [
        (3600, at(3600)),
        ("3599", at(3599)),
        (3599.5, at(3599.5)),
        ("3599.5", at(3599.5)),
        (" 3599 ", at(3599)),
        (0, at(0)),
        ("0", at(0)),
        (-5, at(0)),
        ("-5", at(0)),
        (MISSING, None),
        (None, None),
        ("", None),
        ("abc", None),
        ("NaN", None),
        ("inf", None),
        (1e300, None),
        (10**400, None),
        (10**11, at(10**11)),
        (True, None),
        ([3600], None),
        ({"seconds": 3600}, None),
    ],
    ids=repr,
)
def test_a_lifetime_is_read_however_it_is_written(
    raw_server: RawServer, expires_in: object, expected: datetime | None
) -> None:
    answer: dict[str, object] = {"access_token": "sentinel-access-token", "expires_in": expires_in}
    if expires_in is MISSING:
        del answer["expires_in"]
    result = acquire(raw_server, json_answer(answer), clock=FakeClock(NOW))
    assert result.expires_on == expected
    assert result.acquired_on == at(0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"expires_on": str(int(NOW + 3599))}, at(3599)),
        ({"expires_on": NOW + 3599}, at(3599)),
        ({"expires_in": "3600", "expires_on": "1"}, at(3600)),
        ({"expires_in": "-5", "expires_on": str(int(NOW + 3599))}, at(0)),
        ({"expires_in": "abc", "expires_on": str(int(NOW + 3599))}, at(3599)),
        ({"expires_on": "11/14/2023 10:13:20 PM +00:00"}, None),
    ],
)
def test_the_instant_of_v1_counts_where_no_lifetime_does(
    raw_server: RawServer, answer: dict[str, object], expected: datetime | None
) -> None:
    given = {"access_token": "sentinel-access-token", **answer}
    assert acquire(raw_server, json_answer(given), clock=FakeClock(NOW)).expires_on == expected


def test_further_instants_of_v1_and_v2_are_read(raw_server: RawServer) -> None:
    answer = granted(ext_expires_in="7200", refresh_in=1800, not_before="1700000000")
    result = acquire(raw_server, answer, clock=FakeClock(NOW))
    assert (result.extended_expires_on, result.refresh_on) == (at(7200), at(1800))


def test_a_token_without_a_lifetime_does_not_inherit_an_earlier_one(raw_server: RawServer) -> None:
    raw_server.serve(granted(expires_in=10), granted(expires_in=None), granted(expires_in=20))
    clock = FakeClock(NOW)
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with Dispatcher(clock=clock, prompter=False) as asking:
        assert asking.acquire(**given).expires_on == at(10)
        clock.advance(100)
        assert asking.acquire(**given).expires_on is None
        # Nobody knows how long that one serves, so the next call asks again.
        assert asking.acquire(**given).expires_on == at(120)
    assert len(raw_server.requests) == 3


def test_a_token_whose_lifetime_is_over_is_returned_and_not_served_again(
    raw_server: RawServer,
) -> None:
    raw_server.serve(granted(expires_in=0))
    given: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": (CLIENT_ID, CLIENT_SECRET),
    }
    with Dispatcher(clock=FakeClock(NOW), prompter=False) as asking:
        asking.acquire(**given)
        asking.acquire(**given)
    assert len(raw_server.requests) == 2


# Tokens.


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        7,
        ["sentinel-access-token"],
        "sentinel-access token",
        "sentinel-access\ntoken",
        "sentinel-access-token\r\nX-Injected: 1",
        "sentinel-access-tokén",
        "sentinel-\ud800-token",
        "sentinel-\x00token",
    ],
)
@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_a_token_that_no_header_takes_is_malformed(
    raw_server: RawServer, name: str, token: object
) -> None:
    if name != "access_token" and not token:
        assert redeem(raw_server, granted(**{name: token})).access_token
        return
    with pytest.raises(MalformedResponse, match=f"no usable {name}") as caught:
        redeem(raw_server, json_answer({"access_token": "sentinel-a", name: token}))
    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
@pytest.mark.parametrize("error", [{}, {"error": "x", "access_token": None}])
def test_a_token_that_no_header_could_carry_is_malformed_and_not_learned(
    raw_server: RawServer, name: str, error: dict[str, object]
) -> None:
    token = "<" * (LONGEST_TOKEN + 1)
    of = environment(raw_server)
    given = context(of)
    body = {"access_token": "sentinel-a", **error, name: token, "error_description": token}
    raw_server.serve(json_answer(body))
    with pytest.raises(MalformedResponse, match=f"no usable {name}: it is too long") as caught:
        given.transport.fetch_token(token_request(f"{of.authority}/token"), given)
    assert "<<<" not in str(caught.value)
    assert given.redactor.text(token) == token


def test_a_token_of_the_longest_kind_is_taken_and_masked(raw_server: RawServer) -> None:
    token = "<" * LONGEST_TOKEN
    of = environment(raw_server)
    given = context(of)
    raw_server.serve(json_answer({"access_token": token}))
    assert given.transport.fetch_token(token_request(f"{of.authority}/token"), given)
    assert given.redactor.text(f"a {token} b") == "a *** b"
    assert given.redactor.text(f"a {token.replace('<', '%3C')} b") == "a *** b"


def test_a_secret_that_is_learned_after_a_text_was_masked_is_masked_too() -> None:
    redactor = Redactor([Secret("sentinel-one")])
    assert redactor.text("sentinel-one sentinel-two") == "*** sentinel-two"
    redactor.add("sentinel-two")
    assert redactor.text("sentinel-one sentinel-two") == "*** ***"


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", "", None, 7])
def test_a_bearer_token_is_one_in_any_spelling(raw_server: RawServer, token_type: object) -> None:
    assert acquire(raw_server, granted(token_type=token_type)).token_type == "Bearer"


def test_a_token_of_another_type_is_said_to_be_one(raw_server: RawServer) -> None:
    assert acquire(raw_server, granted(token_type="DPoP")).token_type == "DPoP"


def test_granted_scopes_that_differ_are_reported_and_no_error(raw_server: RawServer) -> None:
    result = acquire(raw_server, granted(scope="read  other"), scopes="read write", resource=None)
    assert result.scopes == ("read", "other")


@pytest.mark.parametrize("scope", [None, "", ["read"], 7])
def test_where_no_scopes_come_back_those_asked_for_are_reported(
    raw_server: RawServer, scope: object
) -> None:
    assert acquire(raw_server, granted(scope=scope), scopes="read write").scopes == (
        "read",
        "write",
    )


# Refusals.


def refused(server: RawServer, answer: object, status: int = 400, **more: Any) -> AuthorityError:
    with pytest.raises(AuthorityError) as caught:
        acquire(server, json_answer(answer, status), **more)
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_request", AuthorityError),
        ("invalid_client", InvalidClient),
        ("invalid_grant", InvalidGrant),
        ("unauthorized_client", AuthorityError),
        ("unsupported_grant_type", AuthorityError),
        ("invalid_scope", AuthorityError),
        ("invalid_target", AuthorityError),
        ("access_denied", AccessDenied),
        ("authorization_declined", AccessDenied),
        ("expired_token", ExpiredToken),
        ("code_expired", ExpiredToken),
        ("something_of_its_own", AuthorityError),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 200, 500])
def test_each_refusal_has_its_type_whatever_the_status(
    raw_server: RawServer, error: str, kind: type[AuthorityError], status: int
) -> None:
    caught = refused(raw_server, {"error": error, "error_description": "Because."}, status)
    assert type(caught) is kind
    assert (caught.error, caught.description, caught.status) == (error, "Because.", status)
    assert f"{error}: Because." in str(caught)
    assert caught.retryable == (status == 500)


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
def test_passing_trouble_is_worth_another_try(raw_server: RawServer, error: str) -> None:
    assert refused(raw_server, {"error": error}).retryable


ENTRA = {
    "error": "invalid_client",
    "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: abc",
    "error_codes": [7000215, "x", None],
    "timestamp": "2024-01-01 00:00:00Z",
    "trace_id": "11111111-0000-0000-0000-000000000000",
    "correlation_id": "22222222-0000-0000-0000-000000000000",
    "suberror": "bad_token",
    "claims": '{"access_token":{"capolids":{"essential":true}}}',
    "error_uri": "https://login.example/error?code=7000215",
}


def test_every_fact_of_an_entra_error_is_kept(raw_server: RawServer) -> None:
    with_advice = environment(raw_server, advice={7000215: "Use its value, not its id."})
    caught = refused(raw_server, ENTRA, 401, environment=with_advice)
    assert caught.codes == (7000215,)
    assert caught.suberror == "bad_token"
    assert json.loads(caught.claims)["access_token"]
    assert caught.timestamp == ENTRA["timestamp"]
    assert caught.trace_id == ENTRA["trace_id"]
    assert caught.correlation_id == ENTRA["correlation_id"]
    assert caught.advice == caught.remedy == "Use its value, not its id."
    assert str(caught).endswith("Use its value, not its id.")
    assert "\r" not in str(caught)
    assert "\n" not in str(caught)


def test_facts_of_wrong_types_are_left_out(raw_server: RawServer) -> None:
    odd = dict.fromkeys(ENTRA, 7) | {"error": "invalid_client", "error_codes": "7000215"}
    caught = refused(raw_server, odd)
    assert caught.codes == ()
    assert caught.suberror == caught.claims == caught.trace_id == ""
    assert caught.correlation_id


def test_long_and_hostile_texts_are_cut_and_cleaned(raw_server: RawServer) -> None:
    hostile = {
        "error": "x" * 100_000,
        "error_description": "\x1b[31mred\u202egnp.exe\x07" + "y" * 100_000,
    }
    caught = refused(raw_server, hostile)
    assert len(str(caught)) < 4000
    assert "\x1b" not in str(caught)
    assert "\u202e" not in str(caught)


def test_a_secret_that_an_authority_echoes_is_masked(raw_server: RawServer) -> None:
    echo = {"error": "invalid_client", "error_description": f"{CLIENT_SECRET} is wrong"}
    assert "*** is wrong" in str(refused(raw_server, echo))


def test_a_problem_document_is_understood(raw_server: RawServer) -> None:
    problem = {"type": "about:blank", "title": "Forbidden", "detail": "Not from here."}
    answer = respond(403, json.dumps(problem).encode(), content_type="application/problem+json")
    with pytest.raises(AccessDenied, match="Not from here") as caught:
        acquire(raw_server, answer)
    assert caught.value.error == ""
    assert caught.value.description == "Not from here."


@pytest.mark.parametrize(
    ("status", "kind"), [(401, InvalidClient), (403, AccessDenied), (400, AuthorityError)]
)
def test_a_refusal_without_words_is_told_by_its_status(
    raw_server: RawServer, status: int, kind: type[AuthorityError]
) -> None:
    with pytest.raises(AuthorityError, match="without saying why") as caught:
        acquire(raw_server, empty(status))
    assert type(caught.value) is kind


def test_an_empty_400_on_refresh_is_an_invalid_grant(raw_server: RawServer) -> None:
    with pytest.raises(InvalidGrant, match="without saying why"):
        redeem(raw_server, empty(400))


def test_an_html_400_is_malformed(raw_server: RawServer) -> None:
    with pytest.raises(MalformedResponse, match="HTTP 400 and text/html"):
        acquire(raw_server, html(400))


@pytest.mark.parametrize(
    "error",
    ["interaction_required", "login_required", "consent_required", "account_selection_required"],
)
def test_an_authority_that_asks_for_a_person_is_understood(
    raw_server: RawServer, error: str
) -> None:
    answer = json_answer({**ENTRA, "error": error}, 400)
    with pytest.raises(InteractionRequired, match="asks for a person") as caught:
        redeem(raw_server, answer)
    assert caught.value.claims == ENTRA["claims"]
    cause = caught.value.__cause__
    assert isinstance(cause, AuthorityError)
    assert (cause.error, cause.suberror, cause.codes) == (error, "bad_token", (7000215,))
    assert "Sign in interactively" in caught.value.remedy


# Being asked to wait.


def wait(seconds: object, status: int = 429) -> Any:
    return json_answer({"error": "slow"}, status, headers=[("Retry-After", str(seconds))])


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_a_stated_wait_is_waited(raw_server: RawServer, status: int, as_date: bool) -> None:
    clock = FakeClock(NOW)
    seconds = format_datetime(at(7), usegmt=True) if as_date else "7"
    acquire(raw_server, wait(seconds, status), granted(), clock=clock)
    assert sum(clock.waits) == pytest.approx(7)
    assert len(raw_server.requests) == 2


@pytest.mark.parametrize("value", ["0", format_datetime(at(-100), usegmt=True)])
def test_a_wait_that_is_over_is_none(raw_server: RawServer, value: str) -> None:
    clock = FakeClock(NOW)
    acquire(raw_server, wait(value), granted(), clock=clock)
    assert clock.waits == []


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "9" * 30, "7, 8", "Fri, 31 Dec 99999 23:59:59 GMT",
              "Fri, 31 Dec 2022 23:59:59 +99999999999999"]
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_nobody_understands_is_an_error_at_once(
    raw_server: RawServer, value: str, status: int
) -> None:
    clock = FakeClock(NOW)
    with pytest.raises(AuthorityError) as caught:
        acquire(raw_server, wait(value, status), clock=clock)
    assert clock.waits == []
    assert caught.value.retryable
    assert caught.value.retry_after is None
    assert isinstance(caught.value, Throttled) == (status == 429)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("61", 61), ("999999999", 999999999), (format_datetime(at(86400), usegmt=True), 86400)],
)
def test_a_wait_beyond_the_callers_time_is_an_error_at_once(
    raw_server: RawServer, value: str, expected: float
) -> None:
    clock = FakeClock(NOW)
    with pytest.raises(Throttled, match=f"wait {expected} seconds") as caught:
        acquire(raw_server, wait(value), clock=clock)
    assert caught.value.retry_after == expected
    assert caught.value.error == "slow"
    assert caught.value.retryable
    assert clock.waits == []
    assert len(raw_server.requests) == 1


def test_a_server_that_always_asks_to_wait_is_given_up(raw_server: RawServer) -> None:
    clock = FakeClock(NOW)
    with pytest.raises(Throttled):
        acquire(raw_server, wait(1), clock=clock)
    assert len(raw_server.requests) == 6


def test_waits_add_up_to_no_more_than_the_callers_time(raw_server: RawServer) -> None:
    clock = FakeClock(NOW)
    with pytest.raises(Throttled):
        acquire(raw_server, wait(25), clock=clock)
    assert sum(clock.waits) == pytest.approx(50)


@pytest.mark.parametrize("status", [429, 503])
def test_a_code_is_not_sent_again_after_a_wait(raw_server: RawServer, status: int) -> None:
    raw_server.serve(wait(1, status))
    clock = FakeClock(NOW)
    of = environment(raw_server)
    given = context(of, clock=clock)
    request = token_request(f"{of.authority}/token", ("code", "a-code"), single_use=True)
    with pytest.raises(AuthorityError) as caught:
        given.transport.fetch_token(request, given)
    assert caught.value.retry_after == 1
    assert clock.waits == []
    assert len(raw_server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 504, 400, 401])
def test_no_other_answer_is_asked_for_again(raw_server: RawServer, status: int) -> None:
    clock = FakeClock(NOW)
    with pytest.raises(GrantwayError):
        acquire(raw_server, wait(1, status), clock=clock)
    assert len(raw_server.requests) == 1


def test_a_transport_of_its_own_is_closed_by_its_owner(raw_server: RawServer) -> None:
    raw_server.serve(granted())
    transport = HttpTransport(environ={})
    for _ in range(2):
        with Dispatcher(transport=transport, prompter=False) as asking:
            asking.acquire(
                environment=environment(raw_server), credential=(CLIENT_ID, CLIENT_SECRET)
            )
    transport.close()
    assert raw_server.connections == 1
    assert repr(transport) == "<HttpTransport>"


def test_a_result_is_of_a_tenant_only_where_the_authority_has_one(raw_server: RawServer) -> None:
    assert acquire(raw_server, granted()).tenant_id == ""
    one = environment(raw_server, tenant="mine")
    assert acquire(raw_server, granted(), environment=one).tenant_id == "mine"


@pytest.mark.parametrize("secret", ["client", "invalid", "_"])
def test_a_short_secret_hides_no_word_of_the_standards(raw_server: RawServer, secret: str) -> None:
    raw_server.serve(json_answer({"error": "invalid_client"}, 401))
    with (
        Dispatcher(prompter=False) as asking,
        pytest.raises(InvalidClient) as caught,
    ):
        asking.acquire(environment=environment(raw_server), credential=(CLIENT_ID, secret))
    assert caught.value.error == "invalid_client"
