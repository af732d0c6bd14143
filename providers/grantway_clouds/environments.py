"""The Microsoft clouds as environments: only what public sources confirm.

Both families of names that Microsoft's tools have used are accepted. A resource is here by its
token audience, which for the resource manager of some clouds is not where its API is; `.auth()`
is told such hosts with `hosts=`. The same goes for Key Vault, where each vault has a host of its
own below the audience's.

Calls that name no resource mean Partner Center. Where a cloud is not known to have one, there is
no default: the same call would otherwise silently give a token for something else.

An authority has several hosts. `hosts` lists the others: secrets may go to them, and a token may
name any of them as its issuer, by the templates of the protocol. So the v1 issuer of GlobalCloud,
`https://sts.windows.net/{tenantid}/`, needs no rule of its own.
"""

from grantway import Environment
from grantway_clouds.advice import ADVICE
from grantway_clouds.protocols import ENTRA_V2

_DEFAULT_RESOURCE = "partner"


def _cloud(
    name: str,
    hosts: tuple[str, ...],
    resources: dict[str, str],
    summary: str,
    *,
    aliases: tuple[str, ...] = (),
    closed: str = "",
    default: bool = False,
) -> Environment:
    """Make a cloud: the first of its hosts is asked, the others are its aliases."""
    authority, *others = hosts
    return Environment(
        name,
        authority=f"https://{authority}",
        protocol=ENTRA_V2,
        aliases=aliases,
        resources=resources,
        default_resource=_DEFAULT_RESOURCE if _DEFAULT_RESOURCE in resources else None,
        hosts=others,
        advice=ADVICE,
        closed=closed,
        default=default,
        summary=summary,
    )


GLOBAL = _cloud(
    "GlobalCloud",
    (
        "login.microsoftonline.com",
        "login.windows.net",
        "login.microsoft.com",
        "sts.windows.net",
    ),
    {
        "partner": "https://api.partnercenter.microsoft.com",
        "graph": "https://graph.microsoft.com",
        "aadgraph": "https://graph.windows.net",
        "arm": "https://management.azure.com",
        "keyvault": "https://vault.azure.net",
        "exchange": "https://outlook.office365.com",
    },
    "Microsoft's public cloud",
    aliases=("AzureCloud",),
    default=True,
)

CHINA = _cloud(
    "ChinaCloud",
    ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    {
        "partner": "https://partner.partnercenterapi.microsoftonline.cn",
        "graph": "https://microsoftgraph.chinacloudapi.cn",
        "aadgraph": "https://graph.chinacloudapi.cn",
        "arm": "https://management.chinacloudapi.cn",
        "keyvault": "https://vault.azure.cn",
        "exchange": "https://partner.outlook.cn",
    },
    "the cloud in China, run by 21Vianet",
    aliases=("AzureChinaCloud",),
)

GERMANY = _cloud(
    "GermanCloud",
    ("login.microsoftonline.de",),
    {
        "partner": "https://api.partnercenter.microsoft.com",
        "graph": "https://graph.microsoft.de",
        "aadgraph": "https://graph.cloudapi.de",
        "arm": "https://management.microsoftazure.de",
        "keyvault": "https://vault.microsoftazure.de",
        "exchange": "https://outlook.office.de",
    },
    "Microsoft Cloud Germany, closed",
    aliases=("AzureGermanCloud",),
    closed="Microsoft Cloud Germany ended on 29 October 2021; name the environment that the "
    "tenant was moved to, such as GlobalCloud.",
)

PPE = _cloud(
    "PPE",
    ("login.windows-ppe.net", "sts.windows-ppe.net", "login.microsoft-ppe.com"),
    {
        "partner": "https://api.partnercenter.microsoft-ppe.com",
        "graph": "https://graph.microsoft-ppe.com",
        "aadgraph": "https://graph.ppe.windows.net",
        "arm": "https://api-dogfood.resources.windows-int.net",
        "keyvault": "https://vault-int.azure-int.net",
    },
    "Microsoft's pre-production cloud",
    aliases=("AzurePPE",),
)

US_GOVERNMENT = _cloud(
    "USGovernment",
    ("login.microsoftonline.us", "login.usgovcloudapi.net"),
    {
        "partner": "https://api.partnercenter.microsoft.com",
        "graph": "https://graph.microsoft.us",
        "aadgraph": "https://graph.windows.net",
        "arm": "https://management.usgovcloudapi.net",
        "keyvault": "https://vault.usgovcloudapi.net",
        "exchange": "https://outlook.office365.us",
    },
    "the cloud of the US government (GCC High, L4)",
    aliases=("AzureUSGovernment",),
)

US_GOVERNMENT_DOD = _cloud(
    "USGovernmentDoD",
    ("login.microsoftonline.us", "login.usgovcloudapi.net"),
    {
        "graph": "https://dod-graph.microsoft.us",
        "arm": "https://management.usgovcloudapi.net",
        "keyvault": "https://vault.usgovcloudapi.net",
        "exchange": "https://outlook-dod.office365.us",
    },
    "the cloud of the US Department of Defense (L5)",
)

BLEU = _cloud(
    "Bleu",
    ("login.sovcloud-identity.fr",),
    {
        "graph": "https://graph.svc.sovcloud.fr",
        "arm": "https://management.core.sovcloud-api.fr/",
        "keyvault": "https://vault.sovcloud-api.fr",
        "exchange": "https://outlook.sovcloud.fr",
    },
    "the sovereign cloud in France, run by Bleu",
)

DELOS = _cloud(
    "Delos",
    ("login.sovcloud-identity.de",),
    {
        "graph": "https://graph.svc.sovcloud.de",
        "arm": "https://management.core.sovcloud-api.de/",
        "keyvault": "https://vault.sovcloud-api.de",
        "exchange": "https://outlook.sovcloud.de",
    },
    "the sovereign cloud in Germany, run by Delos",
)

SINGAPORE = _cloud(
    "GovSG",
    ("login.sovcloud-identity.sg",),
    {},
    "the cloud of the government of Singapore",
)

ENVIRONMENTS: tuple[Environment, ...] = (
    GLOBAL,
    CHINA,
    GERMANY,
    PPE,
    US_GOVERNMENT,
    US_GOVERNMENT_DOD,
    BLEU,
    DELOS,
    SINGAPORE,
)
