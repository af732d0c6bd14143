"""Consent: a person agrees, once, to what an application does later without them.

The partner consent of the Secure Application Model: its result is a refresh token that serves
for months. Each call is an act of its own, so no token at rest answers in its place. It needs a
browser or a device code; while neither is served, the answer is `InteractionRequired`, before
any network.
"""

from grantway import CredentialProvider, ParameterSet
from grantway.parameters import APPLICATION_ID, CONSENT, CREDENTIAL
from grantway_grants.user import SIGN_IN, authenticate

CONSENT_PROVIDER = CredentialProvider(
    "Consent",
    (
        ParameterSet(
            "Consent",
            (CONSENT,),
            at_least_one=(APPLICATION_ID, CREDENTIAL),
            optional=SIGN_IN,
            summary="A person agrees to what the application does later without them.",
        ),
    ),
    authenticate,
    interactive=("Consent",),
    reads_cache=False,
    summary="a person agrees to what an application does later without them",
)
