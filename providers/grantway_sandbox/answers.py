"""Authorization answers: the way back to the client (RFC 6749 section 4.1.2).

`query` and `fragment` put the answer into a redirect, `form_post` into a page whose form goes to
the client; a script sends it off, and a button does where there are no scripts. With RFC 9207 each
answer, a refusal too, says who gives it.
"""

from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from attrs import field, frozen
from flask import Response

from grantway_sandbox import pages
from grantway_sandbox.authority import Authority
from grantway_sandbox.errors import EntraError
from grantway_sandbox.misbehaviour import Misbehaviour, twist

MODES: Final = ("query", "form_post", "fragment")

Parameters = list[tuple[str, str]]


@frozen
class Reply:
    """Where an answer goes and how, settled before anything else is looked at."""

    redirect_uri: str
    mode: str = "query"
    state: str | None = field(default=None, repr=False)
    misbehaviour: Misbehaviour | None = None

    @property
    def origin(self) -> str:
        """The part of the redirect URI that a page's policy can name."""
        parts = urlsplit(self.redirect_uri)
        # The policy's grammar has no IPv6 addresses, and no hosts in schemes of an app's own.
        if parts.scheme in ("http", "https") and "[" not in parts.netloc:
            return f"{parts.scheme}://{parts.netloc}"
        return f"{parts.scheme}:"

    def send(self, authority: Authority, parameters: Parameters, issuer: str) -> Response:
        """Answer with `parameters`, and with what every answer carries."""
        found = [*parameters]
        if self.state is not None:
            found.append(("state", self.state))
        if authority.response_iss:
            found.append(("iss", issuer))
        redirect_uri, found = twist(self.misbehaviour, self.redirect_uri, found)
        return deliver(redirect_uri, self.mode, found)

    def refuse(
        self, authority: Authority, error: EntraError, issuer: str, correlation_id: str
    ) -> Response:
        """Answer with an error."""
        _, body = error.answer(
            base_url=authority.base_url,
            version=1,
            correlation_id=correlation_id,
            clock=authority.clock,
        )
        parameters = [
            ("error", authorization_error(error)),
            ("error_description", str(body["error_description"])),
            ("error_uri", str(body["error_uri"])),
        ]
        if error.code == 65004:
            parameters.insert(1, ("error_subcode", "cancel"))
        return self.send(authority, parameters, issuer)


def authorization_error(error: EntraError) -> str:
    """Return the code of an error as authorization endpoints name it (OpenID Connect 3.1.2.6)."""
    if not error.pinned and error.suberror == "consent_required":
        return "consent_required"
    # `invalid_grant` belongs to the token endpoint: here, no grant was made yet.
    return "access_denied" if error.kind == "invalid_grant" else error.kind


def deliver(redirect_uri: str, mode: str, parameters: Parameters) -> Response:
    """Send `parameters` to `redirect_uri` in the way of `mode`."""
    if mode == "form_post":
        return pages.form_post(redirect_uri, parameters, Reply(redirect_uri).origin)
    parts = urlsplit(redirect_uri)
    text = urlencode(parameters)
    if mode == "fragment":
        parts = parts._replace(fragment=text)
    else:
        # What the registered URI has in its query stays: RFC 6749 section 3.1.2.
        parts = parts._replace(query="&".join(filter(None, (parts.query, text))))
    response = Response("", status=303, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = urlunsplit(parts)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
