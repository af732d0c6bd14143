"""What another key has encrypted: it is there, and what is listed is not all there is."""

import logging

from grantway.cache_inspection import Inspector
from grantway.cli import output
from grantway.cli.session import Session


def warn_of_another_key(session: Session) -> None:
    """Warn of what this session's token cache has of another key, where it can tell."""
    with session.cache() as cache:
        if isinstance(cache, Inspector):
            tell_of_another_key(cache.info().unreadable)


def tell_of_another_key(unreadable: int) -> None:
    """Warn of so many entries of another key, if there are any."""
    if unreadable:
        logging.getLogger("grantway.cli").warning(
            "%s cannot be listed: what another key has encrypted cannot be read, and is kept for "
            "that key (`grantway cache info` says which key this is)",
            output.counted(unreadable, "entry", "entries"),
        )
