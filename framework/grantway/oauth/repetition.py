"""A request to an API sent once more, after a refusal that had no effect.

It goes to the very same address by the very same connection, and not by the session: so nobody
looks at what is answered then, and there is no third time. A body that can be read but once is not
sent again: then there is no repetition, and the refusal is what the caller sees.
"""

from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body


def repeatable(answer: Response) -> PreparedRequest | None:
    """The request of an answer, ready to be sent again; None where that cannot be.

    A redirect to somewhere else has taken the token out: to there it is not sent again.
    """
    if "Authorization" not in answer.request.headers:
        return None
    sent = answer.request.copy()
    return sent if _is_whole(sent) else None


def repeated(answer: Response, sent: PreparedRequest, how: Mapping[str, Any]) -> Response:
    """Send a request in the place of that of an answer, which stays as its history.

    `how` is how that was sent: what a response hook of `requests` is told.
    """
    # The connection is to be used again, which it is once all has been read.
    _ = answer.content
    answer.close()
    second: Response = answer.connection.send(sent, **how)
    second.history.append(answer)
    second.request = sent
    return second


def _is_whole(sent: PreparedRequest) -> bool:
    """Whether the whole body can be sent again; it is wound back for that."""
    if sent.body is None or isinstance(sent.body, str | bytes):
        return True
    try:
        rewind_body(sent)
    except UnrewindableBodyError:
        return False
    return True
