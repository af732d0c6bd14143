"""Authorization codes: each good once, for ten minutes, for whom it was made.

A code is bound to the client, the redirect URI, the tenant and, where a challenge came with the
request, to the verifier behind it (RFC 7636). One that comes a second time was stolen or its client
is confused: it is refused, and the caller revokes what came of it (RFC 6749 section 4.1.2).
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable
from typing import Final

from attrs import evolve, field, frozen

from grantway_sandbox.bounded import Bounded
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import Application, Tenant
from grantway_sandbox.sessions import SignIn

LIFETIME: Final = 600


@frozen
class AuthorizationCode:
    """What a code stands for. `asked` is the scope of a v2 request, the resource of a v1 one."""

    value: str = field(repr=False)
    application_id: str
    tenant_id: str
    version: int
    redirect_uri: str
    challenge: str | None
    nonce: str | None
    asked: str | None
    sign_in: SignIn
    issued_on: float
    family: str
    used: bool = False

    def check(self, redirect_uri: str | None, verifier: str | None, tenant: Tenant | None) -> None:
        """Refuse a redemption that does not fit the request which the code came from."""
        if tenant is not None and tenant.tenant_id != self.tenant_id:
            raise EntraError(700005)
        if redirect_uri != self.redirect_uri:
            raise EntraError(
                500112,
                f"The reply address '{redirect_uri or ''}' does not match the reply address "
                f"'{self.redirect_uri}' provided when requesting Authorization code.",
            )
        if self.challenge is None:
            # RFC 9700 section 4.8.2: a verifier without a challenge is a downgrade gone wrong.
            if verifier:
                raise EntraError(501481)
            return
        if not verifier or not hmac.compare_digest(
            _challenge_of(verifier).encode(), self.challenge.encode()
        ):
            raise EntraError(501481)


def _challenge_of(verifier: str) -> str:
    # Authlib has the same line, but no types for it.
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


class Codes:
    """The codes given out and not yet forgotten."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._codes = Bounded[AuthorizationCode]()

    def issue(
        self,
        application: Application,
        tenant: Tenant,
        sign_in: SignIn,
        *,
        version: int,
        redirect_uri: str,
        challenge: str | None = None,
        nonce: str | None = None,
        asked: str | None = None,
    ) -> str:
        """Make and remember a code."""
        code = AuthorizationCode(
            value=f"1.{secrets.token_urlsafe(32)}",
            application_id=application.application_id,
            tenant_id=tenant.tenant_id,
            version=version,
            redirect_uri=redirect_uri,
            challenge=challenge,
            nonce=nonce,
            asked=asked,
            sign_in=sign_in,
            issued_on=self._clock(),
            family=str(uuid.uuid4()),
        )
        return self._codes.put(code.value, code).value

    def redeem(
        self,
        value: str,
        application: Application,
        check: Callable[[AuthorizationCode], None],
        replayed: Callable[[str], None],
    ) -> AuthorizationCode:
        """Return the code behind `value` and mark it used, or raise what Entra would say.

        A code that fails its `check` is not used up; `replayed` hears of the family of one that
        comes again.
        """
        with self._codes.lock:
            code = self._codes.get(value)
            if code is None or code.application_id != application.application_id:
                raise EntraError(
                    70000, "The provided value for the input parameter 'code' is not valid."
                )
            if code.used:
                replayed(code.family)
                raise EntraError(54005)
            if self._clock() - code.issued_on >= LIFETIME:
                raise EntraError(
                    70008,
                    "The provided authorization code or refresh token has expired due to "
                    "inactivity. Send a new interactive authorization request for this user and "
                    "resource.",
                )
            check(code)
            return self._codes.put(value, evolve(code, used=True))
