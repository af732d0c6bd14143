"""A plugin that was made for a later grantway."""

from grantway import SomethingOfALaterVersion  # type: ignore[attr-defined]  # noqa: F401
