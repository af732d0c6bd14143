"""Secrets out of vaults and into them, whatever a vault may do.

A vault is a plugin's, and what it raises may hold the secret it was given: only errors of ours
pass, everything else becomes a `VaultError` that says whose fault it is and no more.

What is asked of the vaults of a request comes at two moments: before any network it is made sure
that a new refresh token will find a place; later, for the chosen provider alone, references are
opened, and what has come is saved. What makes a client's assertion is not asked again while the
last one is good (`grantway.oauth.kept_assertions`).
"""

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, TypeVar

import attrs

from grantway.errors import GrantwayError, InvalidParameter, VaultError
from grantway.parameters import CERTIFICATE_PASSWORD, CLIENT_ASSERTION, SAVE_REFRESH_TOKEN
from grantway.request import TokenRequest
from grantway.secret import HoldsSecret, Made, Reference, Secret, secret
from grantway.suggest import type_of

if TYPE_CHECKING:
    from grantway.certificate import ClientCertificate
    from grantway.context import Context
    from grantway.environment import Environment
    from grantway.oauth.kept_assertions import KeptAssertions
    from grantway.offerings import Vault

T = TypeVar("T")

Vaults = Mapping[str, "Vault"]


def reference_in(value: object) -> Reference | None:
    """The reference that a parameter's value is or holds, if it does."""
    kept = value.held if isinstance(value, HoldsSecret) else value
    return kept if isinstance(kept, Reference) else None


def vault_of(reference: Reference, vaults: Mapping[str, "Vault"], parameter: str) -> "Vault":
    """The vault that a reference names.

    Raises:
        InvalidParameter: no installed vault has the scheme. The reference is not repeated: it
            may be a secret that only looks like one.
    """
    vault = vaults.get(reference.scheme)
    if vault is None:
        schemes = ", ".join("-" if scheme == "-" else f"{scheme}:" for scheme in sorted(vaults))
        raise InvalidParameter(
            f"{parameter}: no installed vault opens this reference.",
            remedy=f"References begin with one of: {schemes}.",
            parameter=parameter,
        )
    return vault


def open_secrets(
    request: TokenRequest, vaults: Vaults, context: "Context", assertions: "KeptAssertions"
) -> TokenRequest:
    """The request with every reference opened, for the chosen provider's eyes only."""
    from grantway.certificate import ClientCertificate

    opened: dict[str, object] = {}
    for name, value in request.values.items():
        kept = value.held if isinstance(value, HoldsSecret) else value
        match kept:
            case Secret():
                found = kept
            case Reference() | Made() if name == CLIENT_ASSERTION.name:
                found = _assertion(kept, vaults, context, assertions)
            case Reference() if name != SAVE_REFRESH_TOKEN.name:
                found = _opened(vault_of(kept, vaults, name), kept, context)
            case Made():
                found = _made(name, kept)
            case _:
                continue
        context.redactor.add(found)
        opened[name] = value.holding(found) if isinstance(value, HoldsSecret) else found
    values = {**request.values, **opened}
    for name, value in values.items():
        if isinstance(value, ClientCertificate):
            opened[name] = _readied(value, values.get(CERTIFICATE_PASSWORD.name), context)
    return attrs.evolve(request, values={**values, **opened}) if opened else request


def assertion_refused(
    given: TokenRequest, opened: TokenRequest, assertions: "KeptAssertions"
) -> bool:
    """Forget the assertion that a client was refused with; whether a new one may do better."""
    name = CLIENT_ASSERTION.name
    source = given.values.get(name)
    if not isinstance(source, Reference | Made):
        return False
    maker = _maker(source, opened.environment)
    return assertions.refused(maker, opened.values.get(name))


def with_new_assertion(
    given: TokenRequest,
    opened: TokenRequest,
    vaults: Vaults,
    context: "Context",
    assertions: "KeptAssertions",
) -> TokenRequest:
    """An opened request with the assertion opened anew, and nothing else: people are asked once."""
    name = CLIENT_ASSERTION.name
    again = open_secrets(
        attrs.evolve(given, values={name: given.values[name]}), vaults, context, assertions
    )
    return attrs.evolve(opened, values={**opened.values, **again.values})


