"""A workflow's token for the application: from an endpoint of the runner's, which variables name.

The endpoint is asked in an environment of its own, with that one host in it, so that what shows
that this is the workflow goes nowhere else. It is asked by https, always.
"""

import re
from typing import TYPE_CHECKING

import attrs

from grantway import AuthorityRequest, Environment, Secret, Trust
from grantway.errors import AuthorityError, ConfigurationError, MalformedResponse
from grantway_grants.shown import Shown
from grantway_grants.workload_identity.platform_token import taken

if TYPE_CHECKING:
    from grantway import Context
    from grantway.secret import Unshown

REQUEST_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105  # the name of a variable

_NAME = "GitHubActions"
_REFUSED = (401, 403)
_PERMISSION = "Give the job permissions: id-token: write"


def token_request(environ: "Unshown[str]", audience: str, *, loopback: bool) -> AuthorityRequest:
    """The request for a token that is for `audience`.

    Raises:
        ConfigurationError: a variable is not set, or holds what it cannot.
    """
    from urllib.parse import urlencode

    for variable in (REQUEST_URL, REQUEST_TOKEN):
        if not environ.get(variable):
            raise ConfigurationError(
                f"{variable} is not set: there is no workflow here that may ask for a token.",
                remedy=f"{_PERMISSION}. Elsewhere sign in another way.",
            )
    if not _is_endpoint(environ, loopback=loopback):
        raise _wrong(REQUEST_URL, "is no plain https address; nothing is sent there")
    # What a header can carry; asked here, where the variable can be named.
    if not re.fullmatch(r"[\x21-\x7e]+", environ[REQUEST_TOKEN]):
        raise _wrong(REQUEST_TOKEN, "holds what no header can carry")
    url = environ[REQUEST_URL]
    joined = f"{url}{'&' if '?' in url else '?'}{urlencode({'audience': audience})}"
    shown = Shown({"Authorization": Secret(f"Bearer {environ[REQUEST_TOKEN]}")})
    return AuthorityRequest("platform token", joined, authentication=shown)


def token(sent: AuthorityRequest, context: "Context", *, loopback: bool) -> Secret:
    """The token that the endpoint answers with.

    Raises:
        AuthorityError: it gives none.
        MalformedResponse: what it answers is no token.
        TransportError, ProtocolViolation, DeadlineExceeded: see `grantway.errors`.
    """
    there = attrs.evolve(context, environment=_environment(sent.url, loopback=loopback))
    try:
        answer = context.transport.fetch_json(sent, there)
    except (AuthorityError, MalformedResponse) as error:
        if error.status in _REFUSED:
            error.remedy = f"{_PERMISSION}, and ask while the job runs."
        raise
    found = taken(answer.get("value"), context.clock.time())
    if isinstance(found, Secret):
        return found
    raise MalformedResponse(
        f"The endpoint of {_NAME} answered no token: value {found}.",
        remedy=f"Check that {REQUEST_URL} is the runner's.",
    )


def _environment(url: str, *, loopback: bool) -> Environment:
    """The environment of one request: the endpoint's host, and nothing else."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    trust = Trust(loopback_http=loopback)
    return Environment(_NAME, authority=f"{parts.scheme}://{parts.netloc}", trust=trust)


def _is_endpoint(environ: "Unshown[str]", *, loopback: bool) -> bool:
    """Whether the address is one that may be asked. Raises nothing, so shows nothing."""
    url = environ[REQUEST_URL]
    try:
        _environment(url, loopback=loopback).destination(url)
    except ValueError:
        return False
    return "#" not in url and url.isascii()


def _wrong(variable: str, how: str) -> ConfigurationError:
    return ConfigurationError(
        f"{variable} {how}.",
        remedy="The runner sets it; unset it where it is not the runner's.",
    )
