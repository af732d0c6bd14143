"""`grantway sandbox run`: a local authority for this user's other processes, until it is stopped.

Ctrl-C, a termination request and the end of the terminal all end it the same way: the files go,
the port is free, the exit code is 0, for that is how it is meant to end.
"""

import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from grantway.errors import ConfigurationError
from grantway.secret import MASK
from grantway_sandbox import state
from grantway_sandbox.environment import NAME, VARIABLE
from grantway_sandbox.extra import sandbox_class
from grantway_sandbox.paper import note, paint, pairs, paragraph, printable, write

if TYPE_CHECKING:
    from flask import Response

    from grantway_sandbox.script import RecordedRequest
    from grantway_sandbox.server import Sandbox

# Everything else in a form or a query may be a secret, and is masked.
_OPEN_FIELDS = {
    "client_assertion_type", "client_id", "code_challenge_method", "do", "domain_hint",
    "grant_type", "login_hint", "prompt", "redirect_uri", "requested_token_use", "resource",
    "response_mode", "response_type", "scope", "user_name",
}  # fmt: skip


def run_until_stopped(
    *, port: int = 0, tls: bool = False, auto_approve: bool = False, as_json: bool = False
) -> None:
    """Run a sandbox that other processes find, until a signal ends it.

    Raises:
        ConfigurationError: the extra is missing, one runs already, the port is taken, or the
            files cannot be written.
    """
    sandbox = sandbox_class()(port=port, tls=tls, auto_approve=auto_approve)
    running = state.read()
    if running is not None:
        raise ConfigurationError(
            f"A sandbox is running already, at {running.url} (process {running.pid}).",
            remedy="Use that one, or stop it first: with Ctrl-C where it runs.",
        )
    with stop_signals() as wait, ExitStack() as stack:
        start(sandbox, port)
        stack.callback(sandbox.stop)
        bundle = str(sandbox.ca_bundle) if sandbox.ca_bundle else None
        here = state.State(sandbox.url, os.getpid(), bundle)
        # First what the other files belong to, so that an end in between removes them too.
        stack.callback(state.withdraw, here)
        state.announce(here)
        guide = Guide(sandbox)
        # Before anybody is told, so that their first request is shown too.
        stack.enter_context(requests_shown())
        if as_json:
            write(json.dumps(guide.as_dict(), indent=2))
        else:
            write(guide.text())
        if os.environ.get(VARIABLE, "").strip():
            note(f"Warning: {VARIABLE} is set; the environment {NAME} means that one, not this.")
        # In turns, because on Windows a wait without an end hears no Ctrl-C.
        while not wait(1):
            pass
        if not as_json:
            note("\nThe sandbox has stopped.")


