"""Minting tokens and the answers that carry them.

The version of an *access token* is the resource's choice; the version of an *id_token* and of the
answer around it follows the endpoint. So a v2 request for Microsoft Graph yields a v1 access token:
clients must not read access tokens, and the sandbox keeps them honest.

v1: issuer `{base}/{tenant id}/`, `appid`, `upn`, `unique_name`, audience as it was asked for.
v2: issuer `{base}/{tenant id}/v2.0`, `azp`, `preferred_username`, audience the API's GUID.
"""

import base64
import hashlib
import json
import secrets
import uuid
from typing import Any, Final, TypeAlias

import jwt
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa

from grantway_sandbox.authority import Authority
from grantway_sandbox.model import V1, V2, Application, Tenant, User
from grantway_sandbox.scopes import Target

Claims: TypeAlias = dict[str, Any]
_LONG_LIFE: Final = 7200


def issuer(authority: Authority, tenant_id: str, version: int) -> str:
    """Return who signs for a tenant: a different name in v1 and v2, over the same keys."""
    return f"{authority.base_url}/{tenant_id}/" + ("v2.0" if version == V2 else "")


def service_principal_id(tenant: Tenant, application: Application) -> str:
    """Return the object id of an application's service principal in a tenant."""
    return str(uuid.uuid5(uuid.UUID(tenant.tenant_id), application.application_id))


@frozen
class Minting:
    """All that a token says: for whom, by which client (proved how), where and for what.

    `proof` is 0 for a public client, 1 for a secret, 2 for a certificate, as `appidacr` has it.
    `user` None means the application acts as itself.
    """

    authority: Authority
    tenant: Tenant
    application: Application
    target: Target
    proof: int
    user: User | None = None
    nonce: str | None = None
    auth_time: float | None = None

    def access_token(self) -> str:
        """Sign an access token of the version that the resource asks for."""
        version = self.target.resource.token_version
        claims = self._common(version)
        audience = self.target.identifier if version == V1 else self.target.resource.application_id
        claims["aud"] = audience
        party = ("appid", "appidacr") if version == V1 else ("azp", "azpacr")
        claims[party[0]] = self.application.application_id
        claims[party[1]] = str(self.proof)
        if self.user is None:
            principal = service_principal_id(self.tenant, self.application)
            claims |= {"idtyp": "app", "oid": principal, "sub": principal}
            if self.target.resource.roles:
                claims["roles"] = list(self.target.resource.roles)
        else:
            claims |= self._person(self.user, self.target.resource.application_id, version)
            claims["scp"] = " ".join(self.target.granted)
        return self._sign(claims, version)

    def id_token(self, user: User, version: int, access_token: str) -> str:
        """Sign an id_token for the client, tied to its access token by `at_hash` on v2."""
        claims = self._common(version)
        claims["aud"] = self.application.application_id
        claims |= self._person(user, self.application.application_id, version)
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        if self.auth_time is not None:
            claims["auth_time"] = int(self.auth_time)
        if version == V2:
            digest = hashlib.sha256(access_token.encode("ascii")).digest()
            claims["at_hash"] = _base64url(digest[:16])
        return self._sign(claims, version)

    def _common(self, version: int) -> Claims:
        now = int(self.authority.clock())
        return {
            "iss": issuer(self.authority, self.tenant.tenant_id, version),
            "iat": now,
            "nbf": now,
            "exp": now + self.authority.token_lifetime,
            "tid": self.tenant.tenant_id,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0" if version == V1 else "2.0",
        }

    def _person(self, user: User, party: str, version: int) -> Claims:
        # `sub` differs from client to client (pairwise); `oid` is the one that stays.
        subject = hashlib.sha256(f"{user.object_id}/{party}".encode()).digest()
        claims: Claims = {
            "oid": user.object_id,
            "sub": _base64url(subject),
            "name": user.display_name,
            "amr": list(user.amr),
        }
        if user.tenant_id != self.tenant.tenant_id:
            claims["idp"] = issuer(self.authority, user.tenant_id, 1)
        if version == V1:
            return claims | {"upn": user.user_name, "unique_name": user.user_name}
        return claims | {"preferred_username": user.user_name}

    def _sign(self, claims: Claims, version: int) -> str:
        key = self.authority.signing_keys[-1]
        headers = {"kid": key.key_id}
        if version == V1:
            headers["x5t"] = key.key_id
        return jwt.encode(claims, key.private, algorithm="RS256", headers=headers)


def answer(
    minting: Minting, version: int, *, app_only: bool, extras: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the token endpoint's JSON for `version`, without a refresh token.

    `extras` may name `id_token` and `client_info`. v1 writes numbers as strings, and Entra does so
    to this day: clients must take both.
    """
    authority, target = minting.authority, minting.target
    lifetime, now = authority.token_lifetime, int(authority.clock())
    access_token = minting.access_token()
    numbers: dict[str, int] = {"expires_in": lifetime, "ext_expires_in": lifetime}
    if lifetime >= _LONG_LIFE:
        # Long-lived tokens come with a hint to renew them at half of their life.
        numbers["refresh_in"] = lifetime // 2
    body: dict[str, Any] = {"token_type": "Bearer"}
    if not app_only:
        body["scope"] = target.scope if version == V2 else " ".join(target.granted)
    if version == V1:
        numbers |= {"expires_on": now + lifetime, "not_before": now}
        body |= {name: str(value) for name, value in numbers.items()}
        body["resource"] = target.identifier
    else:
        body |= numbers
    body["access_token"] = access_token
    if minting.user is not None:
        if "id_token" in extras:
            body["id_token"] = minting.id_token(minting.user, version, access_token)
        if "client_info" in extras:
            info = {"uid": minting.user.object_id, "utid": minting.user.tenant_id}
            body["client_info"] = _base64url(json.dumps(info).encode("ascii"))
    return body


def verified(token: str, key: rsa.RSAPublicKey, algorithms: list[str]) -> Claims:
    """Return the claims of a token whose signature is good; nothing else is judged."""
    claims: Claims = jwt.decode(
        token,
        key,
        algorithms=algorithms,
        options={
            "verify_aud": False,
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
            "verify_jti": False,
            "verify_sub": False,
        },
    )
    return claims


def read(authority: Authority, token: str) -> Claims:
    """Return the claims of a token that this authority signed; `jwt.InvalidTokenError` otherwise.

    Only the signature is judged here: what counts as the right audience, and by which clock a token
    is too old, is the caller's business.
    """
    key_id = jwt.get_unverified_header(token).get("kid")
    for key in authority.signing_keys:
        if key.key_id == key_id:
            return verified(token, key.private.public_key(), ["RS256"])
    raise jwt.InvalidTokenError("The token was signed with a key that is not known here.")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
