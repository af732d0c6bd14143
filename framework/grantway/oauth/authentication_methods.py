"""How a person signed in, as far as the tokens of an answer say it (`amr`, RFC 8176).

The tokens are read as they came, over TLS and from the authority itself, and their signatures
are not looked at: this tells a caller whether a sign-in had several factors, before anything of
the answer is kept. What an API accepts is for the API to decide.
"""

from collections.abc import Mapping
from typing import cast

from grantway.oauth.jwt_contents import claims_of

MULTIFACTOR = "mfa"


def methods_of(answer: Mapping[str, object]) -> tuple[str, ...]:
    """The methods that the id_token names, else the access token; empty where neither does."""
    for name in ("id_token", "access_token"):
        token = answer.get(name)
        methods = claims_of(token).get("amr") if isinstance(token, str) else None
        if isinstance(methods, list):
            named = cast("list[object]", methods)
            found = tuple(each for each in named if isinstance(each, str) and each.isprintable())
            if found:
                return found
    return ()
