"""Refusals in Microsoft Entra's shape.

Everything that the authority refuses is one `EntraError`, raised where the fault is seen and turned
into JSON in one place. It derives from Authlib's `OAuth2Error`, so that it passes through Authlib's
grants untouched. The number decides the rest: `CATALOGUE` maps it to the OAuth error code, a text
and a suberror. Clients must act on `error` and `suberror`; the number is there for people.

An interactive condition (multifactor, Conditional Access) is `interaction_required` on the v1
endpoint and `invalid_grant` with a suberror on v2: one of the real differences between the two.
"""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from attrs import frozen
from authlib.oauth2 import OAuth2Error

from grantway_sandbox.model import V2


@frozen
class Kind:
    """What stands behind an AADSTS number."""

    error: str
    text: str
    suberror: str | None = None
    claims: str | None = None


# The shape of the claims challenge that Conditional Access sends; the value names a policy.
_POLICY: Final = json.dumps(
    {
        "access_token": {
            "capolids": {"essential": True, "values": ["5a9d0b0c-4000-4a00-8a00-0000000000dd"]}
        }
    },
    separators=(",", ":"),
)


def _interactive(text: str, suberror: str = "basic_action") -> Kind:
    return Kind("interaction_required", text, suberror, _POLICY)


def _secret_change(text: str) -> Kind:
    return Kind("invalid_grant", text, "bad_token")


