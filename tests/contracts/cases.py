"""What each built-in provider, environment, cache and vault needs for its contract: one table each.

A provider that is new is tested by adding a line to `PROVIDERS`; one without a line fails a test.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import jwt

from certificates.making import made, written
from grantway import Environment
from grantway.testing import (
    ScriptedPrompter,
    granted,
    json_reply,
    metadata_of,
    scripted_environment,
    signing_in,
)
from grantway.testing.prompters import AUTHORIZATION_CODE
from grantway.testing.replies import REFRESH_TOKEN
from grantway.testing.transports import Script
from grantway_clouds.protocols import ENTRA_V2

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
SECRET = "sentinel-client-secret-2b7e"
GIVEN_REFRESH_TOKEN = "sentinel-given-refresh-token-9a41"

PRESENTED = "sentinel-presented-token-77d0"


PLATFORM_TOKEN = jwt.encode(
    {"sub": "a job", "exp": 32_503_680_000}, "a key that nobody looks at, ever"
)


def key_file(folder: Path) -> Path:
    """A private key without a certificate: nothing of it has a time."""
    return written(folder, made("p256").key_pem())


DEVICE = json_reply(
    {
        "device_code": "sentinel-device-code-40c3",
        "user_code": "AB-CD",
        "verification_uri": "https://authority.scripted.example/device",
        "expires_in": 900,
        "interval": 5,
    }
)


@attrs.frozen(kw_only=True)
class ProviderCase:
    """The call of a built-in provider's parameter set, and what is true of it.

    Fields are the attributes of `ProviderContract` of the same names; `script` is what `answers`
    gives in addition to metadata. Parameters that need a file are a function of a test's folder.
    `environ` are environment variables that are set.
    """

    parameters: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
    script: Script = attrs.field(factory=lambda: {"token": granted()})
    environment: Environment = attrs.field(factory=scripted_environment)
    secrets: tuple[str, ...] = ()
    endpoint: str = "token"
    asks_authority: bool = True
    interactive: bool = False
    renews: bool = False
    reads_cache: bool = True
    plans: bool = True
    only_by_name: bool = False
    new_each_time: tuple[str, ...] = ()
    person: Callable[[], ScriptedPrompter] = ScriptedPrompter
    environ: Mapping[str, str] = attrs.field(factory=dict[str, str])

    def answers(self) -> Script:
        return {"metadata": json_reply(metadata_of(self.environment)), **self.script}


SIGNED_IN = {"token": granted(refresh_token=REFRESH_TOKEN)}
WITH_A_CODE = {"device_authorization": DEVICE, **SIGNED_IN}

# By provider, or by `provider/parameter set` where the two have not the same name; a further call
# of the same is told from the first by words after it.
PROVIDERS: Mapping[str, ProviderCase] = {
    "User": ProviderCase(
        parameters={"application_id": CLIENT_ID, "device_code": True},
        script=WITH_A_CODE,
        endpoint="device_authorization",
        interactive=True,
        renews=True,
    ),
    "User in a browser": ProviderCase(
        parameters={"application_id": CLIENT_ID, "device_code": False},
        script=SIGNED_IN,
        secrets=(AUTHORIZATION_CODE,),
        interactive=True,
        renews=True,
        new_each_time=("redirect_uri",),
        person=lambda: ScriptedPrompter(browser=signing_in()),
    ),
    "ServicePrincipal": ProviderCase(
        parameters={"credential": (CLIENT_ID, SECRET), "tenant_id": "Scripted"}
    ),
    "RefreshToken": ProviderCase(
        parameters={"application_id": CLIENT_ID, "refresh_token": GIVEN_REFRESH_TOKEN},
        script=SIGNED_IN,
        renews=True,
    ),
    "Consent": ProviderCase(
        parameters={"consent": True, "credential": (CLIENT_ID, SECRET), "device_code": True},
        script=WITH_A_CODE,
        endpoint="device_authorization",
        interactive=True,
        reads_cache=False,
    ),
    "ServicePrincipalCertificate": ProviderCase(
        parameters=lambda folder: {
            "application_id": CLIENT_ID,
            "certificate": key_file(folder),
            "tenant_id": "Scripted",
        },
    ),
    "ServicePrincipalAssertion": ProviderCase(
        parameters={
            "application_id": CLIENT_ID,
            "client_assertion": PRESENTED,
            "tenant_id": "Scripted",
        },
        secrets=(PRESENTED,),
    ),
    "OnBehalfOf": ProviderCase(
        parameters={
            "user_assertion": PRESENTED,
            "credential": (CLIENT_ID, SECRET),
            "tenant_id": "contoso.example",
            "resource": "https://api.scripted.example",
        },
        environment=scripted_environment(protocol=ENTRA_V2),
        script=SIGNED_IN,
        secrets=(PRESENTED,),
        renews=True,
    ),
    "AccessToken": ProviderCase(
        parameters={"access_token": PRESENTED, "expires_on": "2999-01-01T00:00:00Z"},
        script={},
        asks_authority=False,
        reads_cache=False,
    ),
    "TokenExchange": ProviderCase(parameters={"subject_token": PRESENTED}, secrets=(PRESENTED,)),
    "JwtBearer": ProviderCase(parameters={"assertion": PRESENTED}, secrets=(PRESENTED,)),
    "SignedJwtBearer": ProviderCase(
        parameters=lambda folder: {
            "subject": "alice",
            "application_id": CLIENT_ID,
            "certificate": key_file(folder),
        },
    ),
    "WorkloadIdentity": ProviderCase(
        parameters={
            "workload_identity": "github",
            "application_id": CLIENT_ID,
            "tenant_id": "Scripted",
        },
        script={
            "platform token": json_reply({"value": PLATFORM_TOKEN}),
            "token": granted(),
        },
        environ={
            "ACTIONS_ID_TOKEN_REQUEST_URL": "https://platform.scripted.example/token?v=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": PRESENTED,
        },
        secrets=(PRESENTED,),
    ),
    "ManagedIdentity": ProviderCase(
        parameters={"managed_identity": True},
        script={"managed identity": granted()},
        endpoint="managed identity",
        environ={
            "IDENTITY_ENDPOINT": "http://127.0.0.1:9/identity",
            "IDENTITY_HEADER": PRESENTED,
        },
        secrets=(PRESENTED,),
    ),
}


@attrs.frozen(kw_only=True)
class CacheCase:
    """A built-in token cache: attributes of `TokenCacheContract`, and its URL in a test's folder."""

    url: str
    persists: bool = False
    shares_between_processes: bool = False
    encrypts: bool = False
    wrong_url: str = ""
    unreachable_url: str = ""


