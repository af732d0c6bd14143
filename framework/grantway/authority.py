"""What is sent to an authority, as data that can be shown before it is sent.

A provider builds each of its requests with one function. `explain` masks what that function
returns and shows it; `authenticate` hands the very same value to the transport. So what is
shown is what is sent.

Where an endpoint is only known from the authority's metadata, the plan says so
(`FROM_METADATA`) instead of asking for it.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol as Interface

import attrs

from grantway import json_body
from grantway.environment import Environment
from grantway.json_body import JsonMembers
from grantway.secret import MASK, Secret

FROM_METADATA = "(from metadata)"

Fields = tuple[tuple[str, str | Secret], ...]


class ClientAuthentication(Interface):
    """How a client shows who it is at an endpoint (RFC 6749, section 2.3).

    The built-in ones are `requests` AuthBase values in `grantway.oauth.client_authentication`;
    anything with these two methods will do.
    """

    def headers(self, url: str) -> Mapping[str, str | Secret]:
        """Headers to add to a request to `url`."""
        ...

    def fields(self, url: str) -> Fields:
        """Form fields to add to a request to `url`; members, where its body is JSON."""
        ...


def _fields(given: Iterable[tuple[str, str | Secret | None]]) -> Fields:
    return tuple((name, value) for name, value in given if value is not None)


@attrs.frozen(eq=False)
class AuthorityRequest:
    """One request to an endpoint of an authority.

    Attributes:
        endpoint: what the endpoint is (`token`, `device_authorization`, `metadata` ...).
        url: where it is; `FROM_METADATA` in a plan where that is not known yet.
        fields: the form, in order; names may repeat; a field that is None is left out.
        json: the members of the JSON object that is sent in place of a form; {} is one too. It
            may hold a `Secret` wherever a text may stand. Neither fields nor this: the request
            is a GET.
        authentication: how the client shows who it is; adds headers and fields of its own.
        in_browser: a person's browser sends it: the fields are the query of a GET.
        single_use: the transport never sends it twice: it carries a code that is spent by one
            attempt, or is repeated at a pace of its own.
        list_name: an answer that is a JSON list is taken as an object with the list as its one
            member, of this name; "": it is refused, for answers are objects.

    Raises:
        ValueError: it has both a form and a JSON object.
        TypeError: what is to be JSON is none.
    """

    endpoint: str
    url: str
    fields: Fields = attrs.field(default=(), converter=_fields)
    json: JsonMembers | None = attrs.field(default=None, converter=json_body.members, kw_only=True)
    authentication: ClientAuthentication | None = attrs.field(default=None, kw_only=True)
    in_browser: bool = attrs.field(default=False, kw_only=True)
    single_use: bool = attrs.field(default=False, kw_only=True)
    list_name: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.json is not None and (self.fields or self.in_browser):
            raise ValueError("a request carries a form or a JSON object, not both")

    @property
    def method(self) -> str:
        """POST where there is a form or a JSON object, else GET."""
        return "POST" if (self.fields or self.json is not None) and not self.in_browser else "GET"

    def all_fields(self) -> Fields:
        """The whole form, with what the client authentication adds; empty where it sends JSON."""
        return (*self.fields, *self._added()) if self.json is None else ()

    def all_members(self) -> JsonMembers | None:
        """The whole JSON object, with what the client authentication adds; None: it is a form."""
        return None if self.json is None else {**self.json, **dict(self._added())}

    def _added(self) -> Fields:
        return self.authentication.fields(self.url) if self.authentication else ()

    def all_headers(self) -> dict[str, str | Secret]:
        """The headers that carry meaning, with what the client authentication adds."""
        headers: dict[str, str | Secret] = {"Accept": "application/json"}
        if self.json is not None:
            headers["Content-Type"] = "application/json"
        if self.authentication:
            headers.update(self.authentication.headers(self.url))
        return headers

    def masked(self) -> "PlannedRequest":
        """The request as it may be shown: every secret a mask."""
        members = (self.all_members() or {}).items()
        return PlannedRequest(
            endpoint=self.endpoint,
            method=self.method,
            url=self.url,
            headers={name: _shown(value) for name, value in self.all_headers().items()},
            fields=(
                *((name, _shown(value)) for name, value in self.all_fields()),
                *((name, json_body.shown(value)) for name, value in members),
            ),
        )


@attrs.frozen
class PlannedRequest:
    """A request that would be sent, fit to be shown: what `explain` lists.

    Its fields are those of the form, or the members of the JSON object, each as text; the header
    `Content-Type` says which.
    """

    endpoint: str
    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(hash=False)
    fields: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The planned request as JSON-ready facts."""
        return {
            "endpoint": self.endpoint,
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "fields": [list(field) for field in self.fields],
        }


@attrs.frozen
class Endpoints:
    """Where an authority's endpoints are, and what it says of client authentication.

    Attributes:
        token, authorization, device_authorization: its URL, or `FROM_METADATA`; "" where the
            authority has none.
        pushed_authorization: where an authorization request is lodged first (RFC 9126); ""
            where that is neither required nor what the environment asks for.
        says_issuer: authorization answers name the issuer (RFC 9207), so one that does not is
            another's.
        client_authentication: the methods its token endpoint takes, in its order of
            preference; None where that is not known yet.
        assertion_algorithms: the algorithms by which it takes a client's assertions signed;
            None where it lists none, or that is not known yet.
        scopes: the scopes it lists; None where it lists none, or that is not known yet.
    """

    token: str
    authorization: str = ""
    device_authorization: str = ""
    pushed_authorization: str = ""
    says_issuer: bool = False
    client_authentication: tuple[str, ...] | None = ("client_secret_basic",)
    assertion_algorithms: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None


def planned_endpoints(environment: Environment, tenant: str) -> Endpoints:
    """The endpoints as far as they are known without asking the authority."""
    protocol = environment.protocol

    def at(path: str | None) -> str:
        return FROM_METADATA if path is None else environment.expand(path, tenant=tenant)

    stated = environment.client_authentication or protocol.client_authentication
    return Endpoints(
        token=at(protocol.token_path),
        authorization=at(protocol.authorization_path),
        device_authorization=at(protocol.device_authorization_path),
        pushed_authorization=FROM_METADATA if environment.pushed_authorization else "",
        client_authentication=(stated,) if stated else None,
    )


def _shown(value: str | Secret) -> str:
    return MASK if isinstance(value, Secret) else value
