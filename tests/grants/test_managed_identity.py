"""ManagedIdentity: what a call may give, what comes back, and what is said when nothing does."""

import logging
import pickle
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from grants.machines import (
    CLOUD,
    GUID,
    HEADER,
    RESOURCE,
    RESOURCE_ID,
    TOKEN,
    VARIABLES,
    authenticate,
    thumbprint,
    variables,
)
from grants.machines import granted as granted_at
from grantway import CredentialProvider, Dispatcher, Environment, ParameterSet, Registry
from grantway.clock import SystemClock
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    DeadlineExceeded,
    GrantwayError,
    InvalidParameter,
    MalformedResponse,
    NoParameterSetMatches,
    PluginError,
    ProtocolViolation,
    TransportError,
)
from grantway.nearby import NearbyTrust, is_nearby
from grantway.oauth.transport import HttpTransport
from grantway.secret import Unshown
from grantway_grants.managed_identity import hosts
from grantway_grants.managed_identity.hosts import Kind
from oauth.support import FakeClock, context
from registry.support import module
from servers.raw import RawServer, empty, hang_up, html, json_answer, large, redirect, silence
from servers.tls import LocalCa, self_signed

NOW = 1_700_000_000.0
GRANTED = json_answer(granted_at(NOW))
ALL = {
    "identity_client_id": GUID,
    "identity_object_id": GUID,
    "identity_resource_id": RESOURCE_ID,
}


@pytest.fixture(autouse=True)
def _no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def imds(raw_server: RawServer) -> dict[str, str]:
    raw_server.serve(GRANTED)
    return variables(hosts.IMDS, raw_server)


@pytest.fixture
def app_service(raw_server: RawServer) -> dict[str, str]:
    raw_server.serve(GRANTED)
    return variables(hosts.APP_SERVICE, raw_server)


@pytest.fixture
def dispatcher(
    monkeypatch: pytest.MonkeyPatch, app_service: dict[str, str]
) -> Iterator[Dispatcher]:
    """One that works where App Service is the host."""
    for name, value in app_service.items():
        monkeypatch.setenv(name, value)
    with Dispatcher(clock=FakeClock(), prompter=False) as made:
        yield made


def failed(environ: dict[str, str], **more: Any) -> GrantwayError:
    with pytest.raises(GrantwayError) as caught:
        authenticate(environ, **more)
    return caught.value


# What a call gives


def test_the_flag_alone_means_the_system_assigned_identity(
    dispatcher: Dispatcher, raw_server: RawServer
) -> None:
    result = dispatcher.acquire(managed_identity=True, environment=CLOUD)
    assert (result.access_token, result.provider) == (TOKEN, "ManagedIdentity")
    assert (result.account, result.tenant_id) == (None, "")
    assert (result.resource, result.scopes) == (RESOURCE, ())
    (request,) = raw_server.requests
    assert "_id=" not in request.target


