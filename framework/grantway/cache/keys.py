"""Names under which results and refresh tokens rest, from which nothing can be read back.

Every name is an HMAC-SHA-256 under the cache's own key, over all that identifies. Literal
secrets enter through an HMAC of their own, references by their text, and nothing is opened for
it. Parts are length-prefixed, so that no two different requests run together into one name.
"""

from collections.abc import Iterable
from typing import cast

import attrs

from grantway.environment import Environment
from grantway.errors import PluginError
from grantway.parameters import SCOPES, Parameter
from grantway.request import TokenRequest
from grantway.secret import Secret
from grantway.suggest import type_of

# In the key as the tenant and the client that result from them, however they were given.
_DERIVED = frozenset(("tenant_id", "application_id", "environment", "resource"))


def fingerprint(key: bytes, *parts: str) -> str:
    """The HMAC of these parts under `key`, as hexadecimal text."""
    # Imported here: hmac brings OpenSSL into every start.
    from hmac import digest

    return digest(key, _joined(*parts).encode(), "sha256").hex()


def _joined(*parts: str) -> str:
    """One text for several, which no others have."""
    return "".join([f"{len(part)}:{part}" for part in parts])


def result_key(
    key: bytes,
    request: TokenRequest,
    parameters: Iterable[Parameter[object]],
    account: str,
    surroundings: Iterable[str | Secret] = (),
) -> str:
    """The name of a request's result; `surroundings` as its provider tells them.

    Raises:
        PluginError: a value of a plugin's own type cannot be told from others.
    """
    parts = [
        "result",
        *_authority(key, request.environment),
        request.environment.name,
        request.provider,
        request.parameter_set,
        account,
        request.tenant.casefold(),
        request.client_id,
        request.resource or "",
    ]
    for parameter in parameters:
        if parameter.identity and parameter.name not in _DERIVED:
            parts += _named(key, request, parameter)
    parts += (_normal(key, each) for each in surroundings)
    return fingerprint(key, *parts)


def circumstances(
    key: bytes, request: TokenRequest, parameters: Iterable[Parameter[object]]
) -> tuple[str, ...]:
    """What does not name a result and yet changes what is done to get it.

    A claims challenge, a vault to save to, how to prompt: calls that differ in it must not share
    one flight.

    Raises:
        as `result_key`.
    """
    parts: list[str] = []
    for parameter in parameters:
        if not parameter.identity:
            parts += _named(key, request, parameter)
    return tuple(parts)


def pause_key(key: bytes, request: TokenRequest) -> str:
    """The name of an authority and client that may be asked to wait together."""
    authority = _authority(key, request.environment)
    return fingerprint(key, "pause", *authority, request.client_id, "")


def owner_key(key: bytes, request: TokenRequest) -> str:
    """The name of an authority, client and holder: whose accounts are listed together."""
    return _slot(key, "owner", request, "")


def account_slot(key: bytes, request: TokenRequest, subject: str) -> str:
    """Where an account's refresh token rests: by authority (without tenant), client, holder."""
    return _slot(key, "account", request, subject)


def successor_slot(key: bytes, request: TokenRequest, *tokens: Secret) -> str:
    """Where the refresh token rests that came for the tokens that a caller gave."""
    return _slot(key, "successor", request, *(each.reveal() for each in tokens))


def _slot(key: bytes, kind: str, request: TokenRequest, *whose: str) -> str:
    whom = (request.client_id, *_held(key, request), *whose)
    return fingerprint(key, kind, *_authority(key, request.environment), *whom)


def _held(key: bytes, request: TokenRequest) -> tuple[str, ...]:
    """What keeps the refresh tokens of a third party's provider from all others."""
    if request.holder is None:
        return ()
    parts = ["held", request.holder.plugin, request.provider]
    for parameter in request.holder.parameters:
        parts += _named(key, request, parameter)
    return (_joined(*parts),)


def _authority(key: bytes, environment: Environment) -> tuple[str, ...]:
    """An authority, as it is reached and believed: others may answer under the same address."""
    protocol, trust = environment.protocol, environment.trust
    return (
        environment.authority,
        # What is bound to a key is of no use to a call that has none, nor the other way round.
        f"{protocol.name} dpop" if environment.dpop else protocol.name,
        protocol.audience,
        protocol.token_path or "",
        trust.ca_bundle or "",
        " ".join(trust.client_certificate or ()),
        _normal(key, tuple(sorted(trust.headers.items()))),
    )


def _named(key: bytes, request: TokenRequest, parameter: Parameter[object]) -> tuple[str, ...]:
    if parameter.name not in request.values:
        return ()
    value = request.values[parameter.name]
    if parameter is SCOPES:
        value = tuple(sorted(request.scopes))
    try:
        return parameter.name, _normal(key, value)
    except Exception:  # noqa: BLE001  # of a plugin's type; its text may hold the value
        kind = type_of(value)
    raise PluginError(
        f"{parameter.name}: a {kind} cannot be told from others of its kind.",
        remedy="Its provider's author has to declare a type of plain values, or identity=False.",
    )


def _normal(key: bytes, value: object) -> str:
    """A text for a value that no other value has, and that gives no secret away."""
    match value:
        case str() | bool() | int() | float() | None:
            return f"{type(value).__name__}:{value}"
        case Secret():
            return fingerprint(key, "secret", value.reveal())
        case tuple() | list():
            members = cast("Iterable[object]", value)
            return _joined("sequence", *[_normal(key, each) for each in members])
        case set() | frozenset():
            members = cast("Iterable[object]", value)
            return _joined("set", *sorted(_normal(key, each) for each in members))
        case _ if attrs.has(type(value)):
            # A Credential, a Reference, a plugin's record: by its type and all of its fields,
            # but those that two equal ones may differ in.
            kind = cast("type[attrs.AttrsInstance]", type(value))
            counted = (each.name for each in attrs.fields(kind) if each.eq)
            fields = [_normal(key, getattr(value, name)) for name in counted]
            return _joined(kind.__qualname__, *fields)
        case _:
            # Imported here: only a plugin's own types come here. A Secret refuses to be pickled,
            # so that nothing which masks itself is taken for its mask.
            import pickle

            return f"{type(value).__qualname__}:{pickle.dumps(value, protocol=4).hex()}"
