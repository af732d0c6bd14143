"""`grantway.discover`: what it asks, what it believes, and what a plugin of a kind can do."""

from collections.abc import Callable

import pytest

from grantway import (
    OIDC,
    Context,
    Discovery,
    Dispatcher,
    Environment,
    Registry,
    Trust,
    discover,
    hookimpl,
)
from grantway.authority import AuthorityRequest
from grantway.errors import (
    DeadlineExceeded,
    GrantwayError,
    InvalidParameter,
    MalformedResponse,
    PluginError,
    ProtocolViolation,
    TransportError,
)
from peers.oidc_provider import OidcProvider
from servers.raw import RawServer, json_answer, large, silence
from servers.tls import LocalCa

LOOPBACK = Trust(loopback_http=True)


def issuer_of(server: RawServer, path: str = "", **changes: object) -> str:
    """Have a server be an issuer; returns its identifier."""
    issuer = f"{server.url}{path}"
    facts: dict[str, object] = {
        "issuer": issuer,
        "token_endpoint": f"{server.url}/token",
        "authorization_endpoint": f"{server.url}/authorize",
        "jwks_uri": f"{server.url}/keys",
    }
    server.serve(json_answer({**facts, **changes}))
    return issuer


@pytest.mark.parametrize("path", ["", "/realms/main"])
@pytest.mark.parametrize("tail", ["", "/.well-known/openid-configuration"])
def test_an_issuer_is_an_environment(raw_server: RawServer, path: str, tail: str) -> None:
    issuer = issuer_of(raw_server, path)
    found = discover(f"oidc={issuer}{tail}", name="Home", trust=LOOPBACK)
    assert found == Environment("Home", authority=issuer, trust=LOOPBACK)
    assert [each.path for each in raw_server.requests] == [
        f"{path}/.well-known/openid-configuration"
    ]


def test_metadata_of_rfc_8414_will_do(raw_server: RawServer) -> None:
    issuer = issuer_of(raw_server, "/tenant")
    raw_server.serve(json_answer({}, 404), path="/tenant/.well-known/openid-configuration")
    assert discover(f"oidc={issuer}", trust=LOOPBACK).authority == issuer
    assert raw_server.requests[-1].path == "/.well-known/oauth-authorization-server/tenant"


@pytest.mark.parametrize("other", ["/", "/REALM", "x", "?"])
def test_an_issuer_is_compared_to_the_letter(raw_server: RawServer, other: str) -> None:
    issuer = issuer_of(raw_server, "/realm")
    issuer_of(raw_server, "/realm", issuer=f"{issuer}{other}")
    with pytest.raises(ProtocolViolation, match="to the letter"):
        discover(f"oidc={issuer}", trust=LOOPBACK)


def test_endpoints_elsewhere_are_refused_until_their_hosts_are_named(
    raw_server: RawServer,
) -> None:
    issuer = issuer_of(
        raw_server, token_endpoint="https://b.example/token", jwks_uri="https://c.example:8443/keys"
    )
    with pytest.raises(ProtocolViolation, match=r"--host b\.example --host c\.example:8443"):
        discover(f"oidc={issuer}", trust=LOOPBACK, hosts=["d.example"])
    found = discover(f"oidc={issuer}", trust=LOOPBACK, hosts=["b.example", "c.example:8443"])
    assert found.hosts == ("b.example", "c.example:8443")


@pytest.mark.parametrize(
    "endpoint",
    ["http://b.example/token", "https://user@b.example/token", "https://b.example:0/token"],
)
def test_an_endpoint_that_cannot_be_is_refused(raw_server: RawServer, endpoint: str) -> None:
    issuer = issuer_of(raw_server, token_endpoint=endpoint)
    with pytest.raises(ProtocolViolation, match="cannot be used"):
        discover(f"oidc={issuer}", trust=LOOPBACK, hosts=["b.example"])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("https://id.example", "no kind"),
        ("oicd=https://id.example", "Did you mean oidc"),
        ("oidc=", "not an http or https URL"),
        ("oidc=http://id.example", "not https"),
        ("oidc=https://user:word@id.example", "user information"),
        ("oidc=https://id.example\\@evil.example", "backslash"),
    ],
)
def test_a_source_that_cannot_be_is_refused_before_any_network(source: str, says: str) -> None:
    with pytest.raises(InvalidParameter, match=says) as caught:
        discover(source, transport=NoNetwork())
    assert "word" not in str(caught.value)


