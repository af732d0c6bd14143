"""Environments that a configuration file describes: `[environments.NAME]`.

[environments.Keycloak]
authority = "https://id.example.org/realms/main"

[environments.Hill]
like = "Keycloak"
resources = { api = "https://api.hill.example" }
"""

from collections.abc import Callable, Iterable, Mapping
from typing import cast, get_args

import attrs

from grantway.document import Document, Keys, Table
from grantway.environment import Environment, Trust
from grantway.protocol import OIDC, ClientAuthenticationMethod, Protocol
from grantway.suggest import did_you_mean

_ENVIRONMENT = (
    "like", "authority", "issuer", "protocol", "aliases", "tenant", "resources",
    "default_resource", "hosts", "issuers", "client_authentication", "closed", "summary", "trust",
)  # fmt: skip
_TRUST = ("ca_bundle", "client_certificate", "proxy", "headers", "loopback_http")


def in_order(environments: Mapping[str, Table]) -> tuple[str, ...]:
    """The names of the configured environments, each after the one it is `like`."""
    spelled = {name.casefold(): name for name in environments}
    found: dict[str, None] = {}

    for name in environments:
        chain: dict[str, None] = {}
        each: str | None = name
        # A circle is left to fail where the first of its names is not known yet.
        while each is not None and each not in chain and each not in found:
            chain[each] = None
            each = spelled.get(str(environments[each].get("like")).casefold())
        found.update(dict.fromkeys(reversed(chain)))
    return tuple(found)


def environment_from(
    document: Document,
    name: str,
    table: Table,
    known: Mapping[str, Environment],
    further: Iterable[Protocol] = (),
) -> Environment:
    """Make the environment that `[environments.NAME]` describes.

    `like` takes another environment's values as a start; with an `authority` of its own only
    protocol and advice, for hosts, issuers, trust and resources go with the authority.
    `issuer` is another word for `authority`; `protocol` is the name of any protocol that a
    known environment speaks, or that is one of the `further` ones. With the protocol comes the
    advice that a known environment has for it, for error numbers are part of a dialect.

    Raises:
        ConfigurationError: an unknown key, a wrong type, a value that cannot be.
    """
    here = ("environments", name)
    document.known(table, _ENVIRONMENT, here, whose=f"the environment {name!r}")
    given = {key: _checked(document, (*here, key), value) for key, value in table.items()}
    if "issuer" in given:
        if "authority" in given:
            document.fail(
                f"the environment {name!r} has an authority and an issuer",
                "They are two words for one thing: keep one of them.",
                at=(*here, "issuer"),
            )
        given["authority"] = given.pop("issuer")
    if "trust" in given:
        given["trust"] = _trust(document, cast("Table", given["trust"]), (*here, "trust"))
    if "protocol" in given:
        word, at = str(given["protocol"]), (*here, "protocol")
        given["protocol"] = protocol = _protocol(document, word, known, further, at)
        if "like" not in given:
            given["advice"] = _advice_for(protocol, known.values())
    like = given.pop("like", None)
    try:
        if like is None:
            if "authority" not in given:
                document.fail(f"the environment {name!r} needs an authority", at=here)
            return Environment(name=name, **given)  # type: ignore[arg-type]  # checked above
        base = known.get(str(like).casefold())
        if base is None:
            names = [each.name for each in known.values()]
            document.fail(
                f"{name!r} is to be like {like!r}, which is no environment",
                did_you_mean(str(like), names),
                at=(*here, "like"),
            )
        fresh: dict[str, object] = {"name": name, "aliases": (), "default": False}
        if "authority" in given:
            # Another authority is another circle of trust: nothing that says who may be
            # sent a secret, or be believed, is taken over from the first one.
            fresh |= {
                "hosts": (),
                "issuers": (),
                "closed": "",
                "tenant": None,
                "trust": Trust(),
            }
            fresh |= {"resources": {}, "default_resource": None, "unavailable": ""}
        return attrs.evolve(base, **{**fresh, **given})  # type: ignore[arg-type]  # as above
    except ValueError as error:
        document.fail(f"the environment {name!r}: {error}", at=here)


def protocols_of(
    environments: Iterable[Environment], further: Iterable[Protocol] = ()
) -> tuple[Protocol, ...]:
    """Every protocol that these environments speak, and these further ones, with all variants."""
    found: dict[str, Protocol] = {OIDC.name: OIDC}
    queue = [*(environment.protocol for environment in environments), *further]
    while queue:
        protocol = queue.pop(0)
        if protocol.name not in found:
            found[protocol.name] = protocol
            queue.extend(protocol.variants)
    return tuple(found.values())


def _advice_for(protocol: Protocol, environments: Iterable[Environment]) -> Mapping[int, str]:
    """What the first environment that speaks a protocol, or a variant, has to say of its errors."""
    speaking = (
        each.advice for each in environments if protocol in protocols_of([each]) and each.advice
    )
    return {} if protocol is OIDC else next(speaking, {})


def _protocol(
    document: Document,
    word: str,
    known: Mapping[str, Environment],
    further: Iterable[Protocol],
    at: Keys,
) -> Protocol:
    protocols = {each.name: each for each in protocols_of(known.values(), further)}
    if word not in protocols:
        document.fail(
            f"there is no protocol {word!r}",
            did_you_mean(word, protocols) or f"There are: {', '.join(sorted(protocols))}.",
            at=at,
        )
    return protocols[word]


def _trust(document: Document, table: Table, at: Keys) -> Trust:
    document.known(table, _TRUST, at, whose="trust")
    given = {key: _checked(document, (*at, key), value) for key, value in table.items()}
    return Trust(**given)  # type: ignore[arg-type]  # each value was checked


def _method(document: Document, at: Keys, value: object) -> str:
    word, words = document.word(at, value), get_args(ClientAuthenticationMethod)
    if word not in words:
        document.fail(
            f"there is no {at[-1]} {word!r}",
            did_you_mean(word, words) or f"There are: {', '.join(words)}.",
            at=at,
        )
    return word


# How the values of an environment's table are read that are no texts.
_READERS: Mapping[str, Callable[[Document, Keys, object], object]] = {
    "aliases": Document.texts,
    "client_authentication": _method,
    "client_certificate": Document.pair,
    "headers": Document.named_texts,
    "hosts": Document.texts,
    "issuers": Document.texts,
    "loopback_http": Document.flag,
    "resources": Document.named_texts,
    "trust": Document.table,
}


def _checked(document: Document, at: Keys, value: object) -> object:
    """One value of an environment's table, of the type that its key asks for."""
    return _READERS.get(at[-1], Document.word)(document, at, value)
