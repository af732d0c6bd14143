"""How a client shows who it is (RFC 6749, section 2.3), as values that are `requests` AuthBase.

Each value says which fields and headers it adds, secrets still masked; applied to a prepared
request it puts them there. So a plan can show what a request will carry, and a third party can
use the same value with a session of its own.

Whatever has `headers` and `fields` can be the `authentication` of an `AuthorityRequest`. The
transport asks for both once for each sending, so an assertion is never sent twice.

What a client has decides what it can do: a secret goes into the form or into a Basic header; a
certificate signs an assertion or is shown in the TLS handshake; an assertion of somebody else's,
such as a platform's token for a workload, is passed on.
"""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

import attrs
from requests import PreparedRequest
from requests.auth import AuthBase

from grantway.authority import FROM_METADATA, ClientAuthentication, Endpoints, Fields
from grantway.certificate import ClientCertificate
from grantway.environment import Environment
from grantway.errors import ConfigurationError, InvalidParameter
from grantway.parameters import (
    APPLICATION_ID,
    CERTIFICATE,
    CLIENT_ASSERTION,
    CREDENTIAL,
    KEY_ID,
    SEND_CERTIFICATE_CHAIN,
)
from grantway.request import TokenRequest
from grantway.secret import MASK, Secret

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


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


@attrs.frozen
class ClientAssertion(FormAuth):
    """An assertion that somebody else has made for the client (RFC 7521, section 4.2)."""

    client_id: str
    assertion: Secret

    def fields(self, url: str) -> Fields:  # noqa: ARG002  # of the protocol
        """The client id and the assertion."""
        return _assertion_fields(self.client_id, self.assertion)


@attrs.frozen
class PrivateKeyJwt(FormAuth):
    """An assertion that the client signs itself, a new one each time (RFC 7523, section 2.2).

    Attributes:
        client_id: whose it is.
        certificate: what signs it. One that is not opened yet stands in a plan: nothing is signed.
        audience: whom it is for.
        environment: where that is.
        listed: the algorithms that the authority's metadata lists; None where it lists none.
        key_id: what the authority calls the key; "": as the key says itself.
        chain: whether the certificate and those above it are sent along (`x5c`).
    """

    client_id: str
    certificate: ClientCertificate
    audience: str
    environment: Environment
    listed: tuple[str, ...] | None = None
    key_id: str = ""
    chain: bool = False

    def fields(self, url: str) -> Fields:  # noqa: ARG002  # of the protocol
        """The client id and a new assertion."""
        if self.certificate.now is None:
            return _assertion_fields(self.client_id, Secret(MASK))
        # Imported here: a plan signs nothing.
        from grantway.oauth.assertion import client_assertion

        return _assertion_fields(
            self.client_id,
            client_assertion(
                self.certificate,
                self.client_id,
                self.audience,
                self.environment,
                listed=self.listed,
                key_id=self.key_id,
                chain=self.chain,
            ),
        )


@attrs.frozen
class TlsClientAuth(FormAuth):
    """A certificate in the TLS handshake, and the client's id beside it (RFC 8705, section 2).

    The transport shows `certificate`; the AuthBase by itself adds the client id alone.
    """

    client_id: str
    certificate: ClientCertificate

    def fields(self, url: str) -> Fields:  # noqa: ARG002  # of the protocol
        """The client id."""
        return (("client_id", self.client_id),)


def _assertion_fields(client_id: str, assertion: Secret) -> Fields:
    return (
        ("client_id", client_id),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    )


MUTUAL_TLS = ("tls_client_auth", "self_signed_tls_client_auth")
BY_SECRET = ("client_secret_basic", "client_secret_post")
BY_CERTIFICATE = ("private_key_jwt", *MUTUAL_TLS)


def client_authentication(request: TokenRequest, endpoints: Endpoints) -> ClientAuthentication:
    """How the client of a request shows who it is at these endpoints.

    By what it has: an assertion, a certificate, the secret of a credential, or nothing. Where
    that leaves a choice: the environment's way, else the protocol's, else the first that the
    metadata lists; Basic for a secret and `private_key_jwt` for a certificate where none is
    listed. The client is `request.client_id`.

    Raises:
        ConfigurationError: the environment is set to a way that what the client has cannot do.
        InvalidParameter: a certificate or an assertion is given, and no application id.
    """
    if assertion := request.get(CLIENT_ASSERTION):
        return ClientAssertion(_named_client(request, CLIENT_ASSERTION.name), assertion)
    if certificate := request.get(CERTIFICATE):
        return _by_certificate(request, endpoints, certificate)
    credential = request.get(CREDENTIAL)
    if credential is None:
        return PublicClient(request.client_id)
    if endpoints.client_authentication is None:
        return UndecidedClientAuthentication()
    secret = credential.password
    if not isinstance(secret, Secret):
        raise TypeError("the secret of the credential has not been opened")
    method = _method(request.environment, endpoints.client_authentication, BY_SECRET, "a secret")
    kind = ClientSecretPost if method == "client_secret_post" else ClientSecretBasic
    return kind(request.client_id, secret)


def _by_certificate(
    request: TokenRequest, endpoints: Endpoints, certificate: ClientCertificate
) -> ClientAuthentication:
    client_id = _named_client(request, CERTIFICATE.name)
    if endpoints.client_authentication is None:
        return UndecidedClientAuthentication()
    method = _method(
        request.environment, endpoints.client_authentication, BY_CERTIFICATE, "a certificate"
    )
    if method in MUTUAL_TLS:
        return TlsClientAuth(client_id, certificate)
    return PrivateKeyJwt(
        client_id,
        certificate,
        assertion_audience(request.environment, endpoints),
        request.environment,
        listed=endpoints.assertion_algorithms,
        key_id=request.get(KEY_ID) or "",
        chain=bool(request.get(SEND_CERTIFICATE_CHAIN)),
    )


def is_by_mutual_tls(environment: Environment, listed: tuple[str, ...]) -> bool:
    """Whether a certificate is shown in the TLS handshake; `listed` is what the metadata lists."""
    return _way(environment, listed, BY_CERTIFICATE) in MUTUAL_TLS


def _way(environment: Environment, listed: tuple[str, ...] | None, able: tuple[str, ...]) -> str:
    """The environment's own way, else the first of those listed that one is able to go."""
    stated = environment.client_authentication
    return stated or next((each for each in listed or () if each in able), able[0])


def _method(
    environment: Environment, listed: tuple[str, ...] | None, able: tuple[str, ...], what: str
) -> str:
    """The way that `what` goes.

    Raises:
        ConfigurationError: the environment is set to one that it cannot go.
    """
    way = _way(environment, listed, able)
    if way not in able:
        raise ConfigurationError(
            f"{environment.name} is set to {way}, which {what} cannot do.",
            remedy=f"Set client_authentication to {' or '.join(able)}.",
        )
    return way


def _named_client(request: TokenRequest, proof: str) -> str:
    if not request.client_id:
        raise InvalidParameter(
            f"{proof}: it does not say which application it is of.",
            remedy="Give application_id beside it.",
            parameter=APPLICATION_ID.name,
        )
    return request.client_id


def assertion_audience(environment: Environment, endpoints: Endpoints) -> str:
    """Whom an assertion of a client's is for: the issuer, or the token endpoint."""
    stated = environment.assertion_audience or environment.protocol.assertion_audience
    return endpoints.token if stated == "token_endpoint" else environment.authority
