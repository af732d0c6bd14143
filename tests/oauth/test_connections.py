"""A connection is used again only where nothing but the answer came on it."""

import json
from collections.abc import Callable

import pytest

from grantway import Trust
from grantway.oauth.transport import HttpTransport
from oauth.support import context, environment, token_request
from servers.raw import Behaviour, Exchange, RawServer, head
from servers.tls import LocalCa


def answer(token: str, padding: int = 0) -> bytes:
    body = json.dumps({"access_token": token, "padding": "x" * padding}).encode()
    return head(200, len(body), content_type="application/json") + body


def sends(data: bytes) -> Behaviour:
    def act(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.keep = True

    return Behaviour(act)


@pytest.mark.parametrize("padding", [0, 8000, 9000, 12_000])
@pytest.mark.parametrize("tls", [True, False])
def test_a_second_answer_to_one_request_is_not_taken_for_that_to_the_next(
    raw_servers: Callable[..., RawServer], local_ca: LocalCa, padding: int, *, tls: bool
) -> None:
    server = (
        raw_servers(identity=local_ca.issue("localhost"), host="localhost")
        if tls
        else raw_servers()
    )
    trust = Trust(ca_bundle=str(local_ca.bundle)) if tls else None
    server.serve(sends(answer("first", padding) + answer("smuggled")), sends(answer("own")))
    transport, of = HttpTransport(environ={}), environment(server, trust=trust)
    request = token_request(f"{server.url}/token")
    tokens = [
        transport.fetch_token(request, context(of, transport=transport))["access_token"]
        for _ in range(3)
    ]
    transport.close()
    assert tokens == ["first", "own", "own"]
    assert server.connections == 2  # the second one is used again