CATALOGUE: Final[dict[int, Kind]] = {
    16000: Kind(
        "interaction_required",
        "Either multiple user identities are available for the current request or selected account "
        "is not supported for the scenario.",
    ),
    50000: Kind("server_error", "There was an error issuing a token or an issue with our service."),
    50011: Kind(
        "invalid_request",
        "The redirect URI specified in the request does not match the redirect URIs configured for "
        "the application.",
    ),
    50012: Kind("invalid_client", "Authentication failed."),
    50013: Kind("invalid_grant", "Assertion failed signature validation."),
    50020: Kind("invalid_grant", "The user account does not exist in the tenant."),
    50027: Kind("invalid_client", "Invalid JWT token. Token format not valid."),
    50034: Kind("invalid_grant", "The user account does not exist in the directory."),
    50049: Kind("invalid_instance", "Unknown or invalid instance."),
    50053: Kind("invalid_grant", "The account is locked."),
    50058: Kind(
        "login_required",
        "A silent sign-in request was sent but no user is signed in. The cookies used to represent "
        "the user's session were not sent in the request.",
    ),
    50059: Kind(
        "invalid_request",
        "No tenant-identifying information found in either the request or implied by any "
        "provided credentials.",
    ),
    50072: _interactive("The user needs to enroll for second factor authentication."),
    50074: _interactive("Strong Authentication is required."),
    50076: _interactive(
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must use multi-factor authentication to access the resource."
    ),
    50078: _interactive(
        "Presented multi-factor authentication has expired due to policies configured by your "
        "administrator, you must refresh your multi-factor authentication."
    ),
    50079: _interactive(
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must enroll in multi-factor authentication to access the resource."
    ),
    50126: Kind(
        "invalid_grant", "Error validating credentials due to invalid username or password."
    ),
    50173: _secret_change(
        "The provided grant has expired due to it being revoked, a fresh auth token is needed."
    ),
    50194: Kind(
        "invalid_request",
        "The application is not configured as a multi-tenant application. Usage of the /common "
        "endpoint is not supported. Use a tenant-specific endpoint or configure the application "
        "to be multi-tenant.",
    ),
    50196: Kind(
        "invalid_request", "The server terminated an operation because it encountered a loop."
    ),
    53003: _interactive("Access has been blocked by Conditional Access policies.", "message_only"),
    54005: Kind(
        "invalid_grant",
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use "
        "an existing refresh token.",
    ),
    65001: Kind(
        "invalid_grant",
        "The user or administrator has not consented to use the application. Send an interactive "
        "authorization request for this user and resource.",
        "consent_required",
    ),
    65004: Kind("access_denied", "User declined to consent to access the app."),
    70000: Kind("invalid_grant", "Provided grant is invalid or malformed."),
    70003: Kind("unsupported_grant_type", "The app requested an unsupported grant type."),
    70008: _secret_change("The refresh token has expired due to inactivity."),
    70011: Kind(
        "invalid_scope", "The provided value for the input parameter 'scope' is not valid."
    ),
    70016: Kind(
        "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: Kind("bad_verification_code", "The verification code is not valid."),
    70019: Kind("code_expired", "The verification code has expired. Have the user retry."),
    70020: Kind(
        "expired_token",
        "The provided value for the input parameter 'device_code' is not valid. This device code "
        "has expired.",
    ),
    70043: _secret_change(
        "The refresh token has expired or is invalid due to sign-in frequency checks by "
        "conditional access."
    ),
    90002: Kind(
        "invalid_request", "Tenant not found. Check to make sure you have the correct one."
    ),
    90023: Kind("invalid_request", "The value of a parameter is not supported."),
    90055: Kind("temporarily_unavailable", "The tenant has been throttled. Try again later."),
    90072: Kind("invalid_grant", "The user account does not exist in the tenant."),
    90094: Kind("invalid_grant", "Admin consent is required.", "consent_required"),
    28002: Kind(
        "invalid_scope",
        "Provided value for the input parameter scope is not valid when requesting an access "
        "token. Please specify a valid scope.",
    ),
    500011: Kind("invalid_resource", "The resource principal was not found in the tenant."),
    500112: Kind(
        "invalid_client",
        "The reply address does not match the reply address provided when requesting "
        "Authorization code.",
    ),
    500131: Kind(
        "invalid_grant",
        "Assertion audience does not match the Client app presenting the assertion.",
    ),
    500133: Kind("invalid_grant", "Assertion is not within its valid time range."),
    501461: Kind("invalid_request", "The code challenge method is not supported: use S256."),
    501481: Kind(
        "invalid_grant",
        "The Code_Verifier does not match the code_challenge supplied in the authorization "
        "request.",
    ),
    501491: Kind("invalid_request", "Invalid size of Code_Challenge parameter."),
    700005: Kind(
        "invalid_grant",
        "The provided Authorization Code is intended to use against other tenant, thus rejected.",
    ),
    700016: Kind("unauthorized_client", "Application was not found in the directory."),
    700021: Kind(
        "invalid_client",
        "Client assertion application identifier doesn't match 'client_id' parameter.",
    ),
    700023: Kind("invalid_client", "Client assertion audience claim does not match Realm issuer."),
    700024: Kind("invalid_client", "Client assertion is not within its valid time range."),
    700025: Kind(
        "invalid_client",
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    700027: Kind("invalid_client", "Client assertion failed signature validation."),
    700211: Kind("invalid_client", "No federated identity record has the assertion's issuer."),
    700212: Kind("invalid_client", "No federated identity record has the assertion's audience."),
    700213: Kind("invalid_client", "No federated identity record has the assertion's subject."),
    700054: Kind(
        "unsupported_response_type", "The response_type is not enabled for the application."
    ),
    700082: _secret_change("The refresh token has expired due to inactivity."),
    700084: _secret_change(
        "The refresh token was issued to a single page app (SPA), and therefore has a fixed, "
        "limited lifetime, which cannot be extended."
    ),
    900023: Kind(
        "invalid_request",
        "Specified tenant identifier is neither a valid DNS name, nor a valid external domain.",
    ),
    900144: Kind("invalid_request", "The request body is missing a required parameter."),
    900561: Kind("invalid_request", "The endpoint only accepts POST requests."),
    901002: Kind("invalid_request", "The 'resource' request parameter is not supported."),
    1002012: Kind(
        "invalid_scope",
        "Client credential flows must have a scope value with /.default suffixed to the resource "
        "identifier (application ID URI).",
    ),
    7000114: Kind(
        "invalid_grant", "Application is not allowed to make application on-behalf-of calls."
    ),
    7000215: Kind(
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the "
        "client secret value, not the client secret ID.",
    ),
    7000218: Kind(
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'.",
    ),
    7000222: Kind("invalid_client", "The provided client secret keys are expired."),
    9000411: Kind(
        "invalid_request", "The request is not properly formatted. A parameter is duplicated."
    ),
    9001023: Kind(
        "invalid_request",
        "The grant type is not supported over the /common or /consumers endpoints. Please use the "
        "/organizations or tenant-specific endpoint.",
    ),
    9002313: Kind("invalid_request", "Invalid request. Request is malformed or invalid."),
}


# Authlib raises its own errors for what its grants check themselves; these are their numbers.
_FROM_AUTHLIB: Final = {
    "unsupported_grant_type": 70003,
    "invalid_grant": 70000,
    "invalid_scope": 70011,
    "invalid_client": 50012,
}


class EntraError(OAuth2Error):
    """A refusal with an AADSTS number. `text` replaces the catalogue's where facts can be named."""

    def __init__(
        self,
        code: int,
        text: str | None = None,
        *,
        error: str | None = None,
        suberror: str | None = None,
        claims: str | None = None,
        status: int | None = None,
    ) -> None:
        # Nothing goes through Authlib's own description: it refuses quotes and other characters
        # that Entra does send.
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # untyped in the stubs
        kind = CATALOGUE.get(code, Kind("invalid_request", "The request was refused."))
        self.code = code
        self.text = text if text is not None else kind.text
        self.kind = error if error is not None else kind.error
        self.pinned = error is not None
        self.suberror = suberror if suberror is not None else kind.suberror
        self.claims = claims if claims is not None else kind.claims
        self.status = status

    def __str__(self) -> str:
        return f"AADSTS{self.code}: {self.text}"

    @classmethod
    def of(cls, error: OAuth2Error) -> "EntraError":
        """Give an error that Authlib raised the number that Entra would."""
        if isinstance(error, cls):
            return error
        return cls(_FROM_AUTHLIB.get(str(error.error), 9002313))

    def answer(
        self, *, base_url: str, version: int, correlation_id: str, clock: Callable[[], float]
    ) -> tuple[int, dict[str, object]]:
        """Return status and body as the token endpoint of `version` 1 or 2 sends them."""
        error = self.kind
        if error == "interaction_required" and version == V2 and not self.pinned:
            # v2 keeps to RFC 6749's codes and leaves it to the suberror to tell the cases apart.
            error = "invalid_grant"
        trace_id = str(uuid.uuid4())
        timestamp = datetime.fromtimestamp(clock(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        body: dict[str, object] = {
            "error": error,
            "error_description": f"AADSTS{self.code}: {self.text} Trace ID: {trace_id} "
            f"Correlation ID: {correlation_id} Timestamp: {timestamp}",
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"{base_url}/error?code={self.code}",
        }
        if self.suberror is not None:
            body["suberror"] = self.suberror
        if self.claims is not None:
            body["claims"] = self.claims
        return self.status or (401 if error == "invalid_client" else 400), body


def missing(parameter: str) -> EntraError:
    """Return the refusal of a request that lacks `parameter`."""
    return EntraError(
        900144, f"The request body must contain the following parameter: '{parameter}'."
    )
