"""What the records that plugins hand in may hold, field by field, by exact type.

A type checker would have told the author most of this, where one was asked. Here it is made
certain before anything else looks: a text is a `str` and no subclass with methods of its own, a
name can be printed, a tuple holds what it should. Whatever reads a record afterwards need not ask.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import attrs

from grantway.environment import Environment, Trust
from grantway.errors import PluginError
from grantway.offerings import Discovery, TokenCacheFactory, Vault
from grantway.parameters import Parameter, ParameterSet
from grantway.proof_key import ProofKey
from grantway.protocol import Form, Protocol
from grantway.provider import CredentialProvider
from grantway.result import AuthenticationResult, UserInfo
from grantway.suggest import type_of

# What would move the cursor or colour the screen of whoever lists it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@attrs.frozen
class _Kind:
    """What a field may hold: in words, and as a test."""

    words: str
    holds: Callable[[object], bool]

    def or_none(self) -> "_Kind":
        return _Kind(f"{self.words}, or None", lambda value: value is None or self.holds(value))

    def several(self) -> "_Kind":
        return _Kind(
            f"a tuple, each of it {self.words}",
            lambda value: (
                type(value) is tuple
                and all(self.holds(each) for each in cast("tuple[object, ...]", value))
            ),
        )


def _is_text(value: object) -> bool:
    return type(value) is str and not _CONTROL.search(value)


def is_name(value: object) -> bool:
    """Whether it can name something: letters, digits, dot, dash, underscore."""
    return type(value) is str and bool(_NAME.fullmatch(value))


def _is_map(of_key: type, value: object) -> bool:
    return isinstance(value, Mapping) and all(
        type(key) is of_key and _is_text(each)
        for key, each in cast("Mapping[object, object]", value).items()
    )


def _compiles(value: object) -> bool:
    try:
        return type(value) is str and bool(re.compile(value))
    except (re.error, RecursionError, OverflowError):
        return False


def _is_pattern(value: object) -> bool:
    return _compiles(value) and (not value or re.compile(cast("str", value)).groups == 1)


def _record(kind: type) -> _Kind:
    return _Kind(f"a {kind.__name__}", lambda value: type(value) is kind)


_TEXT = _Kind("text without control characters", _is_text)
_TEXTS = _TEXT.several()
_WORD = _Kind("a name of letters, digits, dot, dash and underscore", is_name)
_FLAG = _Kind("True or False", lambda value: type(value) is bool)
_NUMBER = _Kind("a whole number", lambda value: type(value) is int)
_FUNCTION = _Kind("a function", lambda value: callable(value) and isinstance(hash(value), int))
_PARAMETERS = _record(Parameter).several()
_PATTERN = _Kind("a pattern with one group, or empty", _is_pattern)

_FIELDS: Mapping[type, Mapping[str, _Kind]] = {
    CredentialProvider: {
        "name": _WORD,
        "authenticate": _FUNCTION,
        "renew": _FUNCTION.or_none(),
        "plan": _FUNCTION.or_none(),
        "surroundings": _FUNCTION.or_none(),
        "interactive": _TEXTS,
        "reads_cache": _FLAG,
        "summary": _TEXT,
        "parameter_sets": _record(ParameterSet).several(),
    },
    ParameterSet: {
        "name": _WORD,
        "required": _PARAMETERS,
        "at_least_one": _PARAMETERS,
        "optional": _PARAMETERS,
        "default": _FLAG,
        "summary": _TEXT,
    },
    Parameter: {
        "name": _TEXT,
        "parse": _FUNCTION,
        "help": _TEXT,
        "secret": _FLAG,
        "identity": _FLAG,
        "presented": _FLAG,
        "choices": _TEXTS,
        "example": _TEXT,
        "default": _Kind("a value that can be shown", lambda value: _is_text(str(value))),
        "env": _Kind(
            "the name of an environment variable",
            lambda value: type(value) is str and bool(_VARIABLE.fullmatch(value)),
        ).or_none(),
        "aliases": _TEXTS,
        "excludes": _TEXTS,
        "deprecated": _TEXT,
        "validator": _FUNCTION.or_none(),
    },
    Environment: {
        "name": _WORD,
        "authority": _TEXT,
        "protocol": _record(Protocol),
        "aliases": _WORD.several(),
        "tenant": _TEXT.or_none(),
        "resources": _Kind("texts by name", lambda value: _is_map(str, value)),
        "default_resource": _TEXT.or_none(),
        "hosts": _TEXTS,
        "issuers": _TEXTS,
        "client_authentication": _TEXT.or_none(),
        "assertion_audience": _TEXT.or_none(),
        "dpop": _FLAG,
        "pushed_authorization": _FLAG,
        "advice": _Kind("texts by number", lambda value: _is_map(int, value)),
        "closed": _TEXT,
        "transient": _FLAG,
        "unavailable": _TEXT,
        "default": _FLAG,
        "trust": _record(Trust),
        "summary": _TEXT,
    },
    Protocol: {
        "name": _WORD,
        "summary": _TEXT,
        "audience": _TEXT,
        "resource_field": _TEXT,
        "client_id": _record(Form),
        "tenant": _record(Form).or_none(),
        "default_tenant": _TEXT,
        "shared_tenants": _TEXTS,
        "absent_grants": _TEXTS,
        "on_behalf_of": _Kind("texts by name", lambda value: _is_map(str, value)),
        "token_path": _TEXT.or_none(),
        "authorization_path": _TEXT.or_none(),
        "device_authorization_path": _TEXT.or_none(),
        "metadata_urls": _TEXTS,
        "issuers": _TEXTS,
        "client_authentication": _TEXT.or_none(),
        "assertion_algorithms": _TEXTS,
        "assertion_thumbprint": _TEXT,
        "assertion_certificate": _FLAG,
        "assertion_audience": _TEXT,
        "device_code_field": _TEXT,
        "device_grant_type": _TEXT,
        "identity_scopes": _TEXTS,
        "sign_in_scopes": _TEXTS,
        "sign_in_fields": _Kind("texts by name", lambda value: _is_map(str, value)),
        "consent_prompt": _TEXT,
        "capabilities_claim": _TEXT,
        "error_code": _PATTERN,
        "propagation_codes": _NUMBER.several(),
        "refresh_tokens_stay": _FLAG,
        "refresh_token_idle_days": _NUMBER,
        "ignore_unsigned_id_token": _FLAG,
        "correlation_header": _TEXT,
        "variants": _record(Protocol).several(),
    },
    Form: {"description": _TEXT, "pattern": _Kind("a pattern", _compiles), "canonical": _FUNCTION},
    Trust: {
        "ca_bundle": _TEXT.or_none(),
        "client_certificate": _Kind(
            "two paths, of a certificate and its key",
            lambda value: (
                value is None
                or (_TEXTS.holds(value) and len(cast("tuple[object, ...]", value)) == 2)
            ),
        ),
        "proxy": _TEXT.or_none(),
        "headers": _Kind("texts by name", lambda value: _is_map(str, value)),
        "loopback_http": _FLAG,
    },
    TokenCacheFactory: {"name": _WORD, "create": _FUNCTION, "summary": _TEXT},
    Discovery: {
        "name": _WORD,
        "discover": _FUNCTION,
        "protocols": _record(Protocol).several(),
        "summary": _TEXT,
    },
    Vault: {
        # What else a scheme has to be is said by `grantway.plugins`.
        "scheme": _TEXT,
        "get": _FUNCTION,
        "put": _FUNCTION.or_none(),
        "check": _FUNCTION.or_none(),
        "makes": _FLAG,
        "summary": _TEXT,
    },
}

# RFC 6749, appendix A.12, and RFC 9110, section 5.6.2: what a header can carry.
_TOKEN = _Kind(
    "visible ASCII",
    lambda value: type(value) is str and bool(re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value)),
)
_SCHEME = _Kind(
    "the name of a token type",
    lambda value: (
        type(value) is str and bool(re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", value, re.ASCII))
    ),
)


def _is_aware(value: object) -> bool:
    from datetime import datetime

    return type(value) is datetime and value.utcoffset() is not None


_INSTANT = _Kind("an aware datetime", _is_aware).or_none()

_STR = _Kind("text", lambda value: type(value) is str)

_KEPT: Mapping[str, _Kind] = {
    "refresh_token": _STR.or_none(),
    "account": _record(UserInfo).or_none(),
}
_RESULT: Mapping[str, _Kind] = {
    "access_token": _TOKEN,
    "token_type": _SCHEME,
    "acquired_on": _INSTANT,
    "expires_on": _INSTANT,
    "extended_expires_on": _INSTANT,
    "refresh_on": _INSTANT,
    "refresh_token_expires_on": _INSTANT,
    "authentication_methods": _STR.several(),
    "id_token": _STR.or_none(),
    "proof_key": _record(ProofKey).or_none(),
    "scopes": _STR.several(),
    "resource": _STR.or_none(),
    "tenant_id": _STR,
    "environment": _STR,
    "provider": _STR,
    "correlation_id": _STR,
    "issued_token_type": _STR,
}
_ACCOUNT: Mapping[str, _Kind] = dict.fromkeys(
    ("subject", "issuer", "user_name", "object_id", "tenant_id", "name"), _STR
)


def check_record(record: object) -> None:
    """Check a record that a hook returned, and the records in it.

    Raises:
        PluginError: a field holds what it may not; the message says which, and what it may hold.
    """
    for each in _records(record):
        name = getattr(each, "name", getattr(each, "scheme", None))
        if type(each) not in _FIELDS:
            raise PluginError(f"{type_of(each)} is a type of its own, not one of grantway.")
        title = f"{type_of(each)} {name}" if is_name(name) else type_of(each)
        for field, kind in _FIELDS[type(each)].items():
            if not kind.holds(getattr(each, field)):
                raise PluginError(f"{title}: {field} is not {kind.words}.")


def _records(record: object) -> Iterator[object]:
    """A record, then those it holds; each is checked before what it holds is looked at."""
    yield record
    match record:
        case CredentialProvider():
            for parameter_set in record.parameter_sets:
                yield from _records(parameter_set)
        case ParameterSet():
            yield from record.own
        case Environment():
            yield record.trust
            yield from _records(record.protocol)
        case Protocol():
            yield record.client_id
            if record.tenant is not None:
                yield record.tenant
            for variant in record.variants:
                yield from _records(variant)
        case Discovery():
            for protocol in record.protocols:
                yield from _records(protocol)
        case _:
            pass


def kept_fault(result: AuthenticationResult) -> str:
    """What is wrong with the parts of a result that are kept before anything else: "" if nothing.

    Values are never told, for they may be secrets.
    """
    wrong = _fault(result, _KEPT)
    return wrong or (_fault(result.account, _ACCOUNT) if result.account else "")


def fault(result: AuthenticationResult) -> str:
    """What is wrong with a result: "" if nothing. Values are never told."""
    return _fault(result, _RESULT)


def _fault(record: object, kinds: Mapping[str, _Kind]) -> str:
    for field, kind in kinds.items():
        if not kind.holds(getattr(record, field)):
            return f"{field} is not {kind.words}"
    return ""
