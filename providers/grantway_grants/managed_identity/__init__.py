"""ManagedIdentity: code that runs on a cloud's machine, which vouches for it. No secret at all.

    parameters.py   what a call gives: that it is meant, and which identity
    hosts.py        the kinds of host, as a table, and the one that this process runs on
    wire.py         what is sent to such a host
    asking.py       its patience: what is asked again, and when; what a refusal means
    arc.py          the challenge of one kind of host, answered with a file
    answers.py      from the answer to a result
    provider.py     all of it put together

The host has an endpoint close by, found by environment variables that the cloud sets, else at an
address that every machine of it has. The endpoint speaks plain http, mostly, to a loopback,
link-local or private address. So each request is made in an environment of its own, with that one
host in it and a `grantway.nearby.NearbyTrust`, which says what is allowed there and why: no proxy,
no redirect, and what the host wants to be shown (a header's value, a secret) goes there only.
"""

from grantway_grants.managed_identity.provider import MANAGED_IDENTITY_PROVIDER, managed_identity

__all__ = ["MANAGED_IDENTITY_PROVIDER", "managed_identity"]
