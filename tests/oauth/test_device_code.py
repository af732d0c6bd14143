"""The device code grant: what is sent, what a person is shown, and when it is asked again.

Servers are scripted and clocks stand still unless somebody waits by them: nothing here sleeps.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway import (
    AuthorityRequest,
    Context,
    Credential,
    Dispatcher,
    Protocol,
    Secret,
    Transport,
)
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    ExpiredToken,
    GrantwayError,
    InteractionRequired,
    InvalidClient,
    MalformedResponse,
    ProtocolViolation,
    Throttled,
    TransportError,
)
from grantway.flights import Flights
from grantway.oauth import device_code
from grantway.oauth.device_code import DeviceAuthorization, Poll, Schedule, in_words
from grantway.parts import Screen
from grantway.secret import MASK
from grantway_clouds.protocols import ENTRA_V1, ENTRA_V2
from oauth import test_id_token
from oauth.support import (
    CLIENT_ID,
    GRANTED,
    RAW,
    FakeClock,
    context,
    environment,
    granted,
    oidc,
)
from servers.raw import (
    Behaviour,
    Exchange,
    RawServer,
    Request,
    empty,
    hang_up,
    html,
    json_answer,
    redirect,
)

APP = "11111111-2222-3333-4444-555555555555"
SECRET = "sentinel-client-secret"
CODE = "sentinel-device-code"
GRAPH = "https://graph.example"
DEVICE: Mapping[str, object] = {
    "device_code": CODE,
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://authority.example/device",
    "expires_in": 900,
    "interval": 5,
}
DEVICES = attrs.evolve(
    RAW,
    device_authorization_path="{authority}/device",
    authorization_path="{authority}/authorize",
    sign_in_scopes=("openid", "offline_access"),
)
PENDING = json_answer({"error": "authorization_pending"}, 400)
SLOW_DOWN = json_answer({"error": "slow_down"}, 400)


class Person:
    """A prompter that can only show, and remembers what."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def ask(self, question: str, *, secret: bool = False) -> str:
        raise InteractionRequired(question)

    def show(self, text: str) -> None:
        self.shown.append(text)

    def open(self, url: str) -> bool:
        return False


def device(**changes: object) -> Behaviour:
    """A good answer of the device authorization endpoint; a field changed to None is left out."""
    fields = {**DEVICE, **changes}
    return json_answer({name: value for name, value in fields.items() if value is not None})


def noting(clock: FakeClock, times: list[float], then: Behaviour) -> Behaviour:
    """Note the time of each request, then behave."""

    def act(exchange: Exchange) -> None:
        times.append(clock.uptime)
        then.act(exchange)

    return Behaviour(act)


def taking(clock: FakeClock, seconds: float, then: Behaviour) -> Behaviour:
    """Behave when that time has gone by."""

    def act(exchange: Exchange) -> None:
        clock.advance(seconds)
        then.act(exchange)

    return Behaviour(act)


class Sign:
    """One person who signs in by device code, against a scripted server."""

    def __init__(self, server: RawServer, **more: Any) -> None:
        self.server = server
        self.clock = FakeClock()
        self.person = Person()
        self.times: list[float] = []
        self.given: dict[str, Any] = {
            "environment": environment(server, DEVICES),
            "application_id": CLIENT_ID,
            "device_code": True,
            **more,
        }
        server.serve(device(), path="/device")

    def serve(self, *polls: Behaviour) -> "Sign":
        noted = [noting(self.clock, self.times, each) for each in polls]
        self.server.serve(*noted, path="/token")
        return self

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(clock=self.clock, prompter=self.person)

    def acquire(self, **more: Any) -> Any:
        with self.dispatcher() as asking:
            return asking.acquire(**self.given, **more)

    @property
    def pauses(self) -> list[float]:
        """Seconds between the code, each poll and the next."""
        return differences([FakeClock().uptime, *self.times])

    @property
    def text(self) -> str:
        return "\n".join(self.person.shown)


def differences(times: Sequence[float]) -> list[float]:
    return [round(later - sooner, 6) for sooner, later in pairwise(times)]


def form(request: Request) -> dict[str, str]:
    assert all(len(values) == 1 for values in request.form.values())
    return {name: values[0] for name, values in request.form.items()}


@pytest.fixture
def sign(raw_server: RawServer) -> Sign:
    return Sign(raw_server)


# What is sent.

PUBLIC = {"application_id": APP}
CONSENT = {"credential": Credential(APP, SECRET), "consent": True, "tenant_id": "a.example"}
IDENTITY = "openid profile offline_access"
URN = "urn:ietf:params:oauth:grant-type:device_code"

