"""Signing out: what an account has brought goes from the cache, then the authority is told.

In this order, because the first part always works: its results go, then its refresh token, and
then that is revoked, where the authority offers it. What goes wrong with the last costs a
warning. Another process that renews at the same moment may put back what it has just got.

The refresh token is sent to no authority but the one it is from: an environment that has since
been described otherwise, under the same name, is another.
"""

from typing import TYPE_CHECKING

from grantway import vaults
from grantway.accounts import Account, everybody, owned
from grantway.cache import keys
from grantway.cache_inspection import Inspector
from grantway.context import Context
from grantway.environment import Environment
from grantway.errors import (
    CacheError,
    ConfigurationError,
    GrantwayError,
    PluginError,
    UnknownEnvironment,
)
from grantway.parameters import APPLICATION_ID, CREDENTIAL
from grantway.request import TokenRequest
from grantway.secret import Secret
from grantway.token_cache import TokenCache
from grantway.workplace import Workplace, check_available

if TYPE_CHECKING:
    from grantway.secret import Credential

TIMEOUT = 30.0
"""Seconds that a revocation may take."""

_SUCCESSORS = 8


def signed_in(
    place: Workplace, environment: Environment | str | None, application_id: str | None
) -> tuple[Account, ...]:
    """Who has signed in; see `Dispatcher.accounts`."""
    unknown: UnknownEnvironment | None = None
    if isinstance(environment, str):
        try:
            environment = place.registry.environment(environment)
        except UnknownEnvironment as error:
            # It may have been described when they signed in.
            unknown = error
    if isinstance(environment, Environment) and application_id is not None:
        client_id = environment.protocol.client_id.canonical(application_id)
        ours = owned(place.cache, _request(environment, client_id, None))
        if not (_others_renew(place) and isinstance(place.cache, Inspector)):
            return ours
        # Accounts of plugins are each apart, and only looking through all of the cache finds them.
        of = (environment.name, client_id)
        all_of = everybody(place.cache)
        others = (each for each in all_of if (each.environment, each.application_id) == of)
        slots = {each.slot for each in ours}
        return (*ours, *(each for each in others if each.slot not in slots))
    name = environment.name if isinstance(environment, Environment) else environment
    found = tuple(
        each
        for each in everybody(place.cache)
        if (name is None or each.environment.casefold() == name.casefold())
        and (application_id is None or each.application_id.casefold() == application_id.casefold())
    )
    if unknown is not None and not found:
        raise unknown
    return found


def sign_out(
    place: Workplace,
    account: Account,
    environment: Environment | None = None,
    credential: "Credential | None" = None,
    timeout: float = TIMEOUT,
) -> bool:
    """Forget an account and have its refresh token revoked; see `Dispatcher.sign_out`."""
    tokens = _forget(place.cache, account)
    try:
        environment = environment or place.registry.environment(account.environment)
        # One that is not there now does not say which authority it is.
        check_available(environment)
        if not place.registry.builtin.candidates_of(account.provider):
            raise PluginError(
                f"{account.provider} is of a plugin, and only that knows how to revoke its tokens."
            )
        request = _request(environment, account.application_id, credential)
        key = place.cache.fingerprint_key
        if keys.owner_key(key, request) != account.owner:
            raise ConfigurationError(
                f"{environment.name} is another authority than {account.name} signed in at."
            )
        for token in tokens:
            # With the key that it is bound to; see `grantway.refresh_tokens`.
            place.cache.remove_refresh_token(keys.successor_slot(key, request, token), token)
        return bool(tokens) and _revoke(place, request, tokens, timeout)
    except GrantwayError as error:
        # Imported here: it is told seldom.
        import logging

        logging.getLogger("grantway.accounts").warning(
            "%s is signed out here, but the refresh token was not revoked: %s", account.name, error
        )
        return False


def _others_renew(place: Workplace) -> bool:
    """Whether a plugin that is not built in can have accounts."""
    return any(
        provider.renew is not None
        for plugin in place.registry.plugins
        if not plugin.builtin
        for provider in plugin.providers
    )


def _forget(cache: TokenCache, account: Account) -> list[Secret]:
    """Remove all that an account has brought; the refresh tokens that were there."""
    if isinstance(cache, Inspector):
        for key in [each.key for each in cache.entries() if account.brought(each)]:
            cache.remove(key)
    tokens: list[Secret] = []
    # A successor may have come meanwhile.
    while (stored := cache.get_refresh_token(account.slot)) is not None:
        if len(tokens) == _SUCCESSORS:
            raise CacheError(
                "The refresh token comes back as soon as it is removed.",
                remedy="Stop the processes that use the account, and try again.",
            )
        tokens.append(stored.token)
        cache.remove_refresh_token(account.slot, stored.token)
    return tokens


def _revoke(place: Workplace, request: TokenRequest, tokens: list[Secret], timeout: float) -> bool:
    # Imported here: where nothing is revoked, nothing of HTTP is needed.
    from grantway.oauth.revocation import revoke

    context = Context.lasting(
        timeout, request.environment, place.transport, place.clock, prompter=place.prompter
    )
    request = vaults.open_secrets(request, place.registry.vaults, context, place.assertions)
    return all(revoke(token, request, context) for token in tokens)


def _request(
    environment: Environment, application_id: str, credential: "Credential | None"
) -> TokenRequest:
    """What stands for an application at an authority."""
    values: dict[str, object] = {APPLICATION_ID.name: application_id}
    if credential is not None:
        values[CREDENTIAL.name] = credential
    return TokenRequest(environment, "", "", values)
