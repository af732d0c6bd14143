"""An environment learned from one URL: `KIND=URL`.

    hill = grantway.discover("oidc=https://id.hill.example/realms/main", name="Hill")
    dispatcher.acquire(environment=hill, ...)

Kinds come from plugins (the hook `grantway_discoveries`). Whatever the kind, these rules hold:

* Only the host of the URL is asked, and hosts that the caller names beside it. The transport
  refuses all others: discovering one cloud never contacts another.
* Name, trust and further hosts are the caller's. Nothing that is discovered changes them.
* Of the hosts that may see a secret, a document decides at most one: that of the authority, and
  only where the kind is one that asks somebody else about it. Whoever trusts the URL trusts it
  that far, and a person is shown the authority before it is saved.
* No secret is sent, and no redirect is followed.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from grantway.context import Context
from grantway.declarations import check_record
from grantway.environment import Environment, Trust, host_of
from grantway.errors import GrantwayError, InvalidParameter, PluginError
from grantway.suggest import did_you_mean, type_of

if TYPE_CHECKING:
    from grantway.context import Transport
    from grantway.offerings import Discovery
    from grantway.parts import Clock
    from grantway.registry import Registry

TIMEOUT = 30.0
"""Seconds that a discovery may take: a few small documents from one host."""


def discover(
    source: str,
    *,
    name: str | None = None,
    hosts: Iterable[str] = (),
    trust: Trust | None = None,
    registry: "Registry | None" = None,
    transport: "Transport | None" = None,
    clock: "Clock | None" = None,
    timeout: float = TIMEOUT,
) -> Environment:
    """Learn an environment from a URL, without a secret; it can be used at once.

    Args:
        source: `KIND=URL`.
        name: what the environment is called; by default after the URL's host.
        hosts: further hosts (`name` or `name:port`) that may be sent secrets, for an authority
            whose endpoints are on several.
        trust: CA bundle, client certificate, proxy and headers, for the discovery and after it.
        registry: the plugins; by default all installed ones.
        transport: the road to the network; by default HTTP.
        clock: the source of time; by default the system's.
        timeout: seconds it may take.

    Raises:
        InvalidParameter: there is no such kind, or the URL cannot be.
        ProtocolViolation: what came back must not be trusted: another issuer, a redirect, an
            endpoint on a host that nobody named.
        MalformedResponse: it is no such document.
        AuthorityError, TransportError, DeadlineExceeded: nothing came back.
        PluginError: the plugin of that kind failed.
    """
    if registry is None:
        from grantway.registry import Registry

        registry = Registry.load()
    kind, url = _parted(source, registry)
    trust = trust or Trust()
    try:
        origin = _origin(url)
        named = name or re.sub(r"[^A-Za-z0-9.]+", "-", host_of(url)).strip("-.")
        provisional = Environment(named, authority=origin, trust=trust, hosts=tuple(hosts))
    except ValueError as error:
        raise InvalidParameter(
            f"discover: {error}.", remedy=f"Give {kind.name}=https://HOST/...", parameter="discover"
        ) from None
    made = None
    if transport is None:
        from grantway.oauth.transport import HttpTransport

        transport = made = HttpTransport()
    if clock is None:
        from grantway.clock import SystemClock

        clock = SystemClock()
    context = Context.lasting(timeout, provisional, transport, clock)
    try:
        found = _asked(kind, url, context)
    finally:
        if made is not None:
            made.close()
    return attrs.evolve(
        found, name=named, aliases=(), hosts=provisional.hosts, trust=trust, default=False
    )


def _parted(source: str, registry: "Registry") -> "tuple[Discovery, str]":
    word, equals, url = source.partition("=")
    kinds = registry.discoveries
    kind = kinds.get(word.strip().casefold()) if equals else None
    if kind is None:
        known = ", ".join(f"{each}=URL" for each in sorted(kinds))
        # Without an equals sign it may be anything, and is not repeated.
        shown = f"there is no kind {word[:40]!r}" if equals else "it has no kind"
        raise InvalidParameter(
            f"discover: {shown}.",
            remedy=f"{did_you_mean(word, kinds) if equals else ''} It is one of: {known}.".strip(),
            parameter="discover",
        )
    return kind, url.strip()


def _origin(url: str) -> str:
    """Scheme and host of a URL.

    Raises:
        ValueError: it has none, or one that looks like another.
    """
    host_of(url)
    return "/".join(url.split("/")[:3]).partition("?")[0].partition("#")[0]


def _asked(kind: "Discovery", url: str, context: Context) -> Environment:
    """What a kind of discovery says, which is a plugin's and may do anything."""
    try:
        found: object = kind.discover(url, context)
    except (GrantwayError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001  # of a plugin's
        reason = f"it raised {type_of(error)}"
    else:
        if isinstance(found, Environment):
            check_record(found)
            return found
        reason = f"it gave a {type_of(found)}"
    raise PluginError(
        f"The discovery {kind.name} failed: {reason}.",
        remedy="That is a fault of its plugin: tell its author.",
    )
