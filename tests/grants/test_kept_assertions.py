"""What makes a client's assertion is not asked again while the last one is good."""

import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from grantway import Context, Dispatcher, Reference, Secret, Vault, hookimpl
from grantway.certificate import ClientCertificate
from grantway.errors import InvalidClient
from grantway.oauth.assertion import signed
from grantway.oauth.kept_assertions import KeptAssertions, maker_of
from oauth.support import FakeClock, context, dispatcher, environment, granted
from peers.oidc_provider import OidcProvider
from servers.raw import RawServer, json_answer

KEY = "a key of at least so many bytes as it takes"
UNAUTHORIZED = json_answer({"error": "invalid_client"}, 401)


class Platform:
    """Vouches for an application by tokens that last so many seconds; counts them."""

    def __init__(self, clock: FakeClock, lasts: float | None = 3600.0) -> None:
        self.clock, self.lasts, self.made = clock, lasts, 0

    def __call__(self) -> str:
        self.made += 1
        claims: dict[str, Any] = {"jti": f"number {self.made}"}
        if self.lasts is not None:
            claims["exp"] = self.clock.time() + self.lasts
        return jwt.encode(claims, KEY)


class Unhashable(Platform):
    __hash__ = None  # type: ignore[assignment]  # as that of a class with an __eq__


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def asking(clock: FakeClock) -> Any:
    with dispatcher(clock=clock) as made:
        yield made


def ask(asking: Dispatcher, server: RawServer, vouch: Any) -> str:
    """Have a new token obtained, and return the assertion that was sent for it."""
    asking.acquire(
        environment=environment(server),
        application_id="an application",
        client_assertion=vouch,
        force_refresh=True,
    )
    return server.requests[-1].form["client_assertion"][0]


def sent_at(
    asking: Dispatcher, server: RawServer, vouch: Any, clock: FakeClock, *moments: float
) -> list[int]:
    """Which assertion was sent at each moment, by the number that it came up with first."""
    server.serve(granted())
    seen: list[str] = []
    begin = clock.now
    for moment in moments:
        clock.advance(begin + moment - clock.now)
        seen.append(ask(asking, server, vouch))
    return [list(dict.fromkeys(seen)).index(each) + 1 for each in seen]


@pytest.mark.parametrize(
    ("lasts", "moments", "numbers"),
    [
        # The margin of an hour is five minutes, that of ten minutes is one.
        (3600, (0, 1, 3299, 3301, 3302), [1, 1, 1, 2, 2]),
        (600, (0, 539, 541), [1, 1, 2]),
        (0.5, (0, 0.4, 0.46), [1, 1, 2]),
        (0, (0, 0), [1, 2]),
        (-60, (0, 0), [1, 2]),
        (None, (0, 0, 0), [1, 2, 3]),
    ],
)
def test_an_assertion_is_used_until_a_little_before_its_end(
    asking: Dispatcher,
    raw_server: RawServer,
    clock: FakeClock,
    lasts: float | None,
    moments: tuple[float, ...],
    numbers: list[int],
) -> None:
    platform = Platform(clock, lasts)
    assert sent_at(asking, raw_server, platform, clock, *moments) == numbers
    assert platform.made == numbers[-1]


@pytest.mark.parametrize("end", [True, "soon", None, [], 10**400, -(10**400)])
def test_an_end_that_is_none_is_not_relied_on(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock, end: object
) -> None:
    made: list[str] = []

    def vouch() -> str:
        made.append(jwt.encode({"n": len(made)} | ({} if end is None else {"exp": end}), KEY))
        return made[-1]

    assert sent_at(asking, raw_server, vouch, clock, 0, 1) == [1, 2]


def test_what_is_no_jwt_is_made_anew_for_each_token(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock
) -> None:
    made: list[str] = []

    def vouch() -> Secret:
        made.append(f"sentinel {len(made)}")
        return Secret(made[-1])

    assert sent_at(asking, raw_server, vouch, clock, 0, 0) == [1, 2]


