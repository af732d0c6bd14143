"""Opening the system's browser, by the standard library's `webbrowser` and around its traps.

* Where there is no display, `webbrowser` falls back on a browser in the terminal, which would take
  the terminal over: it is not asked then, unless `BROWSER` names one.
* In the Windows Subsystem for Linux the browser is Windows': `wslview` opens it, or Windows itself.
* Some browsers do not return until they are closed: so it runs in a thread of its own, and what
  is still running after some seconds is taken to have opened.
* That it says it has opened something proves nothing. So whoever calls shows the address too.

Sign-in pages are opened in the system's browser only, never in one of our own (RFC 8252, 8.12).
"""

import os
import sys
import threading
from collections.abc import Mapping

_PATIENCE = 5.0


def can_open(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether there is a display to open a page on, as far as one can tell."""
    if environ.get("BROWSER") or platform in ("win32", "darwin"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or is_wsl(environ))


def is_wsl(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is the Windows Subsystem for Linux."""
    return bool(environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"))


def open_page(url: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Open a page in the system's browser; False where that cannot be done."""
    if not url.startswith(("https://", "http://")) or not can_open(environ):
        return False
    opened = [True]

    def run() -> None:
        # Imported here: it looks for every browser there is.
        import webbrowser

        try:
            if is_wsl(environ) and not environ.get("BROWSER"):
                opened[0] = webbrowser.get(_windows_browser()).open(url)
            else:
                opened[0] = webbrowser.open(url)
        except (webbrowser.Error, OSError):
            opened[0] = False

    thread = threading.Thread(target=run, name="grantway-browser", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return opened[0]


def _windows_browser() -> str:
    """The command, as `webbrowser.get` takes it, by which Linux inside Windows opens a page."""
    from shutil import which

    # Neither goes by a shell, in which the ampersands of an address would be commands.
    return "wslview %s" if which("wslview") else "rundll32.exe url.dll,FileProtocolHandler %s"
