"""What an endpoint beside the authority is shown: headers, some of them secret."""

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grantway import Secret
    from grantway.authority import Fields


@attrs.frozen(eq=False)
class Shown:
    """A `ClientAuthentication` of headers."""

    given: "Mapping[str, str | Secret]"

    def headers(self, url: str) -> "Mapping[str, str | Secret]":  # noqa: ARG002  # of the contract
        """The headers."""
        return self.given

    def fields(self, url: str) -> "Fields":  # noqa: ARG002  # of the contract
        """None."""
        return ()
