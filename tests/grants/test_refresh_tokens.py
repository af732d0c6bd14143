"""What becomes of refresh tokens: none that arrived is lost, and each is used where it should be."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from grantway import (
    AuthenticationResult,
    Context,
    Credential,
    CredentialProvider,
    Event,
    ParameterSet,
    Reference,
    Secret,
    StoredRefreshToken,
    TokenRequest,
    UserInfo,
    Vault,
    hookimpl,
)
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import (
    CacheError,
    ConfigurationError,
    DeadlineExceeded,
    InteractionRequired,
    InvalidGrant,
    InvalidParameter,
    MalformedResponse,
    ProtocolViolation,
    TransportError,
    VaultError,
)
from grantway.parameters import ACCOUNT, APPLICATION_ID, LOGIN_HINT
from grantway_grants.refresh import renew
from oauth.support import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeClock,
    dispatcher,
    environment,
    granted,
    oidc,
)
from oauth.test_id_token import NOW, Authority
from servers.raw import RawServer, empty, hang_up, html, json_answer


class Keeping:
    """A vault of the test: it keeps, or fails as told, and notes what came before what."""

    def __init__(self, fails: BaseException | None = None, server: RawServer | None = None) -> None:
        self.fails = fails
        self.server = server
        self.kept: dict[str, str] = {}
        self.log: list[str] = []
        self.asked_before: list[int] = []

    @hookimpl
    def grantway_vaults(self) -> list[Vault]:
        return [Vault("keep", self.get, self.put), Vault("readonly", self.get)]

    @hookimpl
    def grantway_event(self, event: Event) -> None:
        self.log.append(event.name)

    def get(self, name: str, context: Context) -> Secret:
        return Secret(self.kept[name])

    def put(self, name: str, secret: Secret, context: Context) -> None:
        self.log.append("put")
        if self.server is not None:
            self.asked_before.append(len(self.server.requests))
        if self.fails is not None:
            raise self.fails
        self.kept[name] = secret.reveal()


def given(server: RawServer, **more: Any) -> dict[str, Any]:
    return {
        "environment": environment(server),
        "application_id": CLIENT_ID,
        "refresh_token": "first-token",
        **more,
    }


def redeemed(server: RawServer) -> list[str]:
    return [
        request.form["refresh_token"][0] for request in server.requests if request.path == "/token"
    ]


def rotating(*tokens: str | None, **more: object) -> list[Any]:
    return [granted(refresh_token=token, expires_in=100, **more) for token in tokens]


def test_the_successor_is_redeemed_where_the_first_was_given(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token", "third-token", None, "fifth-token"))
    clock = FakeClock()
    results: list[str | None] = []
    with dispatcher(clock=clock) as asking:
        for _ in range(4):
            results.append(asking.acquire(**given(raw_server)).refresh_token)
            clock.advance(200)
    assert redeemed(raw_server) == ["first-token", "second-token", "third-token", "third-token"]
    # The newest there is: the one that came, else the one that was redeemed.
    assert results == ["second-token", "third-token", "third-token", "fifth-token"]


def test_the_successor_serves_other_tenants_and_resources(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token", "third-token"))
    with dispatcher() as asking:
        asking.acquire(**given(raw_server, resource="https://a.example"))
        asking.acquire(**given(raw_server, resource="https://b.example"))
    assert redeemed(raw_server) == ["first-token", "second-token"]


def test_refresh_tokens_of_clients_and_families_are_kept_apart(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token", "x-token", "y-token"))
    with dispatcher() as asking:
        asking.acquire(**given(raw_server))
        asking.acquire(**given(raw_server, refresh_token="another-family"))
        asking.acquire(**given(raw_server, application_id="another client"))
    assert redeemed(raw_server) == ["first-token", "another-family", "first-token"]


def test_refresh_tokens_of_authorities_are_kept_apart(raw_servers: Any) -> None:
    one, other = raw_servers(), raw_servers()
    one.serve(*rotating("second-token"))
    other.serve(*rotating("second-token"))
    with dispatcher() as asking:
        asking.acquire(**given(one))
        asking.acquire(**given(other))
    assert redeemed(other) == ["first-token"]


def test_a_spent_successor_is_dropped_and_the_given_token_tried(raw_server: RawServer) -> None:
    refusal = json_answer({"error": "invalid_grant"}, 400)
    raw_server.serve(*rotating("second-token"), refusal, *rotating("fresh-token", "last-token"))
    clock = FakeClock()
    with dispatcher(clock=clock) as asking:
        for _ in range(3):
            asking.acquire(**given(raw_server))
            clock.advance(200)
    assert redeemed(raw_server) == ["first-token", "second-token", "first-token", "fresh-token"]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (hang_up(), TransportError),
        (html(503), MalformedResponse),
        (json_answer({"error": "interaction_required"}, 400), InteractionRequired),
    ],
)
def test_a_successor_is_dropped_for_no_other_reason(
    raw_server: RawServer, behaviour: Any, kind: type[Exception]
) -> None:
    raw_server.serve(*rotating("second-token"), behaviour, *rotating("third-token"))
    clock = FakeClock()
    with dispatcher(clock=clock) as asking:
        asking.acquire(**given(raw_server))
        clock.advance(200)
        with pytest.raises(kind):
            asking.acquire(**given(raw_server))
        asking.acquire(**given(raw_server))
    assert redeemed(raw_server) == ["first-token", "second-token", "second-token"]


def test_when_both_are_spent_the_refusal_is_told(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token"), json_answer({"error": "invalid_grant"}, 400))
    clock = FakeClock()
    with dispatcher(clock=clock) as asking:
        asking.acquire(**given(raw_server))
        clock.advance(200)
        with pytest.raises(InvalidGrant):
            asking.acquire(**given(raw_server))


# Where they are saved.


def test_a_new_refresh_token_is_saved_before_the_result_returns(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token"))
    keeping = Keeping(server=raw_server)
    with dispatcher(keeping) as asking:
        asking.acquire(**given(raw_server, save_refresh_token="keep:there"))
    assert keeping.kept == {"there": "second-token"}
    assert keeping.log == ["put", "refresh_token.kept", "token.acquired"]


def test_a_refresh_token_is_saved_before_the_id_token_is_looked_at(raw_server: RawServer) -> None:
    authority = Authority(raw_server)
    raw_server.serve(granted(refresh_token="second-token", id_token="x"), path="/token")
    keeping = Keeping(server=raw_server)
    with dispatcher(keeping, clock=FakeClock(NOW)) as asking:
        with pytest.raises(ProtocolViolation):
            asking.acquire(
                **given(raw_server, save_refresh_token="keep:there")
                | {"environment": authority.environment}
            )
    assert keeping.kept == {"there": "second-token"}
    # Metadata and the token request; the keys are asked for later, if at all.
    assert keeping.asked_before == [2]


def test_with_an_id_token_it_is_still_saved_once(raw_server: RawServer) -> None:
    authority = Authority(raw_server)
    raw_server.serve(
        granted(refresh_token="second-token", id_token=authority.token()), path="/token"
    )
    keeping = Keeping()
    with dispatcher(keeping, clock=FakeClock(NOW)) as asking:
        asking.acquire(
            **given(raw_server, save_refresh_token="keep:there")
            | {"environment": authority.environment}
        )
    assert keeping.log.count("put") == 1


def test_where_none_came_nothing_is_saved(raw_server: RawServer) -> None:
    raw_server.serve(*rotating(None))
    keeping = Keeping()
    with dispatcher(keeping) as asking:
        result = asking.acquire(**given(raw_server, save_refresh_token="keep:there"))
    assert result.refresh_token == "first-token"
    assert keeping.kept == {}


def test_the_daily_round_reads_and_saves_at_one_place(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token", "third-token", "fourth-token"))
    keeping = Keeping()
    keeping.kept["there"] = "first-token"
    for _ in range(3):
        with dispatcher(keeping) as asking:
            asking.acquire(
                **given(
                    raw_server,
                    refresh_token=Reference("keep:there"),
                    save_refresh_token="keep:there",
                )
            )
    assert redeemed(raw_server) == ["first-token", "second-token", "third-token"]
    assert keeping.kept == {"there": "fourth-token"}


def test_a_file_is_written_for_its_owner_only(raw_server: RawServer, tmp_path: Path) -> None:
    raw_server.serve(*rotating("second-token"))
    place = tmp_path / "refresh-token"
    with dispatcher() as asking:
        asking.acquire(**given(raw_server, save_refresh_token=f"file:{place}"))
    assert place.read_text().strip() == "second-token"
    assert place.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "fails",
    [
        VaultError("It is full.", scheme="keep", remedy="Empty it."),
        DeadlineExceeded("The vault was slow."),
        OSError("second-token"),
        RuntimeError(),
    ],
    ids=repr,
)
def test_a_vault_that_fails_costs_the_call_but_not_the_token(
    raw_server: RawServer, fails: Exception
) -> None:
    raw_server.serve(*rotating("second-token", "third-token"))
    keeping = Keeping(fails)
    clock = FakeClock()
    with dispatcher(keeping, clock=clock) as asking:
        with pytest.raises(VaultError) as caught:
            asking.acquire(**given(raw_server, save_refresh_token="keep:there"))
        result = caught.value.result
        assert isinstance(result, AuthenticationResult)
        assert (result.access_token, result.refresh_token) == (
            "sentinel-access-token",
            "second-token",
        )
        assert "second-token" not in str(caught.value)
        assert caught.value.scheme == "keep"
        clock.advance(200)
        keeping.fails = None
        asking.acquire(**given(raw_server, save_refresh_token="keep:there"))
    assert redeemed(raw_server) == ["first-token", "second-token"]
    assert keeping.kept == {"there": "third-token"}


def test_an_interrupt_in_a_vault_does_not_lose_the_token(raw_server: RawServer) -> None:
    raw_server.serve(*rotating("second-token", "third-token"))
    keeping = Keeping(KeyboardInterrupt())
    with dispatcher(keeping) as asking:
        with pytest.raises(KeyboardInterrupt):
            asking.acquire(**given(raw_server, save_refresh_token="keep:there"))
        keeping.fails = None
        asking.acquire(**given(raw_server, save_refresh_token="keep:there"))
    assert redeemed(raw_server) == ["first-token", "second-token"]


def test_a_place_that_cannot_be_written_is_found_out_before_any_network(
    raw_server: RawServer,
) -> None:
    with dispatcher(Keeping()) as asking:
        for place in ("readonly:there", "env:THERE", "nosuch:there"):
            with pytest.raises(InvalidParameter):
                asking.acquire(**given(raw_server, save_refresh_token=place))
    assert not raw_server.requests


# Caches that fail.


class Failing(MemoryTokenCache):
    """A cache whose operations fail, those named or all."""

    def __init__(self, *operations: str) -> None:
        super().__init__()
        self.operations = operations

    def _fail(self, operation: str) -> None:
        if not self.operations or operation in self.operations:
            raise CacheError(f"{operation} failed", remedy="Buy a new disk.")

    def get(self, key: str) -> AuthenticationResult | None:
        self._fail("get")
        return super().get(key)

    def put(self, key: str, result: AuthenticationResult) -> None:
        self._fail("put")
        super().put(key, result)

    def get_refresh_token(self, slot: str) -> StoredRefreshToken | None:
        self._fail("get_refresh_token")
        return super().get_refresh_token(slot)

    def put_refresh_token(self, slot: str, stored: StoredRefreshToken) -> None:
        self._fail("put_refresh_token")
        super().put_refresh_token(slot, stored)

    def remove_refresh_token(self, slot: str, token: Secret) -> None:
        self._fail("remove_refresh_token")
        super().remove_refresh_token(slot, token)

    def refresh_tokens(self, owner: str) -> Sequence[tuple[str, StoredRefreshToken]]:
        self._fail("refresh_tokens")
        return super().refresh_tokens(owner)


@pytest.mark.parametrize(
    "operation",
    ["", "get", "put", "get_refresh_token", "put_refresh_token", "remove_refresh_token"],
)
def test_a_cache_that_fails_never_loses_a_token(raw_server: RawServer, operation: str) -> None:
    raw_server.serve(
        *rotating("second-token"), json_answer({"error": "invalid_grant"}, 400), *rotating("x")
    )
    keeping = Keeping()
    clock = FakeClock()
    cache = Failing(*([operation] if operation else []))
    with dispatcher(keeping, cache=cache, clock=clock) as asking:
        call = given(raw_server, save_refresh_token="keep:there")
        assert asking.acquire(**call).refresh_token == "second-token"
        assert keeping.kept == {"there": "second-token"}
        clock.advance(200)
        if operation in ("", "get_refresh_token", "put_refresh_token"):
            with pytest.raises(InvalidGrant):
                asking.acquire(**call)
        else:
            assert asking.acquire(**call).refresh_token == "x"
    assert "cache.failed" in keeping.log


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def operation(*_: object) -> NoReturn:
        raise error

    return operation


@pytest.mark.parametrize(
    ("operation", "does"),
    [
        ("get", lambda *_: "what-nobody-may-see"),
        ("get", raising(RuntimeError("what-nobody-may-see"))),
        ("put", raising(sqlite3.OperationalError("what-nobody-may-see"))),
        ("put", raising(SystemExit("what-nobody-may-see"))),
        ("put", raising(ConfigurationError("what-nobody-may-see"))),
        ("put_refresh_token", raising(OSError(28, "what-nobody-may-see"))),
        ("get_refresh_token", lambda *_: "what-nobody-may-see"),
        ("get_refresh_token", raising(KeyError("what-nobody-may-see"))),
    ],
)
def test_a_cache_that_breaks_its_contract_never_loses_a_token(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture, operation: str, does: Any
) -> None:
    raw_server.serve(*rotating("second-token"))
    keeping, cache = Keeping(), MemoryTokenCache()
    setattr(cache, operation, does)
    with dispatcher(keeping, cache=cache) as asking:
        call = given(raw_server, save_refresh_token="keep:there")
        assert asking.acquire(**call).refresh_token == "second-token"
        assert keeping.kept == {"there": "second-token"}
    assert "cache.failed" in keeping.log
    assert "the token cache failed" in caplog.text
    assert "what-nobody-may-see" not in caplog.text


@pytest.mark.parametrize("listed", ["what-nobody-may-see", [5], [("slot", "x")], 5])
def test_a_cache_that_lists_what_are_no_accounts_does_not_stop_a_sign_in(
    raw_server: RawServer, listed: object
) -> None:
    cache = MemoryTokenCache()
    cache.refresh_tokens = lambda owner: listed  # type: ignore[method-assign,assignment,return-value]
    with dispatcher(cache=cache) as asking:
        with pytest.raises(InteractionRequired):
            asking.acquire(environment=environment(raw_server), application_id=CLIENT_ID)


def test_an_interrupt_in_a_cache_passes_through(raw_server: RawServer) -> None:
    cache = MemoryTokenCache()
    cache.get = raising(KeyboardInterrupt())  # type: ignore[method-assign]
    with dispatcher(cache=cache) as asking, pytest.raises(KeyboardInterrupt):
        asking.acquire(**given(raw_server))


@pytest.mark.parametrize("key", ["text", None, b"", b"short", bytearray(32), raising(OSError())])
def test_a_cache_whose_key_is_none_is_refused_before_anything_is_sent(
    raw_server: RawServer, key: object
) -> None:
    class Keyless(MemoryTokenCache):
        @property
        def fingerprint_key(self) -> Any:
            return key() if callable(key) else key

    with dispatcher(cache=Keyless()) as asking:
        with pytest.raises(CacheError, match="fingerprint_key"):
            asking.acquire(**given(raw_server))
    assert not raw_server.requests


def test_a_cache_that_cannot_list_accounts_does_not_stop_a_sign_in(raw_server: RawServer) -> None:
    with dispatcher(cache=Failing("refresh_tokens")) as asking:
        with pytest.raises(InteractionRequired):
            asking.acquire(environment=environment(raw_server), application_id=CLIENT_ID)


# Accounts.


def test_redeeming_a_token_that_a_caller_gave_signs_nobody_in(raw_server: RawServer) -> None:
    authority = Authority(raw_server)
    raw_server.serve(*rotating("a-token", id_token=authority.token()), path="/token")
    with dispatcher(clock=FakeClock(NOW)) as asking:
        of = {"environment": authority.environment}
        assert asking.acquire(**given(raw_server) | of).account
        with pytest.raises(InteractionRequired, match="has to sign in"):
            asking.acquire(**of, application_id=CLIENT_ID)


class SigningIn:
    """A provider that signs in whom the hint names, without asking."""

    @hookimpl
    def grantway_providers(self) -> list[CredentialProvider]:
        optional = (APPLICATION_ID, LOGIN_HINT, ACCOUNT)
        sets = [ParameterSet("SigningIn", (), optional=optional)]
        return [CredentialProvider("SigningIn", sets, self.authenticate, renew=renew)]

    def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        name = request[LOGIN_HINT]
        account = UserInfo(name, context.environment.authority, f"{name}@example.org")
        return AuthenticationResult(
            f"access-of-{name}", refresh_token=f"refresh-of-{name}", account=account
        )


def test_of_several_people_one_has_to_be_named(raw_server: RawServer) -> None:
    raw_server.serve(granted(refresh_token="next-of-bob"), path="/token")
    call: dict[str, Any] = {
        "environment": environment(raw_server),
        "provider": "SigningIn",
        "application_id": CLIENT_ID,
    }
    with dispatcher(SigningIn()) as asking:
        for name in ("alice", "bob"):
            assert asking.acquire(**call, login_hint=name).access_token == f"access-of-{name}"
        with pytest.raises(InteractionRequired) as caught:
            asking.acquire(**call)
        assert caught.value.accounts == ("alice@example.org", "bob@example.org")
        assert not raw_server.requests
        asking.acquire(**call, account="Bob@example.org")
    assert redeemed(raw_server) == ["refresh-of-bob"]


def test_consent_beside_a_refresh_token_is_ignored_and_said_to_be(
    raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    raw_server.serve(*rotating(None))
    with dispatcher() as asking:
        asking.acquire(**given(raw_server, consent=True))
    assert redeemed(raw_server) == ["first-token"]
    assert "consent is ignored" in caplog.text


def test_forcing_a_refresh_passes_the_cache_by_and_replaces_its_entry(
    raw_server: RawServer,
) -> None:
    raw_server.serve(granted(access_token="one"), granted(access_token="two"))
    call: dict[str, Any] = {
        "environment": environment(raw_server),
        "credential": Credential(CLIENT_ID, CLIENT_SECRET),
    }
    with dispatcher() as asking:
        found = [
            asking.acquire(**call).access_token,
            asking.acquire(**call).access_token,
            asking.acquire(**call, force_refresh=True).access_token,
            asking.acquire(**call).access_token,
        ]
    assert found == ["one", "one", "two", "two"]


def test_many_threads_over_many_rounds_redeem_each_token_once(raw_server: RawServer) -> None:
    raw_server.serve(*rotating(*(f"token-{number}" for number in range(1, 9))))
    clock = FakeClock()
    with dispatcher(clock=clock) as asking:
        call = given(raw_server)
        for _ in range(6):
            threads = [threading.Thread(target=lambda: asking.acquire(**call)) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            clock.advance(200)
    assert redeemed(raw_server) == ["first-token", *(f"token-{number}" for number in range(1, 6))]


def test_an_oidc_environment_needs_no_tenant(raw_server: RawServer) -> None:
    Authority(raw_server)
    raw_server.serve(granted(), path="/token")
    with dispatcher() as asking:
        asking.acquire(environment=oidc(raw_server), credential=(CLIENT_ID, CLIENT_SECRET))


# Answers that cannot be used, and refusals without a word.

UNUSABLE: dict[str, dict[str, object]] = {
    "an id_token with a line break": {"id_token": "a.b.c\n"},
    "an id_token that is an object": {"id_token": {"x": 1}},
    "an id_token beyond all measure": {"id_token": "a" * 70_000},
    "an access token beyond all measure": {"access_token": "a" * 70_000},
    "no access token": {"access_token": None},
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_successor_is_kept_whatever_else_of_its_answer_cannot_be_used(
    raw_server: RawServer, what: str
) -> None:
    raw_server.serve(granted(refresh_token="successor", **UNUSABLE[what]), granted())
    with dispatcher() as asking:
        given = {"environment": environment(raw_server), "application_id": CLIENT_ID}
        with pytest.raises(MalformedResponse, match="no usable"):
            asking.acquire(**given, refresh_token="given")
        asking.acquire(**given, refresh_token="given")
    assert [each.form["refresh_token"] for each in raw_server.requests] == [
        ["given"], ["successor"],
    ]  # fmt: skip


def test_a_successor_that_cannot_be_used_is_not_kept(raw_server: RawServer) -> None:
    raw_server.serve(granted(refresh_token="successor" * 10_000))
    with dispatcher() as asking, pytest.raises(MalformedResponse, match="no usable refresh_token"):
        asking.acquire(
            environment=environment(raw_server), application_id=CLIENT_ID, refresh_token="given"
        )


UNSAID = {
    "nothing": empty(400),
    "a gateway's JSON": json_answer({"message": "Request Header Or Cookie Too Large"}, 400),
    "an object of another kind": json_answer({"error": {"code": 400, "message": "No."}}, 400),
    "a server in trouble": json_answer({"error": "invalid_grant"}, 500),
}


@pytest.mark.parametrize("what", UNSAID)
def test_a_refusal_without_a_word_of_it_costs_no_refresh_token(
    raw_server: RawServer, what: str
) -> None:
    raw_server.serve(granted(refresh_token="successor"), UNSAID[what], granted())
    with dispatcher() as asking:
        given = {"environment": environment(raw_server), "application_id": CLIENT_ID}
        asking.acquire(**given, refresh_token="given")
        with pytest.raises(InvalidGrant):
            asking.acquire(**given, refresh_token="given", force_refresh=True)
        asking.acquire(**given, refresh_token="given", force_refresh=True)
    sent = [each.form["refresh_token"] for each in raw_server.requests]
    assert sent == [["given"], ["successor"], ["successor"]]
