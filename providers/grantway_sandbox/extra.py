"""The way to the authority's code, which needs packages that not everybody has installed."""

from typing import TYPE_CHECKING

from grantway.errors import ConfigurationError

if TYPE_CHECKING:
    from grantway_sandbox.server import Sandbox

INSTALL = "pip install 'grantway[sandbox]'"


def sandbox_class() -> "type[Sandbox]":
    """Import the sandbox.

    Raises:
        ConfigurationError: a package of the extra is missing; the remedy is the command that
            installs it.
    """
    try:
        from grantway_sandbox.server import Sandbox
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package.startswith("grantway"):
            raise
        raise ConfigurationError(
            f"The sandbox needs packages that are not installed here ({package or error}).",
            remedy=f"Install them with: {INSTALL}",
        ) from None
    return Sandbox