def test_an_application_id_of_other_uses_never_changes_which_identity_is_meant(
    dispatcher: Dispatcher, raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTWAY_APPLICATION_ID", GUID)
    monkeypatch.setenv("GRANTWAY_TENANT_ID", GUID)
    monkeypatch.setenv("AZURE_CLIENT_ID", GUID)
    with Dispatcher(clock=FakeClock(), prompter=False) as asking:
        asking.acquire(managed_identity=True, environment=CLOUD)
    assert GUID not in raw_server.requests[-1].target


@pytest.mark.parametrize("extra", ["tenant_id", "application_id", "consent"])
def test_it_takes_no_parameter_of_another_way(dispatcher: Dispatcher, extra: str) -> None:
    value: Any = True if extra == "consent" else GUID
    with pytest.raises(NoParameterSetMatches):
        dispatcher.acquire(managed_identity=True, environment=CLOUD, **{extra: value})


def test_only_one_identity_can_be_named(dispatcher: Dispatcher) -> None:
    with pytest.raises(InvalidParameter, match="exclude each other"):
        dispatcher.acquire(
            managed_identity=True,
            environment=CLOUD,
            identity_client_id=GUID,
            identity_object_id=GUID,
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identity_client_id", "an application"),
        ("identity_object_id", "11111111-2222"),
        ("identity_resource_id", "an-identity"),
        ("identity_resource_id", RESOURCE_ID + "?x=1"),
        ("identity_resource_id", RESOURCE_ID + "/more"),
    ],
)
def test_what_names_no_identity_is_refused(dispatcher: Dispatcher, name: str, value: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(InvalidParameter) as caught:
        dispatcher.acquire(managed_identity=True, environment=CLOUD, **given)
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((hosts.SERVICE_FABRIC, name) for name in ALL),
        *((hosts.CLOUD_SHELL, name) for name in ALL),
        (hosts.MACHINE_LEARNING, "identity_object_id"),
        (hosts.MACHINE_LEARNING, "identity_resource_id"),
    ],
    ids=lambda each: each.name if isinstance(each, Kind) else each,
)
def test_a_host_that_has_no_word_for_an_identity_is_not_asked(
    raw_server: RawServer, kind: Kind, name: str
) -> None:
    environ = variables(kind, raw_server, "ab" * 20)
    if kind is hosts.SERVICE_FABRIC:
        environ[hosts.IDENTITY_ENDPOINT] = f"https://127.0.0.1:{raw_server.port}/token"
    error = failed(environ, **{name: ALL[name]})
    assert isinstance(error, InvalidParameter)
    assert error.parameter == name
    assert kind.name in str(error)
    assert raw_server.connections == 0


@pytest.mark.parametrize(
    ("scope", "resource"),
    [
        (f"{RESOURCE}/.default", RESOURCE),
        (f"{RESOURCE}//.default", f"{RESOURCE}/"),
        (f"{GUID}/.default", GUID),
    ],
)
def test_one_scope_for_all_of_a_resource_is_that_resource(
    app_service: dict[str, str], raw_server: RawServer, scope: str, resource: str
) -> None:
    result = authenticate(app_service, scopes=(scope,))
    assert (result.resource, result.scopes) == (resource, (scope,))
    assert f"resource={quote(resource, safe='')}" in raw_server.requests[0].target


@pytest.mark.parametrize(
    "scopes",
    [
        ("User.Read",),
        (f"{RESOURCE}/.default", "openid"),
        ("/.default",),
        (f"{RESOURCE}/x.default",),
    ],
)
def test_other_scopes_are_refused_before_anything_is_sent(
    app_service: dict[str, str], raw_server: RawServer, scopes: tuple[str, ...]
) -> None:
    error = failed(app_service, scopes=scopes)
    assert isinstance(error, InvalidParameter)
    assert (error.parameter, raw_server.connections) == ("scopes", 0)


def test_claims_and_no_resource_at_all_are_refused_too(dispatcher: Dispatcher) -> None:
    for parameter, given in (
        ("claims", {"claims": '{"access_token": {}}', "environment": CLOUD}),
        ("resource", {"environment": attrs.evolve(CLOUD, default_resource=None)}),
    ):
        with pytest.raises(InvalidParameter) as caught:
            dispatcher.acquire(managed_identity=True, **given)  # type: ignore[arg-type]
        assert caught.value.parameter == parameter


# The address and the secret


@pytest.mark.parametrize("variable", ["IDENTITY_ENDPOINT", "MSI_ENDPOINT", hosts.AUTHORITY_HOST])
@pytest.mark.parametrize(
    "address",
    [
        "http://login.example/token",
        "http://8.8.8.8/token",
        "http://127.1/token",
        "http://2130706433/token",
        "http://[::ffff:127.0.0.1]/token",
        "http://0.0.0.0/token",
        "http://100.64.0.1/token",
        "http://localhost.example/token",
        "http://sentinel-identity-header@127.0.0.1/token",
        "http://127.0.0.1:0/token",
        "http://127.0.0.1/token?sentinel-identity-header",
        "http://127.0.0.1/token#x",
        "http://127.0.0.1\\@8.8.8.8/token",
        "ftp://127.0.0.1/token",
        "127.0.0.1/token",
        "/var/run/token",
    ],
)
def test_an_address_that_is_not_beside_this_code_is_refused(variable: str, address: str) -> None:
    environ = {variable: address}
    if variable != hosts.AUTHORITY_HOST:
        environ |= {"IDENTITY_HEADER" if "IDENTITY" in variable else "MSI_SECRET": HEADER}
    error = failed(environ)
    assert isinstance(error, ConfigurationError)
    assert variable in str(error)
    assert "sentinel" not in f"{error!r}{error}{error.as_dict()}"


