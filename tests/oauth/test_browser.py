"""Opening a page: by which browser, whether that worked, and what it must not do to the terminal."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grantway.browser import can_open, commands, is_wsl, open_page

URL = "https://login.example/authorize?a=1&b=%20x&c='$(touch x)'&d=;e"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its browsers are POSIX scripts")

Script = Callable[..., str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write a browser: a script that notes its arguments in `NAME.asked`, then does more."""

    def write(name: str = "browser", then: str = "exit 0") -> str:
        path = tmp_path / name
        path.write_text(
            "#!/bin/sh\nPATH=/bin:/usr/bin\n"
            f'printf "%s\\n" "$@" > "$0.new"; mv "$0.new" "$0.asked"\n{then}\n'
        )
        path.chmod(0o700)
        return str(path)

    return write


def asked(script: str) -> list[str]:
    path = Path(f"{script}.asked")
    return path.read_text().splitlines() if path.exists() else []


def variables(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment in which only the test's own programs are found."""
    return {"PATH": str(tmp_path), "HOME": str(tmp_path), **more}


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"TERM": "xterm"}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"WSL_DISTRO_NAME": "Ubuntu"}, "linux", True),
        ({"WSL_INTEROP": "/run/WSL/1_interop"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({"BROWSER": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "freebsd14", True),
        ({}, "freebsd14", False),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_page_can_be_opened_where_there_is_a_display(
    environ: dict[str, str], platform: str, expected: bool
) -> None:
    assert can_open(environ, platform) is expected


@pytest.mark.parametrize("name", ["WSL_DISTRO_NAME", "WSL_INTEROP"])
def test_windows_subsystem_is_known_by_its_variables(name: str) -> None:
    assert is_wsl({name: "x"})
    assert not is_wsl({name: ""})


def test_the_browser_that_is_named_opens_the_page(script: Script, tmp_path: Path) -> None:
    browser = script()
    assert open_page(URL, variables(tmp_path, BROWSER=browser))
    # To the letter, and by no shell.
    assert asked(browser) == [URL]
    assert not (tmp_path / "x").exists()


def test_a_browser_may_be_named_with_arguments(script: Script, tmp_path: Path) -> None:
    browser = script()
    assert open_page(URL, variables(tmp_path, BROWSER=f"{browser} --new-window %s"))
    assert asked(browser) == ["--new-window", URL]


def test_of_several_browsers_named_the_first_that_works_opens_the_page(
    script: Script, tmp_path: Path
) -> None:
    fails, works, spare = script("fails", "exit 1"), script("works"), script("spare")
    named = os.pathsep.join(("", "/nowhere/browser", fails, works, spare))
    assert open_page(URL, variables(tmp_path, BROWSER=named))
    assert [asked(each) for each in (fails, works, spare)] == [[URL], [URL], []]


@pytest.mark.parametrize("how", ["exit 1", "kill -9 $$"])
def test_a_browser_that_fails_is_told_and_no_other_is_tried(
    script: Script, tmp_path: Path, how: str
) -> None:
    browser, other, text = script("named", how), script("xdg-open"), script("w3m")
    environ = variables(tmp_path, BROWSER=browser, DISPLAY=":0", TERM="xterm")
    assert not open_page(URL, environ)
    assert [asked(each) for each in (browser, other, text)] == [[URL], [], []]


def test_a_browser_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert not open_page(URL, variables(tmp_path, BROWSER="/nowhere/browser"))
    assert not open_page(URL, variables(tmp_path, BROWSER="/nowhere/browser %s"))


def test_a_browser_that_does_not_return_is_taken_to_be_open(script: Script, tmp_path: Path) -> None:
    browser = script(then='echo $$ > "$0.pid"; exec sleep 30')
    environ = variables(tmp_path, BROWSER=browser)
    try:
        assert open_page(URL, environ, patience=2)
        assert asked(browser) == [URL]
    finally:
        os.kill(int(Path(f"{browser}.pid").read_text()), signal.SIGKILL)


def test_with_a_display_the_desktop_opens_the_page(script: Script, tmp_path: Path) -> None:
    # It is believed as long as it runs, so it runs until the test has seen what it was asked.
    desktop = script("xdg-open", 'while [ ! -e "$0.seen" ]; do sleep 0.05; done')
    try:
        assert open_page(URL, variables(tmp_path, DISPLAY=":0"), "linux")
        ends = time.monotonic() + 20
        while not asked(desktop) and time.monotonic() < ends:
            time.sleep(0.01)
        assert asked(desktop) == [URL]
    finally:
        Path(f"{desktop}.seen").touch()


def test_without_a_display_nothing_is_asked(script: Script, tmp_path: Path) -> None:
    desktop, text = script("xdg-open"), script("lynx")
    assert not open_page(URL, variables(tmp_path, TERM="xterm"), "linux")
    assert asked(desktop) == asked(text) == []


@pytest.mark.parametrize("name", ["www-browser", "links", "elinks", "lynx", "w3m"])
def test_no_browser_takes_the_terminal_over(script: Script, tmp_path: Path, name: str) -> None:
    text = script(name)
    assert not open_page(URL, variables(tmp_path, DISPLAY=":0", TERM="xterm"), "linux")
    assert asked(text) == []


def test_in_the_windows_subsystem_its_own_opener_is_used(script: Script, tmp_path: Path) -> None:
    opener, desktop = script("wslview"), script("xdg-open")
    environ = variables(tmp_path, WSL_DISTRO_NAME="Ubuntu", DISPLAY=":0")
    assert commands(environ) == ("wslview %s",)
    assert open_page(URL, environ, "linux")
    assert (asked(opener), asked(desktop)) == ([URL], [])


def test_in_the_windows_subsystem_windows_itself_opens_the_page(
    script: Script, tmp_path: Path
) -> None:
    windows = script("rundll32.exe")
    assert open_page(URL, variables(tmp_path, WSL_DISTRO_NAME="Ubuntu"), "linux")
    assert asked(windows) == ["url.dll,FileProtocolHandler", URL]


def test_a_named_browser_comes_first_in_the_windows_subsystem_too(
    script: Script, tmp_path: Path
) -> None:
    opener, browser = script("wslview"), script()
    environ = variables(tmp_path, WSL_DISTRO_NAME="Ubuntu", BROWSER=browser)
    assert open_page(URL, environ, "linux")
    assert (asked(opener), asked(browser)) == ([], [URL])


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:alert(1)", "login.example", "-h", "", "HTTPX://a"]
)
def test_only_a_web_address_is_opened(script: Script, tmp_path: Path, url: str) -> None:
    browser = script()
    assert not open_page(url, variables(tmp_path, BROWSER=browser))
    assert asked(browser) == []


def test_what_a_browser_writes_reaches_neither_of_our_streams(
    script: Script, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Some greet on standard output, where the token is to be alone."""
    browser = script(then="echo Opening in existing browser session.; echo oh >&2")
    assert open_page(URL, variables(tmp_path, BROWSER=browser))
    assert capfd.readouterr() == ("", "")


def test_a_browser_has_neither_our_input_nor_our_session(script: Script, tmp_path: Path) -> None:
    browser = script(then='cat > "$0.read"; ps -o sid= -p $$ > "$0.session"')
    assert open_page(URL, variables(tmp_path, BROWSER=browser))
    assert Path(f"{browser}.read").read_text() == ""
    session = int(Path(f"{browser}.session").read_text())
    assert session != os.getsid(0)


def test_no_module_of_the_working_folder_is_run(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "webbrowser.py").write_text("raise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    environ = variables(tmp_path, BROWSER=script(), PYTHONPATH=str(tmp_path))
    assert open_page(URL, environ)


def test_a_program_in_one_file_is_not_started_again(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    browser = script()
    assert not open_page(URL, variables(tmp_path, BROWSER=browser))
    assert asked(browser) == []
