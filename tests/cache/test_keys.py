"""No two requests that may get different tokens share a place in the cache, or a flight."""

import threading
from collections.abc import Iterable
from typing import cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import (
    AuthenticationResult,
    Context,
    Credential,
    CredentialProvider,
    Dispatcher,
    Environment,
    Parameter,
    ParameterSet,
    Protocol,
    Reference,
    Registry,
    Secret,
    TokenRequest,
    Trust,
    hookimpl,
)
from grantway.cache.keys import _normal, account_slot, owner_key, result_key, successor_slot
from grantway.config import Configuration
from grantway.errors import InvalidParameter, PluginError
from grantway.parameters import CREDENTIAL, SAVE_REFRESH_TOKEN, words
from grantway.secret import credential

KEY = b"k" * 32

Whose = tuple[str, str, str, str, str]


@attrs.frozen
class ApiKey:
    key: Secret


class Opaque:
    def __init__(self) -> None:
        self.key = Secret("hidden")

    def __repr__(self) -> str:
        return "***"


def as_given(value: object) -> object:
    return value


WHO = Parameter("who", as_given, "Who asks.")
USER = Parameter("user_credential", credential, "A user.", secret=True)
ROLES = Parameter("role_chain", words, "Roles, one after the other.")


class Counting:
    """A plugin whose tokens are all different: whoever gets the same one got somebody else's."""

    def __init__(self) -> None:
        self.made = 0
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.seen: list[TokenRequest] = []

    def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
        from datetime import UTC, datetime, timedelta

        self.made += 1
        made = self.made
        self.seen.append(request)
        self.entered.set()
        assert self.go.wait(10)
        return AuthenticationResult(
            f"token-{made}", expires_on=datetime.now(UTC) + timedelta(hours=1)
        )

    @hookimpl
    def grantway_providers(self) -> Iterable[CredentialProvider]:
        options = (USER, ROLES, CREDENTIAL, SAVE_REFRESH_TOKEN)
        yield CredentialProvider(
            "Who", [ParameterSet("Who", (WHO,), optional=options)], self.authenticate
        )


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def dispatcher(counting: Counting) -> Iterable[Dispatcher]:
    registry = Registry.of(counting, configuration=Configuration(environ={}))
    with Dispatcher(registry, prompter=False, config=Configuration(environ={})) as made:
        yield made


def ask(dispatcher: Dispatcher, **parameters: object) -> str:
    parameters.setdefault("who", "me")
    return dispatcher.acquire(provider="Who", **parameters).access_token


PLAIN = Environment("Plain", authority="https://id.example")
OTHERS = [
    attrs.evolve(PLAIN, trust=Trust(headers={"X-Tenant": "B"})),
    attrs.evolve(PLAIN, trust=Trust(ca_bundle="/another/ca.pem")),
    attrs.evolve(PLAIN, protocol=Protocol("oidc", token_path="{authority}/elsewhere")),
    attrs.evolve(PLAIN, name="Another"),
    attrs.evolve(PLAIN, authority="https://id2.example"),
]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"user_credential": ("alice", "pw1234")}, {"user_credential": ("bob", "pw1234")}),
        (
            {"user_credential": Credential("alice", Reference("env:PW"))},
            {"user_credential": Credential("bob", Reference("env:PW"))},
        ),
        ({"who": ApiKey(Secret("alice-key"))}, {"who": ApiKey(Secret("bob-key"))}),
        ({"role_chain": "a b"}, {"role_chain": "b a"}),
        ({"who": ("a b",)}, {"who": ("a", "b")}),
        ({"who": 1}, {"who": "1"}),
        ({"who": 1}, {"who": True}),
        ({"scopes": "a"}, {"scopes": "b"}),
        ({"resource": "https://a"}, {"resource": "https://a/"}),
    ],
)
def test_different_identities_get_different_tokens(
    dispatcher: Dispatcher, one: dict[str, object], other: dict[str, object], tmp_path: object
) -> None:
    import os

    os.environ["PW"] = "the password"
    first = ask(dispatcher, environment=PLAIN, **one)
    assert ask(dispatcher, environment=PLAIN, **other) != first
    assert ask(dispatcher, environment=PLAIN, **one) == first


@pytest.mark.parametrize("other", OTHERS, ids=lambda each: repr(each)[:40])
def test_an_authority_reached_or_believed_otherwise_has_tokens_of_its_own(
    dispatcher: Dispatcher, other: Environment
) -> None:
    assert ask(dispatcher, environment=PLAIN) != ask(dispatcher, environment=other)


def test_the_order_of_scopes_is_no_difference(dispatcher: Dispatcher) -> None:
    first = ask(dispatcher, environment=PLAIN, scopes="b a")
    assert ask(dispatcher, environment=PLAIN, scopes=["a", "b"]) == first


def test_a_value_that_cannot_be_told_from_others_is_its_plugins_fault(
    dispatcher: Dispatcher,
) -> None:
    with pytest.raises(PluginError, match="Opaque cannot be told"):
        ask(dispatcher, environment=PLAIN, who=Opaque())


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@given(plain, plain)
def test_equal_names_mean_equal_values(one: object, other: object) -> None:
    same = _normal(KEY, one) == _normal(KEY, other)
    assert same == (repr(one) == repr(other))