@pytest.mark.parametrize(
    ("address", "near"),
    [
        *((each, True) for each in ("127.0.0.1", "127.3.2.1", "169.254.169.254", "10.9.8.7")),
        *(
            (each, True)
            for each in ("172.31.0.1", "192.168.1.1", "[::1]", "[fe80::1]", "[fd00::1]")
        ),
        ("localhost", True),
        *((each, False) for each in ("172.32.0.1", "192.169.0.1", "[2001:db8::1]", "a.localhost")),
    ],
)
def test_what_is_beside_this_code(address: str, near: bool) -> None:
    assert is_nearby(f"http://{address}:8080/x") is near
    if near:
        Environment("Near", f"http://{address}:8080", trust=NearbyTrust())
    else:
        with pytest.raises(ValueError, match="not https"):
            Environment("Near", f"http://{address}:8080", trust=NearbyTrust())


def test_no_plugin_can_offer_an_environment_with_the_exception() -> None:
    near = Environment("Near", "http://10.0.0.1", trust=NearbyTrust())
    registry = Registry.of(module(grantway_environments=(near,)))
    assert "Near" not in [each.name for each in registry.environments]


def test_an_endpoint_of_no_known_host_is_said() -> None:
    error = failed({"IDENTITY_ENDPOINT": "http://127.0.0.1/token"})
    assert isinstance(error, ConfigurationError)
    assert "IMDS_ENDPOINT" in str(error)


def test_a_secret_that_no_header_can_carry_is_not_shown(raw_server: RawServer) -> None:
    environ = variables(hosts.APP_SERVICE, raw_server)
    environ["IDENTITY_HEADER"] = "sentinel\r\nX-Other: 1"
    error = failed(environ)
    assert isinstance(error, ConfigurationError)
    assert "IDENTITY_HEADER" in str(error)
    assert "sentinel" not in str(error)


def test_no_proxy_is_ever_asked(
    app_service: dict[str, str], raw_servers: Callable[..., RawServer], raw_server: RawServer
) -> None:
    proxy = raw_servers()
    environ = {"HTTP_PROXY": proxy.url, "ALL_PROXY": proxy.url, "http_proxy": proxy.url}
    given = context(CLOUD, clock=FakeClock(), transport=HttpTransport(environ=environ))
    authenticate(app_service, given=given)
    assert (proxy.connections, len(raw_server.requests)) == (0, 1)


def test_a_redirect_is_not_followed(
    app_service: dict[str, str], raw_server: RawServer, raw_servers: Callable[..., RawServer]
) -> None:
    elsewhere = raw_servers()
    raw_server.serve(redirect(elsewhere.url))
    error = failed(app_service)
    assert isinstance(error, ProtocolViolation)
    assert elsewhere.connections == 0


