"""The private cloud on the hill: an environment, and the root that vouches for its servers."""

from pathlib import Path

from grantway import OIDC, Environment, Trust, hookimpl

__all__ = ["HILL_CLOUD", "ROOTS"]

ROOTS = Path(__file__).with_name("roots.pem")
"""The root certificates of the hill's own CA."""

HILL_CLOUD = Environment(
    "HillCloud",
    authority="https://login.hillcloud.example",
    protocol=OIDC,
    aliases=("hill-cloud",),
    resources={
        "api": "https://api.hillcloud.example",
        "storage": "https://storage.hillcloud.example",
    },
    default_resource="api",
    trust=Trust(ca_bundle=str(ROOTS)),
    summary="the private cloud on the hill, which has a CA of its own",
)


@hookimpl
def grantway_environments() -> list[Environment]:
    """One."""
    return [HILL_CLOUD]
