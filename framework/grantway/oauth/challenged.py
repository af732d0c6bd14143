"""A refusal by an API that demands claims, answered with a token that has them.

A new token is got once, with the claims of the challenge, and the request goes once more to the
very same address. Whatever is answered then is what the caller sees, a second challenge too. Nor
is it sent again where its body can be read but once: the caller sees the refusal, and the next
request has a token of its own. The refusal is the caller's, too, where tokens come from somewhere
that takes no claims, such as the host of a managed identity.

What always takes a person who signs in anew is left to the caller, who alone knows when that fits.
"""

from collections.abc import Callable
from typing import Any

import attrs
from requests import PreparedRequest, Response

from grantway.environment import Environment
from grantway.errors import GrantwayError, SelectionError
from grantway.oauth.challenge import Challenge
from grantway.oauth.repetition import repeatable, repeated
from grantway.result import AuthenticationResult


@attrs.frozen(eq=False)
class Challenged:
    """What is done about the refusal of one request.

    Attributes:
        environment, host: where the request went; `host` as `host_of` spells it.
        answer: gets the token that a challenge demands.
        put: puts a token into a request that goes to the host.
    """

    environment: Environment
    host: str
    answer: Callable[[Challenge], AuthenticationResult]
    put: Callable[[PreparedRequest, AuthenticationResult, str], None]

    def look(self, answer: Response, **how: Any) -> Response:  # noqa: ANN401  # as it was sent
        """The answer; where that is a refusal for want of claims, what comes after it.

        Raises:
            GrantwayError: the token that is demanded cannot be had.
        """
        if answer.status_code != 401 or not self._is_here(answer):
            return answer
        challenge = _for_claims(answer)
        sent = repeatable(answer) if challenge is not None else None
        if challenge is None or sent is None:
            return answer
        try:
            self.put(sent, self.answer(challenge), self.host)
        except SelectionError:
            return answer
        except GrantwayError:
            answer.close()
            raise
        return repeated(answer, sent, how)

    def _is_here(self, answer: Response) -> bool:
        """Whether it is of the host: a redirect may have led elsewhere, or to plain http."""
        try:
            return self.environment.destination(answer.request.url or "") == self.host
        except ValueError:
            return False


def _for_claims(answer: Response) -> Challenge | None:
    demanded = Challenge.parse(answer.headers.get("WWW-Authenticate", ""))
    return next((each for each in demanded if each.parameters().keys() == {"claims"}), None)
