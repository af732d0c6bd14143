"""Processes that ask for tokens at once, and are killed as told: a program of its own.

It is told what to do by JSON on its standard input, and forks one process per member when all
that they need is imported. Each has a dispatcher and a cache that it opened by itself. A member
notes on a pipe what it begins and what became of it; notes are one line each, so that a killed
one leaves no half of them. Prints what all have noted, as JSON.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import attrs

import grantway.oauth.exchange
import grantway.oauth.metadata
from cache.support import redis_cache, sqlite_cache
from grantway import Dispatcher, Environment
from grantway.errors import GrantwayError
from grantway_sandbox.environment import environment_at
from oauth.support import dispatcher, environment

_ = grantway.oauth.exchange, grantway.oauth.metadata  # imported before the first fork


class _Server:
    """What `redis_cache` asks of a server: another process has it."""

    def __init__(self, url: str) -> None:
        self.url = url


def cache_at(where: str) -> Any:
    """`redis://...` with a prefix of the test's, else the path of an SQLite file."""
    if where.startswith("redis://"):
        server: Any = _Server(where)
        return redis_cache(server, "crew:" + where.rpartition("#")[2], lease=2.0)
    return sqlite_cache(Path(where))


def place(told: dict[str, Any]) -> Environment:
    """The sandbox, whose refresh tokens stay or do not, or a scripted authority."""
    if not told.get("sandbox"):
        return environment(told["url"])
    found = environment_at(told["url"])
    stay = bool(told["refresh_tokens_stay"])
    return attrs.evolve(
        found, protocol=attrs.evolve(found.protocol, refresh_tokens_stay=stay, variants=())
    )


Note = Callable[..., None]


def ask(asking: Dispatcher, told: dict[str, Any], calls: Sequence[Any], note: Note) -> None:
    """Make each call: its number and its parameters."""
    where = place(told)
    for number, call in calls:
        note("begun", number)
        try:
            result = asking.acquire(environment=where, **_named(call))
        except GrantwayError as error:
            note("failed", number, type(error).__name__, str(error)[:300])
        else:
            note("got", number, result.access_token[-40:])


def _named(call: dict[str, Any]) -> dict[str, Any]:
    if "credential" in call:
        call = {**call, "credential": tuple(call["credential"])}
    return call


def member(told: dict[str, Any], number: int, start: int, notes: int) -> None:
    def note(*facts: object) -> None:
        os.write(notes, (json.dumps(facts) + "\n").encode())

    calls = list(enumerate(told["calls"]))
    if told.get("each"):
        # One call each, instead of all for everybody.
        calls = calls[number :: told["members"]]
    if told.get("shuffled"):
        Random(number).shuffle(calls)
    with dispatcher(cache=cache_at(told["cache"])) as asking:
        os.read(start, 1)
        ask(asking, told, calls, note)
    note("done", number)


def fork(told: dict[str, Any], number: int) -> tuple[int, int, int]:
    """A new member: its id, what to write to for a start, what to read its notes from."""
    reader, notes = os.pipe()
    start, starter = os.pipe()
    child = os.fork()
    if child:
        os.close(notes)
        os.close(start)
        os.set_blocking(reader, False)
        return child, starter, reader
    try:
        member(told, number, start, notes)
    finally:
        os._exit(0)


def _drain(reader: int) -> bytes:
    said = b""
    while True:
        try:
            more = os.read(reader, 65536)
        except BlockingIOError:
            return said
        if not more:
            return said
        said += more


def main() -> None:
    told = json.load(sys.stdin)
    random, kills = Random(told.get("seed", 1)), told.get("kills", 0)
    lives: list[tuple[int, bytes, int]] = []
    crew = {number: (*fork(told, number), b"") for number in range(told["members"])}
    for _, starter, _, _ in crew.values():
        os.write(starter, b"!")
    next_kill = time.monotonic() + random.uniform(*told.get("kill_after", (1, 1)))
    while crew:
        time.sleep(0.005)
        for number, (child, starter, reader, said) in list(crew.items()):
            said += _drain(reader)
            crew[number] = (child, starter, reader, said)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                said += _drain(reader)
                lives.append((number, said, os.waitstatus_to_exitcode(status)))
                os.close(reader)
                os.close(starter)
                del crew[number]
        if crew and kills and time.monotonic() > next_kill:
            kills -= 1
            next_kill = time.monotonic() + random.uniform(*told["kill_after"])
            number = random.choice(sorted(crew))
            child, starter, reader, said = crew[number]
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            lives.append((number, said + _drain(reader), os.waitstatus_to_exitcode(status)))
            os.close(reader)
            os.close(starter)
            del crew[number]
            if told.get("resumed"):
                crew[number] = (*fork(told, number), b"")
                os.write(crew[number][1], b"!")
    print(
        json.dumps(
            [
                {
                    "member": number,
                    "code": code,
                    "notes": [json.loads(x) for x in said.splitlines()],
                }
                for number, said, code in lives
            ]
        )
    )


if __name__ == "__main__":
    main()