def start(sandbox: "Sandbox", port: int) -> None:
    """Start a sandbox; that its port is taken is an error with a remedy.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    try:
        if port:
            _try_port(port)
        sandbox.start()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except SystemExit:
        # Werkzeug's way of saying so: somebody took the port since it was tried.
        reason = "it is in use"
    else:
        return
    raise ConfigurationError(
        f"The sandbox cannot listen on port {port}: {reason}.",
        remedy="Name another with --port, or none to take a free one.",
    )


def _try_port(port: int) -> None:
    with socket.socket() as probe:
        if sys.platform != "win32":
            # As the server does, so that connections of a former run are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@contextmanager
def stop_signals() -> Generator[Callable[[float], bool]]:
    """Catch the signals that end a program, in place of their usual effect.

    What comes is a wait of so many seconds at most; it tells whether one has come.
    """
    # A handler may interrupt the very wait. This is made for it; an Event would wait for itself.
    came: SimpleQueue[int] = SimpleQueue()

    def stop(number: int, _: FrameType | None) -> None:
        came.put(number)

    def wait(seconds: float) -> bool:
        with suppress(Empty):
            came.put(came.get(timeout=seconds))
            return True
        return False

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    wanted = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before: dict[signal.Signals, Any] = {}
    for each in wanted:
        # A hang-up that is ignored was meant to be: nohup.
        if each.name != "SIGHUP" or signal.getsignal(each) is not signal.SIG_IGN:
            before[each] = signal.signal(each, stop)
    try:
        yield wait
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Guide:
    """How to use a running sandbox. Writes its secrets into their files; shows none."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        self.application_id = sandbox.application.application_id
        self.public_application_id = sandbox.public_application_id
        self.secret_file = state.write(state.SECRET_FILE, sandbox.application.secret + "\n")
        self.password_file = state.write(state.PASSWORD_FILE, sandbox.user.password + "\n")
        refresh_token = sandbox.issue_refresh_token(application_id=self.public_application_id)
        self.refresh_token_file = state.write(state.REFRESH_TOKEN_FILE, refresh_token + "\n")
        variables = sandbox.identity_variables
        self.identity_endpoint = variables["IDENTITY_ENDPOINT"]
        self.identity_header_file = state.write(
            state.IDENTITY_HEADER_FILE, variables["IDENTITY_HEADER"] + "\n"
        )

    @property
    def token_command(self) -> list[str]:
        """A token for the application by itself."""
        return [
            f"grantway token --environment {NAME}",
            f"--credential {_quoted(f'{self.application_id}=file:{self.secret_file}')}",
            f"--tenant-id {self.sandbox.tenant.domain}",
        ]

    @property
    def certificate_command(self) -> list[str]:
        """The same by its certificate instead of its secret."""
        return [
            f"grantway token --environment {NAME}",
            f"--application-id {self.application_id}",
            f"--certificate {_quoted(str(self.sandbox.application.certificate_path))}",
            f"--tenant-id {self.sandbox.tenant.domain}",
        ]

    @property
    def refresh_command(self) -> list[str]:
        """A token for the user, in a customer's tenant, keeping the new refresh token."""
        reference = _quoted(f"file:{self.refresh_token_file}")
        return [
            f"grantway token --environment {NAME}",
            f"--application-id {self.public_application_id}",
            f"--refresh-token {reference}",
            f"--save-refresh-token {reference}",
            f"--tenant-id {self.sandbox.customers[0].domain}",
        ]

    @property
    def identity_command(self) -> list[str]:
        """A token for code on the machine, which has no secret, in the words of its shell."""
        endpoint, path = self.identity_endpoint, str(self.identity_header_file)
        token = f"grantway token --environment {NAME} --managed-identity"
        if sys.platform == "win32":
            return [
                f"$env:IDENTITY_ENDPOINT='{endpoint}'",
                f"$env:IDENTITY_HEADER=(Get-Content '{path}')",
                token,
            ]
        return [
            f"export IDENTITY_ENDPOINT={endpoint}",
            f'export IDENTITY_HEADER="$(cat {_quoted(path)})"',
            token,
        ]

    @property
    def sign_in_command(self) -> list[str]:
        """A token for the user, who signs in with a browser; `--device-code` does without one."""
        return [
            f"grantway token --environment {NAME}",
            f"--application-id {self.public_application_id}",
        ]

    @property
    def python(self) -> str:
        """The same from Python, ending in a call of the sandbox's API."""
        bundle = self.sandbox.ca_bundle
        verify = f", verify={json.dumps(str(bundle))}" if bundle else ""
        return (
            "import requests\n"
            "from grantway import Credential, Dispatcher, Reference\n"
            "\n"
            "with Dispatcher() as dispatcher:\n"
            "    source = dispatcher.bind(\n"
            f"        environment={json.dumps(NAME)},\n"
            "        credential=Credential(\n"
            f"            {json.dumps(self.application_id)},\n"
            f"            Reference({json.dumps(f'file:{self.secret_file}')}),\n"
            "        ),\n"
            f"        tenant_id={json.dumps(self.sandbox.tenant.domain)},\n"
            "    )\n"
            f"    api = {json.dumps(self.sandbox.api)}\n"
            f"    print(requests.get(api, auth=source.auth(){verify}).json())\n"
        )

    def text(self) -> str:
        """For a person: facts, then lines to copy, which are therefore never wrapped."""
        sandbox = self.sandbox
        customers = ", ".join(tenant.domain for tenant in sandbox.customers)
        facts = [
            ("Environment", NAME),
            ("Tenant", f"{sandbox.tenant.domain}; its customers: {customers}"),
            ("Application", self.application_id),
            ("Its secret", f"in {self.secret_file}"),
            ("User", f"{sandbox.user.user_name}, by the public application"),
            ("", self.public_application_id),
            *self._how_to_sign_in(),
            ("Refresh token", f"in {self.refresh_token_file}"),
            ("Identity header", f"in {self.identity_header_file}"),
        ]
        if sandbox.ca_bundle:
            facts.append(("CA bundle", str(sandbox.ca_bundle)))
        explain = ["grantway explain" + self.token_command[0].removeprefix("grantway token")]
        python = self.python.replace("\n", "\n  ").rstrip()
        return "\n".join(
            [
                paint(f"The sandbox is running at {sandbox.url}", "bold"),
                paragraph("It is for trying things out; nothing in it is real. Ctrl-C stops it."),
                "",
                pairs(facts, indent=2),
                "",
                paint("A token, from another terminal", "bold"),
                _command(self.token_command),
                "",
                paint("The same by its certificate", "bold"),
                _command(self.certificate_command),
                "",
                paint("What that sends, and why", "bold"),
                _command([*explain, *self.token_command[1:]]),
                "",
                paint("A token for the user, at a customer", "bold"),
                _command(self.refresh_command),
                "",
                paint("A token for the user, who signs in", "bold"),
                _command(self.sign_in_command),
                "",
                paint("A token for code on this machine, which has no secret", "bold"),
                "\n".join(f"  {line}" for line in self.identity_command),
                "",
                paint("An API call, from Python", "bold"),
                f"  {python}".replace("\n  \n", "\n\n"),
                "",
                paint("Requests", "bold"),
            ]
        )

    def _how_to_sign_in(self) -> list[tuple[str, str]]:
        if self.sandbox.authority.auto_approve:
            return [("Sign-in", "approved without asking anybody")]
        return [
            ("Password", f"in {self.password_file}"),
            ("One-time code", self.sandbox.user.one_time_code),
        ]

    def as_dict(self) -> dict[str, object]:
        """For a program."""
        sandbox = self.sandbox
        return {
            "url": sandbox.url,
            "environment": NAME,
            "pid": os.getpid(),
            "ca_bundle": str(sandbox.ca_bundle) if sandbox.ca_bundle else None,
            "tenant": {"id": sandbox.tenant.tenant_id, "domain": sandbox.tenant.domain},
            "customers": [
                {"id": tenant.tenant_id, "domain": tenant.domain} for tenant in sandbox.customers
            ],
            "application_id": self.application_id,
            "secret_file": str(self.secret_file),
            "public_application_id": self.public_application_id,
            "user_name": sandbox.user.user_name,
            "password_file": str(self.password_file),
            "one_time_code": sandbox.user.one_time_code,
            "auto_approve": sandbox.authority.auto_approve,
            "redirect_uris": list(sandbox.application.redirect_uris),
            "refresh_token_file": str(self.refresh_token_file),
            "identity_endpoint": self.identity_endpoint,
            "identity_header_file": str(self.identity_header_file),
            "api": sandbox.api,
            "commands": {
                "token": " ".join(self.token_command),
                "certificate": " ".join(self.certificate_command),
                "refresh": " ".join(self.refresh_command),
                "sign_in": " ".join(self.sign_in_command),
                "managed_identity": "; ".join(self.identity_command),
            },
            "python": self.python,
        }


