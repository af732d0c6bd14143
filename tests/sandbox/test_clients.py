"""How clients prove themselves, and on-behalf-of, which only confidential ones may use."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from requests.auth import HTTPBasicAuth

from grantway_sandbox.certificates import KeyAndCertificate, make_client_certificate
from grantway_sandbox.clients import ASSERTION_TYPE
from grantway_sandbox.model import APPLICATION_ID
from grantway_sandbox.server import Sandbox
from sandbox.support import GRAPH, Ask, FakeClock, claims_of, code_of, unverified

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def thumbprint(identity: KeyAndCertificate, name: str) -> str:
    der = identity.certificate.public_bytes(serialization.Encoding.DER)
    digest = hashlib.sha1(der) if name == "x5t" else hashlib.sha256(der)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


Signer = Callable[..., dict[str, str | None]]


@pytest.fixture
def assertion(sandbox: Sandbox, clock: FakeClock) -> Signer:
    """Sign an assertion; keyword arguments replace claims, `header` and `identity` the rest."""

    def sign(
        *,
        header: str = "x5t",
        algorithm: str = "RS256",
        identity: KeyAndCertificate | None = None,
        **claims: object,
    ) -> dict[str, str | None]:
        identity = identity or sandbox.application.identity
        app = sandbox.application.application_id
        payload = {
            "aud": f"{sandbox.url}/{sandbox.tenant.tenant_id}/oauth2/v2.0/token",
            "iss": app,
            "sub": app,
            "jti": str(uuid.uuid4()),
            "nbf": clock(),
            "exp": clock() + 600,
        }
        token = jwt.encode(
            payload | claims,
            identity.key,
            algorithm=algorithm,
            headers={header: thumbprint(identity, header)},
        )
        return {
            "client_assertion": token,
            "client_assertion_type": ASSERTION_TYPE,
            "client_secret": None,
        }

    return sign


@pytest.mark.parametrize("version", [1, 2])
def test_a_secret_may_come_in_the_basic_header(sandbox: Sandbox, ask: Ask, version: int) -> None:
    auth = HTTPBasicAuth(sandbox.application.application_id, sandbox.application.secret)
    assert ask(version, client_id=None, client_secret=None, auth=auth).ok


def test_basic_credentials_are_form_decoded() -> None:
    secret = "a b+c%d:é/~"
    with Sandbox(secret=secret) as sandbox:
        user = sandbox.application.application_id
        token = base64.b64encode(f"{user}:{quote(secret, safe='')}".encode()).decode()
        answer = requests.post(
            f"{sandbox.url}/{sandbox.tenant.domain}/oauth2/token",
            data={"grant_type": "client_credentials", "resource": GRAPH},
            headers={"Authorization": f"Basic {token}"},
            timeout=10,
        )
        assert answer.ok


def test_two_credentials_at_once_are_refused(sandbox: Sandbox, ask: Ask) -> None:
    auth = HTTPBasicAuth(sandbox.application.application_id, sandbox.application.secret)
    assert code_of(ask(auth=auth)) == 9002313


def test_a_broken_basic_header_is_refused(ask: Ask) -> None:
    for junk in ("%%%", "é", "/w=="):
        basic = f"Basic {junk}".encode("latin-1")
        assert code_of(ask(headers={"Authorization": basic})) == 9002313


@pytest.mark.parametrize("header", ["x5t", "x5t#S256"])
@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_a_registered_certificate_proves_the_client(
    ask: Ask, assertion: Signer, header: str, algorithm: str
) -> None:
    answer = ask(**assertion(header=header, algorithm=algorithm))
    claims = claims_of(answer)
    assert claims["appidacr"] == "2"


def test_the_client_id_may_be_left_to_the_assertion(ask: Ask, assertion: Signer) -> None:
    assert ask(client_id=None, **assertion()).ok


@pytest.mark.parametrize(
    "place",
    [
        "{tid}/oauth2/token",
        "contoso.example/oauth2/v2.0/token",
        "common/oauth2/v2.0/token",
        "{tid}/v2.0",
        "{tid}/",
    ],
)
def test_an_assertion_may_name_any_endpoint_or_issuer_of_the_tenant(
    sandbox: Sandbox, ask: Ask, assertion: Signer, place: str
) -> None:
    audience = f"{sandbox.url}/" + place.format(tid=sandbox.tenant.tenant_id)
    assert ask(**assertion(aud=audience)).ok


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "https://elsewhere.example/token"}, 700023),
        ({"iss": "someone else"}, 700021),
        ({"sub": "someone else"}, 700021),
        ({"exp": 1}, 700024),
        ({"exp": "soon"}, 50027),
        ({"exp": 9_999_999_999}, 700024),
        ({"nbf": 9_999_999_999}, 700024),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(
    ask: Ask, assertion: Signer, claims: dict[str, Any], code: int
) -> None:
    assert code_of(ask(**assertion(**claims))) in (code, 700024)


def test_an_assertion_for_another_tenant_is_refused(
    sandbox: Sandbox, ask: Ask, assertion: Signer
) -> None:
    audience = f"{sandbox.url}/{sandbox.customers[0].tenant_id}/oauth2/v2.0/token"
    assert code_of(ask(**assertion(aud=audience))) == 700023


def test_a_certificate_that_nobody_registered_is_refused(ask: Ask, assertion: Signer) -> None:
    assert code_of(ask(**assertion(identity=make_client_certificate("stranger")))) == 700027


def test_a_stranger_who_quotes_the_right_thumbprint_is_refused(
    sandbox: Sandbox, ask: Ask, assertion: Signer
) -> None:
    fields = assertion()
    header = {"x5t": thumbprint(sandbox.application.identity, "x5t")}
    claims = unverified(str(fields["client_assertion"]))
    key = make_client_certificate("stranger").key
    fields["client_assertion"] = jwt.encode(claims, key, algorithm="RS256", headers=header)
    assert code_of(ask(**fields)) == 700027


def test_an_assertion_signed_with_the_secret_is_refused(
    sandbox: Sandbox, ask: Ask, assertion: Signer
) -> None:
    fields = assertion()
    claims = unverified(str(fields["client_assertion"]))
    header = {"x5t": thumbprint(sandbox.application.identity, "x5t")}
    fields["client_assertion"] = jwt.encode(
        claims, sandbox.application.secret, algorithm="HS256", headers=header
    )
    assert code_of(ask(**fields)) == 700027


def test_a_malformed_assertion_is_refused(ask: Ask) -> None:
    answer = ask(client_secret=None, client_assertion="x.y.z", client_assertion_type=ASSERTION_TYPE)
    assert code_of(answer) == 50027


def test_an_expired_certificate_is_refused(
    sandbox: Sandbox, ask: Ask, assertion: Signer, clock: FakeClock
) -> None:
    assert sandbox.application.identity
    clock.advance(10 * 365 * 86400)
    assert code_of(ask(**assertion())) == 700027


def test_an_assertion_may_come_again_as_in_entra(ask: Ask, assertion: Signer) -> None:
    fields = assertion()
    assert ask(**fields).ok
    assert ask(**fields).ok


def test_a_sandbox_can_be_told_to_take_each_assertion_once(
    ask: Ask, sandbox: Sandbox, assertion: Signer
) -> None:
    sandbox.authority.single_use_assertions = True
    fields = assertion()
    assert ask(**fields).ok
    assert code_of(ask(**fields)) == 700027
    assert code_of(ask(**assertion(jti=None))) == 700027


# On-behalf-of


@pytest.fixture
def user_token(sandbox: Sandbox, ask: Ask) -> Callable[..., str]:
    """Get a user's token for the demo application, which is an API too."""

    def get(scope: str = f"api://{APPLICATION_ID}/access_as_user") -> str:
        return str(
            ask(
                client_id=sandbox.public_application_id,
                client_secret=None,
                grant_type="refresh_token",
                scope=scope,
                refresh_token=sandbox.issue_refresh_token(
                    application_id=sandbox.public_application_id
                ),
            ).json()["access_token"]
        )

    return get


