"""How tests sign in: an authorization URL, what comes of it, and the code's redemption."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

import requests

from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH

REDIRECT = "http://localhost:8400/"
VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
SCOPE = f"openid offline_access {GRAPH}/User.Read"


def path(kind: str, version: int) -> str:
    return f"oauth2/v2.0/{kind}" if version == 2 else f"oauth2/{kind}"


def authorization_url(
    sandbox: Sandbox, version: int = 2, *, tenant: str = "common", **fields: str | None
) -> str:
    """The URL of a request by the public application; a field given as None is left out."""
    asked: dict[str, str | None] = {
        "client_id": sandbox.public_application_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    asked["scope" if version == 2 else "resource"] = SCOPE if version == 2 else GRAPH
    asked |= fields
    given = {name: value for name, value in asked.items() if value is not None}
    return f"{sandbox.url}/{tenant}/{path('authorize', version)}?{urlencode(given)}"


def redeem(
    sandbox: Sandbox, code: str | None, version: int = 2, *, tenant: str = "common", **fields: Any
) -> requests.Response:
    """Redeem a code as the public application; a field given as None is left out."""
    asked: dict[str, Any] = {
        "client_id": sandbox.public_application_id,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    } | fields
    return requests.post(
        f"{sandbox.url}/{tenant}/{path('token', version)}",
        data={name: value for name, value in asked.items() if value is not None},
        timeout=10,
    )
