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
from contextlib import suppress
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


class Member:
    """One process of the crew, started at once; `said` is what it has noted so far."""

    def __init__(self, told: dict[str, Any], number: int) -> None:
        self.number, self.said = number, b""
        self._reader, notes = os.pipe()
        start, self._starter = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            try:
                member(told, number, start, notes)
            finally:
                os._exit(0)
        os.close(notes)
        os.close(start)
        os.set_blocking(self._reader, False)

    def start(self) -> None:
        os.write(self._starter, b"!")

    def listen(self) -> None:
        with suppress(BlockingIOError):
            while more := os.read(self._reader, 65536):
                self.said += more

    def end(self, kill: bool = False) -> dict[str, Any] | None:
        """What it noted, if it has ended, or has to; else None."""
        self.listen()
        if kill:
            os.kill(self.child, signal.SIGKILL)
        ended, status = os.waitpid(self.child, 0 if kill else os.WNOHANG)
        if not ended:
            return None
        self.listen()
        os.close(self._reader)
        os.close(self._starter)
        return {
            "member": self.number,
            "code": os.waitstatus_to_exitcode(status),
            "notes": [json.loads(line) for line in self.said.splitlines()],
        }


def main() -> None:
    told = json.load(sys.stdin)
    random, kills = Random(told.get("seed", 1)), told.get("kills", 0)
    kill_after = told.get("kill_after", (0, 0))
    lives: list[dict[str, Any]] = []
    crew = [Member(told, number) for number in range(told["members"])]
    for each in crew:
        each.start()
    next_kill = time.monotonic() + random.uniform(*kill_after)
    while crew:
        time.sleep(0.005)
        for each in tuple(crew):
            if life := each.end():
                lives.append(life)
                crew.remove(each)
        if crew and kills and time.monotonic() > next_kill:
            kills -= 1
            next_kill = time.monotonic() + random.uniform(*kill_after)
            victim = random.choice(crew)
            lives.append(victim.end(kill=True) or {})
            crew.remove(victim)
            if told.get("resumed"):
                crew.append(Member(told, victim.number))
                crew[-1].start()
    print(json.dumps(lives))


if __name__ == "__main__":
    main()
