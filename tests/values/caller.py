"""What a caller sees under a type checker; `test_typing.py` has it checked, nobody runs it."""

from collections.abc import Mapping
from typing import assert_type

from grantway import (
    AuthenticationResult,
    Credential,
    Dispatcher,
    Environment,
    Parameter,
    Reference,
    Secret,
    TokenRequest,
    TokenSource,
)
from grantway.explain import Explanation
from grantway.parameters import (
    APPLICATION_ID,
    CONSENT,
    CREDENTIAL,
    REFRESH_TOKEN,
    SCOPES,
    flag,
    text,
)

URL = Parameter("url", text)
LEASE = Parameter("lease", lambda value: int(str(value)))
ONCE = Parameter("once", flag)


def a_caller(dispatcher: Dispatcher, environment: Environment) -> None:
    result = dispatcher.acquire(application_id="x", tenant_id=None, timeout=5.0)
    assert_type(result, AuthenticationResult)
    assert_type(result.access_token, str)
    dispatcher.acquire(credential=Credential("a", "b"), tenant_id="c", environment=environment)
    dispatcher.acquire(credential=("a", Reference("env:B")), tenant_id="c", environment="d")
    dispatcher.acquire(refresh_token=Secret("r"), application_id="a", scopes=["a", "b"])
    dispatcher.acquire(claims={"access_token": {}}, application_id="a", force_refresh=True)
    dispatcher.acquire(user_assertion=Secret("u"), credential=("a", "b"), tenant_id="c")
    dispatcher.acquire(access_token=Reference("env:T"), expires_on=1e9)
    dispatcher.acquire(subject_token="s", audience=["a", "b"], requested_token_type="jwt")
    dispatcher.acquire(assertion="a", application_id=None)
    dispatcher.acquire(provider="Vault", url="https://x", lease=5)
    dispatcher.acquire(provider="Vault", parameter_set="Set", anything=object())
    source = dispatcher.bind(application_id="x", prompt="login")
    assert_type(source, TokenSource)
    assert_type(source.token(), str)
    assert_type(dispatcher.explain(application_id="x"), Explanation)

    dispatcher.acquire(application_id=5)  # refused: type
    dispatcher.acquire(aplication_id="x")  # refused: name
    dispatcher.acquire(user_assertion=b"u", application_id="x")  # refused: type
    dispatcher.acquire(application_id="x", prompt="never")  # refused: choice
    dispatcher.acquire(parameter_set="Set", application_id="x")  # refused: no provider
    dispatcher.bind(application_id="x", lease=5)  # refused: not built in


async def a_task(dispatcher: Dispatcher) -> None:
    assert_type(await dispatcher.acquire_async(application_id="x"), AuthenticationResult)
    assert_type(await dispatcher.acquire_async(provider="Vault", url="x"), AuthenticationResult)
    await dispatcher.acquire_async(aplication_id="x")  # refused: name


def a_provider(request: TokenRequest) -> None:
    assert_type(request[URL], str)
    assert_type(request.get(URL), str | None)
    assert_type(request[LEASE], int)
    assert_type(request[ONCE], bool)
    assert_type(request[APPLICATION_ID], str)
    assert_type(request[CREDENTIAL], Credential)
    assert_type(request[REFRESH_TOKEN], Secret)
    assert_type(request.get(CONSENT), bool | None)
    assert_type(request.get(SCOPES), tuple[str, ...] | None)
    assert_type(request.values, Mapping[str, object])
    request[LEASE].upper()  # refused: an int
