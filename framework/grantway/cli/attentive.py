"""A dispatcher that a call can be remembered of; see `grantway.cli.remembering`."""

from typing import TYPE_CHECKING

from grantway.dispatcher import Dispatcher

if TYPE_CHECKING:
    from grantway.acquisition import Acquisition
    from grantway.result import AuthenticationResult


class AttentiveDispatcher(Dispatcher):
    """A dispatcher that knows what it has served from the cache.

    Attributes:
        served: the call, and what was served.
    """

    served: "tuple[Acquisition, AuthenticationResult] | None" = None

    def _served(self, wanted: "Acquisition") -> "AuthenticationResult | None":
        result = super()._served(wanted)
        self.served = None if result is None else (wanted, result)
        return result