SHAPES: dict[str, tuple[Protocol, dict[str, Any], str, str, dict[str, str], dict[str, str]]] = {
    "v1, public": (
        ENTRA_V1,
        PUBLIC,
        "/common/oauth2/devicecode",
        "/common/oauth2/token",
        {"client_id": APP, "resource": GRAPH},
        {"client_id": APP, "code": CODE, "grant_type": "device_code", "resource": GRAPH},
    ),
    "v1, confidential": (
        ENTRA_V1,
        CONSENT,
        "/a.example/oauth2/devicecode",
        "/a.example/oauth2/token",
        {"client_id": APP, "client_secret": SECRET, "resource": GRAPH},
        {
            "client_id": APP,
            "client_secret": SECRET,
            "code": CODE,
            "grant_type": "device_code",
            "resource": GRAPH,
        },
    ),
    "v2, public": (
        ENTRA_V2,
        PUBLIC,
        "/common/oauth2/v2.0/devicecode",
        "/common/oauth2/v2.0/token",
        {"client_id": APP, "scope": f"{GRAPH}/.default {IDENTITY}"},
        {"client_id": APP, "device_code": CODE, "grant_type": URN},
    ),
    "v2, confidential": (
        ENTRA_V2,
        {**CONSENT, "scopes": f"{GRAPH}/User.Read"},
        "/a.example/oauth2/v2.0/devicecode",
        "/a.example/oauth2/v2.0/token",
        {"client_id": APP, "client_secret": SECRET, "scope": f"{GRAPH}/User.Read {IDENTITY}"},
        {"client_id": APP, "client_secret": SECRET, "device_code": CODE, "grant_type": URN},
    ),
    "oidc": (
        DEVICES,
        {"application_id": APP, "scopes": "read"},
        "/device",
        "/token",
        {"client_id": APP, "scope": "read openid offline_access"},
        {"client_id": APP, "device_code": CODE, "grant_type": URN},
    ),
    "oidc, with a resource": (
        DEVICES,
        {"application_id": APP, "resource": GRAPH},
        "/device",
        "/token",
        {"client_id": APP, "resource": GRAPH, "scope": "openid offline_access"},
        {"client_id": APP, "device_code": CODE, "grant_type": URN, "resource": GRAPH},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_these_fields_are_sent_in_the_form_and_nothing_in_the_address(
    raw_server: RawServer, name: str
) -> None:
    protocol, call, code_path, token_path, asked, redeemed = SHAPES[name]
    raw_server.serve(device(), path=code_path)
    raw_server.serve(PENDING, granted(refresh_token="r"), path=token_path)
    of = environment(raw_server, protocol, default_resource=GRAPH if "v" in name[:1] else None)
    with Dispatcher(clock=FakeClock(), prompter=Person()) as asking:
        asking.acquire(environment=of, device_code=True, **call)
    assert [request.method for request in raw_server.requests] == ["POST"] * 3
    assert [request.target for request in raw_server.requests] == [code_path, *[token_path] * 2]
    assert [form(request) for request in raw_server.requests] == [asked, redeemed, redeemed]


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_explained_is_what_is_sent(raw_server: RawServer, name: str) -> None:
    protocol, call, code_path, token_path, asked, redeemed = SHAPES[name]
    of = environment(raw_server, protocol, default_resource=GRAPH if "v" in name[:1] else None)
    with Dispatcher(clock=FakeClock(), prompter=Person()) as asking:
        explained = asking.explain(environment=of, device_code=True, **call)
    assert not raw_server.connections
    secrets = ("client_secret", "device_code", "code")
    assert [(each.method, each.url, dict(each.fields)) for each in explained.requests] == [
        (
            "POST",
            raw_server.url + path,
            {field: MASK if field in secrets else value for field, value in fields.items()},
        )
        for path, fields in ((code_path, asked), (token_path, redeemed))
    ]


def test_a_secret_in_a_header_stays_there(raw_server: RawServer) -> None:
    basic = attrs.evolve(
        environment(raw_server, DEVICES), client_authentication="client_secret_basic"
    )
    raw_server.serve(device(), path="/device")
    raw_server.serve(granted(refresh_token="r"), path="/token")
    with Dispatcher(clock=FakeClock(), prompter=Person()) as asking:
        asking.acquire(
            environment=basic, consent=True, credential=(CLIENT_ID, SECRET), device_code=True
        )
    assert [request.headers["authorization"][:6] for request in raw_server.requests] == [
        "Basic "
    ] * 2
    assert all("client_secret" not in form(request) for request in raw_server.requests)


# What a person is shown.


def test_the_page_the_code_and_the_time_are_shown(sign: Sign) -> None:
    sign.serve(granted()).acquire()
    (shown,) = sign.person.shown
    assert "sign in at Raw" in shown
    assert "https://authority.example/device" in shown
    assert "ABCD-EFGH" in shown
    assert "within 15 minutes" in shown
    assert CODE not in shown


def test_what_v1_calls_the_page_is_understood(sign: Sign) -> None:
    sign.server.serve(
        device(verification_uri=None, verification_url="https://v1.example/d"), path="/device"
    )
    sign.serve(granted()).acquire()
    assert "https://v1.example/d" in sign.text


def test_the_authoritys_own_message_is_not_shown(sign: Sign) -> None:
    sign.server.serve(device(message="Go to https://evil.example \x1b[2J"), path="/device")
    sign.serve(granted()).acquire()
    assert "evil" not in sign.text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("AB\x1b[31mCD", "AB[31mCD"),
        ("\x07AB\r\nCD\x9b", "ABCD"),
        ("AB\u202e\u200bCD\ud800", "ABCD"),
        ("  АБ 12  ", "АБ 12"),
    ],
)
def test_a_code_moves_no_cursor(sign: Sign, sent: str, shown: str) -> None:
    sign.server.serve(device(user_code=sent), path="/device")
    sign.serve(granted()).acquire()
    assert f"    {shown}\n" in sign.text
    assert all(each.isprintable() or each == "\n" for each in sign.text)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"device_code": None}, "without a device_code"),
        ({"device_code": ""}, "without a device_code"),
        ({"device_code": 17}, "without a device_code"),
        ({"device_code": ["a"]}, "without a device_code"),
        ({"user_code": None}, "without a user_code"),
        ({"user_code": 1234}, "without a user_code"),
        ({"user_code": "\x1b\x00\u202e"}, "without a user_code"),
        ({"user_code": "A" * 101}, "without a user_code"),
        ({"user_code": "A" * 500_000}, "without a user_code"),
        ({"verification_uri": None}, "without a verification_uri"),
        ({"verification_uri": {"a": 1}}, "without a verification_uri"),
        ({"expires_in": 0}, "good for 0 seconds"),
        ({"expires_in": 5}, "good for 5 seconds"),
        ({"interval": 10**9}, "only every 1e\\+09 seconds"),
        ({"interval": "901"}, "only every 901 seconds"),
    ],
)
def test_an_answer_that_nobody_can_act_on_is_refused_before_anything_is_shown(
    sign: Sign, changes: dict[str, object], says: str
) -> None:
    sign.server.serve(device(**changes), path="/device")
    with pytest.raises(MalformedResponse, match=says) as caught:
        sign.serve(granted()).acquire()
    assert caught.value.remedy
    assert len(str(caught.value)) < 500
    assert CODE not in str(caught.value)
    assert not sign.person.shown
    assert not sign.times


