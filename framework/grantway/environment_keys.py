"""The keys of an environment's table in configuration: how each is read, and what it may be.

One declaration serves the reader of configuration files, the JSON schema by which editors check
them (`grantway config schema`), and the documentation.
"""

from collections.abc import Callable, Mapping
from typing import get_args

import attrs

from grantway.document import Document, Keys
from grantway.protocol import AssertionAudience, ClientAuthenticationMethod
from grantway.suggest import did_you_mean

Schema = dict[str, object]
Reader = Callable[[Document, Keys, object], object]

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Schema = {"type": "string"}


def _method(document: Document, at: Keys, value: object) -> str:
    return _one_of(get_args(ClientAuthenticationMethod), document, at, value)


def _audience(document: Document, at: Keys, value: object) -> str:
    return _one_of(get_args(AssertionAudience), document, at, value)


def _one_of(words: tuple[str, ...], document: Document, at: Keys, value: object) -> str:
    word = document.word(at, value)
    if word not in words:
        document.fail(
            f"there is no {at[-1]} {word!r}",
            did_you_mean(word, words) or f"There are: {', '.join(words)}.",
            at=at,
        )
    return word


# What each way of reading takes, as JSON schema.
_TAKES: Mapping[Reader, Schema] = {
    Document.word: _TEXT,
    Document.texts: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
    Document.pair: {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
    Document.named_texts: {"type": "object", "additionalProperties": _TEXT},
    Document.flag: {"type": "boolean"},
    _method: {"enum": list(get_args(ClientAuthenticationMethod))},
    _audience: {"enum": list(get_args(AssertionAudience))},
}


@attrs.frozen
class Key:
    """One key: what it is for, and how its value is read; or the keys of the table it holds."""

    help: str
    read: Reader = Document.word
    keys: "Mapping[str, Key] | None" = None

    def schema(self) -> Schema:
        """What its value may be, as JSON schema."""
        takes = _TAKES[self.read] if self.keys is None else _table(self.keys)
        return {"description": self.help, **takes}


TRUST: Mapping[str, Key] = {
    "ca_bundle": Key("Path of a PEM file that takes the place of the usual roots."),
    "client_certificate": Key(
        "Paths of a PEM certificate and its key, shown to the servers.", Document.pair
    ),
    "proxy": Key('URL of the proxy to use; "" for none, whatever the variables say.'),
    "headers": Key("Fixed headers for every request.", Document.named_texts),
    "loopback_http": Key(
        "Whether plain http is accepted, to a literal loopback address only.", Document.flag
    ),
}

ENVIRONMENT: Mapping[str, Key] = {
    "like": Key(
        "Another environment whose values are the start; with an authority of its own, only its "
        "protocol and advice."
    ),
    "authority": Key("Base URL of the token-issuing server; for `oidc` the issuer, to the letter."),
    "issuer": Key("Another word for authority."),
    "protocol": Key(
        "How the authority is spoken to, by the name of a protocol; `oidc` unless said otherwise."
    ),
    "aliases": Key("Further names.", Document.texts),
    "tenant": Key("The tenant of a single-tenant authority; another one is then refused."),
    "resources": Key("Short names of resources, and the URI of each.", Document.named_texts),
    "default_resource": Key("Name or URI of the resource when a call gives none."),
    "hosts": Key("Further hosts (`name` or `name:port`) that may be sent secrets.", Document.texts),
    "issuers": Key(
        "Further issuers that metadata and id_tokens may name, each to the letter.", Document.texts
    ),
    "client_authentication": Key(
        "The way a client shows its secret or its certificate here.", _method
    ),
    "assertion_audience": Key(
        "Whom the assertion of a client with a certificate is for here.", _audience
    ),
    "dpop": Key(
        "Whether every token is bound to a key that never leaves here (RFC 9449); one that is not "
        "is refused.",
        Document.flag,
    ),
    "pushed_authorization": Key(
        "Whether a sign-in's request is lodged with the authority first (RFC 9126) where that is "
        "only offered, too.",
        Document.flag,
    ),
    "closed": Key("Why and since when the cloud is closed; its use is warned about."),
    "summary": Key("One line for lists."),
    "trust": Key("How its servers are reached and believed.", Document.table, TRUST),
}


def schema() -> Schema:
    """The JSON schema of an environment's table: `[environments.NAME]`, or a file of its own."""
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "An environment of grantway",
        **_table(ENVIRONMENT),
        "anyOf": [{"required": [name]} for name in ("authority", "issuer", "like")],
        "not": {"required": ["authority", "issuer"]},
    }


def _table(keys: Mapping[str, Key]) -> Schema:
    return {
        "type": "object",
        "properties": {name: key.schema() for name, key in keys.items()},
        "additionalProperties": False,
    }
