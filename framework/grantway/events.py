"""Events: what happened, told to observers, with nothing secret in it.

`Event` lists their names and facts.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

import attrs

from grantway.suggest import type_of


def _frozen(given: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(dict(given))


@attrs.frozen
class Event:
    """One thing that happened.

    A call that the cache answers makes no event: nothing is spent on the fast path. The others:

    | Name | When | Facts |
    |---|---|---|
    | `token.acquired` | a token was obtained from an authority | environment, provider, parameter_set, tenant_id, expires_on, renewed |
    | `token.failed` | no token could be obtained | environment, provider, parameter_set, error |
    | `cache.failed` | a token cache failed; the call went on without it | operation, error |
    | `refresh_token.kept` | a new refresh token was put where it is safe | environment, provider, parameter_set, saved_to |

    Attributes:
        name: which.
        at: when: an aware instant, in UTC.
        facts: what is known of it, by name.
    """  # noqa: E501  # a table

    name: str
    at: datetime
    facts: Mapping[str, object] = attrs.field(converter=_frozen, hash=False)


Observer = Callable[[Event], None]


def emit(observers: Sequence[tuple[str, Observer]], now: float, name: str, **facts: object) -> None:
    """Tell every observer, given with its plugin's name; `now` is in seconds since the epoch.

    What an observer raises, be it an exit, is logged and goes no further; an interrupt passes.
    """
    if not observers:
        return
    event = Event(name, datetime.fromtimestamp(now, UTC), facts)
    for plugin, observe in observers:
        try:
            observe(event)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # an observer must never be felt
            import logging

            logging.getLogger("grantway.events").warning(
                "plugin %s failed to observe %s: %s", plugin, name, type_of(error)
            )
