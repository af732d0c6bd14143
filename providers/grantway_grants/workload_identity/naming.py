"""Which application is meant, and in which tenant.

The call says so, or a profile or a variable of grantway's, as with any other provider. Where none
of these does, a cluster that knows which application a service account is for says it by variables
of its own. A runner of workflows knows of no application.
"""

from typing import TYPE_CHECKING

import attrs

from grantway.errors import ConfigurationError, InvalidParameter
from grantway.parameters import APPLICATION_ID, TENANT_ID
from grantway_grants.workload_identity.parameters import KUBERNETES, WORKLOAD_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grantway import Parameter, TokenRequest
    from grantway.secret import Unshown

CLIENT_ID_VARIABLE = "AZURE_CLIENT_ID"
TENANT_ID_VARIABLE = "AZURE_TENANT_ID"

_VARIABLES: "Mapping[str, Mapping[str, str]]" = {
    KUBERNETES: {APPLICATION_ID.name: CLIENT_ID_VARIABLE, TENANT_ID.name: TENANT_ID_VARIABLE}
}


def named(request: "TokenRequest", environ: "Unshown[str]") -> "TokenRequest":
    """The request with an application and, where there are tenants, with one.

    Raises:
        InvalidParameter: nothing says which.
        ConfigurationError: a variable of the platform holds what is none.
    """
    values = dict(request.values)
    variables = _VARIABLES.get(request[WORKLOAD_IDENTITY], {})
    for parameter in (APPLICATION_ID, TENANT_ID):
        if parameter.name in values or (
            parameter is TENANT_ID and request.environment.single_tenant
        ):
            continue
        variable = variables.get(parameter.name, "")
        if not environ.get(variable):
            raise _missing(parameter, variable)
        values[parameter.name] = _read(parameter, variable, request, environ)
    return attrs.evolve(request, values=values)


def _read(
    parameter: "Parameter[str]", variable: str, request: "TokenRequest", environ: "Unshown[str]"
) -> str:
    value = _known(parameter, environ[variable], request)
    if value is not None:
        return value
    raise ConfigurationError(
        f"{variable} holds no {parameter.name} that {request.environment.name} could know.",
        remedy=f"Correct it where the platform sets it, or give {parameter.name}=.",
    )


def _known(parameter: "Parameter[str]", given: str, request: "TokenRequest") -> str | None:
    """The value as the environment spells it; None where it cannot. Raises nothing."""
    try:
        value = parameter.read(given)
        return parameter.validator(value, request.environment) if parameter.validator else value
    except ValueError:
        return None


def _missing(parameter: "Parameter[str]", variable: str) -> InvalidParameter:
    unset = f", and {variable} is not set" if variable else ""
    return InvalidParameter(
        f"{parameter.name}: it is not given{unset}.",
        remedy=f"Give {parameter.name}=, or set {parameter.env}.",
        parameter=parameter.name,
    )
