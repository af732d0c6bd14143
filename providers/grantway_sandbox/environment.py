"""The environment `Sandbox`: where the local authority is, and how it is spoken to.

It is looked for in two places, once, when the plugins are loaded:

1. `GRANTWAY_SANDBOX_URL`;
2. what `grantway sandbox run` of the same user has left (see `grantway_sandbox.state`).

Where neither has one, the environment is there all the same, marked `unavailable` with what to
do about it, so that everything but asking for a token works: a list, an explanation, completion.
Its address is then port 0, which nobody can listen on: no default port is ever tried, for on a
shared machine somebody else may be the one who answers.

Only a literal loopback address will do. What the sandbox is trusted with (plain http, no proxy)
is right there and nowhere else.
"""

import os

from grantway import Environment, Trust
from grantway_clouds import ADVICE, ENTRA_V2
from grantway_sandbox import state

NAME = "Sandbox"
VARIABLE = "GRANTWAY_SANDBOX_URL"
START = "grantway sandbox run"

_NOWHERE = "http://127.0.0.1:0"
_ABOUT = "a local authority for trying things out"

# The APIs that the sandbox has stand-ins for, under their real identifiers. `api`, the sandbox's
# own, is wherever the sandbox is.
_STAND_INS = {
    "partner": "https://api.partnercenter.microsoft.com",
    "graph": "https://graph.microsoft.com",
    "arm": "https://management.azure.com",
    "keyvault": "https://vault.azure.net",
    "exchange": "https://outlook.office365.com",
}


def sandbox_environment() -> Environment:
    """The environment, wherever the sandbox is now."""
    found = state.read()
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        if found is not None:
            return environment_at(found.url, found.ca_bundle)
        return _nowhere(
            f"No sandbox was found running. Start one in another terminal with `{START}`, or name "
            f"one in {VARIABLE}; a Dispatcher made after that finds it.",
            f"{_ABOUT}; start it with `{START}`",
        )
    try:
        url = state.loopback_url(given)
    except ValueError as error:
        # Neither another sandbox nor a guess in its place: the user meant something.
        problem = f"{VARIABLE} {error}"
        return _nowhere(f"{problem}. Correct it, or unset it.", f"{_ABOUT}; {problem}")
    same = found is not None and found.url == url
    return environment_at(url, found.ca_bundle if found and same else None)


def environment_at(url: str, ca_bundle: str | None = None) -> Environment:
    """The environment of the sandbox at `url`; `ca_bundle` is the path of its CA under TLS.

    Raises:
        ValueError: no literal loopback address.
    """
    return _environment(state.loopback_url(url), ca_bundle, summary=f"{_ABOUT}, at {url}")


def issuer_at(url: str, tenant_id: str, ca_bundle: str | None = None) -> Environment:
    """One tenant of the sandbox at `url` as what it is too: an OpenID provider like any other.

    Raises:
        ValueError: no literal loopback address.
    """
    return Environment(
        f"{NAME}Issuer",
        authority=f"{state.loopback_url(url)}/{tenant_id}/v2.0",
        client_authentication="client_secret_post",
        advice=ADVICE,
        trust=Trust(ca_bundle=ca_bundle, proxy="", loopback_http=True),
        summary=f"{_ABOUT}, spoken to as any OpenID provider",
    )


def _nowhere(unavailable: str, summary: str) -> Environment:
    return _environment(_NOWHERE, None, summary=summary, unavailable=unavailable)


def _environment(
    url: str, ca_bundle: str | None, *, summary: str, unavailable: str = ""
) -> Environment:
    return Environment(
        NAME,
        authority=url,
        protocol=ENTRA_V2,
        resources={"api": url, **_STAND_INS},
        # The one API that is really there, so that the shortest call gives a token of use.
        default_resource="api",
        advice=ADVICE,
        unavailable=unavailable,
        # It is wherever one runs now.
        transient=True,
        # No proxy: what is on loopback is reached directly, whatever the network's rules.
        trust=Trust(ca_bundle=ca_bundle, proxy="", loopback_http=True),
        summary=summary,
    )
