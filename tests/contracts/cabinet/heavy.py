"""A module that loads what no plugin may."""

import requests  # noqa: F401