def _quoted(text: str) -> str:
    """`text` as one word of the shell."""
    if sys.platform == "win32":
        return f'"{text}"' if " " in text else text
    return shlex.quote(text)


def _command(parts: Sequence[str]) -> str:
    # Shells disagree on how a line goes on; on Windows it is left long.
    join = " " if sys.platform == "win32" else " \\\n      "
    return f"  {join.join(parts)}"


@contextmanager
def requests_shown() -> Generator[None]:
    """Show each request on standard error once it is answered, as long as this lasts."""
    from flask import g, request_finished

    def show(_: object, response: "Response", **__: object) -> None:
        recorded = g.get("recorded")
        if recorded is not None:
            note(request_line(recorded, response.status_code, response.get_json(silent=True)))

    with request_finished.connected_to(show):
        yield


def request_line(request: "RecordedRequest", status: int, answer: object) -> str:
    """A request and what became of it, in one line without a secret."""
    words = [time.strftime("%H:%M:%S"), request.method, printable(request.path)]
    words.append(paint(str(status), "green" if status < 400 else "red", sys.stderr))
    if status >= 400 and isinstance(answer, dict):
        refusal = cast("dict[str, object]", answer)
        error, codes = refusal.get("error"), refusal.get("error_codes")
        if isinstance(error, str):
            words.append(printable(error))
        if isinstance(codes, list):
            words += [f"AADSTS{code}" for code in cast("list[object]", codes)]
    for name, value in (*request.query, *request.fields):
        shown = value if name in _OPEN_FIELDS else MASK
        if " " in shown:
            shown = f'"{shown}"'
        words.append(printable(f"{name[:40]}={shown[:200]}"))
    return " ".join(words)
