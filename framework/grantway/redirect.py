"""The loopback address that a browser returns to after a sign-in (RFC 8252, section 7.3).

An application's registration fixes the address. Authorities accept any port of a loopback
address, so where none is named a free one is taken. `localhost` is what registrations usually
say; whatever is said, the listener is bound to literal loopback addresses.
"""

import re

import attrs

_LOOPBACK = {
    "localhost": ("127.0.0.1", "::1"),
    "127.0.0.1": ("127.0.0.1",),
    "[::1]": ("::1",),
}
_ADDRESS = r"http://(localhost|127\.0\.0\.1|\[::1\])(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~/-]*)?)"


@attrs.frozen
class RedirectAddress:
    """Where the browser returns to.

    Attributes:
        host: as it is registered: `localhost`, `127.0.0.1` or `[::1]`.
        port: the one to listen on; None: any that is free.
        path: "" or one that begins with a slash, to the letter.
    """

    host: str = "localhost"
    port: int | None = None
    path: str = "/"

    @classmethod
    def parse(cls, text: str) -> "RedirectAddress":
        """Read an address.

        Raises:
            ValueError: nobody could listen there, or anybody could.
        """
        found = re.fullmatch(_ADDRESS, text, re.IGNORECASE | re.ASCII)
        if found is None:
            raise ValueError(
                f"{text!r} is no plain http address of this machine, without query and fragment; "
                "register one such as http://localhost, and leave its port open or give it"
            )
        host, port, path = found.groups()
        number = int(port) if port else None
        if number is not None and not 0 < number < 65536:
            raise ValueError(f"{text!r} has a port that does not exist")
        if {"", ".", ".."}.intersection(path.split("/")[1:-1]) or path.endswith(("/.", "/..")):
            raise ValueError(f"{text!r} has a path that browsers rewrite on their way")
        return cls(host.lower(), number, path)

    @property
    def bound_to(self) -> tuple[str, ...]:
        """The literal addresses to listen on, the first of which has to be had."""
        return _LOOPBACK[self.host]

    @property
    def at_any_port(self) -> str:
        """The URL for a plan, where the port is not known yet."""
        return f"http://{self.host}:(free port){self.path}"

    def at(self, port: int) -> str:
        """The URL with the port that is listened on."""
        return f"http://{self.host}:{port}{self.path}"