def test_the_secret_is_shown_nowhere(
    app_service: dict[str, str], raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw_server.serve(json_answer({"error": "no", "error_description": HEADER + TOKEN}, 400))
    with pytest.raises(AuthorityError) as caught:
        authenticate(app_service)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [each for each in shown.stack if "grantway" in each.filename.replace("tests", "")]
    told = f"{[each.locals for each in ours]}{caplog.text}{hosts.host(Unshown(app_service))}"
    assert len(ours) > 2
    assert HEADER not in told
    assert HEADER not in f"{caught.value.as_dict()}{pickle.loads(pickle.dumps(caught.value))}"


def test_a_plan_shows_the_request_and_opens_no_socket(
    dispatcher: Dispatcher, raw_server: RawServer
) -> None:
    explained = dispatcher.explain(
        managed_identity=True, environment=CLOUD, identity_client_id=GUID
    )
    (planned,) = explained.requests
    assert raw_server.connections == 0
    assert planned.headers["X-IDENTITY-HEADER"] == "***"
    assert HEADER not in str(explained.as_dict())
    dispatcher.acquire(managed_identity=True, environment=CLOUD, identity_client_id=GUID)
    (sent,) = raw_server.requests
    assert (planned.method, planned.url) == (sent.method, f"{raw_server.url}{sent.target}")


# Service Fabric


@pytest.fixture
def fabric(raw_servers: Callable[..., RawServer], tmp_path: Path) -> tuple[RawServer, str]:
    identity = self_signed(tmp_path, "a-node")
    server = raw_servers(identity=identity)
    server.serve(GRANTED)
    return server, thumbprint(identity)


@pytest.mark.parametrize(
    "spelt", [str, str.lower, lambda it: ":".join(it[i : i + 2] for i in range(0, 40, 2))]
)
def test_the_one_certificate_of_the_thumbprint_is_believed(
    fabric: tuple[RawServer, str], spelt: Callable[[str], str]
) -> None:
    server, pinned = fabric
    environ = variables(hosts.SERVICE_FABRIC, server, spelt(pinned))
    assert authenticate(environ).access_token == TOKEN


def test_another_certificate_is_sent_no_secret_though_a_ca_vouches_for_it(
    fabric: tuple[RawServer, str], raw_servers: Callable[..., RawServer], local_ca: LocalCa
) -> None:
    server = raw_servers(identity=local_ca.issue("127.0.0.1"))
    server.serve(GRANTED)
    transport = HttpTransport(environ={"REQUESTS_CA_BUNDLE": str(local_ca.bundle)})
    given = context(CLOUD, clock=FakeClock(), transport=transport)
    environ = variables(hosts.SERVICE_FABRIC, server, fabric[1])
    error = failed(environ, given=given)
    assert isinstance(error, TransportError)
    assert "not the one of the thumbprint" in str(error)
    assert server.requests == []


def test_a_connection_that_is_believed_for_its_thumbprint_serves_nothing_else(
    fabric: tuple[RawServer, str],
) -> None:
    server, pinned = fabric
    given = context(CLOUD, clock=FakeClock())
    authenticate(variables(hosts.SERVICE_FABRIC, server, pinned), given=given)
    for other in (
        variables(hosts.SERVICE_FABRIC, server, "ab" * 20),
        variables(hosts.APP_SERVICE, server),
    ):
        assert isinstance(failed(other, given=given), TransportError)
    assert len(server.requests) == 1


@pytest.mark.parametrize("pinned", ["ab" * 19, "xy" * 20, "ab" * 32])
def test_what_is_no_thumbprint_is_said(fabric: tuple[RawServer, str], pinned: str) -> None:
    error = failed(variables(hosts.SERVICE_FABRIC, fabric[0], pinned))
    assert isinstance(error, ConfigurationError)
    assert hosts.THUMBPRINT in str(error)


def test_a_thumbprint_wants_https(raw_server: RawServer) -> None:
    error = failed(variables(hosts.SERVICE_FABRIC, raw_server, "ab" * 20))
    assert isinstance(error, ConfigurationError)
    assert "https" in str(error)


# What comes back


@pytest.mark.parametrize(
    ("answer", "expires"),
    [
        ({"expires_on": str(int(NOW) + 600), "expires_in": "3600"}, NOW + 600),
        ({"expires_on": int(NOW) + 7000, "expires_in": 3600}, NOW + 3600),
        ({"expires_on": str(int(NOW) + 600), "expires_in": None}, NOW + 600),
        ({"expires_on": None, "expires_in": "60"}, NOW + 60),
        ({"expires_on": "11/15/2023 02:57:58 +00:00", "expires_in": None}, "2023-11-15T02:57:58"),
        ({"expires_on": "11/15/2023 5:24:12 AM +00:00", "expires_in": None}, "2023-11-15T05:24:12"),
        ({"expires_on": "11/15/2023 5:24:12 PM +00:00", "expires_in": None}, "2023-11-15T17:24:12"),
    ],
)
def test_the_earlier_of_what_is_said_of_the_expiry_counts(
    app_service: dict[str, str], raw_server: RawServer, answer: dict[str, object], expires: Any
) -> None:
    raw_server.serve(json_answer(granted_at(NOW, **answer)))
    result = authenticate(app_service)
    if isinstance(expires, str):
        assert result.expires_on == datetime.fromisoformat(expires).replace(tzinfo=UTC)
    else:
        assert result.expires_on == datetime.fromtimestamp(expires, UTC)


@pytest.mark.parametrize("until", ["soon", "", "99/99/9999 99:99:99 +00:00", [], True])
def test_an_expiry_that_cannot_be_read_is_not_made_up(
    app_service: dict[str, str], raw_server: RawServer, until: object
) -> None:
    raw_server.serve(json_answer(granted_at(NOW, expires_on=until, expires_in=None)))
    assert authenticate(app_service).expires_on is None


def test_a_long_life_is_renewed_from_its_half(
    app_service: dict[str, str], raw_server: RawServer
) -> None:
    for lifetime, refresh in ((86400, 43200), (7200, 3600), (7199, None)):
        raw_server.serve(json_answer(granted_at(NOW, expires_on=None, expires_in=str(lifetime))))
        due = authenticate(app_service).refresh_on
        assert due == (None if refresh is None else datetime.fromtimestamp(NOW + refresh, UTC))
    raw_server.serve(json_answer(granted_at(NOW, expires_in="86400", refresh_in="100")))
    assert authenticate(app_service).refresh_on == datetime.fromtimestamp(NOW + 100, UTC)


# The cache


def test_a_token_at_rest_is_served_again(dispatcher: Dispatcher, raw_server: RawServer) -> None:
    for _ in range(3):
        dispatcher.acquire(managed_identity=True, environment=CLOUD)
    assert len(raw_server.requests) == 1


def test_different_identities_never_share_a_token(
    dispatcher: Dispatcher, raw_server: RawServer
) -> None:
    for given in ({}, *({name: value} for name, value in ALL.items())):
        parameters: dict[str, Any] = {"managed_identity": True, "environment": CLOUD, **given}
        dispatcher.acquire(**parameters)
        dispatcher.acquire(**parameters)
    assert len(raw_server.requests) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"IDENTITY_HEADER": "another-header"},
        {"IDENTITY_ENDPOINT": "/another"},
        {"IDENTITY_HEADER": "", "IDENTITY_ENDPOINT": "", hosts.AUTHORITY_HOST: ""},
    ],
    ids=["app", "endpoint", "kind"],
)
def test_different_hosts_never_share_a_token_though_they_share_a_cache(
    dispatcher: Dispatcher,
    raw_server: RawServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: dict[str, str],
) -> None:
    cache = f"sqlite:///{tmp_path}/cache.db"
    for round_ in range(2):
        with Dispatcher(clock=FakeClock(), prompter=False, cache=cache) as asking:
            asking.acquire(managed_identity=True, environment=CLOUD)
            asking.acquire(managed_identity=True, environment=CLOUD)
        assert len(raw_server.requests) == round_ + 1
        for name, value in change.items():
            full = f"{raw_server.url}{value}" if name != "IDENTITY_HEADER" and value else value
            monkeypatch.setenv(name, raw_server.url if name == hosts.AUTHORITY_HOST else full)