@pytest.mark.parametrize(
    "of",
    [lambda each: each, lambda each: each.__call__, lambda each: Unhashable(each.clock)],
    ids=["an object", "its method", "what cannot be hashed"],
)
def test_any_kind_of_function_is_known_again(
    asking: Dispatcher,
    raw_server: RawServer,
    clock: FakeClock,
    of: Callable[[Platform], Callable[[], str]],
) -> None:
    platform = Platform(clock)
    vouch = of(platform)
    assert sent_at(asking, raw_server, vouch, clock, 0, 1) == [1, 1]
    assert maker_of(vouch) == maker_of(vouch)


def test_two_functions_have_an_assertion_each(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock
) -> None:
    raw_server.serve(granted())
    one, two = Platform(clock, 60), Platform(clock, 61)
    seen = [ask(asking, raw_server, each) for each in (one, two, one, two)]
    assert seen[:2] == seen[2:]
    assert len(set(seen)) == 2


def test_a_file_is_read_anew_each_time(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock, tmp_path: Path
) -> None:
    raw_server.serve(granted())
    platform, file = Platform(clock), tmp_path / "token"
    seen: list[str] = []
    for _ in range(2):
        file.write_text(platform())
        file.chmod(0o600)
        seen.append(ask(asking, raw_server, Reference(f"file:{file}")))
    assert len(set(seen)) == 2


def test_a_command_is_not_run_again_while_its_assertion_lasts(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock, tmp_path: Path
) -> None:
    source = (
        "import sys; runs = open(sys.argv[1], 'a+'); runs.write('x'); runs.flush()\n"
        "print(sys.argv[2])"
    )
    words = [sys.executable, "-c", source, str(tmp_path / "runs"), Platform(clock)()]
    reference = Reference(f"command:{shlex.join(words)}")
    assert sent_at(asking, raw_server, reference, clock, 0, 1, 3400) == [1, 1, 1]
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_vault_that_does_not_say_that_it_makes_is_asked_each_time(
    raw_server: RawServer, clock: FakeClock
) -> None:
    platform = Platform(clock)

    class Plugin:
        @hookimpl
        def grantway_vaults(self) -> list[Vault]:
            return [
                Vault("reads", lambda _, __: Secret(platform())),
                Vault("makes", lambda _, __: Secret(platform()), makes=True),
            ]

    with dispatcher(Plugin(), clock=clock) as asking:
        for scheme, numbers in (("reads", [1, 2]), ("makes", [1, 1])):
            reference = Reference(f"{scheme}:it")
            assert sent_at(asking, raw_server, reference, clock, 0, 1) == numbers


def test_what_a_vault_makes_for_one_authority_is_sent_to_no_other(
    raw_servers: Callable[..., RawServer], clock: FakeClock
) -> None:
    class Plugin:
        @hookimpl
        def grantway_vaults(self) -> list[Vault]:
            def make(_: str, context: Context) -> Secret:
                claims = {"aud": context.environment.authority, "exp": clock.time() + 3600}
                return Secret(jwt.encode(claims, KEY))

            return [Vault("makes", make, makes=True)]

    with dispatcher(Plugin(), clock=clock) as asking:
        for server in (raw_servers(), raw_servers()):
            server.serve(granted())
            sent = jwt.decode(
                ask(asking, server, Reference("makes:it")), options={"verify_signature": False}
            )
            assert sent["aud"] == environment(server).authority


def test_an_authority_that_takes_an_assertion_once_gets_a_new_one(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock
) -> None:
    platform = Platform(clock)
    raw_server.serve(granted(), UNAUTHORIZED, granted())
    seen = [ask(asking, raw_server, platform) for _ in range(3)]
    assert len(set(seen)) == 3
    assert platform.made == 3, "once it is known, the first attempt is with a new one"
    assert len(raw_server.requests) == 4


