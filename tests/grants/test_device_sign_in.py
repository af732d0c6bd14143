"""People sign in with a device code at oidc-provider, a certified server that nobody here wrote.

Time runs faster by the clock of these tests, so that its five seconds between polls are short.
"""

import asyncio
import io
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import jwt
import pytest
import requests

from grants.test_oidc_provider import credential, of
from grants.test_refresh_tokens import Keeping
from grantway import OIDC, AuthorityRequest, Context, Dispatcher, Registry
from grantway.clock import SystemClock
from grantway.errors import Cancelled, ConfigurationError, DeadlineExceeded, InvalidClient
from grantway.oauth.transport import HttpTransport
from grantway.parts import Prompter, Screen
from grantway.terminal import StreamPrompter
from oauth.support import RAW, FakeClock, environment, granted
from peers.oidc_provider import OidcProvider
from peers.oidc_provider_login import approve_device, visit_authorization
from servers.raw import RawServer, json_answer

CODE = re.compile(r"^    ([A-Z]{4}-[A-Z]{4})$", re.MULTILINE)
URL = re.compile(r"^(http\S+/auth\?\S+)$", re.MULTILINE)
SPEED = 15


class Clock(SystemClock):
    """The wall clock is right; the other one is fast."""

    def __init__(self) -> None:
        super().__init__()
        self.monotonic = lambda: time.monotonic() * SPEED

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds / SPEED)


class Log(io.StringIO):
    """A stream that somebody reads; what they find in it they act on, elsewhere."""

    def __init__(self, *acts: tuple[re.Pattern[str], Callable[[str], object]]) -> None:
        super().__init__()
        self.acts = acts
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []

    def write(self, text: str) -> int:
        for pattern, act in self.acts:
            for found in pattern.findall(text):
                thread = threading.Thread(target=self._act, args=(act, found))
                self.threads.append(thread)
                thread.start()
        return super().write(text)

    def _act(self, act: Callable[[str], object], found: str) -> None:
        try:
            act(found)
        except BaseException as error:  # noqa: BLE001  # told by `text`
            self.failures.append(error)

    @property
    def text(self) -> str:
        for thread in self.threads:
            thread.join(20)
        assert not self.failures
        return self.getvalue()


class Counting(HttpTransport):
    """Knows how often it was asked for a token."""

    def __init__(self) -> None:
        super().__init__(environ={})
        self.polls = 0

    def fetch_token(self, request: AuthorityRequest, context: Context) -> Any:
        self.polls += 1
        return super().fetch_token(request, context)


def approving(server: OidcProvider, user: str = "alice") -> Log:
    """A log whose reader enters the code and signs in."""

    def approve(code: str) -> None:
        approve_device(f"{server.issuer}/device?user_code={code}", user=user)

    return Log((CODE, approve))


def dispatcher(prompter: Prompter, *plugins: object, **parts: Any) -> Dispatcher:
    registry = Registry.of(*plugins) if plugins else None
    return Dispatcher(registry, clock=Clock(), prompter=prompter, **parts)


def person(server: OidcProvider, **more: Any) -> dict[str, Any]:
    return {
        "environment": of(server, "public"),
        "application_id": server.clients["public"].client_id,
        **more,
    }


def test_a_stream_that_somebody_reads_is_enough(oidc_provider: OidcProvider) -> None:
    log = approving(oidc_provider)
    resource = oidc_provider.resources["jwt"].uri
    with dispatcher(StreamPrompter(log)) as asking:
        result = asking.acquire(**person(oidc_provider, device_code=True, resource=resource))
    assert result.account is not None
    assert result.account.subject == "alice"
    assert result.refresh_token
    claims = jwt.decode(result.access_token, options={"verify_signature": False})
    assert claims["aud"] == resource
    shown = log.text
    assert f"open this page on this machine:\n\n    {oidc_provider.issuer}/device" in shown
    assert "within 10 minutes" in shown
    assert "browser" not in shown
    assert result.access_token not in shown
    assert result.refresh_token not in shown


def test_whoever_has_signed_in_is_not_asked_again(oidc_provider: OidcProvider) -> None:
    log = approving(oidc_provider)
    call = person(oidc_provider, device_code=True)
    with dispatcher(StreamPrompter(log)) as asking:
        first = asking.acquire(**call)
        shown = log.text
        second = asking.acquire(**call, force_refresh=True)
    assert second.access_token != first.access_token
    assert second.account == first.account
    assert log.text == shown


def test_where_no_browser_can_be_opened_a_code_is_the_way_and_that_is_said(
    oidc_provider: OidcProvider,
) -> None:
    log = approving(oidc_provider)
    with dispatcher(StreamPrompter(log)) as asking:
        result = asking.acquire(**person(oidc_provider))
    assert result.account is not None
    assert log.text.startswith(
        "No browser can be opened here, so you sign in with a code instead.\nTo sign in at Peer,"
    )


