"""An API calls a further one, for the user whose token came to it, and for nobody else."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from grants.presenting import UNFIT, shown
from grantway import (
    Dispatcher,
    Reference,
    Secret,
    StoredRefreshToken,
    TokenRequest,
    UserInfo,
)
from grantway.cache.keys import account_slot, owner_key
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import (
    GrantwayError,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    InvalidParameter,
    NoParameterSetMatches,
)
from grantway_clouds import ENTRA_V1, ENTRA_V2
from oauth.support import RAW, FakeClock, dispatcher, environment, granted
from sandbox.support import unverified
from servers.raw import RawServer, json_answer

pytest.importorskip("flask", reason="the sandbox needs the extra grantway[sandbox]")
pytest.importorskip("authlib", reason="the sandbox needs the extra grantway[sandbox]")

from grantway_sandbox.model import User
from grantway_sandbox.server import Sandbox

APP = "11111111-2222-3333-4444-555555555555"
OWN_API = "access_as_user"
CALL: dict[str, Any] = {
    "credential": (APP, "a client secret"),
    "tenant_id": "contoso.example",
}
CLAIMS = json.dumps({"access_token": {"acrs": {"essential": True, "value": "c1"}}})


class Here:
    """The sandbox and a dispatcher that go by one clock, and the users whose tokens arrive."""

    def __init__(self, sandbox: Sandbox, clock: FakeClock) -> None:
        self.sandbox, self.clock = sandbox, clock
        self.cache = MemoryTokenCache()
        self.asking = Dispatcher(prompter=False, clock=clock, cache=self.cache)
        self.bob = User(
            "5a9d0b0c-2001-4a00-8a00-0000000000bb",
            "bob@contoso.example",
            "Bob",
            sandbox.tenant.tenant_id,
        )
        sandbox.register(self.bob)

    def arrives(self, user: User | None = None) -> str:
        """A token for this API, of a user who signed in to its client."""
        api = f"api://{self.sandbox.application.application_id}/{OWN_API}"
        client = self.sandbox.public_application_id
        with dispatcher(clock=self.clock) as elsewhere:
            return elsewhere.acquire(
                environment=self.sandbox.environment,
                application_id=client,
                refresh_token=self.sandbox.issue_refresh_token(application_id=client, user=user),
                scopes=api,
            ).access_token

    def call(self, assertion: object, **more: Any) -> dict[str, Any]:
        application = self.sandbox.application
        return {
            "environment": self.sandbox.environment,
            "credential": (application.application_id, application.secret),
            "tenant_id": self.sandbox.tenant.domain,
            "user_assertion": assertion,
            **more,
        }

    def grants(self) -> list[str]:
        """The grants that came since this was asked last."""
        found = [each.field("grant_type") or "" for each in self.sandbox.requests.to_tokens()]
        self.sandbox.requests.clear()
        return [each.rpartition(":")[2] for each in found]


@pytest.fixture
def here() -> Iterator[Here]:
    clock = FakeClock()
    with Sandbox(clock=clock.time) as sandbox:
        made = Here(sandbox, clock)
        with made.asking:
            yield made


@pytest.mark.parametrize("protocol", [ENTRA_V1, ENTRA_V2], ids=lambda each: each.name)
def test_a_further_api_is_called_for_the_user_whose_token_came(here: Here, protocol: Any) -> None:
    call = here.call(here.arrives(here.bob), resource="graph")
    call["environment"] = attrs.evolve(call["environment"], protocol=protocol)
    result = here.asking.acquire(**call)
    claims = unverified(result.access_token)
    assert claims["oid"] == here.bob.object_id
    assert claims["appid"] == here.sandbox.application.application_id
    assert claims["aud"] == "https://graph.microsoft.com"
    assert result.account is not None
    assert result.account.user_name == "bob@contoso.example"
    assert result.provider == "OnBehalfOf"


@pytest.mark.parametrize("where", ["its tenant", "another", "common"])
def test_the_tenant_that_is_named_is_the_one_that_is_asked(here: Here, where: str) -> None:
    tenant = {
        "its tenant": here.sandbox.tenant.tenant_id,
        "another": here.sandbox.customers[0].domain,
        "common": "common",
    }[where]
    call = here.call(here.arrives(), tenant_id=tenant)
    if where == "another":
        with pytest.raises(InvalidGrant, match="another tenant"):
            here.asking.acquire(**call)
        return
    result = here.asking.acquire(**call)
    assert result.tenant_id == here.sandbox.tenant.tenant_id


def test_a_user_is_never_served_what_another_ones_token_brought(here: Here) -> None:
    alice, bob = here.arrives(), here.arrives(here.bob)
    here.grants()
    for _ in range(2):
        for token, who in ((alice, here.sandbox.user), (bob, here.bob)):
            for resource in ("graph", "arm"):
                result = here.asking.acquire(**here.call(token, resource=resource))
                assert unverified(result.access_token)["oid"] == who.object_id
                assert result.account is not None
                assert result.account.object_id == who.object_id
    # The second resource by the refresh token that came with the first; the second round not at all.
    assert here.grants() == ["jwt-bearer", "refresh_token"] * 2


def test_whoever_has_signed_in_to_the_application_is_not_whom_a_token_stands_for(
    here: Here,
) -> None:
    application = here.sandbox.application.application_id
    signed_in = TokenRequest(
        here.sandbox.environment, "User", "User", {"application_id": application}
    )
    key = here.cache.fingerprint_key
    for subject in ("", "alice"):
        here.cache.put_refresh_token(
            account_slot(key, signed_in, subject),
            StoredRefreshToken(
                Secret(here.sandbox.issue_refresh_token()),
                UserInfo(subject, "issuer") if subject else None,
                owner_key(key, signed_in),
            ),
        )
    assert len(here.asking.accounts(here.sandbox.environment, application)) == 2
    here.grants()
    result = here.asking.acquire(**here.call(here.arrives(here.bob)))
    assert unverified(result.access_token)["oid"] == here.bob.object_id
    assert here.grants() == ["refresh_token", "jwt-bearer"]  # the first is the client's own
    assert len(here.asking.accounts(here.sandbox.environment, application)) == 2


def test_what_a_reference_stands_for_is_looked_at_anew(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = here.asking.bind(**here.call(Reference("env:ARRIVED")))
    for user in (here.sandbox.user, here.bob):
        monkeypatch.setenv("ARRIVED", here.arrives(user))
        for token in (
            here.asking.acquire(**here.call(Reference("env:ARRIVED"))).access_token,
            source.token(),
        ):
            assert unverified(token)["oid"] == user.object_id


def test_nothing_that_a_reference_brought_rests_in_the_cache_but_its_refresh_token(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRIVED", here.arrives())
    for _ in range(2):
        here.asking.acquire(**here.call(Reference("env:ARRIVED")))
    assert [each.kind for each in here.cache.entries()] == ["refresh_token"]


def test_calls_at_the_same_time_share_the_work_by_the_token_and_never_by_a_reference(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = here.arrives()
    monkeypatch.setenv("ARRIVED", token)

    async def at_once(assertion: object) -> None:
        call = here.call(assertion)
        await asyncio.gather(*(here.asking.acquire_async(**call) for _ in range(3)))

    here.grants()
    asyncio.run(at_once(token))
    assert here.grants() == ["jwt-bearer"]
    asyncio.run(at_once(Reference("env:ARRIVED")))
    assert here.grants() == ["refresh_token"] * 3


def test_a_long_errand_outlives_the_token_that_began_it(here: Here) -> None:
    call = here.call(here.arrives())
    source = here.asking.bind(**call)
    source.token()
    here.grants()
    here.clock.advance(7200)
    assert unverified(source.token())["oid"] == here.sandbox.user.object_id
    assert here.grants() == ["refresh_token"]


def test_a_refresh_token_that_is_spent_gives_way_to_the_users_token(here: Here) -> None:
    call = here.call(here.arrives())
    here.asking.acquire(**call)
    here.sandbox.revoke_refresh_tokens()
    here.grants()
    result = here.asking.acquire(**call, force_refresh=True)
    assert unverified(result.access_token)["oid"] == here.sandbox.user.object_id
    assert here.grants() == ["refresh_token", "jwt-bearer"]


def test_when_nothing_is_good_any_more_a_new_token_is_asked_for(here: Here) -> None:
    call = here.call(here.arrives())
    here.asking.acquire(**call)
    here.sandbox.revoke_refresh_tokens()
    here.clock.advance(7200)
    with pytest.raises(InvalidGrant, match=r"has expired.*Have the caller get a new one") as caught:
        here.asking.acquire(**call)
    assert caught.value.codes == (500133,)


def test_an_authority_without_advice_leaves_nobody_without_a_remedy(raw_server: RawServer) -> None:
    raw_server.serve(json_answer({"error": "invalid_grant"}, status=400))
    of = environment(raw_server, attrs.evolve(ENTRA_V2, client_id=RAW.client_id))
    with dispatcher() as asking:
        with pytest.raises(InvalidGrant, match="Have the client get a new token"):
            asking.acquire(environment=of, **CALL, user_assertion="a.user.token")


@pytest.mark.parametrize("error", ["interaction_required", "invalid_grant"])
def test_what_is_wanted_of_the_user_is_raised_to_be_handed_on(
    raw_server: RawServer, error: str
) -> None:
    raw_server.serve(json_answer({"error": error, "claims": CLAIMS}, status=400))
    with dispatcher() as asking:
        with pytest.raises(InteractionRequired) as caught:
            asking.acquire(
                environment=environment(raw_server, ENTRA_V2), **CALL, user_assertion="a.user.token"
            )
    assert caught.value.claims == CLAIMS
    assert caught.value.__cause__ is not None


def test_what_is_wanted_at_a_renewal_is_asked_of_the_users_token_first(
    raw_server: RawServer,
) -> None:
    refused = json_answer({"error": "invalid_grant", "claims": CLAIMS}, status=400)
    raw_server.serve(granted(expires_in=0, refresh_token="one"), refused, granted())
    call = {**CALL, "environment": environment(raw_server, ENTRA_V2), "user_assertion": "a.b.c"}
    with dispatcher() as asking:
        asking.acquire(**call)
        asking.acquire(**call)
    last = raw_server.requests[-1].form
    assert last["assertion"] == ["a.b.c"]
    assert json.loads(last["claims"][0]) == json.loads(CLAIMS)


def test_without_such_a_grant_nothing_is_sent(raw_server: RawServer) -> None:
    with dispatcher() as asking:
        for ask in (asking.acquire, asking.explain):
            with pytest.raises(InvalidParameter, match=r"no on-behalf-of grant.*subject_token"):
                ask(
                    environment=environment(raw_server),
                    credential=CALL["credential"],
                    user_assertion="a.b.c",
                )
    assert not raw_server.connections


@pytest.mark.parametrize("left_out", ["credential", "tenant_id"])
def test_the_api_has_to_show_who_and_where_it_is(raw_server: RawServer, left_out: str) -> None:
    given = {**CALL, left_out: None}
    with dispatcher() as asking:
        with pytest.raises(NoParameterSetMatches) as caught:
            asking.acquire(
                environment=environment(raw_server, ENTRA_V2), user_assertion="a.b.c", **given
            )
    assert (caught.value.nearest, caught.value.missing) == ("OnBehalfOf", (left_out,))


def test_a_wrong_secret_is_the_apis_own_fault(here: Here) -> None:
    call = here.call(here.arrives())
    with pytest.raises(InvalidClient):
        here.asking.acquire(**{**call, "credential": (call["credential"][0], "wrong")})


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_token_is_refused_before_any_network_and_not_repeated(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    given = {
        **CALL,
        "environment": environment(raw_server, ENTRA_V2),
        "user_assertion": UNFIT[name],
    }
    with dispatcher() as asking:
        with pytest.raises(InvalidParameter) as caught:
            asking.acquire(**given)
    assert caught.value.parameter == "user_assertion"
    assert not raw_server.connections
    assert "sentinel" not in shown(caught.value) + caplog.text


def test_an_authority_that_repeats_the_token_does_not_make_it_known(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "sentinel.user.token"
    raw_server.serve(
        json_answer({"error": "invalid_grant", "error_description": f"bad: {token}"}, status=400)
    )
    with dispatcher() as asking:
        with pytest.raises(GrantwayError) as caught:
            asking.acquire(
                environment=environment(raw_server, ENTRA_V2), **CALL, user_assertion=token
            )
    assert token not in "".join((str(caught.value), repr(vars(caught.value)), caplog.text))


# Peers: what MSAL sends.


def test_it_sends_what_msal_sends() -> None:
    msal = pytest.importorskip("msal")
    with Sandbox(tls=True) as sandbox, dispatcher() as asking:
        client = sandbox.public_application_id
        token = asking.acquire(
            environment=sandbox.environment,
            application_id=client,
            refresh_token=sandbox.issue_refresh_token(application_id=client),
            scopes=f"api://{sandbox.application.application_id}/{OWN_API}",
        ).access_token
        application = msal.ConfidentialClientApplication(
            sandbox.application.application_id,
            client_credential=sandbox.application.secret,
            authority=f"{sandbox.url}/{sandbox.tenant.tenant_id}",
            instance_discovery=False,
            verify=str(sandbox.ca_bundle),
        )
        scope = "https://graph.microsoft.com/User.Read"
        theirs = application.acquire_token_on_behalf_of(token, [scope])
        (sent_by_msal,) = sandbox.requests.to_tokens()[-1:]
        sandbox.requests.clear()
        ours = asking.acquire(
            environment=sandbox.environment,
            credential=(sandbox.application.application_id, sandbox.application.secret),
            tenant_id=sandbox.tenant.tenant_id,
            user_assertion=token,
            scopes=scope,
        )
        (sent,) = sandbox.requests.to_tokens()
    assert sent.path == sent_by_msal.path
    fields = dict(sent.fields)
    expected = dict(sent_by_msal.fields)
    assert len(fields) == len(sent.fields)
    # Asks for MSAL's own name of the account; it is no field of the grant.
    del expected["client_info"]
    assert set(fields.pop("scope").split()) == set(expected.pop("scope").split())
    assert fields == expected
    once, again = unverified(theirs["access_token"]), unverified(ours.access_token)
    for claim in ("oid", "tid", "aud", "scp", "appid", "appidacr", "amr"):
        assert once[claim] == again[claim]
    assert time.time() < again["exp"]
