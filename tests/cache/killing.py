"""Kill a writer at random moments, again and again, and look at what it leaves: `PATH CYCLES SEED`.

A process of its own, for it forks: each cycle's writer is a child with a cache that it opened by
itself. A row counts once the writer has said so, through a pipe, after `put` returned. Prints what
went wrong, as JSON: nothing, if all is well.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from random import Random

from cache.support import result, sqlite_cache, stored


def writer(path: Path, cycle: int, acknowledged: int) -> None:
    """Write results and refresh tokens under a lock until killed; each is said when it is there."""
    cache, number = sqlite_cache(path), 0
    while True:
        with cache.lock("the writer", time.sleep):
            name = f"{cycle}-{number}"
            if number % 3:
                cache.put(name, result(name))
            else:
                cache.put_refresh_token(name, stored(name))
            os.write(acknowledged, f"{name}\n".encode())
        number += 1


def killed_writer(path: Path, cycle: int, seconds: float) -> list[str]:
    """What a writer had said was there when it was killed."""
    reader, acknowledged = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            writer(path, cycle, acknowledged)
        finally:
            os._exit(1)
    os.close(acknowledged)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    said = b""
    while more := os.read(reader, 65536):
        said += more
    os.close(reader)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        return ["the writer ended by itself"]
    return said.decode().split()


def held_by_the_dead(seconds: float) -> None:
    raise TimeoutError("nobody is alive who could hold it")


def main() -> None:
    path, cycles, random = Path(sys.argv[1]), int(sys.argv[2]), Random(int(sys.argv[3]))
    wrong: list[str] = []
    there: list[str] = []
    # All that a writer needs is imported before the first fork.
    warm = sqlite_cache(path)
    warm.put("warm", result())
    warm.get("warm")
    warm.close()
    for cycle in range(cycles):
        new = killed_writer(path, cycle, random.uniform(0.0, 0.02))
        there += new
        cache = sqlite_cache(path)
        try:
            with cache.lock("the writer", held_by_the_dead):
                # What is new, and a few of the old.
                for name in (*new, *random.sample(there, min(3, len(there)))):
                    number = int(name.partition("-")[2])
                    found = cache.get(name) if number % 3 else cache.get_refresh_token(name)
                    if found is None:
                        wrong.append(f"{name} is missing in cycle {cycle}")
            cache.put("after", result())
        except Exception as error:  # noqa: BLE001  # told in the end
            wrong.append(f"cycle {cycle}: {error!r}")
        cache.close()
    cache = sqlite_cache(path)
    for name in there:
        number = int(name.partition("-")[2])
        if (cache.get(name) if number % 3 else cache.get_refresh_token(name)) is None:
            wrong.append(f"{name} is missing in the end")
    cache.close()
    print(json.dumps({"written": len(there), "wrong": wrong}))


if __name__ == "__main__":
    main()
