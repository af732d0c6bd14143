"""Metadata of resource managers in the published shape of each api-version, for a host of choice."""

from typing import Any

OLD = "1.0"
LISTED = "2020-06-01"
NEW = "2022-09-01"


def cloud_2022(arm: str, login: str = "https://login.hill.example/") -> dict[str, Any]:
    """2022-09-01: one cloud."""
    return {
        "portal": "https://portal.hill.example",
        "authentication": {
            "loginEndpoint": login,
            "audiences": ["https://management.core.hill.example/", f"{arm}/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "media": "https://rest.media.hill.example",
        "graphAudience": "https://graph.hill.example/",
        "graph": "https://graph.hill.example/",
        "name": "AzureHillCloud",
        "suffixes": {
            "acrLoginServer": "acr.hill.example",
            "sqlServerHostname": "database.hill.example",
            "keyVaultDns": "vault.hill.example",
            "storage": "core.hill.example",
            "mhsmDns": "managedhsm.hill.example",
        },
        "batch": "https://batch.core.hill.example/",
        "resourceManager": f"{arm}/",
        "vmImageAliasDoc": "https://docs.hill.example/aliases.json",
        "sqlManagement": "https://management.core.hill.example:8443/",
        "microsoftGraphResourceId": "https://msgraph.hill.example/",
        "appInsightsResourceId": "https://api.applicationinsights.hill.example",
        "attestationResourceId": "https://attest.hill.example",
    }


def clouds_2020(arm: str, login: str = "https://login.hill.example/") -> list[dict[str, Any]]:
    """2020-06-01: a list of clouds, of which one is this resource manager's."""
    mine = cloud_2022(arm, login)
    del mine["microsoftGraphResourceId"]
    other = {
        "name": "AzureValeCloud",
        "portal": "https://portal.vale.example",
        "authentication": {
            "loginEndpoint": "https://login.vale.example",
            "audiences": ["https://management.core.vale.example"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graph": "https://graph.vale.example",
        "graphAudience": "https://graph.vale.example",
        "suffixes": {"keyVaultDns": "vault.vale.example"},
        "resourceManager": "https://management.vale.example",
    }
    return [other, mine]


def hub_1_0(login: str = "https://login.hill.example/") -> dict[str, Any]:
    """1.0 of an Azure Stack Hub whose users are Entra's."""
    return {
        "galleryEndpoint": "https://portal.hub.example:30015/",
        "graphEndpoint": "https://graph.hub.example/",
        "portalEndpoint": "https://portal.hub.example/",
        "authentication": {
            "loginEndpoint": login,
            "audiences": [
                "https://management.contoso.example/3cc5febd-e4b7-4a85-a2ed-1d730e2f5928"
            ],
        },
    }


def hub_with_adfs_1_0() -> dict[str, Any]:
    """1.0 of an Azure Stack Hub with AD FS, not connected to anything."""
    return {
        "galleryEndpoint": "https://portal.hub.example:30015/",
        "graphEndpoint": "https://graph.hub.example/",
        "portalEndpoint": "https://portal.hub.example/",
        "authentication": {
            "loginEndpoint": "https://adfs.hub.example/adfs",
            "audiences": [
                "https://management.adfs.hub.example/3cc5febd-e4b7-4a85-a2ed-1d730e2f5928"
            ],
        },
    }
