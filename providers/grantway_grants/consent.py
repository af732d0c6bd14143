"""Consent: a person agrees, once, to what an application does later without them.

The partner consent of the Secure Application Model: its result is a refresh token that serves
for months. So a sign-in is forced, whatever session the browser has; no token at rest answers in
its place; and an answer without a refresh token is an error, said aloud.

With `require_mfa` a sign-in that is not known to have had several factors is refused before
anything of it is kept, so that its refresh token never takes the place of a better one.
"""

from typing import TYPE_CHECKING

from grantway import (
    CredentialProvider,
    ParameterSet,
)
from grantway.errors import InteractionRequired, MalformedResponse
from grantway.parameters import APPLICATION_ID, CLIENT_PROOF, CONSENT, CREDENTIAL, REQUIRE_MFA
from grantway_grants.sign_in import SIGN_IN, sign_in
from grantway_grants.sign_in import plan as sign_in_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        TokenRequest,
    )


def plan(request: "TokenRequest") -> "Iterable[AuthorityRequest]":
    """The sign-in."""
    return sign_in_plan(request, request.environment.protocol.consent_prompt)


def authenticate(request: "TokenRequest", context: "Context") -> "AuthenticationResult":
    """Have the person sign in and agree.

    Raises:
        MalformedResponse: no refresh token came back.
        InteractionRequired: `require_mfa` is given and not fulfilled; or nobody can be asked.
        GrantwayError: as `sign_in`.
    """

    def inspect(answer: "Mapping[str, object]") -> None:
        if request.get(REQUIRE_MFA):
            _check_factors(answer)
        if not answer.get("refresh_token"):
            raise MalformedResponse(
                f"{request.environment.name} granted no refresh token, so nothing would be left "
                "of this consent.",
                remedy="Have offline access (offline_access) allowed for the application, and "
                "register its redirect URI as web or native, not as single-page application.",
            )

    return sign_in(
        request, context, prompt=request.environment.protocol.consent_prompt, inspect=inspect
    )


def _check_factors(answer: "Mapping[str, object]") -> None:
    from grantway.oauth.authentication_methods import MULTIFACTOR, methods_of

    methods = methods_of(answer)
    if MULTIFACTOR not in methods:
        how = f"with {', '.join(methods)} only" if methods else "in a way that no token tells"
        raise InteractionRequired(
            f"The person signed in {how}; require_mfa asks for several factors, and nothing of "
            "this sign-in was kept.",
            remedy="Consent again and sign in with a second factor; have the authority demand one "
            "(security defaults or Conditional Access).",
        )


CONSENT_PROVIDER = CredentialProvider(
    "Consent",
    (
        ParameterSet(
            "Consent",
            (CONSENT,),
            at_least_one=(APPLICATION_ID, CREDENTIAL),
            optional=(*SIGN_IN, REQUIRE_MFA, *CLIENT_PROOF),
            summary="A person agrees to what the application does later without them.",
        ),
    ),
    authenticate,
    plan=plan,
    interactive=("Consent",),
    reads_cache=False,
    summary="a person agrees to what an application does later without them",
)
