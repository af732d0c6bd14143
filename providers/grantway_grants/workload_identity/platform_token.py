"""What a platform's token must look like before it is sent.

What is wrong is returned, not raised: the functions here hold the token in clear, and an error
that is raised in one of them would carry that frame along.
"""

import re

from grantway import Secret

LARGEST = 64 * 1024
"""Characters of the longest token that is taken; an authority would not take one of that length."""

EMPTY = "is empty"


def taken(text: object, now: float) -> Secret | str:
    """The token; else what is wrong with it, as the end of a sentence."""
    # Imported here: it is needed only once there is a token.
    from grantway.oauth.jwt_contents import part

    if not isinstance(text, str):
        return "is no text"
    if not text.strip():
        return EMPTY
    if len(text) > LARGEST:
        return f"has more than {LARGEST:,} characters"
    found = re.fullmatch(r"\s*([\w-]+\.([\w-]+)\.[\w-]+)\s*", text, re.ASCII)
    claims = part(found[2]) if found else None
    if found is None or claims is None:
        return "is no JWT"
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires <= now:
        return "has expired"
    return Secret(found[1])