@pytest.mark.parametrize("which", ["verification_uri", "verification_uri_complete"])
@pytest.mark.parametrize(
    "url",
    [
        "http://authority.example/device",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "https://authority.example@evil.example/",
        "https://authority.example/\x1b[2J",
        "https://authority.example/a b",
        "https://authority.example/\u202e",
        "https://\u0430uthority.example/",
        "https://authority.example/" + "a" * 2000,
        "//authority.example",
        "https://",
        "https://[::1/",
        "\\\\server\\share",
    ],
)
def test_an_address_that_is_no_plain_https_one_is_never_shown(
    sign: Sign, which: str, url: str
) -> None:
    sign.server.serve(device(**{which: url}), path="/device")
    with pytest.raises(ProtocolViolation, match="an address that is not shown") as caught:
        sign.serve(granted()).acquire()
    assert caught.value.remedy
    assert url not in str(caught.value)
    assert not sign.person.shown
    assert not sign.times


def test_the_page_may_be_on_another_host(sign: Sign) -> None:
    """As it is at the largest authority there is."""
    sign.server.serve(device(verification_uri="https://elsewhere.example/login"), path="/device")
    sign.serve(granted()).acquire()
    assert "https://elsewhere.example/login" in sign.text


class Display(Person):
    """A person with a screen; what is drawn on it is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[str] = []

    def show_qr(self, url: str) -> None:
        self.drawn.append(url)

    def progress(self, text: str) -> None:
        pass


def test_a_code_is_drawn_of_an_address_that_a_phone_can_open(sign: Sign) -> None:
    sign.person = display = Display()
    complete = "https://authority.example/device?user_code=ABCD-EFGH"
    sign.server.serve(device(verification_uri_complete=complete), path="/device")
    sign.serve(granted()).acquire()
    assert display.drawn == [complete]


def test_no_code_is_drawn_of_a_page_of_this_machine(sign: Sign) -> None:
    sign.person = display = Display()
    sign.server.serve(device(verification_uri=f"{sign.server.url}/page"), path="/device")
    sign.serve(granted()).acquire()
    assert "open this page on this machine" in sign.text
    assert display.drawn == []


@pytest.mark.parametrize("prompt", [None, "login", "select_account"])
def test_a_prompt_that_a_device_code_has_no_place_for_is_warned_of(
    sign: Sign, prompt: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    sign.serve(granted()).acquire(prompt=prompt)
    (asked,) = [each for each in sign.server.requests if each.path == "/device"]
    assert "prompt" not in form(asked)
    assert ("prompt has no effect" in caplog.text) == (prompt is not None)


def test_a_complete_address_that_is_no_text_is_as_good_as_none(sign: Sign) -> None:
    sign.server.serve(device(verification_uri_complete=5), path="/device")
    assert sign.serve(granted()).acquire().access_token


def test_a_line_that_cannot_be_written_costs_no_token(sign: Sign) -> None:
    class Broken(Person):
        def show_qr(self, url: str) -> None:
            self.shown.append(url)

        def progress(self, text: str) -> None:
            raise OSError(5, "the terminal is gone")

    sign.person = Broken()
    assert isinstance(sign.person, Screen)
    assert sign.serve(PENDING, granted()).acquire().access_token == GRANTED["access_token"]


# When there is no code.


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (json_answer({"error": "invalid_client"}, 401), InvalidClient),
        (json_answer({"error": "unauthorized_client"}, 400), AuthorityError),
        (json_answer({"error": "server_error"}, 500), AuthorityError),
        (html(500), MalformedResponse),
        (html(503), MalformedResponse),
        (empty(404), AuthorityError),
        (hang_up(), TransportError),
        (json_answer(["x"]), MalformedResponse),
        (redirect("https://elsewhere.example/"), ProtocolViolation),
        (json_answer({"error": "interaction_required"}, 400), InteractionRequired),
        (json_answer({"error": "device_flow_disabled"}), MalformedResponse),
    ],
)
def test_no_code_no_poll(sign: Sign, behaviour: Behaviour, kind: type[GrantwayError]) -> None:
    sign.server.serve(behaviour, path="/device")
    with pytest.raises(kind):
        sign.serve(granted()).acquire()
    assert not sign.person.shown
    assert not sign.times


def test_an_authority_that_says_when_to_come_back_is_asked_again_for_a_code(sign: Sign) -> None:
    sign.server.serve(json_answer({}, 429, [("Retry-After", "7")]), device(), path="/device")
    assert sign.serve(granted()).acquire().access_token


@pytest.mark.parametrize(
    "failure", [html(500), empty(502), json_answer({"error": "server_error"}, 500)]
)
def test_a_server_that_fails_now_and_then_is_asked_again_for_a_code(
    sign: Sign, failure: Behaviour
) -> None:
    sign.server.serve(failure, failure, device(), path="/device")
    assert sign.serve(granted()).acquire().access_token
    assert sign.clock.waits[:2] == [1, 3]


def test_a_server_that_fails_each_time_is_asked_thrice_for_a_code(sign: Sign) -> None:
    sign.server.serve(html(500), path="/device")
    with pytest.raises(MalformedResponse, match="HTTP 500") as caught:
        sign.serve(granted()).acquire()
    assert "Try again later" in caught.value.remedy
    assert [request.path for request in sign.server.requests] == ["/device"] * 3


def test_an_authority_without_a_device_endpoint_has_no_such_grant(raw_server: RawServer) -> None:
    raw_server.serve(
        json_answer({"issuer": raw_server.url, "token_endpoint": f"{raw_server.url}/token"}),
        path="/.well-known/openid-configuration",
    )
    person = Person()
    with Dispatcher(prompter=person) as asking:
        with pytest.raises(ConfigurationError, match="no device code grant") as caught:
            asking.acquire(environment=oidc(raw_server), application_id=CLIENT_ID, device_code=True)
    assert caught.value.remedy
    assert len(raw_server.requests) == 1


def test_without_anybody_to_show_it_to_nothing_is_sent(raw_server: RawServer) -> None:
    with Dispatcher(prompter=False) as asking:
        with pytest.raises(InteractionRequired):
            asking.acquire(
                environment=environment(raw_server, DEVICES),
                application_id=CLIENT_ID,
                device_code=True,
            )
    assert not raw_server.connections


# When it is asked again.


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [
        (None, 5), (7, 7), ("7", 7), (2.5, 2.5), (0, 1), (-3, 5), ("soon", 5), (True, 5),
        (float("1e300"), 5), ([], 5),
    ],
)  # fmt: skip
def test_polls_are_as_far_apart_as_the_authority_says(
    sign: Sign, interval: object, seconds: float
) -> None:
    sign.server.serve(device(interval=interval), path="/device")
    sign.serve(PENDING, PENDING, PENDING, granted()).acquire()
    assert sign.pauses == [seconds] * 4


def test_each_slow_down_adds_five_seconds_for_good(sign: Sign) -> None:
    sign.serve(SLOW_DOWN, PENDING, SLOW_DOWN, SLOW_DOWN, PENDING, granted()).acquire()
    assert sign.pauses == [5, 10, 10, 15, 20, 20]


@pytest.mark.parametrize(
    "trouble",
    [
        html(500), html(502), html(429), json_answer({"error": "server_error"}, 500), empty(503),
        json_answer({"error": "temporarily_unavailable"}, 400), json_answer({}, 429), hang_up(),
    ],
)  # fmt: skip
def test_a_server_in_trouble_is_given_ever_more_time(sign: Sign, trouble: Behaviour) -> None:
    sign.serve(*[trouble] * 6, PENDING, PENDING, granted()).acquire()
    assert sign.pauses == [5, 10, 20, 40, 60, 60, 60, 5, 5]


def test_a_server_that_is_not_there_is_asked_once_per_poll(sign: Sign, raw_servers: Any) -> None:
    """Nor does the transport, which else tries a connection again, come in between."""
    gone = RawServer()
    gone.start().stop()
    protocol = attrs.evolve(DEVICES, token_path=f"{gone.url}/token")
    sign.given["environment"] = environment(sign.server, protocol, hosts=(gone.url[7:],))
    with pytest.raises(TransportError, match="refused"):
        sign.acquire()
    # 5, 10, 20, 40, then by the minute, and one more before the code is out.
    assert sign.clock.uptime == FakeClock().uptime + 899


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("answers", [html, lambda *given: json_answer({}, *given)])
@pytest.mark.parametrize(("asked", "seconds"), [("0", 10), ("3", 10), ("45", 45), ("100", 100)])
def test_polls_are_no_closer_than_retry_after_says(
    sign: Sign, status: int, answers: Callable[..., Behaviour], asked: str, seconds: float
) -> None:
    sign.serve(
        answers(status, [("Retry-After", asked)]), PENDING, granted(),
    ).acquire()  # fmt: skip
    assert sign.pauses == [5, seconds, 5]


def test_a_date_in_retry_after_is_obeyed_too(sign: Sign) -> None:
    # 25 seconds after the clock's start, 20 after the first poll.
    date = "Tue, 14 Nov 2023 22:13:45 GMT"
    sign.serve(html(503, [("Retry-After", date)]), granted()).acquire()
    assert sign.pauses == [5, 20]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (("access_denied", 400), AccessDenied),
        (("authorization_declined", 400), AccessDenied),
        (("expired_token", 400), ExpiredToken),
        (("code_expired", 400), ExpiredToken),
        (("bad_verification_code", 400), AuthorityError),
        (("invalid_client", 401), InvalidClient),
        (("invalid_grant", 400), AuthorityError),
        (("interaction_required", 400), InteractionRequired),
    ],
)
def test_an_end_is_told_apart_and_ends_it(
    sign: Sign, answer: tuple[str, int], kind: type[GrantwayError]
) -> None:
    error, status = answer
    sign.serve(PENDING, json_answer({"error": error}, status), granted())
    with pytest.raises(GrantwayError) as caught:
        sign.acquire()
    assert isinstance(caught.value, kind)
    refused = caught.value if isinstance(caught.value, AuthorityError) else caught.value.__cause__
    assert isinstance(refused, AuthorityError)
    assert refused.error == error
    if kind in (AccessDenied, ExpiredToken):
        assert "Start again" in caught.value.remedy
    assert len(sign.times) == 2


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (redirect("https://elsewhere.example/"), ProtocolViolation),
        (html(200), MalformedResponse),
        (json_answer({"access_token": ""}), MalformedResponse),
        (empty(400), AuthorityError),
        (empty(401), InvalidClient),
    ],
)
def test_what_no_further_poll_can_mend_ends_it(
    sign: Sign, behaviour: Behaviour, kind: type[GrantwayError]
) -> None:
    sign.serve(PENDING, behaviour, granted())
    with pytest.raises(kind):
        sign.acquire()
    assert len(sign.times) == 2


def test_it_ends_with_the_code_of_which_nothing_is_asked_later(sign: Sign) -> None:
    sign.server.serve(device(expires_in="600", interval=7), path="/device")
    with pytest.raises(ExpiredToken, match="nobody has signed in") as caught:
        sign.serve(PENDING).acquire()
    assert caught.value.error == "expired_token"
    assert "within 10 minutes" in caught.value.remedy
    assert sign.pauses == [7] * 85
    assert sum(sign.pauses) < 600


@pytest.mark.parametrize("lifetime", [None, -1, "x", 10**13, True])
def test_a_lifetime_that_is_none_is_a_quarter_of_an_hour(sign: Sign, lifetime: object) -> None:
    sign.server.serve(device(expires_in=lifetime), path="/device")
    with pytest.raises(ExpiredToken):
        sign.serve(PENDING).acquire()
    assert sum(sign.pauses) == 895


def test_however_long_a_code_is_good_for_nobody_is_waited_for_longer_than_a_day(
    sign: Sign,
) -> None:
    sign.server.serve(device(expires_in=10**10, interval=1000), path="/device")
    with pytest.raises(ExpiredToken, match="nobody has signed in"):
        sign.serve(PENDING).acquire()
    assert sum(sign.pauses) == 86_000


def test_when_the_last_polls_had_no_answer_that_is_what_is_told(sign: Sign) -> None:
    with pytest.raises(MalformedResponse, match="HTTP 502"):
        sign.serve(PENDING, html(502)).acquire()
    # One more is made before the code is out, though a minute's pause would pass that.
    assert sum(sign.pauses) == 899


class JumpingClock(FakeClock):
    """Its wall clock is anywhere."""

    def time(self) -> float:
        self.now = 1_700_000_000.0 if self.now > 1_800_000_000 else 3_000_000_000.0
        return self.now


def test_a_wall_clock_that_jumps_changes_nothing(sign: Sign) -> None:
    sign.clock = JumpingClock()
    with pytest.raises(ExpiredToken):
        sign.serve(PENDING).acquire()
    assert sign.pauses == [5] * 179


# The caller's time.


def test_without_a_timeout_there_is_time_until_the_code_expires(sign: Sign) -> None:
    sign.serve(*[PENDING] * 178, granted())
    assert sign.acquire().access_token == GRANTED["access_token"]
    assert sum(sign.pauses) == 895


async def test_a_task_has_time_until_the_code_expires_too(sign: Sign) -> None:
    sign.serve(*[PENDING] * 178, granted())
    with sign.dispatcher() as asking:
        assert (await asking.acquire_async(**sign.given)).access_token
        sign.serve(PENDING)
        with pytest.raises(ExpiredToken):
            await asking.acquire_async(**sign.given, force_refresh=True)


async def test_a_task_waits_as_long_as_its_work_has_been_given() -> None:
    """The deadline it began with passes while the work, which has more time by then, goes on."""
    flights: Flights[str] = Flights()
    left, go = iter([0.01, 30.0]), threading.Event()

    def work(_: threading.Event) -> str:
        assert go.wait(20)
        return "done"

    def remaining() -> float:
        seconds = next(left)
        if seconds > 1:
            go.set()
        return seconds

    assert await flights.run_async("key", work, remaining) == "done"


def test_a_timeout_that_is_given_is_kept(sign: Sign) -> None:
    with pytest.raises(DeadlineExceeded, match="The 100 seconds") as caught:
        sign.serve(PENDING).acquire(timeout=100)
    assert caught.value.timeout == 100
    assert sum(sign.pauses) == 95
    # A person is not promised more than that.
    assert "within 100 seconds" in sign.text


def test_a_longer_timeout_does_not_outlive_the_code(sign: Sign) -> None:
    with pytest.raises(ExpiredToken):
        sign.serve(PENDING).acquire(timeout=5000)


def test_a_context_of_an_author_keeps_its_own_time() -> None:
    here = context(environment("https://authority.example", DEVICES), timeout=7)
    assert here.with_time(900) is here


def test_who_prolongs_is_told_the_time_by_the_same_clock() -> None:
    clock, told = FakeClock(), list[float]()
    here = attrs.evolve(
        context(environment("https://authority.example"), clock=clock), prolong=told.append
    )
    more = here.with_time(900)
    assert told == [more.deadline] == [clock.uptime + 900]
    assert more.timeout == 900
    assert here.deadline == clock.uptime + 10


# Cancellation, and what is not lost by it.


async def test_a_cancelled_task_ends_the_polling(raw_server: RawServer) -> None:
    sign, polled, loop = Sign(raw_server), asyncio.Event(), asyncio.get_running_loop()

    class Clock(FakeClock):
        """Time goes by until the second poll, then only by an event that is set."""

        def wait(self, event: threading.Event, seconds: float) -> bool:
            if len(sign.times) < 2:
                return super().wait(event, seconds)
            loop.call_soon_threadsafe(polled.set)
            if event.wait(20):
                ended.set()
            return event.is_set()

    ended = threading.Event()
    sign.clock = Clock()
    sign.serve(PENDING)
    with sign.dispatcher() as asking:
        task = asyncio.create_task(asking.acquire_async(**sign.given))
        await asyncio.wait_for(polled.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(ended.wait, 20)
    assert len(sign.times) == 2


def test_an_interrupt_ends_the_polling(sign: Sign) -> None:
    class Clock(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            if sign.times:
                raise KeyboardInterrupt
            return super().wait(event, seconds)

    sign.clock = Clock()
    with pytest.raises(KeyboardInterrupt):
        sign.serve(PENDING).acquire()
    assert len(sign.times) == 1


class Script:
    """A transport that answers polls as told, and notes when; the last answer goes on for ever."""

    def __init__(self, clock: FakeClock, *answers: Mapping[str, object] | GrantwayError) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.times: list[float] = []
        self.takes: Callable[[], float] = lambda: 0.0

    def fetch_token(self, request: AuthorityRequest, context: Context) -> Mapping[str, object]:
        context.remaining()
        self.times.append(self.clock.uptime)
        self.clock.advance(self.takes())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, GrantwayError):
            raise answer
        return answer

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> Mapping[str, object]:
        raise AssertionError(request.endpoint)


SENT = AuthorityRequest("token", "https://authority.example/token", (("a", "b"),))
PENDING_ERROR = AuthorityError("pending", error="authorization_pending")


def polled(
    script: Transport,
    clock: FakeClock,
    *,
    lifetime: float = 900.0,
    interval: float = 5.0,
    timeout: float = 1e6,
    cancelled: threading.Event | None = None,
    tick: Callable[[float], None] = lambda _: None,
) -> Mapping[str, object]:
    code = DeviceAuthorization(
        Secret(CODE), "AB", "https://a.example", "", lifetime, clock.uptime + lifetime, interval
    )
    here = context(
        environment("https://authority.example", DEVICES),
        clock=clock,
        timeout=timeout,
        transport=script,
        cancelled=cancelled,
    )
    return device_code.poll(SENT, code, here, tick)


def test_who_waits_is_told_each_second_how_long_the_code_is_good() -> None:
    clock, told = FakeClock(), list[float]()
    polled(Script(clock, PENDING_ERROR, GRANTED), clock, lifetime=60, tick=told.append)
    assert told == [60.0 - each for each in range(10)]


def test_who_waits_is_not_told_of_more_time_than_the_caller_has() -> None:
    clock, told = FakeClock(), list[float]()
    polled(Script(clock, GRANTED), clock, timeout=50, tick=told.append)
    assert told == [50.0, 49.0, 48.0, 47.0, 46.0]


def test_cancelled_between_two_polls_there_is_no_further_one() -> None:
    clock, gone = FakeClock(), threading.Event()
    script = Script(clock, PENDING_ERROR)

    def tick(left: float) -> None:
        if left < 887:
            gone.set()

    with pytest.raises(Cancelled):
        polled(script, clock, cancelled=gone, tick=tick)
    assert differences([FakeClock().uptime, *script.times]) == [5, 5]


def test_time_that_passes_while_a_person_is_shown_the_code_counts() -> None:
    clock = FakeClock()
    code = DeviceAuthorization(
        Secret(CODE), "AB", "https://a.example", "", 60.0, clock.uptime + 60, 5.0
    )
    script = Script(clock, PENDING_ERROR)
    clock.advance(52)
    here = context(environment("https://authority.example"), clock=clock, transport=script)
    with pytest.raises(ExpiredToken):
        device_code.poll(SENT, code, here)
    assert len(script.times) == 1


ANSWERS: dict[str, Callable[[float | None], Mapping[str, object] | GrantwayError]] = {
    "pending": lambda _: PENDING_ERROR,
    "slow_down": lambda _: AuthorityError("slow", error="slow_down"),
    "throttled": lambda wait: Throttled("wait", retryable=True, retry_after=wait),
    "slow, and throttled": lambda wait: Throttled("wait", error="slow_down", retry_after=wait),
    "page": lambda wait: MalformedResponse("page", retryable=True, retry_after=wait),
    "gone": lambda _: TransportError("gone"),
    "denied": lambda _: AccessDenied("denied", error="access_denied"),
    "untrusted": lambda _: TransportError("tls", retryable=False),
    "token": lambda _: {"access_token": "a token"},
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*ANSWERS, "pending", "pending", "gone"]),
        st.one_of(st.none(), st.floats(0, 2000)),
        st.floats(0, 40),
    ),
    min_size=1,
    max_size=60,
)


@given(
    steps=STEPS,
    lifetime=st.floats(2, 3000),
    interval=st.floats(1, 100),
    timeout=st.floats(1, 4000),
    cancelled_at=st.one_of(st.none(), st.floats(0, 3000)),
)
def test_whatever_the_server_answers(
    steps: list[tuple[str, float | None, float]],
    lifetime: float,
    interval: float,
    timeout: float,
    cancelled_at: float | None,
) -> None:
    """It ends; polls come as slowly as told and never too late; a token that came is returned."""
    clock, gone = FakeClock(), threading.Event()
    began = clock.uptime
    script = Script(clock, *(ANSWERS[kind](wait) for kind, wait, _ in steps))
    durations = iter([seconds for _, _, seconds in steps])

    def takes() -> float:
        seconds = next(durations, 0.0)
        if cancelled_at is not None and clock.uptime + seconds - began >= cancelled_at:
            gone.set()
        return seconds

    def tick(_: float) -> None:
        if cancelled_at is not None and clock.uptime - began >= cancelled_at:
            gone.set()

    script.takes = takes
    found: object
    try:
        found = polled(
            script,
            clock,
            lifetime=lifetime,
            interval=interval,
            timeout=timeout,
            cancelled=gone,
            tick=tick,
        )
    except GrantwayError as error:
        found = error

    asked = [steps[min(number, len(steps) - 1)] for number in range(len(script.times))]
    answered_last = asked[-1][0] if asked else ""
    # Never later than the code is good, nor than the caller's time.
    assert all(time < began + min(lifetime, timeout) for time in script.times)
    # Never faster than told, counted from the answer before.
    least, before = interval, began
    for (kind, wait, _), time in zip(asked, script.times, strict=True):
        assert time - before >= least - 1e-6
        interval += 5 if kind.startswith("slow") else 0
        least = max(interval, (wait if kind in ("throttled", "page") else 0) or 0)
        least = max(least, wait or 0) if kind == "slow, and throttled" else least
        before = time
    # A token that came is what is returned, and the end.
    if answered_last == "token":
        assert found == {"access_token": "a token"}
    else:
        assert isinstance(found, GrantwayError)
    assert all(kind not in ("token", "denied", "untrusted") for kind, _, _ in asked[:-1])
    # Each end has its own name.
    match found:
        case AccessDenied():
            assert answered_last == "denied"
        case ExpiredToken():
            assert answered_last not in ("gone", "page", "throttled", "denied")
        case Cancelled():
            assert gone.is_set()
        case DeadlineExceeded():
            assert clock.uptime >= began + timeout
        case TransportError() | MalformedResponse() | Throttled():
            assert answered_last in ("gone", "page", "throttled", "untrusted")
        case _:
            assert answered_last == "token"


@given(
    st.lists(st.tuples(st.sampled_from(Poll), st.floats(0, 1e6)), max_size=50), st.floats(1, 1e5)
)
def test_a_schedule_never_grows_faster(polls: list[tuple[Poll, float]], interval: float) -> None:
    schedule = Schedule.of(interval)
    for poll, asked in polls:
        schedule = schedule.after(poll, asked)
        assert schedule.interval >= interval
        assert schedule.pause >= schedule.least >= max(asked, schedule.interval)
        for left in (0.0, 1.0, 1e9):
            assert schedule.least <= schedule.wait(left) <= schedule.pause


# What has been issued is not lost by what comes after it.


class Issued(Sign):
    """The authority answers the poll with an id_token and a refresh token."""

    def __init__(self, server: RawServer, **claims: Any) -> None:
        super().__init__(server)
        self.authority = test_id_token.Authority(server)
        self.clock = FakeClock(test_id_token.NOW)
        self.given["environment"] = self.authority.environment
        metadata = {
            "issuer": server.url,
            "token_endpoint": f"{server.url}/token",
            "jwks_uri": f"{server.url}/keys",
            "device_authorization_endpoint": f"{server.url}/device",
        }
        server.serve(json_answer(metadata), path="/.well-known/openid-configuration")
        self.token = granted(
            id_token=self.authority.token(**claims), refresh_token="sentinel-refresh-token"
        )
        self.serve(PENDING, self.token)


@pytest.fixture
def issued(raw_server: RawServer) -> Issued:
    return Issued(raw_server)


TROUBLES = [
    html(503),
    hang_up(),
    json_answer({}, 500),
    json_answer({"error": "x"}, 429, [("Retry-After", "99999")]),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=["503", "gone", "500", "429"])
def test_a_token_is_not_lost_because_the_keys_cannot_be_had(
    issued: Issued, trouble: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    issued.server.serve(trouble, path="/keys")
    with issued.dispatcher() as asking:
        result = asking.acquire(**issued.given)
        assert result.access_token == GRANTED["access_token"]
        assert result.refresh_token == "sentinel-refresh-token"
        assert result.account is None
        assert result.id_token is None
        assert "who has signed in is not known" in caplog.text
        assert "sentinel" not in caplog.text
        # Nobody has to sign in again: the refresh token is there, and the next time is a better one.
        issued.authority.publish()
        again = asking.acquire(**issued.given, force_refresh=True)
    grants = [form(each)["grant_type"] for each in issued.server.requests if each.path == "/token"]
    assert grants == [URN, URN, "refresh_token"]
    assert again.account is not None
    assert again.account.subject == "subject"


def test_a_token_is_not_lost_because_the_time_is_up(issued: Issued) -> None:
    """The caller's time ends after the token has come, before the keys have."""
    issued.serve(taking(issued.clock, 95, issued.token))
    issued.given["timeout"] = 100
    result = issued.acquire()
    assert result.access_token == GRANTED["access_token"]
    assert result.account is None


