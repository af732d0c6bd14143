"""The whole flow, from named parameters to a token.

    1  `acquire` takes named parameters
    2  the environment is resolved                                       intake
    3  selection picks the parameter set and fills its gaps              selection
    4  a frozen request is made, and its key; a fresh result returns     cache/keys
    5  one flight per key, which looks into the cache again              flights
    6  a refresh token at rest is tried, else the provider authenticates acquisition
    7  the refresh token first, then the result, are stored              acquisition

A token that is half-way through its life is served, and renewed behind the caller's back
(renewals).

A `Dispatcher` made without arguments reads no file, and keeps tokens in memory unless
`GRANTWAY_CACHE` says where else. It can be shared by threads and tasks, and goes on working in a
forked child.
"""

from typing import TYPE_CHECKING, Literal, Self, Unpack, overload

from grantway.errors import DeadlineExceeded, InvalidParameter
from grantway.flights import Flights
from grantway.parts import Clock, Prompter
from grantway.renewals import TIMEOUT as RENEWAL_TIMEOUT
from grantway.renewals import Renewals
from grantway.workplace import Workplace, configuration_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from grantway.accounts import Account
    from grantway.acquisition import Acquisition
    from grantway.builtin_parameters import BuiltinParameters
    from grantway.config import Configuration
    from grantway.context import Transport
    from grantway.environment import Environment
    from grantway.explain import Explanation
    from grantway.registry import Registry
    from grantway.result import AuthenticationResult
    from grantway.secret import Credential
    from grantway.source import Lasting, TokenSource
    from grantway.token_cache import TokenCache


