"""A call of `grantway token` that was answered before, answered again from the token cache alone.

To parse a line, read the configuration and select a parameter set takes far longer than to read
the token that this always comes to. So a call that the cache has answered leaves a *note*: under
which key the answer rests, and how it was printed. The next process that is in the very same
*situation* finds the note, reads the token by it, and is done.

The law is that nobody can tell: with or without notes a command prints the same and exits the same.
It is kept by three rules.

1. *All that decides is in the situation*: the arguments; the content of the user's configuration
   and the project's; every environment variable, save those that a shell changes from command to
   command; the folder, the user, and what is installed. Nothing of it is understood here, so
   nothing can be misunderstood. Whatever else decides keeps a call from being noted
   (`grantway.cli.remembering`).
2. *The token is judged anew*, by the rules that hold for any call (`grantway.freshness`): it is
   there, it serves, and is not due for renewal. So are the accounts of whoever has signed in.
3. *Whatever is unusual is left to the usual way*, which begins as if nothing had been tried. What
   looks here changes nothing and says nothing (`grantway.cache.onlooker`).

A note is named by a keyed hash of its situation and sealed under that name, both with the key of
the token cache. So nobody can read it, make one, or put one in the place of another; and there is
no token in it. What was changed in code in its place, without a new version of it being
installed, goes unnoticed, as it does with all that is remembered of plugins.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grantway.cache.onlooker import Onlooker
    from grantway.cache.sealing import Sealer
    from grantway.parts import Clock
    from grantway.result import AuthenticationResult

KIND = "recalled call"
LARGEST = 4096

# What a shell sets for each command or folder; none of them has a say in anything.
_PASSING = frozenset(("_", "SHLVL", "PWD", "OLDPWD"))


class Note(NamedTuple):
    """What is remembered of a call that the cache has answered.

    Attributes:
        key: the result's, in the cache.
        format: how it was printed; one of `showing.FORMATS`.
        all_tokens: whether refresh and id token were printed, too.
        owner: whose accounts had a say; "" nobody's.
        accounts: a word for who they were; see `Onlooker.told_apart`.
    """

    key: str
    format: str
    all_tokens: bool
    owner: str
    accounts: str


class Recalled(NamedTuple):
    """What is to be printed."""

    result: "AuthenticationResult"
    note: Note

    def __repr__(self) -> str:
        return "<Recalled>"


def folder() -> Path:
    """Where notes are kept."""
    from grantway.folders import user_folder

    return user_folder("cache") / "recalled"


def situation(args: "Sequence[str]") -> bytes | None:
    """A hash of all that decides what a call comes to; None where that cannot be told."""
    try:
        from hashlib import sha256

        facts = _facts(args)
        return None if facts is None else sha256(json.dumps(facts).encode()).digest()
    except Exception:  # noqa: BLE001  # the usual way will say what is wrong
        return None


def _facts(args: "Sequence[str]") -> list[object] | None:
    from grantway.configuration_files import content_of, project_file, user_file
    from grantway.import_path import state

    path = state()
    if path is None:
        return None
    configuration = user_file()
    try:
        content = content_of(configuration).hex()
    except (FileNotFoundError, NotADirectoryError):
        content = None
    project, of_project = project_file(), None
    if project is not None:
        status = project.stat()
        of_project = [str(project), content_of(project).hex(), status.st_uid, status.st_mode]
    variables = sorted(each for each in os.environ.items() if each[0] not in _PASSING)
    user = os.geteuid() if sys.platform != "win32" else None
    how = [sys.executable, str(sys.flags), sys.warnoptions, user, str(Path.cwd())]
    return [[*args], how, path, str(configuration), content, of_project, variables]


def answered(
    situation: bytes | None, args: "Sequence[str]", clock: "Clock | None" = None
) -> int | None:
    """Answer a call in this situation as before; the exit code. None: it is to go the usual way."""
    found = None if situation is None else _found(situation, clock)
    if found is None:
        return None
    from grantway.cli import output
    from grantway.cli.showing import show

    try:
        output.prepare()
        show(found.result, found.note.format, all_tokens=found.note.all_tokens)
        output.flush()
    except BaseException as error:  # noqa: BLE001  # as `Program.run`
        from grantway.cli.failures import report
        from grantway.cli.session import Session

        session = Session()
        session.as_json = output.answers_in_json(args)
        return report(error, session)
    return 0


def _found(situation: bytes, clock: "Clock | None") -> Recalled | None:
    notes = folder()
    if not os.path.isdir(notes):  # noqa: PTH112  # most often there is nothing to be recalled
        return None
    try:
        from grantway.cache.onlooker import Onlooker

        onlooker = Onlooker()
        try:
            return _recalled(onlooker, notes, situation, clock)
        finally:
            onlooker.close()
    except Exception:  # noqa: BLE001  # the usual way will say what is wrong
        return None


def _recalled(
    onlooker: "Onlooker", notes: Path, situation: bytes, clock: "Clock | None"
) -> Recalled | None:
    note = _read(onlooker.sealer, notes, situation)
    if note is None:
        return None
    if note.owner:
        accounts = onlooker.accounts(note.owner)
        if accounts is None or onlooker.told_apart(accounts) != note.accounts:
            return None
    result = onlooker.result(note.key)
    if result is None:
        return None
    from grantway.clock import SystemClock
    from grantway.freshness import Freshness

    freshness = Freshness(clock or SystemClock())
    if not freshness.serves(note.key, result) or freshness.is_due(result):
        return None
    return Recalled(result, note)


def _read(sealer: "Sealer", notes: Path, situation: bytes) -> Note | None:
    from grantway.cache import private

    name = name_of(sealer, situation)
    private.prepare_folder(notes)
    content = sealer.open(KIND, name, private.read_file(notes / name.hex(), LARGEST))
    return (
        None
        if content is None
        else Note(*cast("tuple[str, str, bool, str, str]", json.loads(content)))
    )


def name_of(sealer: "Sealer", situation: bytes) -> bytes:
    """What the note of a situation is called."""
    return sealer.name(KIND, situation.hex())
