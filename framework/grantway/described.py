"""Environments that a configuration file describes: `[environments.NAME]`.

[environments.Keycloak]
authority = "https://id.example.org/realms/main"

[environments.Hill]
like = "Keycloak"
resources = { api = "https://api.hill.example" }
"""

from collections.abc import Iterable, Mapping
from typing import cast

import attrs

from grantway.document import Document, Keys, Table
from grantway.environment import Environment, Trust
from grantway.environment_keys import ENVIRONMENT, TRUST, Key
from grantway.protocol import OIDC, Protocol
from grantway.suggest import did_you_mean


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
    *,
    at: Keys | None = None,
) -> Environment:
    """Make the environment that `[environments.NAME]` describes, or the table `at` elsewhere.

    `like` takes another environment's values as a start; with an `authority` of its own only
    protocol and advice, for hosts, issuers, trust and resources go with the authority.
    `issuer` is another word for `authority`; `protocol` is the name of any protocol that a
    known environment speaks, or that is one of the `further` ones. With the protocol comes the
    advice that a known environment has for it, for error numbers are part of a dialect.

    Raises:
        ConfigurationError: an unknown key, a wrong type, a value that cannot be.
    """
    here = ("environments", name) if at is None else at
    for key in table.keys() & TRUST.keys():
        document.fail(
            f"the environment {name!r} has the key {key!r}, which belongs in its trust",
            f"Write trust = {{ {key} = ... }}.",
            at=(*here, key),
        )
    document.known(table, tuple(ENVIRONMENT), here, whose=f"the environment {name!r}")
    given = _read(document, here, table, ENVIRONMENT)
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
        word = str(given["protocol"])
        protocol = _protocol(document, word, known, further, (*here, "protocol"))
        given["protocol"] = protocol
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
            fresh |= {"dpop": False, "pushed_authorization": False}
            fresh |= {"resources": {}, "default_resource": None, "unavailable": ""}
            fresh |= {"transient": False}
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
    return dict[int, str]() if protocol is OIDC else next(speaking, dict[int, str]())


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
    document.known(table, tuple(TRUST), at, whose="trust")
    return Trust(**_read(document, at, table, TRUST))  # type: ignore[arg-type]  # each was checked


def _read(document: Document, at: Keys, table: Table, keys: Mapping[str, Key]) -> dict[str, object]:
    """The values of a table, each of the type that its key asks for."""
    return {name: keys[name].read(document, (*at, name), value) for name, value in table.items()}


def table_of(environment: Environment) -> dict[str, object]:
    """The table that describes an environment in configuration, without what is as usual.

    Advice has no place there: it comes with the protocol.
    """
    bare = Environment(environment.name, authority="https://localhost")
    protocol = environment.protocol
    table: dict[str, object] = {"authority": environment.authority}
    if protocol is not OIDC:
        table["protocol"] = protocol.name
    for name in ENVIRONMENT:
        value = getattr(environment, name, None)
        if name not in ("authority", "protocol", "trust") and value != getattr(bare, name, None):
            table[name] = _plain(value)
    trust = {
        name: _plain(getattr(environment.trust, name))
        for name in TRUST
        if getattr(environment.trust, name) != getattr(bare.trust, name)
    }
    return {**table, "trust": trust} if trust else table


def _plain(value: object) -> object:
    """A value in the types that TOML and JSON have."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value
