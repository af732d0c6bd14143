"""People sign in through independent clients: MSAL, azure-identity, requests_oauth2client.

None of them is treated specially: each speaks over TLS to the routes that everybody uses, and
believes nothing that it does not check. The person at the browser is a stand-in; the way to it is
the one that each client takes.
"""

import webbrowser
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from grantway_sandbox.model import User
from grantway_sandbox.person import Person
from grantway_sandbox.server import Sandbox
from sandbox.signing_in import REDIRECT
from sandbox.support import GRAPH, unverified

msal = pytest.importorskip("msal")
identity = pytest.importorskip("azure.identity")
azure_errors = pytest.importorskip("azure.core.exceptions")
oauth2client = pytest.importorskip("requests_oauth2client")

SCOPES = [f"{GRAPH}/User.Read"]


@pytest.fixture
def person(tls_sandbox: Sandbox) -> Person:
    return tls_sandbox.person()


class Browser(webbrowser.BaseBrowser):
    """What `webbrowser` opens pages with during these tests: a person, if there is one."""

    person: Person | None = None

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        return self.person is not None and self.person.open(url)


@pytest.fixture(scope="module")
def registered() -> Browser:
    # There is no way to take a browser back; without a person this one declines.
    browser = Browser("a person")
    webbrowser.register("a person", None, browser, preferred=True)
    return browser


@pytest.fixture
def browsing(registered: Browser, person: Person) -> Iterator[Person]:
    registered.person = person
    yield person
    registered.person = None
    person.close()


def msal_public(sandbox: Sandbox, tenant: str = "organizations") -> Any:
    return msal.PublicClientApplication(
        sandbox.public_application_id,
        authority=f"{sandbox.url}/{tenant}",
        instance_discovery=False,
        verify=str(sandbox.ca_bundle),
    )


def msal_confidential(sandbox: Sandbox) -> Any:
    return msal.ConfidentialClientApplication(
        sandbox.application.application_id,
        client_credential=sandbox.application.secret,
        authority=f"{sandbox.url}/{sandbox.tenant.tenant_id}",
        instance_discovery=False,
        verify=str(sandbox.ca_bundle),
    )


# MSAL advises against anything but form_post, which it need not keep us from trying.
@pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")
@pytest.mark.parametrize("mode", ["query", "form_post"])
@pytest.mark.parametrize("make", [msal_public, msal_confidential])
def test_msal_redeems_the_code_of_a_sign_in(
    tls_sandbox: Sandbox, person: Person, make: Any, mode: str
) -> None:
    client = make(tls_sandbox)
    flow = client.initiate_auth_code_flow(
        SCOPES,
        redirect_uri=REDIRECT,
        login_hint=tls_sandbox.user.user_name,
        response_mode=mode,
    )
    answer = person.answer(flow["auth_uri"])
    result = client.acquire_token_by_auth_code_flow(flow, dict(answer.parameters))
    assert result.get("error") is None, result
    assert unverified(result["access_token"])["oid"] == tls_sandbox.user.object_id
    assert result["id_token_claims"]["preferred_username"] == tls_sandbox.user.user_name
    (account,) = client.get_accounts()
    assert client.acquire_token_silent(["https://management.azure.com/.default"], account)


def test_msal_signs_in_by_the_browser(tls_sandbox: Sandbox, browsing: Person) -> None:
    result = msal_public(tls_sandbox).acquire_token_interactive(SCOPES, timeout=60)
    assert result.get("error") is None, result
    assert unverified(result["access_token"])["amr"] == ["pwd", "mfa"]


def test_msal_hears_that_the_person_declined(tls_sandbox: Sandbox, browsing: Person) -> None:
    browsing.accept = False
    result = msal_public(tls_sandbox).acquire_token_interactive(
        SCOPES, prompt="consent", timeout=60
    )
    assert result["error"] == "access_denied"


def test_msal_meets_a_claims_challenge(tls_sandbox: Sandbox) -> None:
    user = User(
        "5a9d0b0c-2002-4a00-8a00-0000000000bb",
        "pat@contoso.example",
        "Pat",
        tls_sandbox.tenant.tenant_id,
        amr=("pwd",),
    )
    tls_sandbox.register(user)
    person, client = tls_sandbox.person(user), msal_public(tls_sandbox)
    challenge = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
    for claims, amr in ((None, ["pwd"]), (challenge, ["pwd", "mfa"])):
        flow = client.initiate_auth_code_flow(
            SCOPES,
            redirect_uri=REDIRECT,
            claims_challenge=claims,
            response_mode="form_post",
        )
        answer = person.answer(flow["auth_uri"])
        result = client.acquire_token_by_auth_code_flow(flow, dict(answer.parameters))
        assert unverified(result["access_token"])["amr"] == amr


