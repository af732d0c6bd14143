"""Against a GitHub on this machine, over real HTTP."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import grantway_github
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from github_server import APP_ID, INSTALLATION, GitHub, running
from grantway_github import GITHUB, github_token
from grantway_github.environment import api_of

from grantway import Dispatcher, Environment, Trust
from grantway.errors import (
    AuthorityError,
    ConfigurationError,
    InvalidClient,
    InvalidParameter,
    MalformedResponse,
    Throttled,
)
from grantway.testing import dispatcher_of, registry_of

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The private key, in a file as GitHub gives it out."""
    file = tmp_path / "my-app.private-key.pem"
    file.write_bytes(
        KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return file


@pytest.fixture
def github() -> Iterator[GitHub]:
    """The server."""
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with running(public.decode()) as server:
        yield server


@pytest.fixture
def here(github: GitHub) -> Environment:
    """The environment that it is."""
    return attrs.evolve(GITHUB, authority=github.url, trust=Trust(loopback_http=True))


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    """A dispatcher that has this plugin."""
    with dispatcher_of(grantway_github) as made:
        yield made


def ask(dispatcher: Dispatcher, here: Environment, key: Path, **more: Any) -> Any:
    """Get a token of the installation."""
    given = {"app_id": APP_ID, "installation_id": INSTALLATION, "environment": here, **more}
    return github_token(dispatcher, key=key, **given)


def test_a_token_of_the_installation(
    dispatcher: Dispatcher, here: Environment, key_file: Path, github: GitHub
) -> None:
    result = ask(dispatcher, here, key_file)
    assert result.access_token.startswith("ghs_")
    assert result.scopes == ("contents:write", "metadata:read")
    assert result.expires_on is not None
    assert 3500 < result.expires_on.timestamp() - time.time() <= 3600
    assert github.asked == [{}]
    assert ask(dispatcher, here, key_file) is result


def test_it_is_narrowed_to_repositories_and_permissions(
    dispatcher: Dispatcher, here: Environment, key_file: Path, github: GitHub
) -> None:
    narrow = {"repositories": ["site", "docs"], "permissions": {"contents": "read"}}
    result = ask(dispatcher, here, key_file, **narrow)
    assert github.asked == [{"repositories": ["docs", "site"], "permissions": {"contents": "read"}}]
    assert result.scopes == ("contents:read",)
    again = {"repositories": ["docs", "site"], "permissions": {"contents": "read"}}
    assert ask(dispatcher, here, key_file, **again) is result
    assert ask(dispatcher, here, key_file) is not result


def test_a_jwt_is_sent_but_once_and_lives_for_less_than_ten_minutes(
    dispatcher: Dispatcher, here: Environment, key_file: Path, github: GitHub
) -> None:
    ask(dispatcher, here, key_file)
    (sent,) = github.jwts
    claims = jwt.decode(sent, options={"verify_signature": False})
    assert claims.keys() == {"iss", "iat", "exp"}
    assert claims["iat"] < time.time() < claims["exp"] <= time.time() + 600


WRONG: Mapping[str, tuple[dict[str, Any], type[AuthorityError], str]] = {
    "another app": ({"app_id": "Iv23other"}, InvalidClient, "Check github_app_id"),
    "no such installation": ({"installation_id": 7}, AuthorityError, "github_installation_id"),
    "a repository of others": ({"repositories": ["theirs"]}, AuthorityError, "repositories and"),
}


@pytest.mark.parametrize(("change", "kind", "remedy"), list(WRONG.values()), ids=list(WRONG))
def test_what_github_refuses_is_told_with_what_to_do(
    change: dict[str, Any],
    kind: type[AuthorityError],
    remedy: str,
    dispatcher: Dispatcher,
    here: Environment,
    key_file: Path,
) -> None:
    with pytest.raises(kind, match=remedy) as caught:
        ask(dispatcher, here, key_file, **change)
    assert caught.value.description


def test_a_secondary_limit_is_being_throttled(
    dispatcher: Dispatcher, here: Environment, key_file: Path, github: GitHub
) -> None:
    github.failures.append((403, {"message": "a secondary rate limit"}, {"Retry-After": "60"}))
    with pytest.raises(Throttled) as caught:
        ask(dispatcher, here, key_file)
    assert (caught.value.retry_after, caught.value.retryable) == (60.0, True)


@pytest.mark.parametrize(
    "answer", [{}, {"token": "a b"}, {"token": "x"}, {"token": "x", "expires_at": "soon"}]
)
def test_an_answer_without_a_token_is_malformed(
    answer: dict[str, str],
    dispatcher: Dispatcher,
    here: Environment,
    key_file: Path,
    github: GitHub,
) -> None:
    github.failures.append((201, answer, {}))
    with pytest.raises(MalformedResponse, match="no usable"):
        ask(dispatcher, here, key_file)


def test_an_authority_that_is_no_github_is_sent_nothing(
    dispatcher: Dispatcher, key_file: Path, github: GitHub
) -> None:
    other = Environment("Other", authority=github.url, trust=Trust(loopback_http=True))
    with pytest.raises(InvalidParameter, match="no GitHub"):
        ask(dispatcher, other, key_file)
    assert not github.jwts


def test_a_key_that_cannot_sign_so_is_refused_before_any_network(
    dispatcher: Dispatcher, here: Environment, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "key.pem"
    file.write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigurationError, match="RS256"):
        ask(dispatcher, here, file)


@pytest.mark.parametrize(
    ("authority", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        ("https://github.example.org/", "https://github.example.org/api/v3"),
    ],
)
def test_where_the_api_is(authority: str, api: str) -> None:
    assert api_of(attrs.evolve(GITHUB, authority=authority)) == api


@pytest.mark.parametrize(
    "wrong",
    [
        {"installation_id": "seven"},
        {"installation_id": 0},
        {"installation_id": True},
        {"repositories": ["owner/name"]},
        {"permissions": {"contents": "everything"}},
    ],
)
def test_a_value_that_cannot_be_is_refused(
    wrong: dict[str, Any], dispatcher: Dispatcher, here: Environment, key_file: Path
) -> None:
    with pytest.raises(InvalidParameter):
        ask(dispatcher, here, key_file, **wrong)


def test_its_set_is_selected_by_its_parameters() -> None:
    with dispatcher_of(registry=registry_of(grantway_github)) as dispatcher:
        plan = dispatcher.explain(
            provider="GitHubApp",
            environment="GitHub",
            github_app_id=5,
            github_app_key="nowhere.pem",
            github_installation_id=7,
            github_permissions="issues:write contents:read",
        )
    (request,) = plan.requests
    assert request.url == "https://api.github.com/app/installations/7/access_tokens"
    assert request.fields == (("permissions", '{"contents": "read", "issues": "write"}'),)