# Names that begin, end or run together alike, in any of the parts below.
names = st.sampled_from(["a", "b", "ab", "a/b", "1:a", "a1:b", ""])
whose = st.tuples(names, names, names, names, names)


def named(authority: str, cloud: str, tenant: str, client: str) -> TokenRequest:
    environment = Environment(
        f"x{cloud}".replace("/", "-").replace(":", "-"), authority=f"https://id.example/{authority}"
    )
    values: dict[str, object] = {"tenant_id": tenant, "application_id": client}
    return TokenRequest(environment, "Who", "Who", {k: v for k, v in values.items() if v})


@given(whose, whose)
def test_tenants_users_clients_and_clouds_share_no_entry(one: Whose, other: Whose) -> None:
    """An entry is shared by two only if they are the same in every respect."""
    results = [result_key(KEY, named(*who[:4]), (), who[4]) for who in (one, other)]
    same = [
        (each.environment.authority, each.environment.name, each.tenant, each.client_id)
        for each in (named(*one[:4]), named(*other[:4]))
    ]
    assert (results[0] == results[1]) == ((same[0], one[4]) == (same[1], other[4]))
    # Refresh tokens serve all tenants of an authority: what counts is that, client and account.
    slots = [account_slot(KEY, named(*who[:4]), who[4]) for who in (one, other)]
    families = [(each[0], each[3]) for each in same]
    assert (slots[0] == slots[1]) == ((families[0], one[4]) == (families[1], other[4]))
    owners = [owner_key(KEY, named(*who[:4])) for who in (one, other)]
    assert (owners[0] == owners[1]) == (families[0] == families[1])
    assert len({*results, *slots, *owners}) >= 3


@given(whose)
def test_no_cache_can_name_what_another_cache_does(who: Whose) -> None:
    request = named(*who[:4])
    for name in (
        lambda key: result_key(key, request, (), who[4]),
        lambda key: account_slot(key, request, who[4]),
        lambda key: successor_slot(key, request, Secret("a token")),
        lambda key: owner_key(key, request),
    ):
        assert name(KEY) != name(b"l" * 32)


@pytest.mark.parametrize(
    "more", [{"claims": {"a": 1}}, {"save_refresh_token": "file:somewhere"}], ids=str
)
def test_a_call_with_other_circumstances_does_not_take_a_flights_outcome(
    dispatcher: Dispatcher, counting: Counting, more: dict[str, object]
) -> None:
    counting.go.clear()
    got: list[str] = []
    first = threading.Thread(target=lambda: got.append(ask(dispatcher, environment=PLAIN)))
    first.start()
    assert counting.entered.wait(5)
    again = threading.Thread(
        target=lambda: got.append(
            ask(
                dispatcher,
                environment=PLAIN,
                **more,
            )
        )
    )
    again.start()
    counting.go.set()
    first.join(10)
    again.join(10)
    # One after the other, never one for both; the cache may then serve who demands nothing new.
    assert len(got) == 2
    assert any("claims" in each.values for each in counting.seen) == ("claims" in more)


def test_a_provider_that_asks_for_its_own_token_is_told_at_once(counting: Counting) -> None:
    again: list[Dispatcher] = []

    class Circular(Counting):
        def authenticate(self, request: TokenRequest, context: Context) -> AuthenticationResult:
            return again[0].acquire(provider="Who", environment=PLAIN, who="me")

    registry = Registry.of(Circular(), configuration=Configuration(environ={}))
    with Dispatcher(registry, prompter=False, config=Configuration(environ={})) as made:
        again.append(made)
        with pytest.raises(PluginError, match="the very token"):
            ask(made, environment=PLAIN)


@pytest.mark.parametrize("error", [KeyError, ValueError, RuntimeError])
def test_what_a_plugins_parser_raises_shows_no_secret(error: type[Exception]) -> None:
    def parse(value: object) -> str:
        raise error(value)

    pin = Parameter("pin", cast("type[str]", parse), "A PIN.", secret=True)
    fixed = CredentialProvider(
        "Pin", [ParameterSet("Pin", [pin])], lambda request, context: AuthenticationResult("t")
    )

    class Plugin:
        @hookimpl
        def grantway_providers(self) -> Iterable[CredentialProvider]:
            return [fixed]

    registry = Registry.of(Plugin(), configuration=Configuration(environ={}))
    with (
        Dispatcher(registry, prompter=False, config=Configuration(environ={})) as made,
        pytest.raises(InvalidParameter) as caught,
    ):
        made.acquire(provider="Pin", environment=PLAIN, pin="sentinel-1234")
    assert "sentinel" not in str(caught.value)
    assert caught.value.__context__ is None


def test_one_is_not_true_even_after_true_was_taken(dispatcher: Dispatcher) -> None:
    dispatcher.explain(application_id="11111111-2222-3333-4444-555555555555", consent=True)
    with pytest.raises(InvalidParameter):
        dispatcher.bind(application_id="11111111-2222-3333-4444-555555555555", consent=1)  # type: ignore[call-overload]
