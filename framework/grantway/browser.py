"""Opening the system's browser, by the standard library's `webbrowser` and around its traps.

* Where there is no display, or no browser for it, `webbrowser` falls back on one in the terminal,
  which would take the terminal over: it is not asked without a display, and never told of the
  terminal. Where `BROWSER` names browsers, those are tried and no others.
* In the Windows Subsystem for Linux the browser is Windows': `wslview` opens it, or Windows itself.
* Browsers write to the standard output they are given, end with the Ctrl-C of the program that
  opened them, and some do not return until they are closed. So a process of its own opens the
  page, without our streams and outside our session; what is still running after some seconds is
  taken to have opened.
* That it says it has opened something proves nothing. So whoever calls shows the address too.

Sign-in pages are opened in the system's browser only, never in one of our own (RFC 8252, 8.12).
"""

import os
import sys
import threading
from collections.abc import Mapping

PATIENCE = 5.0
"""Seconds after which a browser that has not returned is taken to be open."""

# The address goes by standard input: not every browser has it in its arguments.
_OPENER = """
import sys, webbrowser
url = sys.stdin.read()
sys.exit(not any(webbrowser.get(each).open(url) for each in sys.argv[1:] or [None]))
"""


def can_open(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether there is a display to open a page on, as far as one can tell."""
    if environ.get("BROWSER") or platform in ("win32", "darwin"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or is_wsl(environ))


def is_wsl(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is the Windows Subsystem for Linux."""
    return bool(environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"))


def open_page(
    url: str,
    environ: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    patience: float = PATIENCE,
) -> bool:
    """Open a page in the system's browser; False where that cannot be done."""
    # A program that was frozen into one file has no Python to run.
    python = None if getattr(sys, "frozen", False) else sys.executable
    if not (python and url.startswith(("https://", "http://")) and can_open(environ, platform)):
        return False
    command = [python, "-I", "-c", _OPENER, *commands(environ)]
    variables = {name: value for name, value in environ.items() if name != "TERM"}
    opened = [True]

    def run() -> None:
        import subprocess

        try:
            done = subprocess.run(  # noqa: S603  # our own Python, and no shell
                command,
                input=url.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=variables,
                start_new_session=True,
                check=False,
            )
        except OSError:
            opened[0] = False
        else:
            opened[0] = done.returncode == 0

    # Waited for in a thread that nobody waits for: at our end a browser may still be open.
    thread = threading.Thread(target=run, name="grantway-browser", daemon=True)
    thread.start()
    thread.join(patience)
    return opened[0]


def commands(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What opens a page, as `webbrowser.get` takes it, in order; empty: what it finds itself."""
    if named := environ.get("BROWSER"):
        return tuple(each for each in named.split(os.pathsep) if each)
    if not is_wsl(environ):
        return ()
    from shutil import which

    # Neither goes by a shell, in which the ampersands of an address would be commands.
    if which("wslview", path=environ.get("PATH")):
        return ("wslview %s",)
    return ("rundll32.exe url.dll,FileProtocolHandler %s",)
