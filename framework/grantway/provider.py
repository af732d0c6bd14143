"""What most plugins are made of: credential providers.

A `CredentialProvider` is data with two or three functions in it. The dispatcher selects it,
then calls `authenticate(request, context)`; `grantway.context` has what the second one is.

An author writes functions and fills in a form; `grantway.offerings` has the forms for the other
things that a plugin can offer.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import attrs

from grantway.named import Named
from grantway.parameters import ParameterSet

if TYPE_CHECKING:
    from grantway.authority import AuthorityRequest
    from grantway.context import Context
    from grantway.request import TokenRequest
    from grantway.result import AuthenticationResult
    from grantway.secret import Secret


def _as_tuple(given: Iterable[ParameterSet]) -> tuple[ParameterSet, ...]:
    return tuple(given)


@attrs.frozen(eq=False, repr=False)
class CredentialProvider(Named):
    """One way to get a credential.

    Attributes:
        name: unique among providers, compared without regard to case.
        parameter_sets: the ways it can be called.
        authenticate: `authenticate(request, context)` obtains a token. Called with the secrets
            opened, at most once at a time for one key. It returns the result, or raises an error
            of `grantway.errors`; anything else that it raises is a fault of the plugin.
        renew: `renew(request, refresh_token, context)` obtains a token from the refresh token that
            an earlier call brought, without a person. The request is that of `authenticate`; the
            token is the newest that rests for it. The result has the new refresh token, or the
            same again where none came (`exchange(..., refresh_token=refresh_token)` sees to that).
            It raises `InvalidGrant` where the authority refuses the token: then that is forgotten,
            and `authenticate` is called. None: the provider has no such way, and a refresh token
            that it brings is not kept.
        plan: `plan(request)` gives the requests that `authenticate` would send first, for
            `explain`. Opens nothing, sends nothing: each secret that it is given is a mask.
        surroundings: `surroundings(request)` gives texts for what decides, beside the parameters,
            which token comes back: the machine that the code runs on, for one. They are a part of
            the name under which a result rests in a cache, that of other machines perhaps. Called
            for each call, before the cache is asked, with secrets that are not opened; opens no
            socket. None: nothing else decides.
        interactive: names of its parameter sets that need a person. A call of one of these has 300
            seconds where the caller says nothing, others have 60; and where a refresh token serves
            no more, the person is asked again.
        reads_cache: whether a fresh token at rest may answer instead; False where each call is
            meant to be an act of its own. Then what it brings is not put there either.
        summary: one line for lists.

    A provider in full:

    >>> from grantway import AuthenticationResult, CredentialProvider, ParameterSet
    >>> def authenticate(request, context):
    ...     return AuthenticationResult("a token")
    >>> print(CredentialProvider("Fixed", (ParameterSet("Fixed"),), authenticate).name)
    Fixed
    """

    name: str
    parameter_sets: tuple[ParameterSet, ...] = attrs.field(converter=_as_tuple)
    authenticate: "Callable[[TokenRequest, Context], AuthenticationResult]"
    renew: "Callable[[TokenRequest, Secret, Context], AuthenticationResult] | None" = attrs.field(
        default=None, kw_only=True
    )
    plan: "Callable[[TokenRequest], Iterable[AuthorityRequest]] | None" = attrs.field(
        default=None, kw_only=True
    )
    surroundings: "Callable[[TokenRequest], Iterable[str | Secret]] | None" = attrs.field(
        default=None, kw_only=True
    )
    interactive: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    reads_cache: bool = attrs.field(default=True, kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)
