"""What the tests of all vaults share: a context, a person who answers, and a search for secrets."""

import pickle
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import cast

from grantway import Context, Environment, Secret, Transport, Vault
from grantway.clock import SystemClock
from grantway.errors import GrantwayError
from grantway.parts import Prompter
from grantway.testing import ScriptedPrompter
from grantway_vaults import grantway_vaults

SENTINEL = "sentinel-4f9c1d-secret"

VAULTS = MappingProxyType({vault.scheme: vault for vault in grantway_vaults()})


Answers = ScriptedPrompter


def context(prompter: Prompter | None = None) -> Context:
    """A context with a person or without; there is no network in it."""
    clock = SystemClock()
    return Context(
        environment=Environment("Test", "https://id.example"),
        transport=cast("Transport", None),
        clock=clock,
        prompter=prompter,
        deadline=clock.monotonic() + 60,
        timeout=60,
    )


def keep(vault: Vault) -> Callable[[str, Secret, Context], None]:
    """Return the `put` of a vault that has one."""
    assert vault.put is not None
    return vault.put


def assert_hides(error: GrantwayError, secret: str = SENTINEL) -> None:
    """Assert that nothing that can be got at from an error holds the secret: no text, cause, frame, pickle."""
    for each in _chain(error):
        assert secret not in f"{each!s} {each!r} {each.args!r} {vars(each)!r}"
        traceback = each.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if "grantway" in frame.f_globals["__name__"] or each is not error:
                assert secret not in repr(frame.f_locals), frame.f_code.co_qualname
            traceback = traceback.tb_next
    assert secret.encode() not in pickle.dumps(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
