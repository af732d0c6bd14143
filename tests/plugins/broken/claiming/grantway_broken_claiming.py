"""A plugin that claims the name of a built-in provider."""

from typing import NoReturn

from grantway import CredentialProvider, Parameter, ParameterSet, hookimpl
from grantway.parameters import text


def authenticate(request: object, context: object) -> NoReturn:
    raise AssertionError("it was called")


@hookimpl
def grantway_providers() -> list[CredentialProvider]:
    own = ParameterSet("Own", (Parameter("claiming_key", text),))
    return [CredentialProvider("USER", (own,), authenticate)]
