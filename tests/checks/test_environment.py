"""The test of an environment: against real servers, each thing that may be wrong is told as such."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from checks.support import METADATA, NAMES, Issuer, by_name, examined, outcomes
from grantway import OIDC, Environment, Trust
from oauth.support import environment, oidc
from oauth.test_network import unused_port
from servers.raw import (
    Behaviour,
    RawServer,
    deaf,
    exact,
    html,
    json_answer,
    late,
    redirect,
    respond,
    silence,
)
from servers.tls import DAY, LocalCa, self_signed

Servers = Callable[..., RawServer]


@pytest.fixture
def issuer(raw_servers: Servers, local_ca: LocalCa) -> Issuer:
    return Issuer(raw_servers, local_ca)


def test_where_nothing_is_wrong_all_is_looked_at_and_said_in_order(issuer: Issuer) -> None:
    found = examined(issuer.environment())
    assert [check.name for check in found] == list(NAMES)
    assert outcomes(found, "ok") == list(NAMES)
    assert not any(check.remedy for check in found)


def test_what_is_asked_carries_no_secret_and_goes_where_metadata_and_keys_are(
    issuer: Issuer,
) -> None:
    examined(issuer.environment())
    assert issuer.asked == {("GET", METADATA), ("GET", "/keys")}
    for request in issuer.server.requests:
        assert "authorization" not in request.headers
        assert not request.body


def test_the_environments_own_headers_are_sent_as_with_any_request(issuer: Issuer) -> None:
    trust = Trust(ca_bundle=str(issuer.ca.bundle), headers={"X-Gateway": "sentinel-key"})
    found = examined(issuer.environment(trust=trust))
    assert {each.headers["x-gateway"] for each in issuer.server.requests} == {"sentinel-key"}
    assert "sentinel" not in str(found)


# The environment itself.


def test_one_that_cannot_be_used_now_is_not_gone_to(raw_server: RawServer) -> None:
    found = examined(oidc(raw_server, unavailable="Start it."))
    assert outcomes(found, "failed") == ["environment"]
    assert outcomes(found, "skipped") == list(NAMES[1:])
    assert found[0].remedy == "Start it."
    assert raw_server.connections == 0


def test_one_that_is_closed_is_warned_of(issuer: Issuer) -> None:
    ended = by_name(examined(issuer.environment(closed="It ended. Name another.")))["environment"]
    assert ended.found.endswith(". It is closed: It ended. Name another.")
    assert ended.remedy == ""
    found = by_name(examined(issuer.environment(closed="since 2021")))
    assert found["environment"].outcome == "warning"
    assert "since 2021" in found["environment"].found
    assert found["keys"].outcome == "ok"


def test_plain_http_on_loopback_has_no_tls_and_no_date_to_believe(raw_server: RawServer) -> None:
    url = raw_server.url
    raw_server.serve(json_answer({"issuer": url, "token_endpoint": f"{url}/token"}))
    found = examined(oidc(raw_server))
    assert outcomes(found, "skipped") == ["trust", "tls", "chain", "name", "expiry", "clock"]
    assert outcomes(found, "failed") == []


# Names and connections.


def test_a_name_that_nobody_knows_ends_the_test_there() -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    found = examined(Environment("Hill", authority="https://id.example"), resolve=nobody)
    assert outcomes(found, "failed") == ["dns"]
    assert outcomes(found, "skipped") == list(NAMES[4:])
    dns = by_name(found)["dns"]
    assert "No connection to id.example: the name cannot be resolved." in dns.found
    assert "Name or service not known" in dns.found
    assert "Check the address" in dns.remedy


@pytest.mark.parametrize("label", ["a" * 64, "xn--\u00e9"], ids=["too long", "not ASCII"])
def test_a_name_that_cannot_be_looked_up_is_a_failure_too(label: str) -> None:
    def system(*_: Any, **__: Any) -> Any:
        label.encode("idna")
        raise AssertionError

    found = examined(Environment("Hill", authority="https://id.example"), resolve=system)
    assert outcomes(found, "failed") == ["dns"]
    assert "Unicode" in by_name(found)["dns"].found


def test_a_look_up_that_does_not_end_is_left_behind() -> None:
    waiting = threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        waiting.wait(60)
        return ()

    of = Environment("Hill", authority="https://id.example")
    try:
        found = examined(of, resolve=never, timeout=0.2)
    finally:
        waiting.set()
    assert outcomes(found, "failed") == ["dns"]
    assert "0.2 seconds for this request are up" in by_name(found)["dns"].found


def test_all_addresses_are_told(issuer: Issuer) -> None:
    dns = by_name(examined(issuer.environment()))["dns"]
    assert "127.0.0.1" in dns.facts["addresses"]
    assert dns.facts["host"] == "localhost"


def test_a_refused_connection_is_said_to_be_refused() -> None:
    port = unused_port()
    found = examined(Environment("Hill", authority=f"https://127.0.0.1:{port}"))
    assert outcomes(found, "failed") == ["tcp"]
    tcp = by_name(found)["tcp"]
    assert tcp.found == f"No connection to 127.0.0.1:{port}: it was refused."


@pytest.mark.parametrize("family", [socket.AF_INET, 9999], ids=["refused", "unknown here"])
def test_an_address_that_does_not_serve_before_one_that_does_is_warned_of(
    issuer: Issuer, family: int
) -> None:
    refusing = ("127.0.0.2", unused_port())

    def two(_: str, port: int, **__: Any) -> Any:
        return [
            (each, socket.SOCK_STREAM, 0, "", address)
            for each, address in ((family, refusing), (socket.AF_INET, ("127.0.0.1", port)))
        ]

    found = examined(issuer.environment(), resolve=two)
    tcp = by_name(found)["tcp"]
    assert tcp.outcome == "warning"
    assert tcp.facts["silent"] == ["127.0.0.2"]
    assert tcp.facts["address"] == "127.0.0.1"
    assert by_name(found)["keys"].outcome == "ok"


# TLS and certificates.


def test_what_speaks_no_tls_is_said_so(raw_server: RawServer) -> None:
    answer = exact(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    raw_server.serve(type(answer)(answer.act, reads=False))
    found = examined(Environment("Hill", authority=f"https://127.0.0.1:{raw_server.port}"))
    assert outcomes(found, "failed") == ["tls"]
    assert "does not speak TLS on this port" in by_name(found)["tls"].found
    assert by_name(found)["tls"].remedy == "Check the address and its port."


def test_what_hangs_up_in_the_handshake_is_said_to_be_perhaps_of_no_tls(
    raw_server: RawServer,
) -> None:
    # All of the greeting is read, so that the end is an orderly one.
    raw_server.serve(Behaviour(lambda exchange: exchange.connection.recv(1 << 16), reads=False))
    found = examined(Environment("Hill", authority=f"https://127.0.0.1:{raw_server.port}"))
    assert outcomes(found, "failed") == ["tls"]
    assert "perhaps there is no TLS on this port" in by_name(found)["tls"].found
    assert by_name(found)["tls"].remedy == "Check the address and its port."


def test_a_server_that_is_deaf_is_waited_for_until_the_time_is_up(raw_server: RawServer) -> None:
    raw_server.serve(deaf())
    of = Environment("Hill", authority=f"https://127.0.0.1:{raw_server.port}")
    found = examined(of, timeout=0.5)
    assert outcomes(found, "failed") == ["tls"]
    assert "0.5 seconds for this request are up" in by_name(found)["tls"].found


@pytest.mark.parametrize(
    ("names", "age", "failed", "told"),
    [
        (["localhost"], 4 * DAY, ["expiry"], "expired 3 days ago"),
        (["localhost"], -4 * DAY, ["expiry"], "is not valid before"),
        (["a.example", "*.b.example"], 0 * DAY, ["name"], "a.example, *.b.example, not for loc"),
        (["127.0.0.1"], 0 * DAY, ["name"], "is for 127.0.0.1, not for localhost"),
        (["a.example"], 4 * DAY, ["name", "expiry"], "is for a.example, not for localhost"),
    ],
    ids=["expired", "not yet", "another name", "an address", "two at once"],
)
def test_what_is_wrong_with_a_certificate_is_told_by_cause(
    raw_servers: Servers,
    local_ca: LocalCa,
    names: list[str],
    age: Any,
    failed: list[str],
    told: str,
) -> None:
    issuer = Issuer(raw_servers, local_ca, local_ca.issue(*names, age=age))
    found = examined(issuer.environment())
    assert outcomes(found, "failed") == failed
    assert told in by_name(found)[failed[0]].found
    assert all(by_name(found)[name].remedy for name in failed)
    assert by_name(found)["chain"].outcome == "ok"
    assert outcomes(found, "skipped") == list(NAMES[9:])
    assert issuer.asked == set()


def test_an_issuer_that_nobody_knows_is_named(
    raw_servers: Servers, local_ca: LocalCa, tmp_path: Any
) -> None:
    issuer = Issuer(raw_servers, local_ca)
    other = LocalCa(tmp_path)
    found = examined(issuer.environment(trust=Trust(ca_bundle=str(other.bundle))))
    assert outcomes(found, "failed") == ["chain"]
    chain = by_name(found)["chain"]
    assert chain.facts["issuer"] == "grantway tests CA"
    assert "issued by 'grantway tests CA'" in chain.found
    assert "trust.ca_bundle" in chain.remedy
    assert by_name(found)["name"].outcome == by_name(found)["expiry"].outcome == "ok"


def test_everything_that_is_wrong_with_a_certificate_of_nobodys_is_told(
    raw_servers: Servers, local_ca: LocalCa, tmp_path: Any
) -> None:
    other = LocalCa(tmp_path)
    issuer = Issuer(raw_servers, local_ca, other.issue("a.example", age=4 * DAY))
    found = examined(issuer.environment())
    assert outcomes(found, "failed") == ["chain", "name", "expiry"]


def test_nothing_is_said_to_a_server_that_is_not_trusted(
    raw_servers: Servers, local_ca: LocalCa, tmp_path: Any
) -> None:
    issuer = Issuer(raw_servers, local_ca, self_signed(tmp_path, "localhost"))
    trust = Trust(ca_bundle=str(local_ca.bundle), headers={"X-Gateway": "sentinel"})
    found = examined(issuer.environment(trust=trust))
    assert "self-signed" in by_name(found)["chain"].found
    assert issuer.server.requests == []


@pytest.mark.parametrize(("days", "outcome"), [(13, "warning"), (15, "ok")])
def test_a_certificate_that_expires_within_two_weeks_is_warned_of(
    raw_servers: Servers, local_ca: LocalCa, days: int, outcome: str
) -> None:
    identity = local_ca.issue("localhost", lifetime=days * DAY + DAY / 2)
    found = by_name(examined(Issuer(raw_servers, local_ca, identity).environment()))
    assert found["expiry"].outcome == outcome
    assert found["expiry"].facts["days_left"] == days
    assert f"{days} days" in found["expiry"].found
    assert found["keys"].outcome == "ok"


def test_an_address_in_a_certificate_counts(raw_servers: Servers, local_ca: LocalCa) -> None:
    server = raw_servers(identity=local_ca.issue("127.0.0.1", "::1", lifetime=365 * DAY))
    of = Environment("Hill", authority=server.url, trust=Trust(ca_bundle=str(local_ca.bundle)))
    found = by_name(examined(of))
    assert found["name"].outcome == "ok"
    assert found["name"].facts["names"] == ["127.0.0.1", "::1"]


# What answers.


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (respond(404), "refused the metadata request (HTTP 404)"),
        (html(503), "HTTP 503 and text/html"),
        (redirect("https://elsewhere.example/"), "with a redirect"),
        (json_answer([]), "no JSON object"),
    ],
    ids=["nothing there", "a page", "a redirect", "no object"],
)
def test_metadata_that_cannot_be_had_is_told_as_a_token_request_would(
    issuer: Issuer, answer: Any, told: str
) -> None:
    issuer.server.serve(answer, path=METADATA)
    found = examined(issuer.environment())
    assert outcomes(found, "failed") == ["metadata"]
    assert told in by_name(found)["metadata"].found
    assert by_name(found)["metadata"].remedy
    assert outcomes(found, "skipped")[-3:] == ["issuer", "endpoints", "keys"]


def test_an_answer_that_never_comes_is_waited_for_until_the_time_is_up(issuer: Issuer) -> None:
    issuer.server.serve(silence(), path=METADATA)
    found = examined(issuer.environment(), timeout=1)
    assert outcomes(found, "failed") == ["metadata"]
    assert "1 seconds for this request are up" in by_name(found)["metadata"].found


@pytest.mark.parametrize(
    "says",
    [lambda url: f"{url}/", str.upper, lambda _: "https://elsewhere.example", lambda _: None],
    ids=["a slash more", "another case", "somebody else's", "nothing"],
)
def test_an_issuer_that_is_not_the_configured_one_to_the_letter_is_told(
    issuer: Issuer, says: Callable[[str], str | None]
) -> None:
    issuer.describe(issuer=says(issuer.url))
    found = examined(issuer.environment())
    assert outcomes(found, "failed") == ["issuer"]
    assert issuer.url in by_name(found)["issuer"].found
    assert "to the letter" in by_name(found)["issuer"].remedy
    assert by_name(found)["metadata"].outcome == "ok"
    assert ("GET", "/keys") not in issuer.asked


@pytest.mark.parametrize("what", ["token_endpoint", "jwks_uri"])
def test_an_endpoint_on_another_host_is_told_with_the_line_to_add_and_not_gone_to(
    issuer: Issuer, raw_servers: Servers, local_ca: LocalCa, what: str
) -> None:
    other = raw_servers(identity=local_ca.issue("localhost"), host="localhost")
    issuer.describe(**{what: f"{other.url}/there"})
    found = examined(issuer.environment())
    name = {"token_endpoint": "endpoints", "jwks_uri": "keys"}[what]
    assert outcomes(found, "failed") == [name]
    assert f'hosts = ["localhost:{other.port}"]' in by_name(found)[name].remedy
    assert other.connections == 0


def test_an_endpoint_that_not_everybody_needs_is_a_warning(issuer: Issuer) -> None:
    issuer.describe(
        device_authorization_endpoint="https://elsewhere.example/device",
        code_challenge_methods_supported=["plain"],
    )
    found = examined(issuer.environment())
    warned = [check.found for check in found if check.outcome == "warning"]
    assert len(warned) == 2
    assert "elsewhere.example" in warned[0]
    assert "S256" in warned[1]
    assert outcomes(found, "failed") == []


def test_metadata_without_a_token_endpoint_is_a_failure(issuer: Issuer) -> None:
    issuer.describe(token_endpoint=None)
    assert outcomes(examined(issuer.environment()), "failed") == ["endpoints"]


@pytest.mark.parametrize("trusted", [True, False])
def test_another_host_that_gives_the_tokens_has_to_answer_too(
    issuer: Issuer, raw_servers: Servers, local_ca: LocalCa, tmp_path: Any, trusted: bool
) -> None:
    identity = (local_ca if trusted else LocalCa(tmp_path)).issue("localhost")
    other = raw_servers(identity=identity, host="localhost")
    issuer.describe(token_endpoint=f"{other.url}/token")
    found = examined(issuer.environment(hosts=(f"localhost:{other.port}",)))
    assert outcomes(found, "failed") == ([] if trusted else ["token"])
    assert f"localhost:{other.port}" in by_name(found)["token"].found
    assert other.requests == []


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [
        ([], "failed"),
        ([{"kty": "oct", "k": "c2VudGluZWw"}], "failed"),
        (["no key"], "failed"),
    ],
)
def test_keys_with_which_nothing_can_be_verified_are_a_failure(
    issuer: Issuer, keys: list[object], outcome: str
) -> None:
    issuer.publish(*keys)
    found = by_name(examined(issuer.environment()))["keys"]
    assert found.outcome == outcome
    assert "no key that can verify" in found.found


def test_what_lists_no_keys_is_told(issuer: Issuer) -> None:
    issuer.server.serve(json_answer({"key": []}), path="/keys")
    assert "lists no keys" in by_name(examined(issuer.environment()))["keys"].found


def test_an_authority_without_keys_is_warned_of(issuer: Issuer) -> None:
    issuer.describe(jwks_uri=None)
    found = by_name(examined(issuer.environment()))["keys"]
    assert found.outcome == "warning"
    assert "names no jwks_uri" in found.found


def test_keys_are_counted(issuer: Issuer) -> None:
    assert by_name(examined(issuer.environment()))["keys"].facts["keys"] == 2


def test_a_protocol_without_metadata_has_none_to_look_at(raw_server: RawServer) -> None:
    import attrs

    bare = attrs.evolve(OIDC, name="bare", metadata_urls=(), token_path="{authority}/token")
    found = examined(environment(raw_server, bare))
    assert outcomes(found, "failed") == []
    assert outcomes(found, "skipped")[-3:] == ["metadata", "issuer", "keys"]
    assert raw_server.requests == []


def test_who_waits_no_more_ends_it(issuer: Issuer) -> None:
    cancelled = threading.Event()
    cancelled.set()
    found = examined(issuer.environment(), cancelled=cancelled)
    assert outcomes(found, "failed") == ["dns"]
    assert issuer.server.connections == 0


def test_an_answer_that_comes_late_is_waited_for(issuer: Issuer) -> None:
    document = json_answer({"issuer": issuer.url, "token_endpoint": f"{issuer.url}/token"})
    issuer.server.serve(late(0.3, document), path=METADATA)
    assert outcomes(examined(issuer.environment()), "failed") == []


def test_no_name_is_looked_up_but_those_of_the_environment(
    raw_servers: Servers, local_ca: LocalCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a network without a way out, where nobody may even be asked for another name."""
    asked: list[object] = []
    system = socket.getaddrinfo

    def recorded(host: Any, *args: Any, **how: Any) -> Any:
        asked.append(host)
        return system(host, *args, **how)

    monkeypatch.setattr(socket, "getaddrinfo", recorded)
    far = "https://login.example.org"
    issuer = Issuer(
        raw_servers,
        local_ca,
        jwks_uri=f"{far}/keys",
        authorization_endpoint=f"{far}/authorize",
        device_authorization_endpoint=f"{far}/device",
        revocation_endpoint=f"{far}/revoke",
    )
    found = examined(issuer.environment(), resolve=recorded)
    assert outcomes(found, "failed") == ["keys"]
    assert set(asked) == {"localhost"}
