"""Run in a process of its own by `test_air_gap`: everything a user does, and who was asked for it.

Standard input has the plan, standard output what was recorded at the socket layer. Names resolve as
the plan says, as a hosts file would; all others do not resolve, and that they were asked is noted.
"""

import json
import socket
import sys
from typing import Any

from grantway import OIDC, Dispatcher, Environment, Registry, Trust
from grantway.errors import GrantwayError
from grantway_clouds import ENTRA_V1, ENTRA_V2
from oauth.support import FakeClock

APP = "11111111-2222-3333-4444-555555555555"
PROTOCOLS = {each.name: each for each in (OIDC, ENTRA_V1, ENTRA_V2)}
WATCHED = (
    "socket.connect", "socket.gethostby", "socket.sendto", "socket.sendmsg", "socket.getnameinfo",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "urllib.Request",
)  # fmt: skip

names: list[str] = []
reached: list[Any] = []


def resolve(hosts: dict[str, str]) -> None:
    """Have `hosts` be all the names there are."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        names.append(name)
        if name not in hosts:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(hosts[name], port, *more, **named)

    socket.getaddrinfo = getaddrinfo


def watch(event: str, arguments: Any) -> None:
    if event == "socket.connect":
        reached.append(arguments[1])
    elif event.startswith(WATCHED):
        reached.append(event)


def attempt(asking: Dispatcher, **parameters: Any) -> str:
    try:
        return asking.acquire(**parameters).access_token
    except GrantwayError as error:
        return type(error).__name__


def whole_run(plan: dict[str, Any]) -> list[str]:
    """A service principal, a refresh token, and what goes wrong in between."""
    environment = Environment(
        "Hill",
        plan["authority"],
        protocol=PROTOCOLS[plan["protocol"]],
        hosts=plan["hosts"],
        default_resource="https://api.hill.example",
        trust=Trust(ca_bundle=plan["ca"]),
    )
    v2 = plan["protocol"] != OIDC.name
    tenant: dict[str, Any] = {"tenant_id": "hill.example"} if v2 else {}
    with Dispatcher(prompter=False) as asking:
        application = {"environment": environment, "credential": (APP, "secret"), **tenant}
        person = {"environment": environment, "application_id": APP, "refresh_token": "one"}
        return [
            attempt(asking, **application),
            attempt(asking, **application, force_refresh=True),
            attempt(asking, **person),
            attempt(asking, **person, resource="https://other.hill.example"),
            attempt(
                asking, **{**application, "credential": (APP, "wrong")}, resource="urn:refused"
            ),
        ]


def each_cloud() -> dict[str, list[str]]:
    """Which names each built-in environment asks for, where none resolves."""
    found: dict[str, list[str]] = {}
    registry = Registry.load(third_parties=False)
    for environment in registry.environments:
        if environment.unavailable or environment.trust.loopback_http:
            continue
        names.clear()
        has_resources = environment.protocol.audience != "fixed"
        given: dict[str, Any] = {
            "environment": environment,
            **({"resource": "https://api.example.org"} if has_resources else {"scopes": "read"}),
        }
        with Dispatcher(registry, prompter=False, clock=FakeClock()) as asking:
            attempt(asking, **given, credential=(APP, "secret"), tenant_id="hill.example")
            attempt(asking, **given, credential=(APP, "secret"), refresh_token="one")
            attempt(asking, **given, application_id=APP, refresh_token="one")
        found[environment.name] = sorted(set(names))
    return found


def main() -> None:
    plan = json.load(sys.stdin)
    resolve(plan["resolve"])
    sys.addaudithook(watch)
    outcome = whole_run(plan) if "protocol" in plan else each_cloud()
    json.dump({"outcome": outcome, "names": names, "reached": reached}, sys.stdout)


if __name__ == "__main__":
    main()