def test_a_plugin_that_cannot_tell_its_surroundings_is_set_right() -> None:
    def broken(_: object) -> list[str]:
        raise RuntimeError("sentinel-secret")

    for surroundings in (broken, lambda _: [1]):
        sets = (ParameterSet("Odd"),)
        odd = CredentialProvider("Odd", sets, lambda *_: None, surroundings=surroundings)  # type: ignore[arg-type,return-value]
        registry = Registry.of(module(grantway_providers=(odd,)))
        with Dispatcher(registry, prompter=False) as asking, pytest.raises(PluginError) as caught:
            asking.acquire(provider="Odd", environment=CLOUD)
        assert "Odd" in str(caught.value)
        assert "sentinel" not in str(caught.value)


# When there is none, or it has other worries


def test_nobody_at_the_address_is_no_managed_identity(raw_server: RawServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = failed({hosts.AUTHORITY_HOST: f"http://127.0.0.1:{taken.getsockname()[1]}"})
    assert type(error) is TransportError
    assert "There is no managed identity here" in str(error)
    assert "credential=" in error.remedy


def test_an_address_that_swallows_everything_is_given_up_within_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        # A queue that is full: the next one hears nothing at all.
        queued = [socket.socket() for _ in range(4)]
        for each in queued:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        clock = FakeClock()
        error = failed({hosts.AUTHORITY_HOST: f"http://127.0.0.1:{port}"}, clock=clock)
        for each in queued:
            each.close()
    assert type(error) is TransportError
    assert "There is no managed identity here" in str(error)
    assert "nobody answered within 1 second." in str(error)
    assert clock.waits == []


@pytest.mark.parametrize("kind", [hosts.APP_SERVICE, hosts.MACHINE_LEARNING, hosts.CLOUD_SHELL])
def test_a_host_that_is_not_there_is_told_by_its_variable(
    kind: Kind, raw_server: RawServer
) -> None:
    raw_server.serve(hang_up())
    error = failed(variables(kind, raw_server))
    assert type(error) is TransportError
    assert kind.name in str(error)
    assert kind.variables[0] in error.remedy


def test_a_slow_host_costs_no_more_than_the_callers_time(
    imds: dict[str, str], raw_server: RawServer
) -> None:
    raw_server.serve(silence())
    given = context(CLOUD, clock=SystemClock(), timeout=0.5)
    assert isinstance(failed(imds, given=given), DeadlineExceeded)


@pytest.mark.parametrize("answer", [html(200), html(403), json_answer([1]), large(2 << 20)])
def test_what_answers_in_the_place_of_a_host_is_told_as_that(
    imds: dict[str, str], raw_server: RawServer, answer: Any
) -> None:
    raw_server.serve(answer)
    error = failed(imds)
    assert isinstance(error, MalformedResponse)
    assert "no endpoint of a managed identity" in error.remedy
    assert len(raw_server.requests) == 1


def test_a_container_engine_that_answers_for_it_is_no_managed_identity(
    imds: dict[str, str], raw_server: RawServer
) -> None:
    raw_server.serve(json_answer({"message": "connecting: network is unreachable"}, 403))
    assert "no managed identity here" in failed(imds).remedy


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (404, [1, 2, 4, 8, 16]),
        (410, [5, 10, 20, 35]),
        (429, [1, 2, 4, 8, 16]),
        (500, [1, 2, 4, 8, 16]),
        (503, [1, 2, 4, 8, 16]),
    ],
)
@pytest.mark.parametrize("body", [html, empty, lambda status: json_answer({"error": "x"}, status)])
def test_the_metadata_service_is_asked_again_as_its_guidance_says(
    imds: dict[str, str], raw_server: RawServer, status: int, waits: list[float], body: Any
) -> None:
    raw_server.serve(body(status))
    clock = FakeClock()
    error = failed(imds, clock=clock, timeout=100)
    assert clock.waits == waits
    assert getattr(error, "status", None) == status
    assert getattr(error, "retryable", None) is True
    raw_server.serve(body(status), body(status), GRANTED)
    assert authenticate(imds, clock=FakeClock(), timeout=100).access_token == TOKEN


