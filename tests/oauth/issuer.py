"""A scripted issuer at which people sign in: its sign-in page is whatever the test's browser does."""

import re
import time
from typing import Any
from urllib.parse import urlsplit

from grantway import AuthenticationResult, Dispatcher, Environment, Registry
from oauth.browsing import Person, query
from oauth.support import CLIENT_ID, granted
from oauth.test_id_token import Authority
from servers.raw import Behaviour, Exchange, RawServer, Request, json_answer

METADATA = "/.well-known/openid-configuration"


class Issuer(Authority):
    """An OpenID provider on a scripted server. `metadata` changes fields of its document."""

    def __init__(self, server: RawServer, **metadata: object) -> None:
        super().__init__(server)
        self.describe(**metadata)
        server.serve(granted(), path="/token")

    def describe(self, **changes: object) -> None:
        """Publish metadata; a field changed to None is left out."""
        at = self.server.url
        document: dict[str, object] = {
            "issuer": at,
            "token_endpoint": f"{at}/token",
            "authorization_endpoint": f"{at}/authorize",
            "jwks_uri": f"{at}/keys",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **changes,
        }
        found = {name: value for name, value in document.items() if value is not None}
        self.server.serve(json_answer(found), path=METADATA)

    def signs_in(self, person: Person, **claims: Any) -> Behaviour:
        """A token answer whose id_token repeats the nonce that the person's browser brought."""

        def act(exchange: Exchange) -> None:
            now = time.time()
            nonce = query(person.opened[-1])["nonce"]
            told = {"iat": now, "exp": now + 600, "nonce": nonce, **claims}
            answer = granted(id_token=self.token(**told), refresh_token="first-refresh-token")
            answer.act(exchange)

        return Behaviour(act)

    @property
    def redeemed(self) -> list[Request]:
        """What came to the token endpoint."""
        return [each for each in self.server.requests if each.path == "/token"]


def sign_in(
    of: Issuer | Environment, person: Person | None, *plugins: object, **parameters: Any
) -> AuthenticationResult:
    """Ask for a token as somebody who has to sign in."""
    parts = {name: parameters.pop(name) for name in ("clock", "cache") if name in parameters}
    registry = Registry.of(*plugins) if plugins else None
    environment = of.environment if isinstance(of, Issuer) else of
    with Dispatcher(registry, prompter=person or False, **parts) as asking:
        return asking.acquire(
            **{"environment": environment, "application_id": CLIENT_ID, **parameters}
        )


def listened(person: Person) -> int:
    """The port on which the last sign-in was listened for."""
    port = urlsplit(query(person.opened[-1])["redirect_uri"]).port
    assert port is not None
    return port


def addresses(text: str) -> list[str]:
    """The web addresses in what was shown."""
    return re.findall(r"https?://\S+", text)
