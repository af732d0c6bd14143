"""How a client shows who it is (RFC 6749, section 2.3), as values that are `requests` AuthBase.

Each value says which fields and headers it adds, secrets still masked; applied to a prepared
request it puts them there. So a plan can show what a request will carry, and a third party can
use the same value with a session of its own.

Other ways (certificates, assertions, mutual TLS) are further values of this shape: whatever has
`headers` and `fields` can be the `authentication` of an `AuthorityRequest`.
"""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

import attrs
from requests import PreparedRequest
from requests.auth import AuthBase

from grantway.authority import FROM_METADATA, ClientAuthentication, Endpoints, Fields
from grantway.errors import ConfigurationError
from grantway.parameters import CREDENTIAL
from grantway.request import TokenRequest
from grantway.secret import Secret


def revealed(value: str | Secret) -> str:
    """The text that goes on the wire."""
    return value.reveal() if isinstance(value, Secret) else value


class FormAuth(AuthBase):
    """An AuthBase that adds `fields` to the form and `headers` to the headers of a request."""

    def headers(self, url: str) -> Mapping[str, str | Secret]:  # noqa: ARG002  # of the protocol
        """See `ClientAuthentication.headers`."""
        return {}

    def fields(self, url: str) -> Fields:  # noqa: ARG002  # of the protocol
        """See `ClientAuthentication.fields`."""
        return ()

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add them to a prepared request. A list of fields keeps names that repeat."""
        url = r.url or ""
        added = [(name, revealed(value)) for name, value in self.fields(url)]
        if added:
            body = r.body.decode() if isinstance(r.body, bytes) else str(r.body or "")
            fields = [*parse_qsl(body, keep_blank_values=True), *added]
            r.prepare_body(fields, None)  # pyright: ignore[reportUnknownMemberType]  # untyped upstream
        for name, value in self.headers(url).items():
            r.headers[name] = revealed(value)
        return r


@attrs.frozen
class PublicClient(FormAuth):
    """A client without a secret: it names itself, no more."""

    client_id: str

    def fields(self, url: str) -> Fields:  # noqa: ARG002  # of the protocol
        """The client id."""
        return (("client_id", self.client_id),)


@attrs.frozen
class ClientSecretPost(FormAuth):
    """Client id and secret in the form."""

    client_id: str
    secret: Secret

    def fields(self, url: str) -> Fields:  # noqa: ARG002  # of the protocol
        """The client id and the secret."""
        return (("client_id", self.client_id), ("client_secret", self.secret))


@attrs.frozen
class ClientSecretBasic(FormAuth):
    """Client id and secret by HTTP Basic, each form-encoded first (RFC 6749, section 2.3.1).

    A space is sent as `%20`, which decodes alike under both readings of form-encoding.
    """

    client_id: str
    secret: Secret

    def headers(self, url: str) -> Mapping[str, str | Secret]:  # noqa: ARG002  # of the protocol
        """The Authorization header."""
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret.reveal(), safe='')}"
        return {"Authorization": Secret(f"Basic {b64encode(pair.encode()).decode()}")}


@attrs.frozen
class UndecidedClientAuthentication(FormAuth):
    """A stand-in in a plan: which way it will be is only known from the authority's metadata."""

    def headers(self, url: str) -> Mapping[str, str | Secret]:  # noqa: ARG002  # of the protocol
        """Says where the answer is."""
        return {"Authorization": FROM_METADATA}


_BY_SECRET = {
    "client_secret_basic": ClientSecretBasic,
    "client_secret_post": ClientSecretPost,
}


def client_authentication(request: TokenRequest, endpoints: Endpoints) -> ClientAuthentication:
    """How the client of a request shows who it is at these endpoints.

    The environment's way, else the protocol's, else the first the metadata lists that a secret
    can do; Basic where none is listed. The client is `request.client_id`, the secret that of
    the credential.

    Raises:
        ConfigurationError: the environment is set to a way that a secret cannot do.
    """
    credential = request.get(CREDENTIAL)
    if credential is None:
        return PublicClient(request.client_id)
    if endpoints.client_authentication is None:
        return UndecidedClientAuthentication()
    secret = credential.password
    if not isinstance(secret, Secret):
        raise TypeError("the secret of the credential has not been opened")
    stated = request.environment.client_authentication
    if stated is not None and stated not in _BY_SECRET:
        raise ConfigurationError(
            f"{request.environment.name} is set to {stated}, which a secret cannot do.",
            remedy="Set client_authentication to client_secret_post or client_secret_basic.",
        )
    for method in endpoints.client_authentication:
        if method in _BY_SECRET:
            return _BY_SECRET[method](request.client_id, secret)
    return ClientSecretBasic(request.client_id, secret)
