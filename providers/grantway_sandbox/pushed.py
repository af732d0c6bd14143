"""Pushed authorization requests (RFC 9126), while they wait for their browsers."""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from attrs import field, frozen

from grantway_sandbox.bounded import Bounded
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import Application

LIFETIME: Final = 90


@frozen
class PushedRequest:
    """A request that waits; `place` is the tenant's name and the version that it was pushed to."""

    application_id: str
    place: tuple[str, int]
    fields: Mapping[str, str] = field(repr=False)
    issued_on: float


class PushedRequests:
    """The requests that wait, each good once and for a minute and a half."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._requests = Bounded[PushedRequest]()

    def push(
        self, application: Application, place: tuple[str, int], fields: Mapping[str, str]
    ) -> str:
        """Keep a request, and return the `request_uri` that it goes by."""
        uri = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(32)}"
        pushed = PushedRequest(application.application_id, place, fields, self._clock())
        self._requests.put(uri, pushed)
        return uri

    def pull(self, uri: str, client_id: str, place: tuple[str, int]) -> Mapping[str, str]:
        """Return the parameters behind a `request_uri`, which is then used up.

        Raises:
            EntraError: no such request waits there for this client.
        """
        found = self._requests.pop(uri)
        meant = (client_id.lower(), place)
        if (
            found is None
            or (found.application_id, found.place) != meant
            or self._clock() - found.issued_on >= LIFETIME
        ):
            raise EntraError(
                90023,
                "The request_uri is not known, was used before, or has expired.",
                error="invalid_request_uri",
            )
        return found.fields