def exchange(ask: Ask, token: str, **fields: str | None) -> requests.Response:
    given = {"grant_type": ON_BEHALF_OF, "assertion": token, "requested_token_use": "on_behalf_of"}
    return ask(**(given | fields))


def test_on_behalf_of_turns_a_users_token_into_one_for_another_api(
    sandbox: Sandbox, ask: Ask, user_token: Callable[..., str]
) -> None:
    answer = exchange(ask, user_token(), scope=f"{GRAPH}/User.Read offline_access")
    claims = claims_of(answer)
    assert claims["oid"] == sandbox.user.object_id
    assert claims["appid"] == sandbox.application.application_id
    assert claims["scp"] == "User.Read"
    again = ask(grant_type="refresh_token", refresh_token=answer.json()["refresh_token"])
    assert again.ok


def test_on_behalf_of_works_on_v1(ask: Ask, user_token: Callable[..., str]) -> None:
    answer = ask(
        1, grant_type=ON_BEHALF_OF, assertion=user_token(), requested_token_use="on_behalf_of"
    )
    assert answer.json()["resource"] == GRAPH


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"assertion": "x.y.z"}, 50013),
        ({"requested_token_use": "anything"}, 70003),
        ({"requested_token_use": None}, 900144),
        ({"tenant": "fabrikam.example"}, 50013),
        ({"client_secret": "wrong"}, 7000215),
    ],
)
def test_on_behalf_of_refuses(
    ask: Ask, user_token: Callable[..., str], spoil: dict[str, str | None], code: int
) -> None:
    assert code_of(exchange(ask, user_token(), **spoil)) == code


def test_on_behalf_of_refuses_a_token_meant_for_another_api(
    ask: Ask, user_token: Callable[..., str]
) -> None:
    assert code_of(exchange(ask, user_token(scope=f"{GRAPH}/User.Read"))) == 500131


def test_on_behalf_of_refuses_an_applications_own_token(sandbox: Sandbox, ask: Ask) -> None:
    token = ask(scope=f"{sandbox.application.application_id}/.default").json()["access_token"]
    assert code_of(exchange(ask, token)) == 7000114


def test_on_behalf_of_refuses_an_expired_token(
    ask: Ask, user_token: Callable[..., str], clock: FakeClock
) -> None:
    token = user_token()
    clock.advance(3600)
    assert code_of(exchange(ask, token)) == 500133


def test_on_behalf_of_refuses_an_id_token(sandbox: Sandbox, ask: Ask) -> None:
    token = ask(1, grant_type="refresh_token", refresh_token=sandbox.issue_refresh_token()).json()[
        "id_token"
    ]
    assert code_of(exchange(ask, token)) == 50013


def test_on_behalf_of_is_closed_to_public_clients(
    sandbox: Sandbox, ask: Ask, user_token: Callable[..., str]
) -> None:
    answer = exchange(
        ask, user_token(), client_id=sandbox.public_application_id, client_secret=None
    )
    assert code_of(answer) == 7000218