class NoNetwork:
    """A transport that must not be used."""

    def fetch_token(self, request: AuthorityRequest, context: Context) -> dict[str, object]:
        raise AssertionError(request.url)

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> dict[str, object]:
        raise AssertionError(request.url)


class Kind:
    """A plugin with a kind of discovery."""

    def __init__(self, learn: Callable[[str, Context], object]) -> None:
        self.learn = learn

    @hookimpl
    def grantway_discoveries(self) -> list[Discovery]:
        return [Discovery("Mine", self.learn)]  # type: ignore[arg-type]


def mine(learn: Callable[[str, Context], object], **more: object) -> Environment:
    return discover("mine=https://id.example/x?y#z", registry=Registry.of(Kind(learn)), **more)  # type: ignore[arg-type]


def test_a_kind_is_given_the_url_and_a_provisional_environment() -> None:
    def learn(url: str, context: Context) -> Environment:
        assert url == "https://id.example/x?y#z"
        assert context.environment.authority == "https://id.example"
        assert context.environment.secret_hosts == {"id.example", "b.example"}
        return context.environment

    assert mine(learn, name="Home", hosts=["b.example"]).name == "Home"


def test_a_kind_cannot_ask_another_host(raw_servers: Callable[..., RawServer]) -> None:
    other = raw_servers()

    def learn(url: str, context: Context) -> Environment:
        context.transport.fetch_json(AuthorityRequest("metadata", other.url), context)
        return context.environment

    with pytest.raises(ProtocolViolation, match="does not name the host"):
        mine(learn, trust=LOOPBACK)
    assert other.connections == 0


def test_name_trust_and_hosts_are_the_callers() -> None:
    def learn(url: str, context: Context) -> Environment:
        return Environment(
            "Other",
            authority="https://found.example",
            hosts=("more.example",),
            aliases=("GlobalCloud",),
            trust=Trust(proxy="http://proxy.example"),
            resources={"api": "https://api.example"},
        )

    found = mine(learn, name="Home")
    assert found == Environment(
        "Home", authority="https://found.example", resources={"api": "https://api.example"}
    )


def raises(error: BaseException) -> Callable[[str, Context], object]:
    def learn(url: str, context: Context) -> object:
        raise error

    return learn


@pytest.mark.parametrize(
    ("learn", "kind"),
    [
        (raises(ValueError("sentinel")), PluginError),
        (lambda url, context: None, PluginError),
        (lambda url, context: Environment("A", "https://a.example", closed="\x1b[2J"), PluginError),
        (raises(ProtocolViolation("sentinel")), ProtocolViolation),
    ],
)
def test_a_kind_that_fails_is_its_plugins_fault(
    learn: Callable[[str, Context], object], kind: type[GrantwayError]
) -> None:
    with pytest.raises(kind) as caught:
        mine(learn)
    assert ("sentinel" in str(caught.value)) == (kind is ProtocolViolation)


def test_the_protocols_of_a_kind_can_be_configured() -> None:
    found = Registry.load(third_parties=False)
    assert OIDC in found.discoveries["oidc"].protocols
    assert {"oidc", "arm", "adfs"} <= found.discoveries.keys()


def test_a_huge_or_silent_answer_is_given_up(raw_server: RawServer) -> None:
    raw_server.serve(large())
    with pytest.raises(MalformedResponse):
        discover(f"oidc={raw_server.url}", trust=LOOPBACK)
    raw_server.serve(silence())
    with pytest.raises((DeadlineExceeded, TransportError)):
        discover(f"oidc={raw_server.url}", trust=LOOPBACK, timeout=0.5)


# Real servers.


def token_of(environment: Environment, server: OidcProvider) -> str:
    client = server.clients["basic"]
    assert client.client_secret is not None
    with Dispatcher(prompter=False) as dispatcher:
        return dispatcher.acquire(
            environment=environment, credential=(client.client_id, client.client_secret)
        ).access_token


def test_a_certified_provider_is_learned_and_gives_a_token(oidc_provider: OidcProvider) -> None:
    found = discover(f"oidc={oidc_provider.issuer}", name="Peer", trust=LOOPBACK)
    assert token_of(found, oidc_provider)


def test_so_it_is_over_tls_with_a_private_ca(local_ca: LocalCa) -> None:
    identity = local_ca.issue("localhost", "127.0.0.1")
    with OidcProvider(certificate=identity.certificate, key=identity.key) as server:
        with pytest.raises(TransportError, match="certificate"):
            discover(f"oidc={server.issuer}")
        found = discover(f"oidc={server.issuer}", trust=Trust(ca_bundle=str(local_ca.bundle)))
        assert token_of(found, server)