def test_nothing_but_the_assertion_is_asked_for_again(
    raw_server: RawServer, clock: FakeClock
) -> None:
    asked: list[str] = []

    def ask_them(name: str, _: object) -> Secret:
        asked.append(name)
        return Secret("theirs")

    class Plugin:
        @hookimpl
        def grantway_vaults(self) -> list[Vault]:
            return [Vault("someone", ask_them)]

    raw_server.serve(granted(), UNAUTHORIZED, granted())
    platform = Platform(clock)
    with dispatcher(Plugin(), clock=clock) as asking:
        for _ in range(2):
            asking.acquire(
                environment=environment(raw_server),
                application_id="an application",
                client_assertion=platform,
                subject_token=Reference("someone:once"),
                force_refresh=True,
            )
    assert (platform.made, len(raw_server.requests)) == (2, 3)
    assert asked == ["once", "once"]
    assert raw_server.requests[-1].form["subject_token"] == ["theirs"]


def test_a_client_that_is_refused_at_once_is_not_asked_for_another_assertion(
    asking: Dispatcher, raw_server: RawServer, clock: FakeClock
) -> None:
    platform = Platform(clock)
    raw_server.serve(UNAUTHORIZED)
    for made in (1, 2):
        with pytest.raises(InvalidClient):
            ask(asking, raw_server, platform)
        assert (platform.made, len(raw_server.requests)) == (made, made)


def test_a_certified_server_which_takes_each_once_gets_its_tokens(
    oidc_provider: OidcProvider,
) -> None:
    import time

    from grantway import Environment, Trust
    from grantway.oauth.key_files import opened

    signer = opened(ClientCertificate(Secret(oidc_provider.keys["p256"])), 0)
    made: list[Secret] = []

    def vouch() -> Secret:
        claims = {
            "iss": "assertion-client",
            "sub": "assertion-client",
            "aud": oidc_provider.issuer,
            "jti": f"made by hand {time.time()} {len(made)}",
            "exp": int(time.time()) + 60,
        }
        made.append(signed({"alg": "ES256"}, claims, signer))
        return made[-1]

    call: dict[str, Any] = {
        "environment": Environment(
            "Certified", oidc_provider.issuer, trust=Trust(loopback_http=True)
        ),
        "application_id": "assertion-client",
        "client_assertion": vouch,
        "resource": oidc_provider.resources["jwt"].uri,
    }
    with dispatcher() as asking:
        tokens = {asking.acquire(**call, force_refresh=True).access_token for _ in range(3)}
    assert len(tokens) == len(made) == 3


def test_of_those_who_need_one_at_once_one_has_it_made(clock: FakeClock) -> None:
    kept, platform = KeptAssertions(), Platform(clock)
    here = context(environment("https://x.example"), clock=clock)
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Secret:
        begun.set()
        assert go_on.wait(30)
        return Secret(platform())

    found: list[Secret] = []
    threads = [
        threading.Thread(target=lambda: found.append(kept.get("it", slowly, here)))
        for _ in range(8)
    ]
    for each in threads:
        each.start()
    assert begun.wait(30)
    go_on.set()
    for each in threads:
        each.join()
    assert platform.made == 1
    assert len({each.reveal() for each in found}) == 1
    assert len(found) == 8


def test_the_memory_shows_nothing_and_does_not_grow(clock: FakeClock) -> None:
    kept, platform = KeptAssertions(), Platform(clock)
    here = context(environment("https://x.example"), clock=clock)
    made = [kept.get(number, lambda: Secret(platform()), here) for number in range(200)]
    assert kept.get(199, lambda: Secret("another"), here) is made[199]
    assert kept.get(0, lambda: Secret("another"), here).reveal() == "another", "it was forgotten"
    assert repr(kept) == "<KeptAssertions>"
    assert not [each for each in made if each.reveal() in repr(vars(kept))]
