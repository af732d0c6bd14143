"""Device codes: a device waits while a person signs in elsewhere (RFC 8628).

The device gets two codes: one that it polls with, and a short one that the person types. What
becomes of them is decided once. A device that polls faster than it was told is told to slow down,
and its interval grows by five seconds each time, by the sandbox's clock.
"""

import secrets
import uuid
from collections.abc import Callable
from typing import Final

from attrs import evolve, field, frozen

from grantway_sandbox.bounded import Bounded
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import V1, Application, Tenant
from grantway_sandbox.sessions import SignIn

LIFETIME: Final = 900
_SLOWER: Final = 5
# A device that waits exactly its interval arrives a moment early at times.
_TOLERANCE: Final = 0.5
# Nothing that can be taken for something else, and no vowels that would make words.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXYZ2346789"
_DECLINED: Final = "The end user denied the authorization request."


@frozen
class DeviceCode:
    """A device that waits. `asked` is the scope of a v2 request, the resource of a v1 one.

    `sign_in` None and `decided` True means that the person declined.
    """

    value: str = field(repr=False)
    user_code: str = field(repr=False)
    application_id: str
    tenant: Tenant | None
    version: int
    asked: str
    issued_on: float
    interval: float
    family: str
    polled_on: float | None = None
    decided: bool = False
    sign_in: SignIn | None = None
    used: bool = False


class DeviceCodes:
    """The devices that wait. `slow_down` False lets them poll as fast as they like."""

    def __init__(self, clock: Callable[[], float], interval: int, slow_down: bool) -> None:
        self._clock = clock
        self.interval = interval
        self.slow_down = slow_down
        self._codes = Bounded[DeviceCode]()

    def issue(
        self, application: Application, tenant: Tenant | None, version: int, asked: str
    ) -> DeviceCode:
        """Let a device wait."""
        code = DeviceCode(
            value=secrets.token_urlsafe(48),
            user_code="".join(secrets.choice(_LETTERS) for _ in range(9)),
            application_id=application.application_id,
            tenant=tenant,
            version=version,
            asked=asked,
            issued_on=self._clock(),
            interval=self.interval,
            family=str(uuid.uuid4()),
        )
        return self._codes.put(code.value, code)

    def waiting(self, user_code: str) -> DeviceCode | None:
        """Return the device behind what a person typed, if it still waits."""
        typed = "".join(letter for letter in user_code.upper() if letter.isalnum())
        for code in self._codes:
            if code.user_code == typed and not code.decided and not self._expired(code):
                return code
        return None

    def decide(self, value: str, sign_in: SignIn | None) -> bool:
        """Approve, or with None decline; False where that can no longer be."""
        with self._codes.lock:
            code = self._codes.get(value)
            if code is None or code.decided or self._expired(code):
                return False
            self._codes.put(value, evolve(code, decided=True, sign_in=sign_in))
            return True

    def poll(
        self, value: str, application: Application, version: int, replayed: Callable[[str], None]
    ) -> tuple[DeviceCode, SignIn]:
        """Return the code and its sign-in once there is one, or raise what Entra would say.

        `replayed` hears of the family of a code that was redeemed before.
        """
        with self._codes.lock:
            code = self._codes.get(value)
            theirs = code and (code.application_id, code.version) == (
                application.application_id,
                version,
            )
            if code is None or not theirs:
                raise EntraError(70018)
            if code.used:
                replayed(code.family)
                raise EntraError(54005)
            if self._expired(code):
                raise EntraError(70019 if version == V1 else 70020)
            if not code.decided:
                raise self._pending(code)
            if code.sign_in is None:
                raise EntraError(65004, _DECLINED, error="authorization_declined")
            return self._codes.put(value, evolve(code, used=True)), code.sign_in

    def _pending(self, code: DeviceCode) -> EntraError:
        now, last = self._clock(), code.polled_on
        hasty = last is not None and now - last < code.interval - _TOLERANCE
        interval = code.interval + (_SLOWER if hasty and self.slow_down else 0)
        self._codes.put(code.value, evolve(code, polled_on=now, interval=interval))
        if hasty and self.slow_down:
            return EntraError(
                70016,
                f"The device polls too often: wait for {interval:g} seconds between polls.",
                error="slow_down",
            )
        return EntraError(70016)

    def _expired(self, code: DeviceCode) -> bool:
        return self._clock() - code.issued_on >= LIFETIME