def test_where_a_code_is_forbidden_the_address_is_shown(oidc_provider: OidcProvider) -> None:
    def visit(url: str) -> None:
        (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
        back = visit_authorization(url, redirect_uri)
        answer = requests.get(back, timeout=10)
        assert answer.status_code == 200

    log = Log((URL, visit))
    with dispatcher(StreamPrompter(log)) as asking:
        result = asking.acquire(**person(oidc_provider, device_code=False))
    assert result.account is not None
    assert "open this address in a browser on this machine" in log.text
    assert not CODE.search(log.text)


def test_where_a_code_is_forbidden_nothing_else_is_tried(oidc_provider: OidcProvider) -> None:
    log = Log()
    with dispatcher(StreamPrompter(log)) as asking:
        with pytest.raises(DeadlineExceeded):
            asking.acquire(**person(oidc_provider, device_code=False, timeout=6))
    assert URL.search(log.text)
    assert not CODE.search(log.text)


def test_an_authority_without_sign_in_pages_is_signed_in_at_with_a_code(
    raw_server: RawServer,
) -> None:
    raw_server.serve(
        json_answer(
            {
                "issuer": raw_server.url,
                "token_endpoint": f"{raw_server.url}/token",
                "device_authorization_endpoint": f"{raw_server.url}/device",
            }
        ),
        path="/.well-known/openid-configuration",
    )
    raw_server.serve(json_answer({"error": "invalid_client"}, 401), path="/device")
    call = {"environment": environment(raw_server, OIDC), "application_id": "x"}
    log = Log()
    with dispatcher(StreamPrompter(log)) as asking:
        with pytest.raises(ConfigurationError, match="no sign-in page for a browser") as caught:
            asking.acquire(**call, device_code=False)
        assert caught.value.remedy
        with pytest.raises(InvalidClient):
            asking.acquire(**call)
    assert log.text == ""


class Display:
    """A prompter with a screen that is all memory."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.drawn: list[str] = []
        self.lines: list[str] = []
        self.opened: list[str] = []

    def ask(self, question: str, *, secret: bool = False) -> str:
        raise AssertionError(question)

    def show(self, text: str) -> None:
        assert self.lines[-1:] in ([], [""])
        self.log.write(f"{text}\n")

    def open(self, url: str) -> bool:
        self.opened.append(url)
        return False

    def show_qr(self, url: str) -> None:
        assert not self.log.getvalue()
        self.drawn.append(url)

    def progress(self, text: str) -> None:
        self.lines.append(text)


def test_a_screen_is_given_the_time_that_is_left_and_no_address_that_a_phone_cannot_open(
    oidc_provider: OidcProvider,
) -> None:
    log = approving(oidc_provider)
    display = Display(log)
    assert isinstance(display, Screen)
    with dispatcher(display) as asking:
        asking.acquire(**person(oidc_provider, device_code=True))
    assert len(CODE.findall(log.text)) == 1
    # The authority is on this machine.
    assert display.drawn == []
    assert re.fullmatch(r"Waiting for you to sign in \((10:00|9:5\d) left\)", display.lines[0])
    assert display.lines[-1] == ""
    assert "" not in display.lines[:-1]
    assert not display.opened


def test_a_prompter_without_a_screen_is_only_shown_the_text(oidc_provider: OidcProvider) -> None:
    log = approving(oidc_provider)

    class Plain:
        def ask(self, question: str, *, secret: bool = False) -> str:
            raise AssertionError(question)

        def show(self, text: str) -> None:
            log.write(text)

        def open(self, url: str) -> bool:
            raise AssertionError(url)

    with dispatcher(Plain()) as asking:
        assert asking.acquire(**person(oidc_provider, device_code=True)).account
    assert len(CODE.findall(log.text)) == 1


def test_the_line_is_cleared_when_it_fails(oidc_provider: OidcProvider) -> None:
    display = Display(Log())
    with dispatcher(display) as asking:
        with pytest.raises(DeadlineExceeded):
            asking.acquire(**person(oidc_provider, device_code=True, timeout=4))
    assert display.lines[-1] == ""


@pytest.mark.parametrize("name", ["basic", "post"])
def test_consent_by_device_code_brings_a_confidential_client_its_refresh_token(
    oidc_provider: OidcProvider, name: str
) -> None:
    keeping, log = Keeping(), approving(oidc_provider)
    call: dict[str, Any] = {
        "environment": of(oidc_provider, name),
        "credential": credential(oidc_provider, name),
    }
    with dispatcher(StreamPrompter(log), keeping) as asking:
        result = asking.acquire(
            **call, consent=True, device_code=True, save_refresh_token="keep:there"
        )
        assert keeping.kept == {"there": result.refresh_token}
        again = asking.acquire(**call, refresh_token=keeping.kept["there"])
    assert again.account is not None
    assert again.account.subject == "alice"


def test_a_wrong_secret_is_an_invalid_client_before_anybody_is_asked(
    oidc_provider: OidcProvider,
) -> None:
    log = Log()
    with dispatcher(StreamPrompter(log)) as asking:
        with pytest.raises(InvalidClient):
            asking.acquire(
                environment=of(oidc_provider, "basic"),
                credential=(oidc_provider.clients["basic"].client_id, "wrong secret"),
                consent=True,
                device_code=True,
            )
    assert log.text == ""


async def test_cancelling_the_task_ends_the_polling(oidc_provider: OidcProvider) -> None:
    transport, display = Counting(), Display(Log())
    with dispatcher(display, transport=transport) as asking:
        task = asyncio.create_task(asking.acquire_async(**person(oidc_provider, device_code=True)))
        while transport.polls < 2:
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while display.lines[-1]:
            await asyncio.sleep(0.02)
        polls = transport.polls
        await asyncio.sleep(12 / SPEED)
        assert transport.polls == polls
    transport.close()


async def test_a_task_is_signed_in_by_a_device_code_too(oidc_provider: OidcProvider) -> None:
    log = approving(oidc_provider)
    with dispatcher(StreamPrompter(log)) as asking:
        result = await asking.acquire_async(**person(oidc_provider, device_code=True))
    assert result.account is not None


def test_two_people_sign_in_at_once_and_each_gets_their_own(oidc_provider: OidcProvider) -> None:
    found: dict[str, Any] = {}

    def ask(user: str) -> None:
        with dispatcher(StreamPrompter(approving(oidc_provider, user))) as asking:
            found[user] = asking.acquire(**person(oidc_provider, device_code=True))

    threads = [threading.Thread(target=ask, args=(user,)) for user in ("alice", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {user: result.account.subject for user, result in found.items()} == {
        "alice": "alice",
        "bob": "bob",
    }


def test_two_sign_ins_on_one_screen_do_not_disturb_each_other(oidc_provider: OidcProvider) -> None:
    """For two resources, so that these are two flights; the codes are entered as they come."""
    log, found = approving(oidc_provider), dict[str, Any]()
    with dispatcher(StreamPrompter(log)) as asking:

        def ask(kind: str) -> None:
            resource = oidc_provider.resources[kind].uri
            call = person(oidc_provider, device_code=True, resource=resource)
            found[kind] = asking.acquire(**call)

        threads = [threading.Thread(target=ask, args=(kind,)) for kind in ("jwt", "opaque")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert {kind: result.resource for kind, result in found.items()} == {
        kind: oidc_provider.resources[kind].uri for kind in ("jwt", "opaque")
    }
    assert len(set(CODE.findall(log.text))) == 2


def test_who_asks_for_the_same_at_once_waits_for_the_one_sign_in(
    oidc_provider: OidcProvider,
) -> None:
    asked, found = threading.Event(), list[Any]()

    def approve(code: str) -> None:
        asked.set()
        assert waits.wait(20)
        approve_device(f"{oidc_provider.issuer}/device?user_code={code}")

    waits = threading.Event()
    log = Log((CODE, approve), (re.compile("Another call"), lambda _: waits.set()))
    with dispatcher(StreamPrompter(log)) as asking:

        def ask() -> None:
            found.append(asking.acquire(**person(oidc_provider, device_code=True)))

        first = threading.Thread(target=ask)
        first.start()
        assert asked.wait(20)
        ask()
        first.join(20)
    assert found[0] == found[1]
    assert len(CODE.findall(log.text)) == 1
    # As long as the code is good, and what comes after it.
    assert "this one waits 660 s at most" in log.text


def test_who_waits_for_a_sign_in_has_as_much_time_as_whoever_signs_in(
    raw_server: RawServer,
) -> None:
    clock = FakeClock()
    pending = json_answer({"error": "authorization_pending"}, 400)
    raw_server.serve(
        json_answer(
            {
                "device_code": "d",
                "user_code": "ABCD",
                "verification_uri": f"{raw_server.url}/enter",
                "expires_in": 900,
                "interval": 5,
            }
        ),
        path="/device",
    )
    raw_server.serve(*[pending] * 100, granted(), path="/token")
    of = environment(raw_server, attrs.evolve(RAW, device_authorization_path="{authority}/device"))
    call: dict[str, Any] = {"environment": of, "application_id": "x", "device_code": True}
    with Dispatcher(prompter=StreamPrompter(Log()), clock=clock) as asking:
        with ThreadPoolExecutor(2) as threads:
            found = [threads.submit(asking.acquire, **call) for _ in range(2)]
            tokens = {each.result(60).access_token for each in found}
    assert len(tokens) == 1
    # Longer than the 300 seconds that a call has by itself.
    assert sum(clock.waits) > 300


def test_closing_the_dispatcher_ends_a_sign_in_that_is_waited_for(raw_server: RawServer) -> None:
    shown = Log()
    raw_server.serve(
        json_answer(
            {
                "device_code": "d",
                "user_code": "ABCD",
                "verification_uri": f"{raw_server.url}/enter",
                "expires_in": 900,
                "interval": 5,
            }
        ),
        path="/device",
    )
    of = environment(raw_server, attrs.evolve(RAW, device_authorization_path="{authority}/device"))
    asking = dispatcher(StreamPrompter(shown))
    with ThreadPoolExecutor(1) as threads:
        found = threads.submit(asking.acquire, environment=of, application_id="x", device_code=True)
        until = time.monotonic() + 20
        while "ABCD" not in shown.getvalue():
            assert time.monotonic() < until
            time.sleep(0.01)
        asking.close()
        with pytest.raises(Cancelled):
            found.result(20)
