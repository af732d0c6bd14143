"""What the tests of the sandbox share: a clock that stands still, and ways to read answers."""

from collections.abc import Callable
from typing import Any

import jwt
import requests

GRAPH = "https://graph.microsoft.com"

Ask = Callable[..., requests.Response]


class FakeClock:
    """Unix seconds that pass only when told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def unverified(token: str) -> dict[str, Any]:
    """Read a token's claims and believe them."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def claims_of(answer: requests.Response) -> dict[str, Any]:
    """Read the claims of the access token that a token endpoint answered with."""
    return unverified(answer.json()["access_token"])


def code_of(answer: requests.Response) -> int:
    """Return the AADSTS number of a refusal."""
    (code,) = answer.json()["error_codes"]
    return int(code)