CACHES: Mapping[str, CacheCase] = {
    "memory": CacheCase(url="memory"),
    "sqlite": CacheCase(
        url="sqlite:///{folder}/own/tokens.db",
        persists=True,
        shares_between_processes=True,
        encrypts=True,
        wrong_url="sqlite:///tmp/tokens.db?limitt=5",
        unreachable_url="sqlite:////proc/nowhere/tokens.db",
    ),
    "redis": CacheCase(
        url="{server}?prefix={folder}:",
        persists=True,
        shares_between_processes=True,
        encrypts=True,
        wrong_url="redis://127.0.0.1:0/0",
        unreachable_url="redis://127.0.0.1:1/0",
    ),
}
# Made by the same function as another, which is tested; what differs is TLS, and tested elsewhere.
SAME_CACHES = {"rediss": "redis"}


@attrs.frozen(kw_only=True)
class VaultCase:
    """A built-in vault: attributes of `VaultContract`."""

    writable: bool = False
    interactive: bool = False
    has_names: bool = True
    unknown_name: str = "NO_SUCH_NAME"
    unwritable_name: str = ""


VAULTS: Mapping[str, VaultCase] = {
    "env": VaultCase(),
    "file": VaultCase(
        writable=True,
        unknown_name="/no/such/file",
        unwritable_name="/no/such/folder/file",
    ),
    "-": VaultCase(has_names=False),
    "command": VaultCase(unknown_name="no-such-program-anywhere"),
    "prompt": VaultCase(interactive=True, has_names=False),
    "keyring": VaultCase(
        writable=True, unknown_name="a service/no such entry", unwritable_name="no slash"
    ),
}
