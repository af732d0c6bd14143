"""The parameters of the built-in sets, for type checkers: what `acquire` takes without `provider=`.

A test holds this against the built-in parameter sets. Providers of third parties are reached
with their own parameters through `provider=`, or through a typed front of their own.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from os import PathLike
from typing import Literal, TypedDict

from grantway.certificate import ClientCertificate, Signer
from grantway.environment import Environment
from grantway.secret import Credential, Reference, Secret


class BuiltinParameters(TypedDict, total=False):
    """See `grantway.parameters` for what each of them means."""

    access_token: str | Secret | Reference | None
    account: str | None
    actor_token: str | Secret | Reference | None
    actor_token_type: str | None
    application_id: str | None
    assertion: str | Secret | Reference | None
    audience: str | Iterable[str] | None
    capabilities: str | Iterable[str] | None
    certificate: str | PathLike[str] | Signer | ClientCertificate | Secret | Reference | None
    certificate_password: str | Secret | Reference | None
    claims: str | Mapping[str, object] | None
    client_assertion: str | Secret | Reference | Callable[[], str | Secret] | None
    consent: bool | None
    credential: Credential | tuple[str, str | Secret | Reference] | None
    device_code: bool | None
    domain_hint: str | None
    environment: str | Environment | None
    expires_on: datetime | str | float | None
    federation_audience: str | None
    identity_client_id: str | None
    identity_object_id: str | None
    identity_resource_id: str | None
    key_id: str | None
    login_hint: str | None
    managed_identity: bool | None
    prompt: Literal["login", "consent", "select_account", "none"] | None
    redirect_uri: str | None
    requested_token_type: str | None
    require_mfa: bool | None
    response_mode: Literal["query", "form_post"] | None
    refresh_token: str | Secret | Reference | None
    resource: str | None
    retry_new_secret: bool | None
    save_refresh_token: str | Reference | None
    scopes: str | Iterable[str] | None
    send_certificate_chain: bool | None
    subject: str | None
    subject_token: str | Secret | Reference | None
    subject_token_type: str | None
    tenant_id: str | None
    user_assertion: str | Secret | Reference | None
    workload_identity: Literal["kubernetes", "github"] | None
