"""`grantway environments which`: who has a tenant, and who did not say."""

from collections.abc import Callable
from typing import Any

import pytest

from cli.support import Outcome, run, session
from grantway import Environment, Trust, hookimpl
from grantway_clouds import ENTRA_V1, ENTRA_V2
from servers.raw import Behaviour, RawServer, html, json_answer, redirect, silence

TENANT = "11111111-2222-3333-4444-55555555555a"
UNKNOWN = json_answer(
    {
        "error": "invalid_tenant",
        "error_description": "AADSTS90002: Tenant 'contoso.example' not found.",
        "error_codes": [90002],
    },
    400,
)


class Clouds:
    """A plugin with environments of its own."""

    def __init__(self, *environments: Environment) -> None:
        self.environments = environments

    @hookimpl
    def grantway_environments(self) -> tuple[Environment, ...]:
        return self.environments


def cloud(name: str, server: RawServer, **more: Any) -> Environment:
    return Environment(
        name,
        authority=server.url,
        **{"protocol": ENTRA_V2, "trust": Trust(loopback_http=True), **more},
    )


def document(base: str, **changes: object) -> Behaviour:
    """A tenant's metadata, in the fields that tell where it is."""
    facts: dict[str, object] = {
        "issuer": f"{base}/{TENANT}/v2.0",
        "token_endpoint": f"{base}/{TENANT}/oauth2/v2.0/token",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "hill.example",
        "msgraph_host": "graph.hill.example",
    }
    return json_answer({name: each for name, each in {**facts, **changes}.items() if each})


def which(
    *clouds: Environment, tenant: str = "contoso.example", more: tuple[str, ...] = ()
) -> Outcome:
    names = [word for each in clouds for word in ("-e", each.name)]
    return run("environments", "which", tenant, *names, *more, session=session(Clouds(*clouds)))


def states(outcome: Outcome) -> dict[str, str]:
    assert isinstance(outcome.json, list)
    return {each["environment"]: each["state"] for each in outcome.json}


def test_a_tenant_is_found_with_its_id_and_region(raw_servers: Callable[..., RawServer]) -> None:
    hill, dale = raw_servers(), raw_servers()
    hill.serve(document(hill.url, tenant_region_sub_scope="GCC"))
    dale.serve(UNKNOWN)
    done = which(cloud("Hill", hill), cloud("Dale", dale))
    assert done.code == 0
    first, second = (line.split() for line in done.stdout.splitlines()[1:])
    assert first == ["Hill", "here", TENANT, "EU/GCC"]
    assert second == ["Dale", "unknown", "-", "-"]
    for server in (hill, dale):
        [request] = server.requests
        assert request.method == "GET"
        assert request.target == "/contoso.example/v2.0/.well-known/openid-configuration"
        assert "authorization" not in request.headers


def test_a_program_is_told_all_of_it(raw_server: RawServer) -> None:
    raw_server.serve(document(raw_server.url))
    [found] = which(cloud("Hill", raw_server), more=("--json",)).json  # type: ignore[misc]
    assert found == {
        "environment": "Hill",
        "state": "here",
        "tenant_id": TENANT,
        "issuer": f"{raw_server.url}/{TENANT}/v2.0",
        "cloud": "hill.example",
        "region": "EU",
        "sub_region": "",
        "graph_host": "graph.hill.example",
        "error": None,
    }


def test_a_cloud_that_answers_for_another_is_not_the_tenants(raw_server: RawServer) -> None:
    raw_server.serve(document("https://login.dale.example", cloud_instance_name="dale.example"))
    done = which(cloud("Hill", raw_server))
    assert done.code == 5
    assert done.stdout.splitlines()[1].split() == (
        ["Hill", "elsewhere", "-", "EU", "says:", "dale.example"]
    )


def test_clouds_of_one_authority_are_told_apart_by_their_graph(raw_server: RawServer) -> None:
    raw_server.serve(document(raw_server.url, msgraph_host="dod-graph.hill.example"))
    plain = cloud("Plain", raw_server, resources={"graph": "https://graph.hill.example"})
    strict = cloud("Strict", raw_server, resources={"graph": "https://dod-graph.hill.example"})
    done = which(plain, strict, more=("--json",))
    assert states(done) == {"Plain": "elsewhere", "Strict": "here"}
    assert len(raw_server.requests) == 1
    raw_server.serve(document(raw_server.url, msgraph_host=None))
    assert set(states(which(plain, strict, more=("--json",))).values()) == {"here"}


