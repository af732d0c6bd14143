"""A request to an API with a token that is bound to a key (RFC 9449, section 7).

A proof is made for that one request and goes beside the token. An API that wants a nonce in it
says so by a refusal, which has had no effect; then the request is sent once more, to the very same
address, with a new proof. A body that can be read but once is not sent again: the refusal is then
what the caller sees, and the next request has the nonce.

What an adapter of the session sends again by itself, and what a redirect leads to, carries the
proof of before, and an API that looks closely refuses it.
"""

import re
from collections.abc import Callable
from typing import Any

import attrs
from requests import PreparedRequest, Response

from grantway.environment import host_of
from grantway.oauth.dpop import TOKEN_TYPE, USE_NONCE, Nonces
from grantway.oauth.repetition import repeatable, repeated
from grantway.proof_key import ProofKey
from grantway.secret import Secret


@attrs.frozen(eq=False)
class Proven:
    """What goes with one request, and with its repetition.

    Attributes:
        key, token: the key, and the token that is bound to it.
        host: where the request goes, as `host_of` spells it.
        nonces: what APIs want repeated.
        now: the time of proofs, in seconds since the epoch.
    """

    key: ProofKey
    token: Secret
    host: str
    nonces: Nonces
    now: Callable[[], float]

    def put(self, sent: PreparedRequest) -> PreparedRequest:
        """Put token and proof into the headers, and look at what is answered."""
        self.renew(sent)
        sent.register_hook("response", self._answered)  # type: ignore[no-untyped-call]  # upstream
        return sent

    def renew(self, sent: PreparedRequest) -> None:
        """Put token and a new proof into the headers."""
        sent.headers["Authorization"] = f"{TOKEN_TYPE} {self.token.reveal()}"
        sent.headers["DPoP"] = self.key.proof(
            sent.method or "GET",
            sent.url or "",
            nonce=self.nonces.newest(self.host),
            access_token=self.token,
            now=self.now(),
        )

    def _answered(self, answer: Response, **how: Any) -> Response:  # noqa: ANN401  # as it was sent
        """Take the nonce of an answer; where that is all that was missing, send it once more."""
        # A redirect may have led elsewhere.
        if host_of(answer.request.url or "") != self.host:
            return answer
        is_new = self.nonces.learn(self.host, answer.headers)
        sent = repeatable(answer) if is_new and _is_demand(answer) else None
        if sent is None:
            return answer
        self.renew(sent)
        second = repeated(answer, sent, how)
        self.nonces.learn(self.host, second.headers)
        return second


def _is_demand(answer: Response) -> bool:
    said = answer.headers.get("WWW-Authenticate", "")
    return answer.status_code == 401 and bool(re.search(rf'error="?{USE_NONCE}\b', said))
