"""The authorization endpoint: who asks, for what, and whether that is to be believed.

First come the client and the redirect URI. As long as these are in doubt every refusal is a page,
for an answer sent to an address nobody vouches for is how codes get lost (RFC 6749 section
4.1.2.1). From there on, refusals go back to the client. A request that is in order becomes an
`AuthorizationErrand`, which `steps` takes through sign-in and consent.
"""

import string
from collections.abc import Mapping
from typing import Final

from attrs import frozen
from flask import Response

from grantway_sandbox import tokens
from grantway_sandbox.answers import MODES, Reply
from grantway_sandbox.authority import Authority
from grantway_sandbox.clients import find_client
from grantway_sandbox.errand import Errand, demands_second_factor
from grantway_sandbox.errors import EntraError, missing
from grantway_sandbox.misbehaviour import WRONG, Misbehaviour
from grantway_sandbox.model import V1, Application, Tenant
from grantway_sandbox.redirects import check_redirect_uri
from grantway_sandbox.scopes import Target, from_resource, from_scope
from grantway_sandbox.sessions import SignIn

_PROMPTS: Final = frozenset({"login", "consent", "select_account", "none", "admin_consent"})
_BASE64URL: Final = frozenset(string.ascii_letters + string.digits + "-_")


@frozen
class Asker:
    """The part of a request that says who asks and where to answer, found to be right."""

    application: Application
    tenant: Tenant | None
    version: int
    reply: Reply
    correlation_id: str

    @classmethod
    def read(
        cls,
        authority: Authority,
        name: str,
        version: int,
        fields: Mapping[str, str],
        correlation_id: str,
    ) -> "Asker":
        """Find the client and its redirect URI.

        Raises:
            EntraError: nobody is known to whom an answer could go.
        """
        tenant = authority.find_tenant(name)
        if not fields.get("client_id"):
            raise missing("client_id")
        application = find_client(authority, tenant, fields["client_id"])
        redirect_uri = check_redirect_uri(application, fields.get("redirect_uri"))
        mode = fields.get("response_mode") or "query"
        # An unknown mode is refused later; that refusal has to go somehow.
        reply = Reply(redirect_uri, mode if mode in MODES else "query", fields.get("state"))
        return cls(application, tenant, version, reply, correlation_id)

    def refuse(self, authority: Authority, error: EntraError) -> Response:
        """Send an error back to the client."""
        return self.reply.refuse(authority, error, self.issuer(authority), self.correlation_id)

    def issuer(self, authority: Authority, tenant: Tenant | None = None) -> str:
        """Return who answers: the place that was asked, which at `common` is `tenant`'s.

        As long as nobody knows whose that is, it is the template that `common`'s metadata has.
        """
        place = self.tenant or tenant
        return tokens.issuer(authority, place.tenant_id if place else "{tenantid}", self.version)


@frozen(kw_only=True)
class AuthorizationErrand(Errand):
    """An authorization request in good order, and what its code has to remember."""

    asker: Asker
    asked: str | None
    challenge: str | None
    nonce: str | None

    def granted(self, authority: Authority, sign_in: SignIn) -> Response:
        """Answer with a code."""
        wrong_nonce = self.asker.reply.misbehaviour == Misbehaviour.WRONG_NONCE
        tenant = self.place(authority, sign_in.user)
        code = authority.codes.issue(
            self.application,
            tenant,
            sign_in,
            version=self.asker.version,
            redirect_uri=self.asker.reply.redirect_uri,
            challenge=self.challenge,
            nonce=WRONG if wrong_nonce else self.nonce,
            asked=self.asked,
        )
        return self.asker.reply.send(
            authority, [("code", code)], self.asker.issuer(authority, tenant)
        )

    def refused(self, authority: Authority, error: EntraError) -> Response:
        """Answer with an error."""
        return self.asker.refuse(authority, error)


def read_errand(
    authority: Authority, asker: Asker, fields: Mapping[str, str]
) -> AuthorizationErrand:
    """Understand the rest of a request.

    Raises:
        EntraError: something in it is wrong, which the client is to be told.
    """
    _check_response(fields)
    for unsupported in ("request", "request_uri"):
        if fields.get(unsupported):
            raise EntraError(
                90023,
                f"The parameter '{unsupported}' is not supported.",
                error=f"{unsupported}_not_supported",
            )
    asked, target = _target(authority, asker, fields)
    return AuthorizationErrand(
        application=asker.application,
        tenant=asker.tenant,
        target=target,
        login_hint=fields.get("login_hint") or None,
        prompts=_prompts(fields.get("prompt")),
        strong=demands_second_factor(fields.get("claims")),
        leads_to=asker.reply.origin,
        asker=asker,
        asked=asked,
        challenge=_challenge(fields),
        nonce=fields.get("nonce"),
    )


def _check_response(fields: Mapping[str, str]) -> None:
    kind = fields.get("response_type")
    if not kind:
        raise missing("response_type")
    if kind != "code":
        raise EntraError(
            700054, f"response_type '{kind}' is not enabled for the application: use 'code'."
        )
    mode = fields.get("response_mode")
    if mode and mode not in MODES:
        raise EntraError(90023, f"The response mode '{mode}' is not supported.")


def _prompts(given: str | None) -> frozenset[str]:
    prompts = frozenset((given or "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise EntraError(90023, f"Unsupported 'prompt' value '{given}'.")
    # Who agrees for everybody agrees all the same.
    return frozenset("consent" if word == "admin_consent" else word for word in prompts)


def _challenge(fields: Mapping[str, str]) -> str | None:
    challenge, method = fields.get("code_challenge"), fields.get("code_challenge_method")
    if not challenge and not method:
        return None
    if method != "S256":
        # No method means `plain` (RFC 7636 section 4.3), which proves nothing to who reads along.
        raise EntraError(501461)
    if not challenge or len(challenge) != 43 or not set(challenge) <= _BASE64URL:
        raise EntraError(501491)
    return challenge


def _target(
    authority: Authority, asker: Asker, fields: Mapping[str, str]
) -> tuple[str | None, Target | None]:
    if asker.version == V1:
        # A resource may be named as late as at the token endpoint.
        resource = fields.get("resource")
        target = from_resource(authority, asker.tenant, resource) if resource else None
        return resource, target
    if fields.get("resource"):
        raise EntraError(901002)
    scope = fields.get("scope")
    return scope, from_scope(authority, asker.tenant, scope)
