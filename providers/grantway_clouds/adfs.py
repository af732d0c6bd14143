"""The discovery `adfs`: an AD FS by its own metadata.

The URL may end with `/adfs`, or with the address of the metadata, or be the host alone: an AD FS is
always at that path of its host.
"""

import attrs

from grantway import Context, Environment
from grantway.oauth.discovery import borne_out
from grantway_clouds.protocols import ADFS


def discover(url: str, context: Context) -> Environment:
    """The environment of an AD FS.

    Raises:
        as `borne_out`.
    """
    origin = context.environment.expand("{origin}")
    found = attrs.evolve(
        context.environment, authority=origin, protocol=ADFS, summary=f"AD FS, discovered at {url}"
    )
    return borne_out(found, context)
