"""The road there: proxies and roots are those of a request for a token, and told with their origin."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from checks.support import NAMES, Issuer, by_name, examined, outcomes, tunnel
from grantway import Environment, Trust
from servers.raw import RawServer, respond
from servers.tls import DAY, LocalCa

Servers = Callable[..., RawServer]
PASSWORD = "sentinel-proxy-password"


def far(**trust: Any) -> Environment:
    return Environment("Hill", authority="https://id.example", trust=Trust(**trust))


@pytest.fixture
def issuer(raw_servers: Servers, local_ca: LocalCa) -> Issuer:
    """One that is at id.example, for whoever comes by a proxy."""
    found = Issuer(raw_servers, local_ca, local_ca.issue("id.example", lifetime=365 * DAY))
    at = "https://id.example"
    found.describe(issuer=at, token_endpoint=f"{at}/token", jwks_uri=f"{at}/keys",
                   authorization_endpoint=f"{at}/authorize")  # fmt: skip
    return found


@pytest.fixture
def proxy(raw_server: RawServer, issuer: Issuer) -> RawServer:
    raw_server.serve(tunnel(issuer.server.port))
    return raw_server


@pytest.mark.parametrize("origin", ["HTTPS_PROXY", "all_proxy", "the environment"])
def test_through_a_proxy_all_is_looked_at_and_the_name_is_the_proxys_affair(
    proxy: RawServer, local_ca: LocalCa, origin: str
) -> None:
    address = f"http://somebody:{PASSWORD}@127.0.0.1:{proxy.port}"
    own = origin == "the environment"
    of = far(ca_bundle=str(local_ca.bundle), proxy=address if own else None)
    found = examined(of, {} if own else {origin: address})
    assert outcomes(found, "ok") == list(NAMES)
    told = by_name(found)
    assert told["proxy"].facts == {"proxy": f"http://***@127.0.0.1:{proxy.port}", "from": origin}
    assert f"the proxy 127.0.0.1:{proxy.port}" in told["dns"].found
    assert told["tcp"].facts["port"] == proxy.port
    assert {each.target for each in proxy.requests} == {"id.example:443"}
    assert "sentinel" not in str(found)


def test_a_certificate_is_read_through_a_proxy_too(
    proxy: RawServer, issuer: Issuer, tmp_path: Path
) -> None:
    """As where a proxy looks into TLS, and answers by a certificate of its own."""
    of = far(ca_bundle=str(LocalCa(tmp_path).bundle), proxy=proxy.url)
    found = by_name(examined(of))
    assert found["chain"].outcome == "failed"
    assert "'grantway tests CA'" in found["chain"].found
    assert found["name"].outcome == "ok"
    assert issuer.server.requests == []


@pytest.mark.parametrize(
    ("status", "told"), [(407, "USER:PASSWORD@"), (403, "NO_PROXY"), (502, "NO_PROXY")]
)
def test_a_proxy_that_refuses_is_told_with_its_number(
    raw_server: RawServer, status: int, told: str
) -> None:
    raw_server.serve(respond(status))
    found = examined(far(proxy=raw_server.url))
    assert outcomes(found, "failed") == ["tls"]
    tls = by_name(found)["tls"]
    assert f"The proxy on the way to id.example refuses it (HTTP {status})." in tls.found
    assert told in tls.remedy


def test_a_proxy_that_is_not_there_is_told_as_the_proxys_fault() -> None:
    found = examined(far(), {"https_proxy": "http://127.0.0.1:9"})
    assert outcomes(found, "failed") == ["tcp"]
    assert "the proxy 127.0.0.1:9" in by_name(found)["tcp"].found


def test_a_proxy_that_cannot_be_is_told_before_anything_is_looked_up() -> None:
    found = examined(far(proxy=f"http://a:{PASSWORD}@[::1"), resolve=lambda *_, **__: 1 / 0)
    assert outcomes(found, "failed") == ["proxy"]
    assert outcomes(found, "skipped") == list(NAMES[2:])
    assert "sentinel" not in str(found)


@pytest.mark.parametrize(
    ("environ", "trust", "told"),
    [
        ({}, {}, "none"),
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, {}, "none"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, {"proxy": ""}, "none, as the environment says"),
        (
            {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost"},
            {},
            "none: NO_PROXY takes localhost out of HTTPS_PROXY",
        ),
    ],
)
def test_why_there_is_no_proxy_is_told(
    raw_servers: Servers,
    local_ca: LocalCa,
    environ: dict[str, str],
    trust: dict[str, str],
    told: str,
) -> None:
    of = Issuer(raw_servers, local_ca).environment(
        trust=Trust(ca_bundle=str(local_ca.bundle), **trust)
    )
    found = by_name(examined(of, environ))
    assert found["proxy"].found == told
    assert found["keys"].outcome == "ok"


@pytest.mark.parametrize("origin", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "the environment"])
def test_where_the_roots_are_from_is_told(
    raw_servers: Servers, local_ca: LocalCa, origin: str
) -> None:
    own = origin == "the environment"
    bundle = str(local_ca.bundle)
    issuer = Issuer(raw_servers, local_ca)
    of = issuer.environment(trust=Trust(ca_bundle=bundle if own else None))
    found = by_name(examined(of, {} if own else {origin: bundle}))
    assert found["trust"].found == f"servers by the roots in {bundle}, from {origin}"
    assert found["keys"].outcome == "ok"


def test_the_usual_roots_are_certifis() -> None:
    assert "certifi's" in by_name(examined(far(proxy="http://127.0.0.1:9")))["trust"].found


@pytest.mark.parametrize("what", ["ca_bundle", "client_certificate"])
def test_a_file_that_is_missing_is_told_before_anything_is_looked_up(
    tmp_path: Path, what: str
) -> None:
    gone = str(tmp_path / "gone.pem")
    of = far(**{what: gone if what == "ca_bundle" else (gone, gone)})
    found = examined(of, resolve=lambda *_, **__: 1 / 0)
    assert outcomes(found, "failed") == ["trust"]
    assert gone in by_name(found)["trust"].found
    assert what in by_name(found)["trust"].remedy


@pytest.mark.parametrize(
    ("lifetime", "age", "outcome"),
    [(365 * DAY, 0 * DAY, "ok"), (5 * DAY, 0 * DAY, "warning"), (1 * DAY, 4 * DAY, "failed")],
)
def test_until_when_our_own_certificate_is_valid_is_told(
    raw_servers: Servers, local_ca: LocalCa, lifetime: Any, age: Any, outcome: str
) -> None:
    own = local_ca.issue("a client", lifetime=lifetime, age=age)
    trust = Trust(
        ca_bundle=str(local_ca.bundle), client_certificate=(str(own.certificate), str(own.key))
    )
    found = by_name(examined(Issuer(raw_servers, local_ca).environment(trust=trust)))["trust"]
    assert found.outcome == outcome
    assert found.facts["client_certificate"] == str(own.certificate)
    assert bool(found.remedy) == (outcome != "ok")


def test_a_server_that_asks_for_a_client_certificate_is_told(
    raw_servers: Servers, local_ca: LocalCa
) -> None:
    import ssl

    issuer = Issuer(raw_servers, local_ca)
    context = issuer.server._context
    assert context is not None
    context.load_verify_locations(local_ca.bundle)
    context.verify_mode = ssl.CERT_REQUIRED
    found = examined(issuer.environment())
    # In TLS 1.3 the server says so when the handshake is over for us.
    assert outcomes(found, "failed") == ["metadata"]
    assert "asks for a client certificate" in by_name(found)["metadata"].found
    assert "trust.client_certificate" in by_name(found)["metadata"].remedy


def test_a_client_certificate_that_the_server_does_not_know_is_told_as_ours(
    raw_servers: Servers, local_ca: LocalCa, tmp_path: Path
) -> None:
    import ssl

    issuer = Issuer(raw_servers, local_ca)
    context = issuer.server._context
    assert context is not None
    context.load_verify_locations(local_ca.bundle)
    context.verify_mode = ssl.CERT_REQUIRED
    folder = tmp_path / "another ca"
    folder.mkdir()
    theirs = LocalCa(folder).issue("client")
    of = issuer.environment()
    trust = attrs.evolve(of.trust, client_certificate=(str(theirs.certificate), str(theirs.key)))
    found = examined(attrs.evolve(of, trust=trust))
    assert outcomes(found, "failed") == ["metadata"]
    assert "refuses the client certificate (unknown ca)" in by_name(found)["metadata"].found
    assert "trust.client_certificate" in by_name(found)["metadata"].remedy


def test_a_proxy_that_speaks_tls_itself_is_gone_through(
    raw_servers: Servers, local_ca: LocalCa
) -> None:
    issuer = Issuer(raw_servers, local_ca)
    proxy = raw_servers(identity=local_ca.issue("localhost"), host="localhost")
    proxy.serve(tunnel(issuer.server.port))
    trust = Trust(ca_bundle=str(local_ca.bundle), proxy=proxy.url)
    found = examined(issuer.environment(trust=trust))
    assert outcomes(found, "failed", "warning", "skipped") == []
    assert by_name(found)["proxy"].found == f"{proxy.url}, from the environment"


def test_a_proxy_whose_own_certificate_is_not_trusted_is_told(
    raw_servers: Servers, local_ca: LocalCa, tmp_path: Path
) -> None:
    issuer = Issuer(raw_servers, local_ca)
    proxy = raw_servers(identity=LocalCa(tmp_path).issue("localhost"), host="localhost")
    trust = Trust(ca_bundle=str(local_ca.bundle), proxy=proxy.url)
    found = examined(issuer.environment(trust=trust))
    assert outcomes(found, "failed") == ["tls"]
    assert "The proxy on the way to localhost" in by_name(found)["tls"].found
    assert proxy.requests == []