@pytest.mark.parametrize(
    "answer",
    [
        html(),
        redirect("https://login.hill.example/"),
        json_answer({"issuer": "https://login.hill.example/none"}),
        json_answer({}),
        json_answer([]),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_a_failure(
    raw_server: RawServer, answer: Behaviour
) -> None:
    raw_server.serve(answer)
    done = which(cloud("Hill", raw_server), more=("--json",))
    assert (done.code, states(done)) == (6, {"Hill": "failed"})


def test_metadata_of_another_tenant_than_the_one_asked_for_is_a_failure(
    raw_server: RawServer,
) -> None:
    raw_server.serve(document(raw_server.url))
    other = TENANT.replace("1", "2")
    assert which(cloud("Hill", raw_server), tenant=other).code == 6
    assert which(cloud("Hill", raw_server), tenant=f"{{{TENANT.upper()}}}").code == 0
    assert raw_server.requests[-1].path.split("/")[1] == TENANT


def test_one_that_is_silent_keeps_nobody_from_answering(
    raw_servers: Callable[..., RawServer],
) -> None:
    hill, dale = raw_servers(), raw_servers()
    hill.serve(silence())
    dale.serve(document(dale.url))
    clouds = (cloud("Hill", hill), cloud("Dale", dale))
    done = which(*clouds, more=("--json", "--timeout", "0.5"))
    assert (done.code, states(done)) == (0, {"Hill": "failed", "Dale": "here"})
    dale.serve(UNKNOWN)
    assert which(*clouds, more=("--timeout", "0.5")).code == 6


def test_v1_is_asked_by_its_own_metadata(raw_server: RawServer) -> None:
    raw_server.serve(document(raw_server.url, issuer=f"{raw_server.url}/{TENANT}/"))
    assert which(cloud("Hill", raw_server, protocol=ENTRA_V1)).code == 0
    assert raw_server.requests[0].path == "/contoso.example/.well-known/openid-configuration"


def test_without_names_all_that_are_open_and_have_tenants_are_asked() -> None:
    class Recorder:
        def __init__(self) -> None:
            self.hosts: list[str] = []

        def fetch_json(
            self, request: Any, context: Any, *, max_age: float = 0
        ) -> dict[str, object]:
            assert context.environment.names(request.url.split("/")[2])
            self.hosts.append(context.environment.name)
            return {"issuer": f"{context.environment.authority}/{TENANT}/v2.0"}

        def fetch_token(self, request: Any, context: Any) -> dict[str, object]:
            raise AssertionError(request.url)

    recorder = Recorder()
    shop = Clouds(Environment("Keys", authority="https://keys.example"))
    done = run("environments", "which", TENANT, session=session(shop, transport=recorder))
    assert done.code == 0
    assert {"GlobalCloud", "ChinaCloud", "USGovernment", "Bleu"} <= set(recorder.hosts)
    assert not {"GermanCloud", "Keys", "Sandbox"} & set(recorder.hosts)


@pytest.mark.parametrize("tenant", ["common", "organizations", "a/b.example", "you@a.example", ""])
def test_what_is_no_tenant_is_refused_before_any_network(
    raw_server: RawServer, tenant: str
) -> None:
    done = which(cloud("Hill", raw_server), tenant=tenant)
    assert done.code == 2
    # It is an argument, and no option of that name exists here.
    assert done.stderr.startswith(f"Error: {tenant!r} is ")
    assert done.stderr.splitlines()[1] == "  Give the GUID or a domain of one."
    assert raw_server.connections == 0


def test_an_environment_without_tenants_cannot_be_asked(raw_server: RawServer) -> None:
    done = which(Environment("Keys", authority="https://keys.example"))
    assert (done.code, "has no tenants" in done.stderr) == (2, True)
    assert run("environments", "which", TENANT, "-e", "Nowhere").code == 2
