"""The claims that a request asks for: those of a challenge, and what the client can handle.

A challenge says what the token has to have; capabilities say what the client understands, so that
the authority may give it tokens which an API takes back at any moment. Both go into the one field
`claims` (OpenID Connect Core, section 5.5): the capabilities as the values of one claim of the
access token, whose name the protocol knows. What a challenge says of that very claim gives way,
for the capabilities are the client's own to tell.
"""

import json
from collections.abc import Iterable
from typing import Any, cast

from grantway.authority import Fields
from grantway.parameters import CAPABILITIES, CLAIMS
from grantway.request import TokenRequest


def claims_field(request: TokenRequest) -> Fields:
    """The `claims` field of a request; empty where nothing is asked for."""
    demanded, capabilities = request.get(CLAIMS) or "", request.get(CAPABILITIES)
    claim = request.environment.protocol.capabilities_claim
    if capabilities and claim:
        demanded = merged(demanded, claim, capabilities)
    return (("claims", demanded),) if demanded else ()


def merged(demanded: str, claim: str, capabilities: Iterable[str]) -> str:
    """A claims request, as JSON, to which the values of a claim of the access token are added.

    Args:
        demanded: the claims request of a challenge, a JSON object; "" for none.
        claim: the name of the claim.
        capabilities: its values.
    """
    claims: dict[str, Any] = json.loads(demanded) if demanded else {}
    of_token = claims.get("access_token")
    # A member may be null: it is asked for, and nothing more is said of it.
    known = cast("dict[str, Any]", of_token) if isinstance(of_token, dict) else {}
    claims["access_token"] = {**known, claim: {"values": list(capabilities)}}
    return json.dumps(claims, separators=(",", ":"), sort_keys=True)