def test_410_is_waited_out_for_seventy_seconds_and_no_longer_than_there_is_time(
    imds: dict[str, str], raw_server: RawServer
) -> None:
    raw_server.serve(empty(410))
    clock = FakeClock()
    error = failed(imds, clock=clock, timeout=60)
    assert clock.waits == [5, 10, 20]
    assert isinstance(error, AuthorityError)
    assert "timeout=" in error.remedy


def test_other_hosts_are_not_asked_again_for_what_is_not_there(
    app_service: dict[str, str], raw_server: RawServer
) -> None:
    for status in (400, 401, 403, 404, 410):
        raw_server.serve(empty(status))
        clock = FakeClock()
        failed(app_service, clock=clock)
        assert clock.waits == []


def test_other_hosts_are_asked_again_less_often(
    app_service: dict[str, str], raw_server: RawServer
) -> None:
    # To a resource that does not exist, too, some answer so.
    raw_server.serve(json_answer({"statusCode": 500, "message": "An error occurred"}, 500))
    clock = FakeClock()
    error = failed(app_service, clock=clock)
    assert clock.waits == [1, 2, 4]
    assert getattr(error, "status", None) == 500


def test_a_host_that_says_when_to_come_back_is_obeyed(
    app_service: dict[str, str], raw_server: RawServer
) -> None:
    later = [("Retry-After", "7")]
    raw_server.serve(json_answer({}, 429, headers=later), html(503, headers=later), GRANTED)
    clock = FakeClock()
    assert authenticate(app_service, clock=clock).access_token == TOKEN
    assert clock.waits == [7, 7]
    raw_server.serve(json_answer({}, 429, headers=[("Retry-After", "3600")]))
    error = failed(app_service, clock=clock)
    assert isinstance(error, AuthorityError)
    assert (error.retry_after, clock.waits) == (3600, [7, 7])


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        (
            hosts.IMDS,
            {"error": "invalid_request", "error_description": "Identity not found"},
            "Identity not found",
        ),
        (
            hosts.APP_SERVICE,
            {"statusCode": 400, "message": "No User Assigned Identity found"},
            "No User Assigned",
        ),
        (
            hosts.MACHINE_LEARNING,
            {"error": {"code": "UserError", "message": "Identity missing"}},
            "Identity missing",
        ),
    ],
    ids=["imds", "app-service", "machine-learning"],
)
def test_an_identity_that_is_not_assigned_is_told_in_the_hosts_words(
    raw_server: RawServer, kind: Kind, answer: dict[str, object], words: str
) -> None:
    raw_server.serve(json_answer(answer, 400))
    error = failed(variables(kind, raw_server))
    assert isinstance(error, AuthorityError)
    assert words in error.description
    assert "system-assigned identity" in error.remedy
    assert "identity_client_id" in error.remedy
    error = failed(variables(kind, raw_server), identity_client_id=GUID)
    assert "identity_client_id names is assigned" in error.remedy


def test_a_resource_that_does_not_exist_is_told_as_that(
    imds: dict[str, str], raw_server: RawServer
) -> None:
    raw_server.serve(
        json_answer({"error": "invalid_resource", "error_description": "AADSTS500011: no"}, 400)
    )
    assert failed(imds).remedy.startswith("Check resource")


def test_while_the_host_is_updated_a_token_that_still_serves_is_served(
    monkeypatch: pytest.MonkeyPatch, imds: dict[str, str], raw_server: RawServer
) -> None:
    monkeypatch.setenv(hosts.AUTHORITY_HOST, imds[hosts.AUTHORITY_HOST])
    clock = FakeClock()
    raw_server.serve(json_answer(granted_at(NOW)), empty(410))
    with Dispatcher(clock=clock, prompter=False) as asking:
        asking.acquire(managed_identity=True, environment=CLOUD)
        # Near its end, where it is served in trouble only.
        clock.advance(3400)
        assert (
            asking.acquire(managed_identity=True, environment=CLOUD, timeout=10).access_token
            == TOKEN
        )
    assert len(raw_server.requests) > 1


def test_where_it_is_registered_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, grantway_grants\n"
        "print([m for m in ('requests', 'urllib3', 'cryptography') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
