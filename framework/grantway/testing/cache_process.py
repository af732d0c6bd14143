"""A process that uses the same token cache: `PLUGIN NAME URL ACTION`.

Its actions are: `write`, which puts refresh tokens without end and says the slot of each once it is
there; `hold`, which holds the key `a key`, says so, and waits to be killed; and `find`, which puts
a result and says which of the keys that come on standard input have one.
"""

import sys
import time
from itertools import count

from grantway.testing.registries import registry_with
from grantway.token_cache import Coordinator


def main() -> None:
    """Do what the arguments say."""
    from importlib import import_module

    from grantway.testing.token_cache_setting import a_refresh_token, a_result

    plugin, name, url, action = sys.argv[1:]
    cache = registry_with(import_module(plugin)).token_caches[name.casefold()].create(url)
    match action:
        case "write":
            for number in count():
                cache.put_refresh_token(f"slot {number}", a_refresh_token(f"token {number}"))
                _say(f"slot {number}")
        case "hold":
            assert isinstance(cache, Coordinator)
            with cache.lock("a key", time.sleep):
                _say("held")
                sys.stdin.read()
        case _:
            cache.put("of the other process", a_result())
            for key in sys.stdin.read().splitlines():
                if cache.get(key) is not None:
                    _say(key)
            cache.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