@pytest.mark.parametrize("kind", ["wrong_state", "missing_state", "wrong_nonce"])
def test_msal_believes_no_answer_that_is_not_its_own(
    tls_sandbox: Sandbox, person: Person, kind: str
) -> None:
    client = msal_public(tls_sandbox)
    flow = client.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT, response_mode="form_post")
    tls_sandbox.fail_next(kind, at="authorize")
    answer = dict(person.answer(flow["auth_uri"]).parameters)
    with pytest.raises((ValueError, RuntimeError)):
        client.acquire_token_by_auth_code_flow(flow, answer)


def test_msal_signs_in_a_device(tls_sandbox: Sandbox, person: Person) -> None:
    client = msal_public(tls_sandbox)
    flow = client.initiate_device_flow(SCOPES)
    person.enter_code(flow["verification_uri"], flow["user_code"])
    result = client.acquire_token_by_device_flow(flow)
    assert result.get("error") is None, result
    assert result["id_token_claims"]["oid"] == tls_sandbox.user.object_id
    assert client.get_accounts()


def test_msal_hears_that_a_device_was_declined(tls_sandbox: Sandbox) -> None:
    client = msal_public(tls_sandbox)
    flow = client.initiate_device_flow(SCOPES)
    tls_sandbox.person(accept=False).enter_code(flow["verification_uri"], flow["user_code"])
    result = client.acquire_token_by_device_flow(flow)
    assert result["error"] == "authorization_declined"


@pytest.fixture
def azure(tls_sandbox: Sandbox) -> dict[str, Any]:
    return {
        "authority": tls_sandbox.url,
        "client_id": tls_sandbox.public_application_id,
        "disable_instance_discovery": True,
        "connection_verify": str(tls_sandbox.ca_bundle),
    }


def test_azure_identity_signs_in_by_the_browser(
    tls_sandbox: Sandbox, azure: dict[str, Any], browsing: Person
) -> None:
    with identity.InteractiveBrowserCredential(
        login_hint=tls_sandbox.user.user_name, timeout=60, **azure
    ) as credential:
        token = credential.get_token(*SCOPES)
        record = credential.authenticate(scopes=SCOPES)
    assert unverified(token.token)["oid"] == tls_sandbox.user.object_id
    assert record.username == tls_sandbox.user.user_name
    assert record.tenant_id == tls_sandbox.tenant.tenant_id


def test_azure_identity_hears_that_the_person_declined(
    azure: dict[str, Any], browsing: Person
) -> None:
    browsing.accept = False
    with identity.InteractiveBrowserCredential(timeout=60, **azure) as credential:
        with pytest.raises(azure_errors.ClientAuthenticationError, match="AADSTS65004"):
            credential.get_token(*SCOPES)


@pytest.mark.parametrize("accept", [True, False])
def test_azure_identity_signs_in_a_device(
    tls_sandbox: Sandbox, azure: dict[str, Any], accept: bool
) -> None:
    person = tls_sandbox.person(accept=accept)
    credential = identity.DeviceCodeCredential(
        prompt_callback=lambda uri, code, _: person.enter_code(uri, code), **azure
    )
    with credential:
        if accept:
            assert unverified(credential.get_token(*SCOPES).token)["amr"] == ["pwd", "mfa"]
        else:
            with pytest.raises(azure_errors.ClientAuthenticationError):
                credential.get_token(*SCOPES)


@pytest.fixture
def session(tls_sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = str(tls_sandbox.ca_bundle)
        yield session


def test_requests_oauth2client_signs_in_by_metadata(
    tls_sandbox: Sandbox, session: requests.Session, person: Person
) -> None:
    place = f"{tls_sandbox.url}/{tls_sandbox.tenant.tenant_id}/v2.0"
    client = oauth2client.OAuth2Client.from_discovery_endpoint(
        f"{place}/.well-known/openid-configuration",
        issuer=place,
        client_id=tls_sandbox.public_application_id,
        redirect_uri=REDIRECT,
        # The library does not look for this one in the metadata.
        device_authorization_endpoint=place.removesuffix("v2.0") + "oauth2/v2.0/devicecode",
        session=session,
    )
    asked = client.authorization_request(scope=f"openid {SCOPES[0]}")
    answer = asked.validate_callback(person.answer(asked.uri).url)
    token = client.authorization_code(answer)
    assert unverified(str(token))["oid"] == tls_sandbox.user.object_id

    waiting = client.authorize_device(scope=SCOPES[0])
    person.enter_code(waiting.verification_uri, waiting.user_code)
    assert unverified(str(client.device_code(waiting)))["scp"] == "User.Read"
