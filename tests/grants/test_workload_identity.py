"""WorkloadIdentity: what a call gives, what its platform has, and what is said when it has not."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from grants.workloads import (
    CLIENT,
    REQUEST_TOKEN,
    TENANT,
    authenticate,
    cluster,
    no_platform,
    platform_token,
    runner,
    sandbox,
    wanted,
)
from grantway import Context, Dispatcher, Environment
from grantway.cache.memory import MemoryTokenCache
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    GrantwayError,
    InvalidClient,
    InvalidParameter,
    MalformedResponse,
    NoParameterSetMatches,
    ProtocolViolation,
    TransportError,
)
from grantway.secret import Unshown
from grantway_clouds import ENTRA_V2
from grantway_grants.workload_identity import github, kubernetes, naming, workload_identity
from grantway_sandbox.server import Sandbox
from oauth.support import FakeClock, context, environment, granted
from security.test_sentinels import texts, traced
from servers.raw import (
    Behaviour,
    RawServer,
    drip_body,
    empty,
    hang_up,
    html,
    json_answer,
    json_list,
    large,
    redirect,
)

__all__ = ["no_platform", "sandbox"]

pytestmark = pytest.mark.usefixtures("no_platform")
NOW = FakeClock().now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file into which a cluster has put a token."""
    path = tmp_path / "token"
    path.write_text(platform_token(NOW))
    return path


def cloud_at(server: RawServer, **more: Any) -> Environment:
    return environment(server, attrs.evolve(ENTRA_V2, name="raw"), default_resource=None, **more)


def failed(
    environ: dict[str, str], cloud: Environment, platform: str, **more: Any
) -> GrantwayError:
    with pytest.raises(GrantwayError) as caught:
        authenticate(
            environ, cloud, platform, clock=FakeClock(), resource="https://a.example", **more
        )
    told = "".join(texts(caught.value)) + traced(caught.value)
    assert "sentinel" not in told
    assert platform_token(NOW) not in told
    return caught.value


# Against the sandbox


def test_a_cluster_vouches_for_an_application(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(sandbox.platform_token() + "\n")
    environ = cluster(
        file,
        AZURE_CLIENT_ID=sandbox.application.application_id,
        AZURE_TENANT_ID=sandbox.tenant.tenant_id,
        AZURE_AUTHORITY_HOST=f"{sandbox.url}/",
    )
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    call: dict[str, Any] = {
        "workload_identity": "kubernetes",
        "environment": sandbox.environment,
        "resource": "https://graph.microsoft.com",
    }
    with Dispatcher(prompter=False) as asking:
        explained = asking.explain(**call)
        assert explained.parameter_set == "WorkloadIdentity"
        result = asking.acquire(**call)
        file.unlink()
        again = asking.acquire(**call)
        with pytest.raises(ConfigurationError, match="token"):
            asking.acquire(**call, force_refresh=True)
    assert (result.provider, result.account) == ("WorkloadIdentity", None)
    assert again.access_token == result.access_token, "a token at rest needs no file"
    (planned,) = explained.requests
    sent = sandbox.requests[-1]
    assert [name for name, _ in planned.fields] == [name for name, _ in sent.fields]
    assert planned.url == f"{sandbox.url}{sent.path}"
    assert dict(planned.fields)["client_assertion"] == "***"


def test_a_workflows_runner_vouches_for_an_application(
    sandbox: Sandbox, raw_server: RawServer
) -> None:
    raw_server.serve(json_answer({"count": 1, "value": sandbox.platform_token()}))
    result = authenticate(
        runner(raw_server),
        sandbox.environment,
        "github",
        application_id=sandbox.application.application_id,
        tenant_id=sandbox.tenant.tenant_id,
        resource="https://graph.microsoft.com",
    )
    assert result.provider == "WorkloadIdentity"
    (asked,) = raw_server.requests
    assert (asked.method, asked.target) == (
        "GET",
        "/idtoken?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange",
    )
    assert asked.headers["authorization"] == f"Bearer {REQUEST_TOKEN}"
    assert not asked.body


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"issuer": "https://another.example"}, 700211),
        ({"audience": "api://another"}, 700212),
        ({"subject": "another"}, 700213),
    ],
)
def test_a_mismatch_is_told_with_what_to_do(
    sandbox: Sandbox, tmp_path: Path, change: dict[str, str], number: int
) -> None:
    (tmp_path / "token").write_text(sandbox.platform_token(**change))  # type: ignore[arg-type]  # texts
    with pytest.raises(InvalidClient) as caught:
        authenticate(
            cluster(tmp_path / "token"),
            sandbox.environment,
            "kubernetes",
            application_id=sandbox.application.application_id,
            tenant_id=sandbox.tenant.tenant_id,
            resource="https://graph.microsoft.com",
        )
    assert number in caught.value.codes
    assert "federated credential" in str(caught.value)


