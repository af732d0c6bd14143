"""What a client can handle is told where the authority asks, beside what a challenge demands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import Configuration, Dispatcher, Environment, Protocol
from grantway.errors import ConfigurationError, InvalidParameter
from grantway.oauth.claims import merged
from grantway_clouds.protocols import ADFS, ENTRA_V1, ENTRA_V2
from oauth.browsing import Person, answering, query
from oauth.issuer import sign_in
from oauth.support import CLIENT_ID, RAW, acquire, dispatcher, environment, granted
from servers.raw import RawServer

APP = "11111111-2222-3333-4444-555555555555"
TENANT = "contoso.onmicrosoft.com"
CP1 = {"access_token": {"xms_cc": {"values": ["cp1"]}}}
DEMANDED = {"access_token": {"nbf": {"essential": True, "value": "1"}}, "id_token": {"acr": None}}
ENTRA = pytest.mark.parametrize("protocol", [ENTRA_V1, ENTRA_V2], ids=lambda each: each.name)


def cloud(server: RawServer | str, protocol: Protocol = ENTRA_V2) -> Environment:
    return environment(server, protocol)


def call(server: RawServer, protocol: Protocol = ENTRA_V2, **more: Any) -> dict[str, Any]:
    return {
        "environment": cloud(server, protocol),
        "credential": (APP, "sentinel-client-secret"),
        "tenant_id": TENANT,
        **more,
    }


def claims(server: RawServer, number: int = -1) -> Any:
    (sent,) = server.requests[number].form["claims"]
    return json.loads(sent)


@ENTRA
def test_capabilities_are_told_with_every_grant(raw_server: RawServer, protocol: Protocol) -> None:
    acquire(raw_server, granted(), **call(raw_server, protocol, capabilities="cp1"))
    acquire(
        raw_server,
        **call(raw_server, protocol, capabilities=["cp1"], refresh_token="a-refresh-token"),
    )
    acquire(
        raw_server,
        **call(raw_server, protocol, capabilities=["cp1"], user_assertion="a.users.token"),
    )
    assert [each.form["grant_type"][0].rpartition(":")[2] for each in raw_server.requests] == [
        "client_credentials",
        "refresh_token",
        "jwt-bearer",
    ]
    assert [claims(raw_server, number) for number in range(3)] == [CP1] * 3


@ENTRA
def test_a_sign_in_tells_them_on_the_page_and_for_the_code(
    raw_server: RawServer, protocol: Protocol
) -> None:
    raw_server.serve(granted(refresh_token="a-refresh-token"))
    person = Person(answering())
    sign_in(cloud(raw_server, protocol), person, application_id=APP, capabilities="cp1")
    assert json.loads(query(person.opened[0])["claims"]) == CP1
    assert claims(raw_server) == CP1


def test_without_them_no_claims_are_sent(raw_server: RawServer) -> None:
    acquire(raw_server, granted(), **call(raw_server))
    assert "claims" not in raw_server.requests[0].form


def test_what_a_challenge_demands_stays_beside_them(raw_server: RawServer) -> None:
    acquire(raw_server, granted(), **call(raw_server, capabilities="cp1", claims=DEMANDED))
    assert claims(raw_server) == {
        "access_token": {**DEMANDED["access_token"], **CP1["access_token"]},
        "id_token": {"acr": None},
    }


def test_what_is_explained_is_what_is_sent(raw_server: RawServer) -> None:
    given = call(raw_server, capabilities="cp1", claims=DEMANDED)
    with dispatcher() as asking:
        (planned,) = asking.explain(**given).requests
    acquire(raw_server, granted(), **given)
    assert json.loads(dict(planned.fields)["claims"]) == claims(raw_server)


def test_they_do_not_pass_the_cache_by_and_are_part_of_a_tokens_name(raw_server: RawServer) -> None:
    raw_server.serve(*(granted(access_token=f"the-{each}-token") for each in ("a", "b", "c")))
    with dispatcher() as asking:
        tokens = [
            asking.acquire(**call(raw_server, **more)).access_token
            for more in (
                {},
                {"capabilities": "cp1"},
                {"capabilities": ["cp1"]},
                {"capabilities": "cp2 cp1"},
                {"capabilities": ["cp1", "cp2"]},
                {},
            )
        ]
    letters = [each.split("-")[1] for each in tokens]
    assert letters == ["a", "b", "b", "c", "c", "a"]
    assert len(raw_server.requests) == 3


def test_a_challenge_is_answered_with_them(raw_server: RawServer) -> None:
    from grantway import Challenge

    raw_server.serve(granted(), granted(access_token="the-new-token"))
    with dispatcher() as asking:
        source = asking.bind(**call(raw_server, capabilities="cp1"))
        source.token()
        escaped = json.dumps(DEMANDED).replace('"', '\\"')
        source.answer(Challenge.parse(f'Bearer claims="{escaped}"')[0])
        assert source.token() == "the-new-token"
    assert claims(raw_server, 0) == CP1
    assert claims(raw_server, 1)["access_token"].keys() == {"nbf", "xms_cc"}


@pytest.mark.parametrize("protocol", [RAW, ADFS], ids=lambda each: each.name)
def test_an_authority_that_does_not_ask_is_not_told(
    raw_server: RawServer, protocol: Protocol
) -> None:
    with pytest.raises(InvalidParameter, match="cannot be told what a client can handle") as caught:
        acquire(raw_server, **{**call(raw_server, protocol, capabilities="cp1"), "tenant_id": None})
    assert caught.value.remedy == "Give no capabilities= there."
    assert not raw_server.connections


def test_they_may_come_from_a_variable_or_a_profile(raw_server: RawServer) -> None:
    raw_server.serve(granted())
    variable = Configuration(environ={"GRANTWAY_CAPABILITIES": "cp1"})
    profile = Configuration(profiles={"work": {"capabilities": ["cp1"]}}, environ={})
    for configuration, name in ((variable, None), (profile, "work")):
        with Dispatcher(config=configuration, profile=name, prompter=False) as asking:
            asking.acquire(**call(raw_server))
        assert claims(raw_server) == CP1


def test_a_variable_for_an_authority_that_does_not_ask_is_told_of(raw_server: RawServer) -> None:
    variable = Configuration(environ={"GRANTWAY_CAPABILITIES": "cp1"})
    with Dispatcher(config=variable, prompter=False) as asking:
        with pytest.raises(ConfigurationError, match="capabilities from environment"):
            asking.acquire(environment=environment(raw_server), credential=(CLIENT_ID, "s"))


def test_a_managed_identity_is_not_told() -> None:
    with dispatcher() as asking, pytest.raises(InvalidParameter, match="a managed identity cannot"):
        asking.acquire(managed_identity=True, capabilities="cp1", resource="https://api.example")


MEMBERS = st.dictionaries(
    st.sampled_from(["nbf", "acrs", "xms_cc", "sub"]),
    st.none() | st.fixed_dictionaries({"essential": st.booleans(), "values": st.lists(st.text())}),
)
REQUESTS = st.dictionaries(st.sampled_from(["access_token", "id_token", "userinfo"]), MEMBERS)


@given(st.none() | REQUESTS, st.lists(st.sampled_from(["cp1", "cp2", "llt"]), min_size=1))
def test_another_client_merges_them_alike(
    demanded: dict[str, Any] | None, capabilities: list[str]
) -> None:
    msal = pytest.importorskip("msal.application")
    given = "" if demanded is None else json.dumps(demanded)
    theirs = msal._merge_claims_challenge_and_capabilities(capabilities, given or None)
    assert json.loads(merged(given, "xms_cc", capabilities)) == json.loads(theirs)


def test_a_member_of_which_nothing_more_is_said_is_filled() -> None:
    assert json.loads(merged('{"access_token":null}', "xms_cc", ["cp1"])) == CP1
