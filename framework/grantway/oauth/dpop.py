"""Proofs of possession at the authority (RFC 9449), in an environment that says `dpop`.

    key             the key that the tokens of a request are bound to
    Nonces          what servers want repeated in the next proof, each its own
    demanded        the nonce that a server wants before it looks at a request
    check_bound     a token that is not bound to the key is refused: that would be a downgrade

The key is that of the refresh token at rest; without one it is made when the first proof is, of an
algorithm that the authority's metadata lists. Where it lists none, or has no metadata, ES256 is
used all the same: the environment says that the authority takes proofs, and an authority that
ignores them gives itself away, by the type of its token.
"""

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import cast

from grantway.authority import FROM_METADATA, AuthorityRequest, planned_endpoints
from grantway.context import Context
from grantway.environment import Environment, host_of
from grantway.errors import ConfigurationError, ProtocolViolation
from grantway.oauth.answers import Answer
from grantway.proof_key import ALGORITHMS, ProofKey

TOKEN_TYPE = "DPoP"  # noqa: S105  # the scheme's name, no secret
USE_NONCE = "use_dpop_nonce"

_MOST = 512
# RFC 9449, section 8.1; no header would carry a longer one.
_NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,2000}")


def key(context: Context) -> ProofKey:
    """The key of a request; it is made when it is first asked for.

    Raises:
        ConfigurationError: the authority lists algorithms, and none that we have.
        GrantwayError: its metadata could not be had; see `grantway.oauth.metadata.metadata`.
    """
    return context.possession.settled(lambda: _algorithm(context))


def _algorithm(context: Context) -> str:
    from grantway.oauth.metadata import listed, metadata

    environment = context.environment
    if planned_endpoints(environment, "").token != FROM_METADATA:
        return ALGORITHMS[0]
    taken = listed(metadata(environment, context), "dpop_signing_alg_values_supported")
    found = [each for each in ALGORITHMS if each in taken or not taken]
    if not found:
        raise ConfigurationError(
            f"{environment.name} takes proofs of possession that are signed by "
            f"{context.redactor.clean(', '.join(taken))[:200]} only, which cannot be done here.",
            remedy=f"Have the authority accept one of {', '.join(ALGORITHMS)}; or leave dpop out "
            "of the environment.",
        )
    return found[0]


class Nonces:
    """The newest nonce of each server, by its host. Safe across threads."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def newest(self, host: str) -> str | None:
        """What that server wants repeated; None: it has not said."""
        return self._newest.get(host)

    def learn(self, host: str, headers: Mapping[str, str]) -> bool:
        """Take the nonce of an answer, good or bad; whether it has one."""
        nonce = headers.get("DPoP-Nonce", "")
        if not _NONCE.fullmatch(nonce):
            return False
        with self._lock:
            self._newest[host] = nonce
            self._newest.move_to_end(host)
            while len(self._newest) > _MOST:
                self._newest.popitem(last=False)
        return True


def demanded(answer: Answer) -> bool:
    """Whether an authority refused a request only because its proof lacked the nonce."""
    if answer.status not in (400, 401):
        return False
    try:
        facts: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and cast("dict[str, object]", facts).get("error") == USE_NONCE


def check_bound(token_type: str, sent: AuthorityRequest, environment: Environment) -> None:
    """Refuse an answer to a request with a proof whose token is not bound to the key.

    Raises:
        ProtocolViolation: it is not.
    """
    if token_type.casefold() == TOKEN_TYPE.casefold():
        return
    raise ProtocolViolation(
        f"{host_of(sent.url)} answered a proof of possession with a token of the type "
        f"{token_type[:40]!r}, which is not bound to the key; it is not used.",
        remedy=f"If {environment.name} cannot bind tokens (its metadata would list "
        "dpop_signing_alg_values_supported), leave dpop out of the environment.",
    )
