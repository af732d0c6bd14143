"""The grants that end a sign-in: an authorization code is redeemed, a device's code is polled for.

The sign-in itself took place in a browser and is told by what was remembered with the code.
"""

from typing import Any, Final, cast

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import TokenEndpointMixin

from grantway_sandbox.codes import AuthorizationCode
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import V1, V2
from grantway_sandbox.token_request import ANSWER_HEADERS, OnTokenRequest, TokenRequest

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_OLD_DEVICE_GRANT: Final = "device_code"


class RedeemCode(OnTokenRequest, TokenEndpointMixin):
    """An authorization code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""

    GRANT_TYPE = "authorization_code"

    def validate_token_request(self) -> None:
        """Authenticate the client; what the code demands is checked when it is redeemed."""
        self.asked.require("code")
        self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> tuple[int, Any, list[tuple[str, str]]]:
        """Redeem the code, once."""
        asked = self.asked
        authority, fields = asked.authority, asked.fields

        def check(code: AuthorizationCode) -> None:
            if code.version != asked.version:
                raise EntraError(70000)
            code.check(fields.get("redirect_uri"), fields.get("code_verifier"), asked.tenant)
            self._narrow(code)

        code = authority.codes.redeem(
            fields["code"], self.application, check, authority.revoke_family
        )
        tenant = authority.find_tenant(code.tenant_id)
        if tenant is None:
            raise EntraError(70000)
        answer = asked.user_answer(
            self.application,
            code.sign_in.proven,
            tenant,
            asked.target(tenant),
            family=code.family,
            auth_time=code.sign_in.time,
            nonce=code.nonce,
        )
        return 200, answer, ANSWER_HEADERS

    def _narrow(self, code: AuthorizationCode) -> None:
        """Fill in what was authorized, or hold what is asked for now against it."""
        asked = self.asked
        name = "resource" if asked.version == V1 else "scope"
        if not asked.fields.get(name):
            if code.asked:
                asked.fields[name] = code.asked
        elif name == "scope" and not set(asked.fields[name].split()) <= set(
            (code.asked or "").split()
        ):
            raise EntraError(
                70011,
                "The provided value for the input parameter 'scope' is not valid: it names what "
                "the authorization request did not.",
            )


class PollForDevice(OnTokenRequest, TokenEndpointMixin):
    """A device's code for tokens, once a person approved it (RFC 8628 section 3.4).

    v1 knows the grant by a shorter name and the code as `code`; v2 takes the shorter name too.
    """

    @classmethod
    def check_token_endpoint(cls, request: OAuth2Request) -> bool:
        """Take both names of the grant."""
        form = cast("TokenRequest", request).form
        return form.get("grant_type") in (DEVICE_GRANT, _OLD_DEVICE_GRANT)

    def validate_token_request(self) -> None:
        """Authenticate the client, which may be a public one."""
        asked = self.asked
        if asked.version == V1 and asked.fields["grant_type"] != _OLD_DEVICE_GRANT:
            raise EntraError(70003)
        asked.require(self._field)
        self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> tuple[int, Any, list[tuple[str, str]]]:
        """Answer with tokens once, and until then with what the device should do."""
        asked = self.asked
        authority = asked.authority
        code, sign_in = authority.devices.poll(
            asked.fields[self._field], self.application, asked.version, authority.revoke_family
        )
        tenant = code.tenant or authority.home_of(sign_in.user)
        asked.fields["resource" if asked.version == V1 else "scope"] = code.asked
        answer = asked.user_answer(
            self.application,
            sign_in.proven,
            tenant,
            asked.target(tenant),
            family=code.family,
            auth_time=sign_in.time,
        )
        return 200, answer, ANSWER_HEADERS

    @property
    def _field(self) -> str:
        return "device_code" if self.asked.version == V2 else "code"