# Which application and tenant


def test_the_call_comes_before_the_platforms_variables(raw_server: RawServer, file: Path) -> None:
    raw_server.serve(granted())
    environ = cluster(file)
    cloud = cloud_at(raw_server)
    given = {"resource": "https://a.example", "clock": FakeClock()}
    authenticate(environ, cloud, "kubernetes", **given)
    mine, other = CLIENT.replace("1", "a"), TENANT.replace("9", "b")
    authenticate(environ, cloud, "kubernetes", application_id=mine, tenant_id=other, **given)
    assert [each.form["client_id"] for each in raw_server.requests] == [[CLIENT], [mine]]
    assert [each.path.split("/")[1] for each in raw_server.requests] == [TENANT, other]


def test_so_do_grantways_own(
    raw_server: RawServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.serve(granted())
    mine = CLIENT.replace("1", "a")
    for name, value in {**cluster(file), "GRANTWAY_APPLICATION_ID": mine}.items():
        monkeypatch.setenv(name, value)
    call: dict[str, Any] = {
        "workload_identity": "kubernetes",
        "environment": cloud_at(raw_server),
        "resource": "https://a.example",
    }
    with Dispatcher(clock=FakeClock(), prompter=False) as asking:
        asking.acquire(**call)
    monkeypatch.delenv("GRANTWAY_APPLICATION_ID")
    with Dispatcher(clock=FakeClock(), prompter=False) as asking:
        asking.acquire(**call)
        asking.acquire(**call)
    clients = [each.form["client_id"] for each in raw_server.requests]
    assert clients == [[mine], [CLIENT]]


def test_a_token_rests_under_the_application_that_the_platform_names(
    raw_server: RawServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.serve(granted())
    mine, cache = CLIENT.replace("1", "a"), MemoryTokenCache()
    for client in (CLIENT, mine, CLIENT):
        for name, value in cluster(file, AZURE_CLIENT_ID=client).items():
            monkeypatch.setenv(name, value)
        with Dispatcher(cache=cache, clock=FakeClock(), prompter=False) as asking:
            asking.acquire(
                workload_identity="kubernetes",
                environment=cloud_at(raw_server),
                resource="https://a.example",
            )
    assert [each.form["client_id"] for each in raw_server.requests] == [[CLIENT], [mine]]


@pytest.mark.parametrize(
    ("variable", "parameter"),
    [
        (naming.CLIENT_ID_VARIABLE, "application_id"),
        (naming.TENANT_ID_VARIABLE, "tenant_id"),
    ],
)
def test_what_nobody_names_is_asked_for(
    raw_server: RawServer, file: Path, variable: str, parameter: str
) -> None:
    error = failed(cluster(file, **{variable: ""}), cloud_at(raw_server), "kubernetes")
    assert isinstance(error, InvalidParameter)
    assert error.parameter == parameter
    assert variable in str(error)
    wrong = failed(
        cluster(file, **{variable: "sentinel value"}), cloud_at(raw_server), "kubernetes"
    )
    assert isinstance(wrong, ConfigurationError)
    assert variable in str(wrong)
    assert raw_server.connections == 0


def test_a_runner_knows_of_no_application(raw_server: RawServer, file: Path) -> None:
    environ = {**runner(raw_server), **cluster(file)}
    error = failed(environ, cloud_at(raw_server), "github", tenant_id=TENANT)
    assert isinstance(error, InvalidParameter)
    assert (error.parameter, raw_server.connections) == ("application_id", 0)


def test_an_authority_without_tenants_needs_none(raw_server: RawServer, file: Path) -> None:
    raw_server.serve(granted())
    environ = cluster(file, AZURE_TENANT_ID="")
    authenticate(environ, environment(raw_server), "kubernetes", clock=FakeClock())
    assert raw_server.requests[-1].form["client_id"] == [CLIENT]


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_a_shared_tenant_is_refused(raw_server: RawServer, file: Path, tenant: str) -> None:
    error = failed(cluster(file, AZURE_TENANT_ID=tenant), cloud_at(raw_server), "kubernetes")
    assert isinstance(error, InvalidParameter)
    assert (error.parameter, raw_server.connections) == ("tenant_id", 0)


@pytest.mark.parametrize(
    "extra",
    [
        {"credential": (CLIENT, "x")},
        {"client_assertion": "x"},
        {"consent": True},
        {"certificate": "x"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_it_takes_no_parameter_of_another_way(extra: dict[str, Any]) -> None:
    with Dispatcher(prompter=False) as asking, pytest.raises(NoParameterSetMatches):
        asking.acquire(workload_identity="kubernetes", **extra)


def test_a_platform_that_is_not_known_is_refused() -> None:
    with Dispatcher(prompter=False) as asking, pytest.raises(InvalidParameter, match="github"):
        asking.acquire(workload_identity="nomad")  # type: ignore[arg-type]  # what is tried


def test_an_audience_is_for_a_platform_that_is_asked(raw_server: RawServer, file: Path) -> None:
    cloud = cloud_at(raw_server)
    error = failed(cluster(file), cloud, "kubernetes", federation_audience="api://mine")
    assert isinstance(error, InvalidParameter)
    assert error.parameter == "federation_audience"
    raw_server.serve(empty(500))
    failed(
        runner(raw_server, "/idtoken"),
        cloud,
        "github",
        application_id=CLIENT,
        tenant_id=TENANT,
        federation_audience="api://mine&x=1",
    )
    assert raw_server.requests[0].target == "/idtoken?audience=api%3A%2F%2Fmine%26x%3D1"


# The authority of the cluster's cloud


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("", True),
        ("{url}", True),
        ("{url}/", True),
        ("https://login.other.example/", True),
        ("login.other.example", True),
        ("https://login.else.example/", False),
        ("login.else.example", False),
        ("https://sentinel@login.other.example/", False),
        ("https://login.other.example.else.example", False),
        ("sentinel value", False),
    ],
)
def test_an_authority_that_the_environment_does_not_name_is_refused(
    raw_server: RawServer, file: Path, host: str, taken: bool
) -> None:
    raw_server.serve(granted())
    environ = cluster(file, AZURE_AUTHORITY_HOST=host.format(url=raw_server.url))
    cloud = cloud_at(raw_server, hosts=("login.other.example",))
    if taken:
        authenticate(environ, cloud, "kubernetes", clock=FakeClock(), resource="https://a.example")
    else:
        error = failed(environ, cloud, "kubernetes")
        assert isinstance(error, ConfigurationError)
        assert "AZURE_AUTHORITY_HOST" in str(error)
        assert "environment=" in str(error)
    assert len(raw_server.requests) == taken


# The file


def put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


CONTENTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda file: file.unlink(), "No such file"),
    "a folder": (lambda file: (file.unlink(), file.mkdir()), "it is a folder"),
    "empty": (lambda file: put(file, b""), "is empty"),
    "blank": (lambda file: put(file, b" \n"), "is empty"),
    "large": (lambda file: put(file, b"x" * 10_000_000), "more than 65,536"),
    "binary": (lambda file: put(file, bytes(range(256))), "is no JWT"),
    "text": (lambda file: put(file, b"sentinel-secret"), "is no JWT"),
    "two tokens": (lambda file: put(file, f"{platform_token(NOW)} ".encode() * 2), "is no JWT"),
    "no claims": (lambda file: put(file, b"sentinel.sentinel.sentinel"), "is no JWT"),
    "expired": (lambda file: put(file, platform_token(NOW - 3600).encode()), "has expired"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_without_a_token_is_told_before_any_network(
    raw_server: RawServer, file: Path, name: str
) -> None:
    spoil, words = CONTENTS[name]
    spoil(file)
    error = failed(cluster(file), cloud_at(raw_server), "kubernetes")
    assert isinstance(error, ConfigurationError)
    assert words in str(error)
    assert str(file) in str(error)
    assert kubernetes.TOKEN_FILE in str(error)
    assert raw_server.connections == 0


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
def test_a_pipe_or_a_device_is_not_waited_for(raw_server: RawServer, file: Path) -> None:
    file.unlink()
    os.mkfifo(file)
    for path in (file, Path("/dev/zero")):
        error = failed(cluster(path), cloud_at(raw_server), "kubernetes")
        assert "no plain file" in str(error)


@pytest.mark.parametrize("path", ["", "\0"])
def test_a_variable_that_names_no_file_is_told(raw_server: RawServer, path: str) -> None:
    environ = {**cluster(Path("x")), kubernetes.TOKEN_FILE: path}
    error = failed(environ, cloud_at(raw_server), "kubernetes")
    assert isinstance(error, ConfigurationError)
    assert kubernetes.TOKEN_FILE in str(error)


def waiting(meanwhile: Callable[[], object] = lambda: None) -> Context:
    """A context in which something happens whenever somebody waits."""

    class Clock(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            meanwhile()
            return super().wait(event, seconds)

    return context(Environment("Test", "https://id.example"), clock=Clock())


def test_a_file_that_is_just_being_written_over_is_waited_for(file: Path) -> None:
    whole = file.read_text()
    file.write_text("")
    environ = Unshown(cluster(file))
    given = waiting(lambda: file.write_text(whole))
    assert kubernetes.token(environ, given).reveal() == whole
    file.unlink()
    assert kubernetes.token(environ, given).reveal() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
def test_a_token_is_whole_while_its_file_is_replaced(tmp_path: Path) -> None:
    """As a kubelet does it: a link to a folder is turned, and the former folder removed."""
    tokens = [platform_token(NOW, n=number, pad="x" * 3000) for number in range(50)]
    (tmp_path / "token").symlink_to("..data/token")
    done = threading.Event()

    def turn(number: int) -> None:
        folder = tmp_path / f"..at_{number}"
        folder.mkdir()
        (folder / "token").write_text(tokens[number])
        (tmp_path / "..next").symlink_to(folder.name)
        (tmp_path / "..next").replace(tmp_path / "..data")
        former = tmp_path / f"..at_{number - 1}"
        with contextlib.suppress(FileNotFoundError):
            (former / "token").unlink()
            former.rmdir()

    def replace() -> None:
        for number in range(1, len(tokens)):
            turn(number)
        done.set()

    turn(0)
    thread = threading.Thread(target=replace)
    thread.start()
    environ = Unshown(cluster(tmp_path / "token"))
    seen = {kubernetes.token(environ, waiting()).reveal()}
    while not done.is_set():
        seen.add(kubernetes.token(environ, waiting()).reveal())
    thread.join()
    assert seen <= set(tokens)
    assert kubernetes.token(environ, waiting()).reveal() == tokens[-1]


def test_half_a_token_is_never_taken_from_a_file_that_is_written_over(file: Path) -> None:
    tokens = [
        platform_token(NOW, n=number, pad="x" * 3000 * (1 + number % 2)) for number in range(9)
    ]
    done = threading.Event()

    def write() -> None:
        for number in range(100):
            file.write_text(tokens[number % len(tokens)])
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    environ = Unshown(cluster(file))
    first, seen = platform_token(NOW), set[str]()
    while not done.is_set():
        with contextlib.suppress(ConfigurationError):
            seen.add(kubernetes.token(environ, waiting()).reveal())
    thread.join()
    seen.add(kubernetes.token(environ, waiting()).reveal())
    assert seen <= {first, *tokens}


def test_a_plan_opens_neither_file_nor_socket(raw_server: RawServer, tmp_path: Path) -> None:
    given = {"application_id": CLIENT, "tenant_id": TENANT, "resource": "https://a.example"}
    cloud = cloud_at(raw_server)
    for platform, environ in (
        ("kubernetes", cluster(tmp_path / "there is none")),
        ("github", runner(raw_server)),
    ):
        provider = workload_identity(environ, loopback=True)
        assert provider.plan is not None
        planned = [each.masked() for each in provider.plan(wanted(cloud, platform, **given))]
        assert "sentinel" not in repr(planned)
        assert dict(planned[-1].fields)["client_assertion"] == "***"
        assert planned[-1].url == f"{raw_server.url}/{TENANT}/oauth2/v2.0/token"
    assert planned[0].method == "GET"
    assert planned[0].headers["Authorization"] == "***"
    assert raw_server.connections == 0


# The endpoint of a runner

ANSWERS: dict[str, tuple[Behaviour, type[GrantwayError], str]] = {
    "unauthorized": (
        json_answer({"message": f"not {REQUEST_TOKEN}"}, 401),
        AuthorityError,
        "id-token: write",
    ),
    "forbidden": (empty(403), AuthorityError, "id-token: write"),
    "a page": (html(200), MalformedResponse, ""),
    "a page of an error": (html(401), MalformedResponse, "id-token: write"),
    "a redirect": (redirect("https://else.example/"), ProtocolViolation, ""),
    "no value": (json_answer({"count": 1}), MalformedResponse, "value is no text"),
    "a number": (json_answer({"value": 7}), MalformedResponse, "value is no text"),
    "an empty value": (json_answer({"value": ""}), MalformedResponse, "value is empty"),
    "no token": (json_answer({"value": "sentinel"}), MalformedResponse, "value is no JWT"),
    "an old token": (
        json_answer({"value": platform_token(NOW - 4000)}),
        MalformedResponse,
        "value has expired",
    ),
    "a list": (json_list(), MalformedResponse, ""),
    "too much": (large(), MalformedResponse, ""),
    "nothing": (hang_up(), TransportError, ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_endpoint_that_gives_no_token_is_told(
    raw_servers: Callable[..., RawServer], name: str
) -> None:
    answer, kind, words = ANSWERS[name]
    endpoint, authority = raw_servers(), raw_servers()
    endpoint.serve(answer)
    error = failed(
        runner(endpoint), cloud_at(authority), "github", application_id=CLIENT, tenant_id=TENANT
    )
    assert isinstance(error, kind), repr(error)
    assert words in str(error)
    assert authority.connections == 0


@pytest.mark.parametrize("variable", [github.REQUEST_URL, github.REQUEST_TOKEN])
def test_a_job_without_the_permission_is_told_which(raw_server: RawServer, variable: str) -> None:
    environ = {**runner(raw_server), variable: ""}
    error = failed(environ, cloud_at(raw_server), "github", application_id=CLIENT, tenant_id=TENANT)
    assert isinstance(error, ConfigurationError)
    assert variable in str(error)
    assert "id-token: write" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "http://pipelines.example/token",
        "https://sentinel@pipelines.example/token",
        "https://pipelines.example:0/token",
        "https://pipelines.example/token#sentinel",
        "https://pipelines.example\\@else.example/",
        "ftp://pipelines.example/",
        "pipelines.example",
        "https://pipelines.example/ü",
    ],
)
def test_an_address_that_is_none_of_a_runners_is_not_asked(raw_server: RawServer, url: str) -> None:
    environ = {**runner(raw_server), github.REQUEST_URL: url}
    error = failed(environ, cloud_at(raw_server), "github", application_id=CLIENT, tenant_id=TENANT)
    assert isinstance(error, ConfigurationError)
    assert github.REQUEST_URL in str(error)


def test_plain_http_is_for_tests_alone(raw_server: RawServer) -> None:
    provider = workload_identity(runner(raw_server))
    cloud = cloud_at(raw_server)
    asked = wanted(cloud, "github", application_id=CLIENT, tenant_id=TENANT)
    with pytest.raises(ConfigurationError, match=github.REQUEST_URL):
        provider.authenticate(asked, context(cloud))
    assert raw_server.connections == 0


def test_a_request_token_that_no_header_can_carry_is_told(raw_server: RawServer) -> None:
    environ = {**runner(raw_server), github.REQUEST_TOKEN: "sentinel\r\nX-Other: 1"}
    error = failed(environ, cloud_at(raw_server), "github", application_id=CLIENT, tenant_id=TENANT)
    assert github.REQUEST_TOKEN in str(error)
    assert raw_server.connections == 0


def test_an_endpoint_that_drips_ends_with_the_time_of_the_call(raw_server: RawServer) -> None:
    raw_server.serve(drip_body(b'{"value": "x"}' + b" " * 4096))
    cloud = cloud_at(raw_server)
    with pytest.raises(GrantwayError):
        authenticate(
            runner(raw_server),
            cloud,
            "github",
            given=context(cloud, timeout=0.5),
            application_id=CLIENT,
            tenant_id=TENANT,
            resource="https://a.example",
        )


def test_nothing_secret_is_logged(
    raw_server: RawServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cloud = cloud_at(raw_server)
    token = file.read_text()
    raw_server.serve(
        json_answer({"error": "invalid_client", "error_description": f"no: {token}"}, 401)
    )
    failed(cluster(file), cloud, "kubernetes")
    raw_server.serve(json_answer({"value": token}))
    failed(runner(raw_server), cloud, "github", application_id=CLIENT, tenant_id=TENANT)
    assert token not in caplog.text
    assert REQUEST_TOKEN not in caplog.text
    assert caplog.text


def test_registering_it_reads_no_variable_and_loads_nothing_heavy() -> None:
    script = (
        "import sys, grantway_grants; list(grantway_grants.grantway_providers())\n"
        "assert not {'requests', 'urllib3', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
