"""What a call of WorkloadIdentity gives beside the application and its tenant."""

from grantway.parameters import Parameter, text

KUBERNETES = "kubernetes"
GITHUB = "github"

WORKLOAD_IDENTITY = Parameter(
    "workload_identity",
    text,
    "Have the platform that the application runs on vouch for it: no secret is needed.",
    choices=(KUBERNETES, GITHUB),
)
FEDERATION_AUDIENCE = Parameter(
    "federation_audience",
    text,
    "Whom the platform's token is to be for, where it is asked; api://AzureADTokenExchange if not.",
    # The authority takes one audience, and the token that it gives is the same.
    identity=False,
)
AUDIENCE = "api://AzureADTokenExchange"
"""Whom a platform's token is for where nothing else is said; other clouds have other words."""
