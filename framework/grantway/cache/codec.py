"""Results and refresh tokens as bytes, to be encrypted, and back.

JSON, each kind with its version and exactly the fields of that version; those that came later may
be missing, and have a default. What is not exactly that is None, as if it were not there: it is
from another version, and can be had anew.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, cast

from grantway.errors import CacheError
from grantway.proof_key import ProofKey
from grantway.result import AuthenticationResult, UserInfo
from grantway.secret import Secret

if TYPE_CHECKING:
    from grantway.token_cache import StoredRefreshToken

RESULT = "result/1"
REFRESH_TOKEN = "refresh token/1"  # noqa: S105  # a kind of row, no secret

_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

_TEXT = (str,)
_TEXT_OR_NONE = (str, type(None))

_INSTANTS = (
    "acquired_on", "expires_on", "extended_expires_on", "refresh_on", "refresh_token_expires_on",
)  # fmt: skip
_WORDS = ("scopes", "authentication_methods")
_RESULT: Mapping[str, tuple[type, ...]] = {
    "is": _TEXT,
    "key": _TEXT,
    "access_token": _TEXT,
    "token_type": _TEXT,
    **dict.fromkeys(_INSTANTS, _TEXT_OR_NONE),
    "refresh_token": _TEXT_OR_NONE,
    "id_token": _TEXT_OR_NONE,
    "proof_key": _TEXT_OR_NONE,
    **dict.fromkeys(_WORDS, (list,)),
    "resource": _TEXT_OR_NONE,
    "tenant_id": _TEXT,
    "account": (dict, type(None)),
    "environment": _TEXT,
    "provider": _TEXT,
    "correlation_id": _TEXT,
    "issued_token_type": _TEXT,
}
_STORED: Mapping[str, tuple[type, ...]] = {
    "is": _TEXT,
    "key": _TEXT,
    "token": _TEXT,
    "account": (dict, type(None)),
    "owner": _TEXT,
    "environment": _TEXT,
    "provider": _TEXT,
    "client_id": _TEXT,
    "proof_key": _TEXT_OR_NONE,
}
_LATER: Mapping[str, Mapping[str, object]] = {
    RESULT: {
        "authentication_methods": [],
        "refresh_token_expires_on": None,
        "issued_token_type": "",
        "proof_key": None,
    },
    REFRESH_TOKEN: {"client_id": "", "proof_key": None},
}
_ACCOUNT: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("subject", "issuer", "user_name", "object_id", "tenant_id", "name"), _TEXT),
    "claims": (dict,),
}

_RESULT_NAMES = tuple(name for name in _RESULT if name not in ("is", "key"))
_of_result = attrgetter(*_RESULT_NAMES)
_ACCOUNT_NAMES = tuple(_ACCOUNT)
_of_account = attrgetter(*_ACCOUNT_NAMES)


def encode_result(key: str, result: AuthenticationResult) -> bytes:
    """A result and its key as bytes.

    Raises:
        CacheError: its account has claims that JSON does not know.
    """
    facts: dict[str, object] = dict(zip(_RESULT_NAMES, _of_result(result), strict=True))
    facts["is"], facts["key"] = RESULT, key
    for name in _INSTANTS:
        instant = facts[name]
        if instant is not None:
            facts[name] = cast("datetime", instant).isoformat()
    facts["account"] = _account_facts(result.account)
    _put_key(facts, result.proof_key)
    return _encode(facts)


def decode_result(content: bytes) -> tuple[str, AuthenticationResult] | None:
    """Key and result; None where the bytes are not exactly that."""
    facts = _decoded(content, RESULT, _RESULT)
    if facts is None:
        return None
    try:
        for name in _INSTANTS:
            text = cast("str | None", facts[name])
            facts[name] = None if text is None else datetime.fromisoformat(text)
        for name in _WORDS:
            facts[name] = tuple(cast("list[str]", facts[name]))
        facts["account"] = _account(facts["account"])
        facts["proof_key"] = _key(facts["proof_key"])
        return cast("str", facts.pop("key")), AuthenticationResult(**facts)  # type: ignore[arg-type]  # as `_RESULT` says
    except ValueError:
        return None


def encode_refresh_token(slot: str, stored: "StoredRefreshToken") -> bytes:
    """A refresh token and its slot as bytes.

    Raises:
        as `encode_result`.
    """
    facts: dict[str, object] = {
        "is": REFRESH_TOKEN,
        "key": slot,
        "token": stored.token.reveal(),
        "account": _account_facts(stored.account),
        "owner": stored.owner,
        "environment": stored.environment,
        "provider": stored.provider,
        "client_id": stored.client_id,
    }
    _put_key(facts, stored.proof_key)
    return _encode(facts)


def decode_refresh_token(content: bytes) -> tuple[str, "StoredRefreshToken"] | None:
    """Slot and refresh token; None where the bytes are not exactly that."""
    facts = _decoded(content, REFRESH_TOKEN, _STORED)
    if facts is None:
        return None
    try:
        facts["token"] = Secret(cast("str", facts["token"]))
        facts["account"] = _account(facts["account"])
        facts["proof_key"] = _key(facts["proof_key"])
        # Imported here, as by whoever makes one: a process that reads a result does without.
        from grantway.token_cache import StoredRefreshToken

        return cast("str", facts.pop("key")), StoredRefreshToken(**facts)  # type: ignore[arg-type]  # as `_STORED` says
    except ValueError:
        return None


def _account_facts(account: UserInfo | None) -> dict[str, object] | None:
    if account is None:
        return None
    facts = dict(zip(_ACCOUNT_NAMES, _of_account(account), strict=True))
    return {**facts, "claims": dict(account.claims)}


def _put_key(facts: dict[str, object], key: ProofKey | None) -> None:
    """Add the key of what is bound to one; to all else nothing, so that older versions read it."""
    facts.pop("proof_key", None)
    if key is not None:
        facts["proof_key"] = key.export().reveal()


def _key(fact: object) -> ProofKey | None:
    return None if fact is None else ProofKey(Secret(cast("str", fact)))


def _encode(facts: dict[str, object]) -> bytes:
    try:
        return _JSON.encode(facts).encode()
    except (TypeError, ValueError, RecursionError):
        pass
    # Raised after that block: what json raises may tell a value.
    raise CacheError(
        "A token has claims that JSON cannot hold, so it is not kept.",
        remedy="That is a fault of its provider: tell its author.",
    )


def _decoded(
    content: bytes, kind: str, fields: Mapping[str, tuple[type, ...]]
) -> dict[str, object] | None:
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(facts, dict):
        facts = {**_LATER[kind], **cast("dict[str, object]", facts)}
    if not _holds(facts, fields) or facts.pop("is") != kind:
        return None
    words = [each for name in _WORDS for each in cast("list[object]", facts.get(name, ()))]
    if not all(type(each) is str for each in words):
        return None
    account = facts["account"]
    return facts if account is None or _holds(account, _ACCOUNT) else None


def _holds(given: object, fields: Mapping[str, tuple[type, ...]]) -> bool:
    facts = cast("dict[object, object]", given)
    return (
        type(given) is dict
        and facts.keys() == fields.keys()
        and all(type(facts[name]) in kinds for name, kinds in fields.items())
    )


def _account(facts: object) -> UserInfo | None:
    return None if facts is None else UserInfo(**cast("dict[str, str]", facts))  # type: ignore[arg-type]  # as `_ACCOUNT` says
