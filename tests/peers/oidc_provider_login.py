"""Sign in at oidc-provider's development pages by plain HTTP, as a browser would.

Nothing here is imported from grantway: this is the independent client that hands the tests a
refresh token, an authorization code, or an approved device code.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import requests

Form = dict[str, str]
ClientAuth = Callable[[str, Form], dict[str, str]]
"""Takes the client id and the form, may add fields to it, returns header fields."""

MOST_PAGES = 12


class SignInFailed(Exception):
    """The server refused; the message is what it said."""


def public(client_id: str, form: Form) -> dict[str, str]:
    """Name the client; it has no secret."""
    form["client_id"] = client_id
    return {}


def basic(secret: str) -> ClientAuth:
    """RFC 6749, section 2.3.1: id and secret are form-encoded before base64."""

    def apply(client_id: str, _: Form) -> dict[str, str]:
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    return apply


def post(secret: str) -> ClientAuth:
    """Id and secret as fields of the form."""

    def apply(client_id: str, form: Form) -> dict[str, str]:
        form["client_id"] = client_id
        form["client_secret"] = secret
        return {}

    return apply


def token_request(
    issuer: str,
    client_id: str,
    form: Form,
    client_auth: ClientAuth = public,
    *,
    verify: str | bool = True,
) -> requests.Response:
    """Send one token request and return the answer, whatever it is."""
    form = dict(form)
    headers = client_auth(client_id, form)
    with _session(verify) as session:
        endpoint = _metadata(session, issuer)["token_endpoint"]
        return session.post(endpoint, data=form, headers=headers, timeout=10)


def sign_in(
    issuer: str,
    client_id: str,
    redirect_uri: str,
    scope: str,
    resource: str | None = None,
    client_auth: ClientAuth = public,
    *,
    user: str = "alice",
    verify: str | bool = True,
) -> dict[str, Any]:
    """Run the authorization code grant with PKCE as `user`, and return the token answer.

    Any name and password will do at the development pages. A refresh token comes only where
    `scope` has `offline_access`. Nothing needs to listen at `redirect_uri`.
    """
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    state = secrets.token_urlsafe(16)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": state,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "code_challenge_method": "S256",
        # oidc-provider grants offline_access only where the user is asked.
        "prompt": "consent",
    }
    if resource is not None:
        query["resource"] = resource
    with _session(verify) as session:
        metadata = _metadata(session, issuer)
        url = _with_query(metadata["authorization_endpoint"], query)
        back = visit(session, url, redirect_uri, user=user)
        answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        if "code" not in answer:
            raise SignInFailed(str(answer))
        if answer.get("state") != state or answer.get("iss") != issuer:
            raise SignInFailed(f"state or iss differ: {answer}")
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        if resource is not None:
            form["resource"] = resource
        headers = client_auth(client_id, form)
        response = session.post(metadata["token_endpoint"], data=form, headers=headers, timeout=10)
    if response.status_code != 200:
        raise SignInFailed(response.text)
    token: dict[str, Any] = response.json()
    return token


def visit_authorization(
    url: str, redirect_uri: str, *, user: str = "alice", verify: str | bool = True
) -> str:
    """Play the browser for a URL that somebody else made; return where it is sent back to.

    The address is returned, not fetched: hand it to whoever listens there.
    """
    with _session(verify) as session:
        return visit(session, url, redirect_uri, user=user)


def approve_device(
    verification_uri_complete: str, *, user: str = "alice", verify: str | bool = True
) -> None:
    """Enter the code of a device grant, sign in and consent."""
    with _session(verify) as session:
        visit(session, verification_uri_complete, None, user=user)


def visit(
    session: requests.Session, url: str, redirect_uri: str | None, *, user: str = "alice"
) -> str:
    """Follow redirects, fill in and send every form, until `redirect_uri` or a page without form.

    Redirects are followed by hand, because the last one leads to a listener that need not exist.
    """
    response = session.get(url, allow_redirects=False, timeout=10)
    for _ in range(MOST_PAGES):
        if response.is_redirect:
            target = urljoin(response.url, response.headers["location"])
            if redirect_uri is not None and _same_page(target, redirect_uri):
                return target
            response = session.get(target, allow_redirects=False, timeout=10)
            continue
        if response.status_code != 200:
            raise SignInFailed(f"{response.status_code} {response.text}")
        page = _Form()
        page.feed(response.text)
        if page.action is None:
            if redirect_uri is None:
                return response.url
            raise SignInFailed(f"no form and no redirect at {response.url}: {response.text}")
        fields = page.fields
        if "login" in fields:
            fields.update(login=user, password="any")
        response = session.post(
            urljoin(response.url, page.action), data=fields, allow_redirects=False, timeout=10
        )
    raise SignInFailed(f"more than {MOST_PAGES} pages, the last one {response.url}")


class _Form(HTMLParser):
    """The first form of a page: where it goes and the inputs it has."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = found.get("action") or ""
        elif tag == "input" and (name := found.get("name")):
            self.fields[name] = found.get("value") or ""


def _session(verify: str | bool) -> requests.Session:
    session = requests.Session()
    # The machine's proxies and CA bundles would override `verify`, and slow each request down.
    session.trust_env = False
    session.verify = verify
    return session


def _metadata(session: requests.Session, issuer: str) -> dict[str, Any]:
    response = session.get(f"{issuer}/.well-known/openid-configuration", timeout=10)
    response.raise_for_status()
    metadata: dict[str, Any] = response.json()
    return metadata


def _with_query(url: str, query: dict[str, str]) -> str:
    prepared = requests.Request("GET", url, params=query).prepare().url
    assert prepared is not None
    return prepared


def _same_page(url: str, redirect_uri: str) -> bool:
    """Compare without the query; an absent path equals "/", as browsers see it."""
    one, other = urlsplit(url), urlsplit(redirect_uri)
    return (one.scheme, one.netloc, one.path or "/") == (
        other.scheme,
        other.netloc,
        other.path or "/",
    )