def test_there_is_time_for_the_keys_when_the_code_expires_meanwhile(issued: Issued) -> None:
    issued.serve(taking(issued.clock, 900, issued.token))
    assert issued.acquire().account.subject == "subject"


async def test_a_token_that_came_for_a_cancelled_task_is_there_for_the_next(
    issued: Issued,
) -> None:
    asked, go = threading.Event(), threading.Event()

    def act(exchange: Exchange) -> None:
        asked.set()
        assert go.wait(20)
        json_answer({"keys": issued.authority.keys}).act(exchange)

    issued.server.serve(Behaviour(act), path="/keys")
    with issued.dispatcher() as asking:
        task = asyncio.create_task(asking.acquire_async(**issued.given))
        assert await asyncio.to_thread(asked.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        for _ in range(500):
            if not any(each.name == "grantway-flight" for each in threading.enumerate()):
                break
            await asyncio.sleep(0.01)
        polls = len(issued.times)
        result = await asking.acquire_async(**issued.given)
    assert result.access_token == GRANTED["access_token"]
    assert len(issued.times) == polls


@pytest.mark.parametrize(
    ("claims", "says"),
    [({"aud": "somebody else"}, "another client"), ({"exp": 1}, "expired")],
)
def test_a_check_that_fails_stays_an_error(
    raw_server: RawServer, claims: dict[str, object], says: str
) -> None:
    with pytest.raises(ProtocolViolation, match=says):
        Issued(raw_server, **claims).acquire()


@pytest.mark.parametrize("keys", [json_answer({"keys": []}), json_answer({"keys": 1}), empty(404)])
def test_keys_that_do_not_fit_stay_an_error(issued: Issued, keys: Behaviour) -> None:
    issued.server.serve(keys, path="/keys")
    with pytest.raises((ProtocolViolation, MalformedResponse, AuthorityError)):
        issued.acquire()


def test_who_names_the_account_is_given_no_token_of_an_unknown_one(issued: Issued) -> None:
    issued.server.serve(html(503), path="/keys")
    with pytest.raises(MalformedResponse):
        issued.acquire(account="alice@example.org")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(900, "15 minutes"), (600.0, "10 minutes"), (179, "2 minutes"),
    (119, "119 seconds"), (60, "60 seconds"), (9, "9 seconds")],
)  # fmt: skip
def test_a_length_of_time_is_told_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