class Dispatcher:
    """Gets access tokens: selects the provider by the parameters given, and asks it.

    >>> from grantway import Dispatcher
    >>> with Dispatcher() as dispatcher:
    ...     print(dispatcher.explain(environment="Sandbox").problem)
    Too little is given: User needs application_id.

    Args:
        registry: the plugins; by default all installed ones that the configuration allows.
        cache: a `TokenCache`, which stays its owner's to close, or the name or URL of one
            (`sqlite`); by default what `GRANTWAY_CACHE` or `config` says, else in memory.
        transport: the road to the network; by default HTTP over a shared connection pool.
        clock: the source of time; by default the system's.
        prompter: a way to reach a person; by default the terminal, where there is one; False:
            nobody is there.
        config: a `Configuration`, or the path of a file to read; by default no file is read,
            and only the environment variables count.
        profile: the profile of the configuration to use; by default its `default_profile`.

    Raises:
        ConfigurationError: the configuration cannot be used.
    """

    def __init__(
        self,
        registry: "Registry | None" = None,
        cache: "TokenCache | str | None" = None,
        transport: "Transport | None" = None,
        clock: Clock | None = None,
        prompter: Prompter | Literal[False] | None = None,
        config: "Configuration | str | Path | None" = None,
        profile: str | None = None,
    ) -> None:
        # Imported here: to name this class costs nothing of what it works with.
        from grantway.intake import Intake

        configuration = configuration_of(config)
        if registry is None:
            # A registry that is passed in has paid for pluggy already.
            from grantway.registry import Registry

            registry = Registry.load(configuration)
        self._workplace = Workplace.furnish(
            registry, configuration, cache, transport, clock, prompter
        )
        self._intake = Intake(registry, configuration, profile)
        self._flights: Flights[AuthenticationResult] = Flights()
        self._renewals = Renewals(self._workplace.clock)

    @overload
    def acquire(
        self,
        *,
        timeout: float | None = None,
        force_refresh: bool = False,
        **parameters: "Unpack[BuiltinParameters]",
    ) -> "AuthenticationResult": ...

    @overload
    def acquire(
        self,
        *,
        provider: str,
        parameter_set: str | None = None,
        timeout: float | None = None,
        force_refresh: bool = False,
        **parameters: object,
    ) -> "AuthenticationResult": ...

    def acquire(
        self,
        *,
        provider: str | None = None,
        parameter_set: str | None = None,
        timeout: float | None = None,
        force_refresh: bool = False,
        **parameters: object,
    ) -> "AuthenticationResult":
        """Get a token: from the cache while one there is fresh, else from the authority.

        Args:
            provider: the credential provider to use, instead of selecting one.
            parameter_set: which of its parameter sets, where it has several.
            timeout: seconds the call may take; by default 60, 300 where a person acts, and with
                a device code until that expires.
            force_refresh: pass the cache by, and replace its entry.
            **parameters: what identifies the caller and the token; see
                `grantway.parameters` and `grantway providers`.

        Raises:
            SelectionError: the call is wrong; nothing was sent.
            InteractionRequired: a person must act, and nobody can be asked here.
            AuthorityError: the authority refused.
            GrantwayError: anything else; see `grantway.errors`.
        """
        return self._get(self._begin(parameters, provider, parameter_set, timeout, force_refresh))

    @overload
    async def acquire_async(
        self,
        *,
        timeout: float | None = None,
        force_refresh: bool = False,
        **parameters: "Unpack[BuiltinParameters]",
    ) -> "AuthenticationResult": ...

    @overload
    async def acquire_async(
        self,
        *,
        provider: str,
        parameter_set: str | None = None,
        timeout: float | None = None,
        force_refresh: bool = False,
        **parameters: object,
    ) -> "AuthenticationResult": ...

    async def acquire_async(
        self,
        *,
        provider: str | None = None,
        parameter_set: str | None = None,
        timeout: float | None = None,
        force_refresh: bool = False,
        **parameters: object,
    ) -> "AuthenticationResult":
        """As `acquire`, for asyncio.

        A fresh result returns at once. Else one thread does the work for all tasks that ask for
        the same token; when the last of them is cancelled, its waits end.
        """
        wanted = self._begin(parameters, provider, parameter_set, timeout, force_refresh)
        if (result := self._served(wanted)) is not None:
            return result
        try:
            return await self._flights.run_async(
                wanted.key,
                wanted.run,
                wanted.remaining,
                variant=wanted.variant,
                told=wanted.told_to_wait,
            )
        except DeadlineExceeded as error:
            return wanted.when_late(error)

    @overload
    def bind(
        self,
        *,
        timeout: float | None = None,
        **parameters: "Unpack[BuiltinParameters]",
    ) -> "TokenSource": ...

    @overload
    def bind(
        self,
        *,
        provider: str,
        parameter_set: str | None = None,
        timeout: float | None = None,
        **parameters: object,
    ) -> "TokenSource": ...

    def bind(
        self,
        *,
        provider: str | None = None,
        parameter_set: str | None = None,
        timeout: float | None = None,
        **parameters: object,
    ) -> "TokenSource":
        """Settle a call once and return a `TokenSource` for it. Sends nothing.

        Raises:
            SelectionError: the call is wrong.
        """
        settled = self._intake.settle(parameters, provider=provider, parameter_set=parameter_set)

        from grantway.acquisition import Acquisition
        from grantway.source import TokenSource

        def acquire(more: "Mapping[str, object] | None" = None) -> "Lasting":
            wanted = self._intake.fuller(settled, more) if more else settled
            acquisition = Acquisition(self._workplace, wanted, timeout)
            result = self._get(acquisition)
            return result, self._workplace.freshness.see(acquisition.key, result)

        return TokenSource(
            acquire,
            self._workplace.clock,
            settled.request,
            holds=not settled.may_change,
        )

    @overload
    def explain(self, **parameters: "Unpack[BuiltinParameters]") -> "Explanation": ...

    @overload
    def explain(
        self, *, provider: str, parameter_set: str | None = None, **parameters: object
    ) -> "Explanation": ...

    def explain(
        self, *, provider: str | None = None, parameter_set: str | None = None, **parameters: object
    ) -> "Explanation":
        """What `acquire` would do with these parameters, and why. Opens no secret and no socket.

        Raises:
            InvalidParameter, UnknownEnvironment, PluginError: as `acquire` would. That no
            parameter set matches is no error here: the explanation says what is missing.
        """
        from grantway.explain import explain

        return explain(
            self._workplace.registry,
            self._intake,
            parameters,
            provider=provider,
            parameter_set=parameter_set,
        )

    def accounts(
        self, environment: "Environment | str | None" = None, application_id: str | None = None
    ) -> "tuple[Account, ...]":
        """Who has signed in, and is served without being asked again. Sends nothing.

        With both arguments the cache is asked for just these, which any cache can tell and which
        costs what there is of them. Else all of it is looked through.

        Args:
            environment: only those who signed in there.
            application_id: only those who signed in to this application.

        Raises:
            UnknownEnvironment: there is none of this name, and nobody has signed in there.
            ConfigurationError: the cache cannot list what is in it; name both.
            CacheError: the cache failed.
        """
        from grantway.sign_out import signed_in

        return signed_in(self._workplace, environment, application_id)

    def sign_out(
        self,
        account: "Account",
        *,
        environment: "Environment | None" = None,
        credential: "Credential | None" = None,
        timeout: float = 30.0,
    ) -> bool:
        """Forget an account: its results, then its refresh token, which is then revoked (RFC 7009).

        Results go where the cache can list them (`grantway.token_cache.Inspector`). Access tokens
        that somebody has in hand stay good until they expire. A revocation that fails is warned
        of and costs nothing else; so is one at an environment that is described otherwise since.

        Args:
            account: one of `accounts()`.
            environment: where it signed in, where that is not one of the registry's.
            credential: of the application, where the authority asks for its secret.
            timeout: seconds that the revocation may take.

        Returns:
            Whether the authority has revoked the refresh token. Some offer no such thing.

        Raises:
            InvalidParameter: it is no account.
            CacheError: the cache failed, and may still have some of it.
        """
        from grantway.accounts import Account
        from grantway.sign_out import sign_out

        if not isinstance(account, Account):
            raise InvalidParameter(
                f"account: a {type(account).__name__} is none.",
                remedy="Give one of those that accounts() returns.",
                parameter="account",
            )

        return sign_out(self._workplace, account, environment, credential, timeout)

    @property
    def registry(self) -> "Registry":
        """The plugins this dispatcher works with."""
        return self._workplace.registry

    def close(self) -> None:
        """Release connections, and the token cache if it was made here; not used afterwards."""
        self._renewals.close()
        self._flights.cancel()
        self._workplace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _served(self, wanted: "Acquisition") -> "AuthenticationResult | None":
        """The token at rest, if it serves; one that is half-way through its life is renewed."""
        result = wanted.fresh()
        if result is not None and wanted.is_due(result):
            self._renewals.begin(wanted.key, lambda: self._renew(wanted))
        return result

    def _renew(self, wanted: "Acquisition") -> None:
        behind = wanted.renewal(RENEWAL_TIMEOUT)
        self._flights.run(behind.key, behind.run, behind.remaining, variant="renewal")

    def _get(self, wanted: "Acquisition") -> "AuthenticationResult":
        if (result := self._served(wanted)) is not None:
            return result
        try:
            return self._flights.run(
                wanted.key,
                wanted.run,
                wanted.remaining,
                variant=wanted.variant,
                told=wanted.told_to_wait,
            )
        except DeadlineExceeded as error:
            return wanted.when_late(error)

    def _begin(
        self,
        parameters: dict[str, object],
        provider: str | None,
        parameter_set: str | None,
        timeout: float | None,
        force_refresh: bool = False,
    ) -> "Acquisition":
        # Imported here, as by `bind`: what obtains a token is not needed to explain a call.
        from grantway.acquisition import Acquisition

        settled = self._intake.settle(parameters, provider=provider, parameter_set=parameter_set)
        return Acquisition(self._workplace, settled, timeout, force_refresh=force_refresh)
