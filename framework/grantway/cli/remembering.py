"""What a call leaves, so that the next one can be recalled; see `grantway.cli.recall`.

A note is left by a call that the cache has answered, and of which it is certain that in the same
situation it always comes to the same key. That is not so, and nothing is left,

* where code of third parties was run, or the provider looks at its surroundings;
* where the environment is `transient`, as the sandbox is, or described as like such a one;
* where anything was said beside the answer, for the next one has to be told it as well;
* where the token cache is not the one in its usual place, with its key beside it and named nowhere;
* where the situation is no longer what it was when the call began.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grantway.cli import recall
from grantway.cli.attentive import AttentiveDispatcher
from grantway.cli.recall import Note

if TYPE_CHECKING:
    from grantway.acquisition import Acquisition
    from grantway.cache.onlooker import Onlooker
    from grantway.cli.session import Session
    from grantway.result import AuthenticationResult

LIMIT = 1000
"""How many notes are kept, at most: as many calls as a script for many tenants makes."""


def remember(session: "Session", args: Sequence[str]) -> None:
    """Leave a note of the call that a session has answered, where there can be one."""
    # It is done already, and must not fail by this, not even by an interrupt.
    with suppress(Exception, KeyboardInterrupt):
        dispatcher, printed = session.latest, session.printed
        if not isinstance(dispatcher, AttentiveDispatcher) or printed is None:
            return
        if dispatcher.served is None:
            return
        wanted, result = dispatcher.served
        if session.told or not _is_certain(session, wanted):
            return
        from grantway.cache.onlooker import Onlooker

        onlooker = Onlooker()
        try:
            note = _note(onlooker, wanted, result, printed)
            situation = recall.situation(args)
            # What was read on the way is what was there from the beginning to the end.
            if note is not None and situation is not None and situation == session.situation:
                name = recall.name_of(onlooker.sealer, situation)
                sealed = onlooker.sealer.seal(recall.KIND, name, json.dumps(note).encode())
                _keep(recall.folder(), name.hex(), sealed)
        finally:
            onlooker.close()


def forget() -> None:
    """Let all notes go."""
    # Imported here: only who empties the cache has a use for it.
    from shutil import rmtree

    rmtree(recall.folder(), ignore_errors=True)


def _is_certain(session: "Session", wanted: "Acquisition") -> bool:
    """Whether the call always comes to the same key in the same situation."""
    from grantway.cli.session import DEFAULT_CACHE

    settled, configuration = wanted.settled, session.configuration
    return (
        not session.registry.has_others
        and settled.choice.candidate.provider.surroundings is None
        and (configuration.chosen_cache or DEFAULT_CACHE).casefold() == DEFAULT_CACHE
        # What it stands for may change.
        and not configuration.environ.get("GRANTWAY_CACHE_KEY")
        and not settled.request.environment.transient
    )


def _note(
    onlooker: "Onlooker",
    wanted: "Acquisition",
    result: "AuthenticationResult",
    printed: tuple[str, bool],
) -> Note | None:
    """The note by which the very same result is found; None where it is not."""
    found = onlooker.result(wanted.key)
    if found is None or found.as_dict(secrets=True) != result.as_dict(secrets=True):
        return None
    owner = wanted.owner
    if not owner:
        return Note(wanted.key, *printed, "", "")
    from grantway.accounts import Account, meant

    accounts = onlooker.accounts(owner)
    if accounts is None:
        return None
    request = wanted.settled.request
    account = meant([Account.of(*each) for each in accounts], request)
    whose = account.info.subject if account else request.expected_account
    # Somebody may have signed in or out meanwhile.
    if wanted.settled.key(onlooker.sealer.fingerprint_key, whose) != wanted.key:
        return None
    return Note(wanted.key, *printed, owner, onlooker.told_apart(accounts))


def _keep(folder: Path, name: str, sealed: bytes) -> None:
    """Write a note in one step; of too many a quarter goes, the oldest first."""
    from grantway.cache import private

    private.prepare_folder(folder)
    # A note that is lost with the power costs nobody anything.
    private.write_new(folder / name, sealed, replace=True, lasting=False)
    if len(os.listdir(folder)) > LIMIT:  # noqa: PTH208  # to make paths of them takes longer
        kept = sorted(folder.iterdir(), key=lambda each: each.lstat().st_mtime_ns)
        for each in kept[: LIMIT // 4]:
            with suppress(OSError):  # nobody's note, or gone already
                each.unlink()
