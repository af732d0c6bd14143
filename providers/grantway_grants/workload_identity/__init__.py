"""WorkloadIdentity: an application for which the platform that it runs on vouches. No secret.

    parameters.py      what a call gives: on which platform it runs
    naming.py          which application and tenant are meant
    platform_token.py  what a platform's token must look like
    kubernetes.py      a cluster puts it into a file, and a new one in its place in time
    github.py          a workflow's runner gets it from an endpoint
    provider.py        all of it put together

The platform gives the application a token that says where it runs. The authority has been told to
take such a token for a proof (a federated credential: issuer, subject, audience), and it goes
there as a client's assertion (RFC 7523, section 2.2). What comes back is the application's own
token, as with a secret or a certificate.
"""

from grantway_grants.workload_identity.provider import (
    WORKLOAD_IDENTITY_PROVIDER,
    workload_identity,
)

__all__ = ["WORKLOAD_IDENTITY_PROVIDER", "workload_identity"]
