"""The loopback listener, attacked: one valid answer gets through, and nothing else has an effect."""

import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantway.errors import Cancelled, ConfigurationError, DeadlineExceeded
from grantway.oauth.loopback import Listener, parsed
from grantway.redirect import RedirectAddress
from oauth.browsing import CODE, Page, deliver, knock, last_page, page_of, post, raw, refuses
from oauth.support import FakeClock, context, environment

STATE = "the state of this sign-in"
ANSWER = [("code", CODE), ("state", STATE)]
FORM = "Content-Type: application/x-www-form-urlencoded"


def accepts(answer: object) -> bool:
    assert isinstance(answer, dict)
    return answer.get("state") == STATE


Listen = Callable[..., Listener]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Start listeners that end with the test."""
    with ExitStack() as stack:

        def start(address: RedirectAddress | None = None, **how: Any) -> Listener:
            made = stack.enter_context(Listener(address or RedirectAddress(), accepts, **how))
            stack.callback(end, made)
            return made

        yield start


def end(listener: Listener) -> None:
    """Fetch the last page, as a browser does, for which the listener waits a while."""
    listener.succeed()
    if listener.has_answer:
        path = listener.address.path.rstrip("/")
        assert "You are signed in" in knock(listener.redirect_uri, f"{path}/result").text


def port_of(listener: Listener) -> int:
    port = urlsplit(listener.redirect_uri).port
    assert port is not None
    return port


def wait(listener: Listener, timeout: float = 10) -> dict[str, str]:
    return dict(listener.wait(context(environment("https://login.example"), timeout=timeout)))


def still_waits(listener: Listener) -> bool:
    """Whether the real answer still gets through, and it alone."""
    assert not listener.has_answer
    assert deliver(listener.redirect_uri, ANSWER).status == 303
    return wait(listener) == dict(ANSWER)


# Where it listens.


def test_localhost_is_listened_for_on_both_literal_loopback_addresses(listen: Listen) -> None:
    listener = listen()
    assert re.fullmatch(r"http://localhost:[0-9]+/", listener.redirect_uri)
    for address in ("127.0.0.1", "::1"):
        page = knock(listener.redirect_uri, "/nowhere", address=address)
        assert page.status == 404
    assert deliver(listener.redirect_uri, ANSWER, address="::1").status == 303
    assert wait(listener) == dict(ANSWER)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 has to be set up")
def test_no_other_address_of_this_machine_is_listened_on(listen: Listen) -> None:
    port = port_of(listen())
    # Another loopback address; whoever binds all of them has it too.
    assert refuses(port, "127.0.0.2")
    with socket.create_server(("127.0.0.2", port)):
        assert not refuses(port, "127.0.0.2")


@pytest.mark.parametrize(
    ("host", "address", "other"),
    [("127.0.0.1", "127.0.0.1", "::1"), ("[::1]", "::1", "127.0.0.1")],
)
def test_a_literal_address_is_the_only_one_that_is_bound(
    listen: Listen, host: str, address: str, other: str
) -> None:
    listener = listen(RedirectAddress(host))
    assert listener.redirect_uri.startswith(f"http://{host}:")
    assert refuses(port_of(listener), other)
    assert deliver(listener.redirect_uri, ANSWER, address=address).status == 303


def test_each_sign_in_has_a_port_of_its_own(listen: Listen) -> None:
    assert len({port_of(listen()) for _ in range(5)}) == 5


@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_fixed_port_that_is_taken_is_said_with_its_remedy(taken: str) -> None:
    family = socket.AF_INET6 if ":" in taken else socket.AF_INET
    with socket.create_server((taken, 0), family=family) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} of localhost: it is taken") as e:
            Listener(RedirectAddress(port=port), accepts)
        assert "redirect_uri" in e.value.remedy
    # Nothing of the attempt is left bound.
    assert refuses(port)
    assert refuses(port, "::1")


def test_two_listeners_never_share_a_fixed_port(listen: Listen) -> None:
    port = port_of(listen())
    with pytest.raises(ConfigurationError, match="it is taken"):
        Listener(RedirectAddress(port=port), accepts)


class Crowded(RedirectAddress):
    """An address whose second socket finds the port taken, whichever was found free."""

    @property
    def bound_to(self) -> tuple[str, ...]:
        return ("127.0.0.1", "127.0.0.1")


def test_when_every_free_port_is_taken_in_between_that_is_said() -> None:
    with pytest.raises(ConfigurationError, match="any port of localhost: it is taken"):
        Listener(Crowded(), accepts)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("http://localhost", ""),
        ("http://localhost/", "/"),
        ("HTTP://LocalHost:8400/Sign-In/~me_1.html", "/Sign-In/~me_1.html"),
        ("http://127.0.0.1:1/a/", "/a/"),
        ("http://[::1]:65535", ""),
    ],
)
def test_an_address_is_kept_to_the_letter(text: str, path: str) -> None:
    address = RedirectAddress.parse(text)
    assert address.path == path
    assert address.at(address.port or 80).lower() == (
        text.lower() if address.port else text.lower().replace("localhost", "localhost:80")
    )


REFUSED = [
    "https://localhost/", "http://example.org/", "http://localhost.example.org/", "myapp://done",
    "http://localhost:0/", "http://localhost:65536/", "http://localhost:99999/",
    "http://localhost:123456/", "http://localhost:-1/", "http://localhost:/", "http://localhost/?",
    "http://localhost/?a=b", "http://localhost/#", "http://localhost/#a", "http://me@localhost/",
    "http://localhost@evil.example/", "http://127.1/", "http://2130706433/", "http://0.0.0.0/",
    "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://127.0.0.2/", "http://localhost./",
    "http://local%68ost/", "http://localhost\\@evil.example/", "http://localhost/\r\nX: y",
    "http://localhost /", " http://localhost/", "http://localhost/a b", "localhost", "", "/",
    "http://localho\u017ft/", "http://localhost/\u212a", "http://localhost:\u0661/",
    "http://localhost//", "http://localhost//evil.example/", "http://localhost/a//b",
    "http://localhost/./", "http://localhost/a/../b", "http://localhost/..", "http://localhost/%2e",
    "urn:ietf:wg:oauth:2.0:oob", "http://localhost:80:80/",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_no_listener_of_ours_could_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no plain http|port that|path that"):
        RedirectAddress.parse(text)


@given(st.text(max_size=40))
def test_no_text_crashes_the_reading_of_an_address(text: str) -> None:
    for each in (text, f"http://localhost{text}", f"http://{text}localhost/"):
        try:
            address = RedirectAddress.parse(each)
        except ValueError:
            continue
        assert address.bound_to
        assert set(address.bound_to) <= {"127.0.0.1", "::1"}
        assert each.isascii()


# What counts as the answer.


@pytest.mark.parametrize("path", ["", "/", "/callback", "/callback/"])
def test_an_answer_is_taken_at_the_path_of_the_redirect_uri_alone(
    listen: Listen, path: str
) -> None:
    listener = listen(RedirectAddress(path=path))
    for other in ("/other", "/callback2", "/callback/x", "/Callback", "/CALLBACK/", "/%63allback"):
        page = deliver(listener.redirect_uri.removesuffix(path) + other, ANSWER)
        assert page.status == 404, (path, other)
    assert still_waits(listener)


def test_the_favicon_is_no_answer(listen: Listen) -> None:
    listener = listen()
    assert knock(listener.redirect_uri, "/favicon.ico").status == 404
    assert still_waits(listener)


@pytest.mark.parametrize(
    "hosts",
    [
        ["evil.example"],
        ["evil.example:PORT"],
        ["localhost"],
        ["localhost:1"],
        ["127.0.0.1:PORT"],
        ["[::1]:PORT"],
        ["localhost.:PORT"],
        ["localhost:PORT.evil.example"],
        ["evil.example", "localhost:PORT"],
        ["localhost:PORT", "evil.example"],
        ["localhost:PORT", "localhost:PORT"],
        ["localhost:PORT, localhost:PORT"],
        [""],
        [],
    ],
    ids=" ".join,
)
def test_a_name_that_merely_leads_here_is_refused(listen: Listen, hosts: list[str]) -> None:
    """DNS rebinding: a page of evil.example reaches us under its own name."""
    listener = listen()
    port = str(port_of(listener))
    shown = [host.replace("PORT", port) for host in hosts]
    for page in (
        deliver(listener.redirect_uri, ANSWER, hosts=shown),
        knock(listener.redirect_uri, "/result", hosts=shown),
    ):
        assert page.status == 400
    assert still_waits(listener)


@pytest.mark.parametrize("where", ["http://evil.example", "http://localhost:PORT", "https://x@y"])
def test_a_whole_address_in_the_request_line_is_no_answer(listen: Listen, where: str) -> None:
    listener = listen()
    target = f"{where}/?code={CODE}&state=x".replace("PORT", str(port_of(listener)))
    assert knock(listener.redirect_uri, target).status == 404
    assert knock(listener.redirect_uri, target, hosts=["evil.example"]).status == 400
    assert still_waits(listener)


def test_browsers_leave_the_schemes_own_port_out_of_the_host(listen: Listen) -> None:
    try:
        listener = listen(RedirectAddress(port=80))
    except ConfigurationError as error:
        pytest.skip(str(error))
    assert listener.redirect_uri == "http://localhost:80/"
    assert deliver(listener.redirect_uri, ANSWER, hosts=["localhost:80"]).status == 400
    assert deliver(listener.redirect_uri, ANSWER, hosts=["localhost"]).status == 303


@pytest.mark.parametrize(
    "method", ["HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "X" * 300]
)
@pytest.mark.parametrize("form_post", [False, True])
def test_another_method_is_refused(listen: Listen, method: str, form_post: bool) -> None:
    listener = listen(form_post=form_post)
    page = deliver(listener.redirect_uri, ANSWER, method=method)
    assert page.status == 405
    assert page.headers["allow"] == ("POST" if form_post else "GET")
    assert page.text == ""
    assert not listener.has_answer


def test_an_answer_comes_by_the_method_of_its_response_mode(listen: Listen) -> None:
    by_query, by_form = listen(), listen(form_post=True)
    for page, allowed in (
        (post(by_query.redirect_uri, ANSWER), "GET"),
        (deliver(by_form.redirect_uri, ANSWER), "POST"),
    ):
        assert (page.status, page.headers["allow"]) == (405, allowed)
    assert still_waits(by_query)
    assert post(by_form.redirect_uri, ANSWER).status == 303
    assert wait(by_form) == dict(ANSWER)


def test_a_form_with_a_query_is_no_answer(listen: Listen) -> None:
    listener = listen(form_post=True)
    body = "code=a&state=b"
    page = knock(
        listener.redirect_uri,
        f"/?state={STATE}",
        method="POST",
        headers=(FORM, f"Content-Length: {len(body)}"),
        body=body.encode(),
    )
    assert page.status == 400
    assert not listener.has_answer


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("code", CODE)],
        [("code", CODE), ("state", "")],
        [("code", CODE), ("state", "another")],
        [("code", CODE), ("state", STATE + "x")],
        [("code", CODE), ("state", STATE[:-1])],
        [("code", CODE), ("State", STATE)],
        [("error", "access_denied")],
        [("error", "access_denied"), ("state", "another")],
        [*ANSWER, ("state", STATE)],
        [("state", "another"), *ANSWER],
        [*ANSWER, ("code", "another")],
        [*ANSWER, ("iss", "a"), ("iss", "a")],
        [*ANSWER, *((f"field-{number}", "") for number in range(60))],
    ],
)
@pytest.mark.parametrize("form_post", [False, True])
def test_a_forged_or_doubled_answer_is_refused_and_the_wait_goes_on(
    listen: Listen, fields: list[tuple[str, str]], form_post: bool
) -> None:
    listener = listen(form_post=form_post)
    bring = post if form_post else deliver
    assert bring(listener.redirect_uri, fields).status == 400
    assert not listener.has_answer
    assert bring(listener.redirect_uri, ANSWER).status == 303
    assert wait(listener) == dict(ANSWER)


def test_a_replayed_answer_is_refused_and_changes_nothing(listen: Listen) -> None:
    listener = listen()
    assert deliver(listener.redirect_uri, ANSWER).status == 303
    for fields in (ANSWER, [("code", "another"), ("state", STATE)]):
        assert deliver(listener.redirect_uri, fields).status == 400
    assert wait(listener) == dict(ANSWER)


def test_of_many_at_once_one_answer_is_taken(listen: Listen) -> None:
    listener = listen()

    def bring(number: int) -> int:
        return deliver(listener.redirect_uri, [("code", str(number)), ("state", STATE)]).status

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(bring, range(32)))
    assert sorted(statuses) == [303] + [400] * 31
    assert wait(listener)["code"] == str(statuses.index(303))


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ([FORM], b"", 411),
        ([FORM, "Content-Length: "], b"", 411),
        ([FORM, "Content-Length: -1"], b"", 411),
        ([FORM, "Content-Length: +5"], b"", 411),
        ([FORM, "Content-Length: 1e1"], b"", 411),
        ([FORM, "Content-Length: \xb2"], b"", 411),
        ([FORM, "Transfer-Encoding: chunked"], b"5\r\nstate\r\n0\r\n\r\n", 411),
        ([FORM, "Content-Length: 65537"], b"", 413),
        ([FORM, f"Content-Length: {'9' * 5000}"], b"", 413),
        ([FORM, "Content-Length: 0"], b"", 400),
        ([FORM, "Content-Length: 3"], b"%ff", 400),
        ([FORM, "Content-Length: 4"], b"\xff\xfe\x00\x00", 400),
        (["Content-Length: 0"], b"", 415),
        (["Content-Type: application/json", "Content-Length: 2"], b"{}", 415),
        (["Content-Type: text/plain", "Content-Length: 0"], b"", 415),
        (["Content-Type: multipart/form-data; boundary=x", "Content-Length: 0"], b"", 415),
    ],
)
def test_a_form_that_is_none_is_refused(
    listen: Listen, headers: list[str], body: bytes, status: int
) -> None:
    listener = listen(form_post=True)
    page = knock(listener.redirect_uri, method="POST", headers=headers, body=body)
    assert page.status == status
    assert post(listener.redirect_uri, ANSWER).status == 303


def test_half_a_form_is_no_answer(listen: Listen) -> None:
    """Cut off inside the code, it would otherwise look like a whole one."""
    listener = listen(form_post=True)
    body = f"state={STATE}&code={CODE}".encode()
    headers = (FORM, f"Content-Length: {len(body)}")
    page = knock(listener.redirect_uri, method="POST", headers=headers, body=body[:-3])
    assert page.status == 400
    assert post(listener.redirect_uri, ANSWER).status == 303


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1 X\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /?state=%ZZ HTTP/1.1\r\nno header\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Y: z\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /?state=the+state+of+this+sign-in&code=a\r\n\r\n",
        b"\xff" * 1000,
        b"",
    ],
    ids=range(14),
)
def test_what_is_no_http_is_answered_with_an_error_or_nothing(
    listen: Listen, garbage: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    listener = listen()
    page = page_of(raw(port_of(listener), garbage))
    assert page.status == 0 or 400 <= page.status < 506
    assert page.text == ""
    assert still_waits(listener)
    assert capfd.readouterr() == ("", "")


@given(st.binary(max_size=300))
def test_no_query_crashes_the_reading_of_an_answer(encoded: bytes) -> None:
    text = encoded.decode("latin-1")
    found = parsed(text)
    if found is not None:
        assert len(found) <= 50
        assert all(value not in repr(found) for value in found.values() if len(value) > 12)


# Crowds.


def test_a_thousand_stray_requests_do_not_keep_the_answer_out(listen: Listen) -> None:
    listener = listen()

    def stray(number: int) -> int:
        return deliver(listener.redirect_uri, [("code", "x"), ("state", str(number))]).status

    with ThreadPoolExecutor(16) as pool:
        strays = pool.map(stray, range(1000))
        assert deliver(listener.redirect_uri, ANSWER).status == 303
        assert set(strays) == {400}
    assert wait(listener) == dict(ANSWER)


def test_idle_and_slow_clients_do_not_keep_the_answer_out(listen: Listen) -> None:
    listener = listen()
    with ExitStack() as stack:
        for number in range(200):
            idle = stack.enter_context(
                socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5)
            )
            if number % 2:
                idle.sendall(b"GET /?state=")
        assert still_waits(listener)


def test_a_client_that_breaks_off_leaves_no_trace(
    listen: Listen, capfd: pytest.CaptureFixture[str]
) -> None:
    import struct

    listener = listen()
    for data in (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        broken = socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5)
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        broken.sendall(data)
        broken.close()
    assert still_waits(listener)
    assert capfd.readouterr() == ("", "")


# The pages.


def fixed(page: Page) -> None:
    """What holds for every page and every error alike."""
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["connection"] == "close"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "python" not in page.headers["server"].lower()
    assert "<script" not in page.text


def test_the_code_leaves_the_address_bar_by_a_redirect(listen: Listen) -> None:
    listener = listen(RedirectAddress(path="/callback"))
    brought = deliver(listener.redirect_uri, ANSWER)
    fixed(brought)
    assert (brought.status, brought.headers["location"]) == (303, "/callback/result")
    assert brought.text == ""
    listener.succeed()
    page = last_page(listener.redirect_uri, brought)
    fixed(page)
    assert page.status == 200
    assert CODE not in str((brought, page))


def test_before_an_answer_there_is_no_last_page(listen: Listen) -> None:
    listener = listen()
    page = knock(listener.redirect_uri, "/result")
    fixed(page)
    assert page.status == 404
    assert still_waits(listener)


def test_the_last_page_is_held_until_it_is_known_how_it_ended(listen: Listen) -> None:
    listener = listen()
    brought = deliver(listener.redirect_uri, ANSWER)
    with ThreadPoolExecutor() as pool:
        visit = pool.submit(last_page, listener.redirect_uri, brought)
        with pytest.raises(NotYet):
            visit.result(0.3)
        listener.succeed()
        assert "<h1>You are signed in</h1>" in visit.result(10).text
    assert "You are signed in" in last_page(listener.redirect_uri, brought).text


def test_a_sign_in_that_ends_without_success_is_said_to_have_failed() -> None:
    with ThreadPoolExecutor() as pool:
        with Listener(RedirectAddress(), accepts) as listener:
            brought = deliver(listener.redirect_uri, ANSWER)
            visit = pool.submit(last_page, listener.redirect_uri, brought)
        page = visit.result(10)
    fixed(page)
    assert "<h1>Sign-in did not work</h1>" in page.text
    assert "You are signed in" not in page.text


def test_a_last_page_that_cannot_wait_says_neither(listen: Listen) -> None:
    listener = listen(outcome_within=0.01)
    page = last_page(listener.redirect_uri, deliver(listener.redirect_uri, ANSWER))
    fixed(page)
    assert "on its way" in page.text
    assert "You are signed in" not in page.text
    assert "did not work" not in page.text


def test_nothing_that_came_over_the_network_is_in_a_page(listen: Listen) -> None:
    listener = listen()
    evil = "<script>alert('evil')</script>\r\nX-Evil: evil"
    fields = [("state", STATE), ("error", evil), ("error_description", evil), (evil, evil)]
    for page in (
        knock(listener.redirect_uri, "/<script>evil"),
        deliver(listener.redirect_uri, fields[1:], headers=["X-Evil: evil"]),
        deliver(listener.redirect_uri, fields, hosts=["evil"]),
        knock(listener.redirect_uri, method="<evil>"),
    ):
        fixed(page)
        assert 400 <= page.status < 500
        assert "evil" not in str(page)
    brought = deliver(listener.redirect_uri, fields)
    listener.succeed()
    page = last_page(listener.redirect_uri, brought)
    fixed(page)
    assert "evil" not in str((brought, page))
    assert wait(listener)["error"] == evil


# The end.


def test_after_the_end_nothing_listens_and_the_port_is_free() -> None:
    with Listener(RedirectAddress(), accepts) as listener:
        port = port_of(listener)
        deliver(listener.redirect_uri, ANSWER)
        end(listener)
    assert refuses(port)
    assert refuses(port, "::1")
    with Listener(RedirectAddress(port=port), accepts) as again:
        assert still_waits(again)
        end(again)


def test_the_port_is_free_though_a_client_still_holds_its_connection() -> None:
    with Listener(RedirectAddress(), accepts) as listener:
        port = port_of(listener)
        holding = socket.create_connection(("127.0.0.1", port))
    with holding, Listener(RedirectAddress(port=port), accepts) as again:
        assert port_of(again) == port


def test_an_answer_after_the_time_is_up_finds_nobody() -> None:
    clock = FakeClock()
    with pytest.raises(DeadlineExceeded), Listener(RedirectAddress(), accepts) as listener:
        listener.wait(context(environment("https://login.example"), clock=clock))
    with pytest.raises(ConnectionRefusedError):
        deliver(listener.redirect_uri, ANSWER)


def test_cancellation_ends_the_wait_and_leaves_nothing_listening() -> None:
    cancelled = threading.Event()
    of = context(environment("https://login.example"), cancelled=cancelled, timeout=60)
    with ThreadPoolExecutor() as pool:

        def wait_for_it() -> None:
            with Listener(RedirectAddress(), accepts) as listener:
                ports.append(port_of(listener))
                started.set()
                listener.wait(of)

        ports: list[int] = []
        started = threading.Event()
        waiting = pool.submit(wait_for_it)
        assert started.wait(10)
        cancelled.set()
        with pytest.raises(Cancelled):
            waiting.result(10)
    assert refuses(ports[0])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_ends_the_wait_nothing_is_left_listening(kind: type[BaseException]) -> None:
    with pytest.raises(kind), Listener(RedirectAddress(), accepts) as listener:
        raise kind
    assert refuses(port_of(listener))
    assert refuses(port_of(listener), "::1")


def test_an_interrupt_while_the_last_page_is_awaited_still_closes() -> None:
    """A second Ctrl-C, after an answer whose browser never fetches the last page."""
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    listener = Listener(RedirectAddress(), accepts)

    def end_without_the_last_page() -> None:
        with listener:
            deliver(listener.redirect_uri, ANSWER)
            timer.start()

    with pytest.raises(KeyboardInterrupt):
        end_without_the_last_page()
    timer.join()
    assert refuses(port_of(listener))
    assert refuses(port_of(listener), "::1")


def test_nothing_is_written_or_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with Listener(RedirectAddress(), accepts) as listener:
        assert CODE not in repr(listener)
        deliver(listener.redirect_uri, [("code", CODE)])
        deliver(listener.redirect_uri, ANSWER)
        assert CODE not in repr(listener.wait(context(environment("https://login.example"))))
        end(listener)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
