"""Opening one reference outside of a call: the vault is given what it would have in one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grantway.acquisition import TIMEOUT
from grantway.authority import AuthorityRequest
from grantway.caches import MEMORY
from grantway.cli.session import Session
from grantway.context import Context
from grantway.environment import Environment
from grantway.secret import Reference, Secret
from grantway.vaults import vault_of
from grantway.workplace import Workplace

if TYPE_CHECKING:
    from grantway.context import Transport


class _Transport:
    """The workplace's transport, made when a vault goes to the network; few do."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    def fetch_token(self, request: AuthorityRequest, context: Context) -> Mapping[str, object]:
        """See `Transport.fetch_token`."""
        return self._workplace.transport.fetch_token(request, context)

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> Mapping[str, object]:
        """See `Transport.fetch_json`."""
        return self._workplace.transport.fetch_json(request, context, max_age=max_age)


def opened(reference: Reference, session: Session, *, what: str) -> Secret:
    """The secret that a reference names; `what` is what messages call it.

    Raises:
        InvalidParameter: no installed vault has the scheme.
        VaultError: the vault cannot give it.
    """
    vault = vault_of(reference, session.registry.vaults, what)
    place = Workplace.furnish(
        session.registry,
        session.configuration,
        MEMORY,
        session.transport,
        session.clock,
        session.prompter,
    )
    transport: Transport = _Transport(place)
    # Every context has an environment; nothing is asked of this authority.
    nowhere = Environment("None", authority="https://localhost")
    context = Context.lasting(TIMEOUT, nowhere, transport, place.clock, prompter=place.prompter)
    try:
        return vault.get(reference.name, context)
    finally:
        place.close()
