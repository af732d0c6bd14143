"""Authorities that are not ours, or not made for this: nothing is wrong with them."""

from checks.support import NAMES, by_name, examined, outcomes
from grantway import Environment, Trust
from grantway_sandbox.server import Sandbox
from peers.oidc_provider import OidcProvider
from servers.tls import DAY, LocalCa


def test_oidc_provider_passes(oidc_provider: OidcProvider) -> None:
    of = Environment("Peer", oidc_provider.issuer, trust=Trust(loopback_http=True))
    found = examined(of)
    assert outcomes(found, "failed", "warning") == []
    assert by_name(found)["issuer"].facts["issuer"] == oidc_provider.issuer


def test_oidc_provider_passes_over_tls_with_a_ca_of_its_own(
    oidc_provider: OidcProvider, local_ca: LocalCa
) -> None:
    own = local_ca.issue("127.0.0.1", "localhost", lifetime=365 * DAY)
    with OidcProvider(certificate=own.certificate, key=own.key) as server:
        of = Environment("Peer", server.issuer, trust=Trust(ca_bundle=str(local_ca.bundle)))
        found = examined(of)
    assert outcomes(found, "ok") == list(NAMES)


def test_an_authority_of_many_tenants_passes_over_tls() -> None:
    """With one document for all of them, whose issuer is a template."""
    with Sandbox(tls=True) as sandbox:
        found = examined(sandbox.environment)
    assert outcomes(found, "failed") == []
    assert "{tenantid}" in str(by_name(found)["issuer"].facts["issuer"])
    assert by_name(found)["name"].outcome == by_name(found)["clock"].outcome == "ok"
