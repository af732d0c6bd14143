"""How a person signed in, as far as the tokens of an answer say it (`amr`, RFC 8176).

The tokens are read as they came, over TLS and from the authority itself, and their signatures
are not looked at: this tells a caller whether a sign-in had several factors, before anything of
the answer is kept. What an API accepts is for the API to decide.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import cast

MULTIFACTOR = "mfa"


def methods_of(answer: Mapping[str, object]) -> tuple[str, ...]:
    """The methods that the id_token names, else the access token; empty where neither does."""
    for name in ("id_token", "access_token"):
        token = answer.get(name)
        methods = _claims(token).get("amr") if isinstance(token, str) else None
        if isinstance(methods, list):
            named = cast("list[object]", methods)
            found = tuple(each for each in named if isinstance(each, str) and each.isprintable())
            if found:
                return found
    return ()


def _claims(token: str) -> Mapping[str, object]:
    """The claims of a JWT; empty for a token of any other kind."""
    _, _, rest = token.partition(".")
    payload, _, signature = rest.partition(".")
    if not payload or not signature:
        return {}
    try:
        claims: object = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, object]", claims) if isinstance(claims, dict) else {}
