"""Whether a secret is in anything that leaves: texts, attributes, causes, tracebacks, pickles."""

import copy
import pickle
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from grantway.errors import GrantwayError
from grantway.secret import Credential, Secret

_HERE = str(Path(__file__).parent)


def assert_unseen(secrets: Iterable[str], what: str, *texts: object) -> None:
    """Assert that no secret is in any of these texts, as it is or as a URL spells it.

    What is found is not repeated.

    Raises:
        AssertionError: there is one; `what` says where.
    """
    shown = "\n".join(map(str, texts))
    for number, secret in enumerate(secrets, 1):
        if any(each in shown for each in {secret, quote(secret, safe=""), quote_plus(secret)}):
            raise AssertionError(
                f"{what} shows secret number {number} of the test. Keep it a Secret until the "
                "expression that sends it, and have context.redactor know it."
            )


def texts_of(error: BaseException) -> Iterator[str]:
    """All that an exception, and those behind it, say of themselves."""
    for each in _chain(error):
        yield from (str(each), repr(each), repr(each.args), repr(vars(each)))
        # An attribute of an exception that is none of ours may show what its text does not.
        yield from (repr(getattr(each, name, "")) for name in ("object", "doc", "request"))
        if isinstance(each, GrantwayError):
            yield from (repr(each.as_dict()), repr(copy.copy(each)))


def traceback_of(error: BaseException) -> str:
    """The tracebacks of an exception and of those behind it, with all local variables.

    Frames of this kit are left out: it made the secrets.
    """
    shown: list[str] = []
    for each in _chain(error):
        found = traceback.TracebackException.from_exception(each, capture_locals=True)
        found.stack = traceback.StackSummary.from_list(
            [frame for frame in found.stack if not frame.filename.startswith(_HERE)]
        )
        shown.extend(found.format(chain=False))
    return "".join(shown)


def pickle_of(error: BaseException) -> str:
    """An error of ours as it crosses a process boundary.

    Raises:
        AssertionError: it cannot.
    """
    try:
        pickled = pickle.dumps(error)
        back: object = pickle.loads(pickled)  # noqa: S301  # our own
    except Exception as failure:  # noqa: BLE001  # whatever an __init__ raises
        raise AssertionError(
            f"{type(error).__name__} cannot be pickled ({type(failure).__name__}): each argument "
            "of its constructor but the message needs a default."
        ) from None
    return pickled.decode("latin-1") + repr(vars(back))


def secrets_in(value: object) -> Iterator[str]:
    """The secret in a parameter's value, as the author of a test has written it down."""
    match value:
        case Secret():
            yield value.reveal()
        case Credential(password=Secret() as secret):
            yield secret.reveal()
        case str():
            yield value
        case (str(), str() as password):
            yield password
        case (str(), Secret() as secret):
            yield secret.reveal()
        case _:
            pass


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        each = queue.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        queue += [each.__cause__, each.__context__]