def _assertion(
    given: Reference | Made, vaults: Vaults, context: "Context", assertions: "KeptAssertions"
) -> Secret:
    """A client's assertion, as it is given: made by a function or a vault, or read."""
    if isinstance(given, Made):
        maker = _maker(given, context.environment)
        return assertions.get(maker, lambda: _made(CLIENT_ASSERTION.name, given), context)
    vault = vault_of(given, vaults, CLIENT_ASSERTION.name)
    if not vault.makes:
        return _opened(vault, given, context)
    maker = _maker(given, context.environment)
    return assertions.get(maker, lambda: _opened(vault, given, context), context)


def _maker(given: Reference | Made, environment: "Environment") -> Hashable:
    """What makes an assertion: a function; or a reference, whose vault is told for whom it is."""
    # Imported here, as all that only a client without a password needs.
    from grantway.oauth.kept_assertions import maker_of

    if isinstance(given, Made):
        return maker_of(given.make)
    return given, environment.name, environment.authority


def _made(name: str, made: Made) -> Secret:
    """What the caller's function makes.

    Raises:
        GrantwayError: as the function raised it; a `VaultError` for anything else, without its
            text, which may hold the secret.
    """
    try:
        found = secret(made.make())
        if isinstance(found, Secret):
            return found
        kind = "a Reference"
    except (GrantwayError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # the caller's
        kind = type_of(error)
    raise VaultError(
        f"The function given as {name} made no secret ({kind}).",
        remedy="It has to return a text that is not empty, as str or Secret.",
    )


def _readied(
    certificate: "ClientCertificate", password: object, context: "Context"
) -> "ClientCertificate":
    """A certificate with what signs, and the time.

    Raises:
        ConfigurationError: its file cannot be used.
    """
    secret, now = password if isinstance(password, Secret) else None, context.clock.time
    certificate = attrs.evolve(certificate, password=secret, now=now)
    if certificate.signer is not None:
        return certificate
    # Imported here: only who has a certificate in a file pays for cryptography.
    from grantway.oauth.key_files import opened

    return attrs.evolve(certificate, signer=opened(certificate, now()))


def check_destination(request: TokenRequest, vaults: Vaults) -> None:
    """Find out, before any network, that a new refresh token will have a place to rest.

    Raises:
        InvalidParameter: no vault has the scheme, or it cannot be written to.
        VaultError: the vault knows that it could not keep it.
    """
    destination = request.get(SAVE_REFRESH_TOKEN)
    if destination is None:
        return
    vault = vault_of(destination, vaults, SAVE_REFRESH_TOKEN.name)
    if vault.put is None:
        writable = [f"{each.scheme}:" for each in vaults.values() if each.put]
        raise InvalidParameter(
            f"save_refresh_token: the vault {vault.scheme!r} cannot be written to.",
            remedy=f"These can: {', '.join(sorted(writable))}.",
            parameter=SAVE_REFRESH_TOKEN.name,
        )
    if vault.check is not None:
        check = vault.check
        _asked(vault, lambda: check(destination.name))


def save(
    token: Secret, destination: Reference, vaults: Vaults, context: "Context"
) -> VaultError | None:
    """Write a refresh token to the vault that the caller named.

    What goes wrong is warned of and returned, not raised: the answer that the token came with is
    still good, and is completed before anybody is told.
    """
    vault = vaults[destination.scheme]
    put = vault.put
    if put is None:
        return None
    try:
        _asked(vault, lambda: put(destination.name, token, context))
    except VaultError as error:
        failure = error
    except GrantwayError as error:
        failure = VaultError(error.message, remedy=error.remedy, scheme=vault.scheme)
    else:
        return None
    context.logger.warning("a new refresh token could not be saved: %s", failure)
    return failure


def _asked(vault: "Vault", question: Callable[[], T]) -> T:
    """What a vault answers.

    Raises:
        GrantwayError: as the vault raised it; a `VaultError` for anything else it raised, without
            the text of that, which may hold the secret.
    """
    try:
        return question()
    except (GrantwayError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # a plugin's
        failure = _vault_failed(vault, f"raised {type_of(error)}")
    raise failure


def _vault_failed(vault: "Vault", how: str) -> VaultError:
    return VaultError(
        f"The vault {vault.scheme}: {how}.",
        remedy="That is a fault of its plugin: tell its author, or rest the secret elsewhere.",
        scheme=vault.scheme,
    )


def _opened(vault: "Vault", reference: Reference, context: "Context") -> Secret:
    """The secret that a reference stands for."""
    secret = _asked(vault, lambda: vault.get(reference.name, context))
    if type(secret) is not Secret:
        raise _vault_failed(vault, f"returned a {type_of(secret)}, not a Secret")
    return secret
