"""The parameters of the built-in sets, for type checkers: what `acquire` takes without `provider=`.

A test holds this against the built-in parameter sets. Providers of third parties are reached
with their own parameters through `provider=`, or through a typed front of their own.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

from grantway.environment import Environment
from grantway.secret import Credential, Reference, Secret


class BuiltinParameters(TypedDict, total=False):
    """See `grantway.parameters` for what each of them means."""

    account: str | None
    application_id: str | None
    claims: str | Mapping[str, object] | None
    consent: bool | None
    credential: Credential | tuple[str, str | Secret | Reference] | None
    device_code: bool | None
    domain_hint: str | None
    environment: str | Environment | None
    identity_client_id: str | None
    identity_object_id: str | None
    identity_resource_id: str | None
    login_hint: str | None
    managed_identity: bool | None
    prompt: Literal["login", "consent", "select_account", "none"] | None
    redirect_uri: str | None
    require_mfa: bool | None
    response_mode: Literal["query", "form_post"] | None
    refresh_token: str | Secret | Reference | None
    resource: str | None
    save_refresh_token: str | Reference | None
    scopes: str | Iterable[str] | None
    tenant_id: str | None
