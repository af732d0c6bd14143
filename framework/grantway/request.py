"""One request for a token, after selection: everything settled, nothing sent.

A `TokenRequest` is what a provider is given. Values are read by the parameter that declared
them, with its type: `request[CREDENTIAL]` for one that must be there, `request.get(PROMPT)` for
one that may be.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar, cast

import attrs

from grantway.environment import Environment
from grantway.parameters import (
    ACCOUNT,
    APPLICATION_ID,
    CREDENTIAL,
    LOGIN_HINT,
    RESOURCE,
    SCOPES,
    TENANT_ID,
    Parameter,
)
from grantway.secret import Credential

T = TypeVar("T")


def _frozen(given: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(dict(given))


@attrs.frozen(eq=False)
class Holder:
    """Who holds the refresh tokens of a third party's provider: nobody else is handed them.

    Built-in providers share theirs: whoever has signed in to an application has signed in to it
    for each of them.

    Attributes:
        plugin: name of the provider's plugin.
        parameters: what else tells its refresh tokens apart: all of its own that count for which
            token comes back. So one that does not say who has signed in mixes up nobody.
    """

    plugin: str
    parameters: tuple[Parameter[object], ...] = ()


@attrs.frozen(eq=False)
class TokenRequest:
    """Which provider and parameter set, in which environment, with which values.

    Attributes:
        environment: the cloud, resolved.
        provider, parameter_set: name of what was selected.
        values: parameter name to value, parsed and validated; `request[PARAMETER]` and
            `request.get(PARAMETER)` read it with its type.
        holder: whose refresh tokens it works with; None: those of the built-in providers.
    """

    environment: Environment
    provider: str
    parameter_set: str
    values: Mapping[str, object] = attrs.field(converter=_frozen)
    holder: Holder | None = attrs.field(default=None, kw_only=True)

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """The value of a parameter that its set requires.

        Raises:
            KeyError: nothing gave it.
        """
        return cast("T", self.values[parameter.name])

    def get(self, parameter: Parameter[T]) -> T | None:
        """The value of a parameter, or None where nothing gave it."""
        return cast("T | None", self.values.get(parameter.name))

    @property
    def tenant(self) -> str:
        """The tenant asked: the one given, else the environment's, else the protocol's default."""
        return (
            self.get(TENANT_ID)
            or self.environment.single_tenant
            or self.environment.protocol.default_tenant
        )

    @property
    def client_id(self) -> str:
        """The client: `application_id`, which beats the credential's user name."""
        credential = self.get(CREDENTIAL)
        fallback = credential.user_name if isinstance(credential, Credential) else ""
        return self.get(APPLICATION_ID) or fallback

    @property
    def expected_account(self) -> str:
        """Who is to be signed in, in the words of the call; "" where it does not say."""
        return (self.get(ACCOUNT) or self.get(LOGIN_HINT) or "").casefold()

    @property
    def resource(self) -> str | None:
        """The URI or GUID asked for; None where scopes were given or the environment has none."""
        given = self.get(RESOURCE)
        if given or self.get(SCOPES) or not self.environment.default_resource:
            return given
        return self.environment.resource(self.environment.default_resource)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes given, in their order; empty where a resource was."""
        return self.get(SCOPES) or ()
