"""Names under which results and refresh tokens rest, from which nothing can be read back.

Every name is an HMAC-SHA-256 under the cache's own key, over all that identifies. Literal
secrets enter through an HMAC of their own, references by their text, and nothing is opened for
it. Parts are length-prefixed, so that no two different requests run together into one name.
"""

from collections.abc import Iterable
from typing import cast

from grantway.parameters import Parameter
from grantway.request import TokenRequest
from grantway.secret import Credential, Reference, Secret

Parts = tuple[object, ...]

# In the key as the tenant and the client that result from them, however they were given.
_DERIVED = frozenset(("tenant_id", "application_id", "environment", "resource"))


def fingerprint(key: bytes, *parts: str) -> str:
    """The HMAC of these parts under `key`, as hexadecimal text."""
    # Imported here: hmac brings OpenSSL into every start.
    from hmac import digest

    message = "".join(f"{len(part)}:{part}" for part in parts)
    return digest(key, message.encode(), "sha256").hex()


def result_key(
    key: bytes, request: TokenRequest, parameters: Iterable[Parameter[object]], account: str
) -> str:
    """The name of a request's result."""
    environment = request.environment
    parts = [
        "result",
        environment.authority,
        environment.protocol.name,
        request.provider,
        request.parameter_set,
        account,
        request.tenant.casefold(),
        request.client_id,
        request.resource or "",
    ]
    values = request.values
    for parameter in parameters:
        name = parameter.name
        if parameter.identity and name not in _DERIVED and name in values:
            parts.append(name)
            parts.append(_normal(key, values[name]))
    return fingerprint(key, *parts)


def owner_key(key: bytes, request: TokenRequest) -> str:
    """The name of an authority and client: whose accounts are listed together."""
    return fingerprint(key, "owner", request.environment.authority, request.client_id)


def account_slot(key: bytes, request: TokenRequest, subject: str) -> str:
    """Where an account's refresh token rests: under authority (without tenant) and client."""
    return fingerprint(key, "account", request.environment.authority, request.client_id, subject)


def successor_slot(key: bytes, request: TokenRequest, token: Secret) -> str:
    """Where the successor of a refresh token rests that a caller gave."""
    return fingerprint(
        key,
        "successor",
        request.environment.authority,
        request.client_id,
        token.reveal(),
    )


def _normal(key: bytes, value: object) -> str:
    match value:
        case Secret():
            return fingerprint(key, "secret", value.reveal())
        case Reference():
            return f"reference:{value.text}"
        case Credential():
            # The user name is the client id, unless application_id beats it; the key has that.
            return _normal(key, value.password)
        case tuple():
            return " ".join(sorted(_normal(key, part) for part in cast("Parts", value)))
        case _:
            return str(value)
