"""Values as they are given, read by a parameter's own functions, which may be a plugin's.

What cannot be read may be a secret in the wrong place, and what a plugin raises may hold one. So
a value stays inside its mapping, whose representation shows no values: no frame that ends up in a
traceback holds it. And instead of an error there is a reason, for whoever asked to raise where
the frames of the reader are gone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import attrs

from grantway.errors import PluginError
from grantway.parameters import Parameter, Refused
from grantway.secret import Credential, Made, Reference, Secret
from grantway.suggest import sentence, type_of

if TYPE_CHECKING:
    from grantway.redaction import Redactor


@attrs.frozen(eq=False, repr=False)
class Unread:
    """Why a value cannot be read: a sentence, without the value where that is a secret.

    `remedy` is what to do about it; empty where it is to read what the parameter is for.
    """

    reason: str
    remedy: str = ""


def read(
    reader: Callable[[object], object],
    values: Mapping[str, object],
    name: str,
    parameter: Parameter[object],
) -> object:
    """What `reader` makes of the value of that name, or why it can make nothing of it.

    Raises:
        PluginError: a secret would go on in clear.
    """
    try:
        found = reader(values[name])
    except ValueError as error:
        reason, remedy = sentence(error), error.remedy if isinstance(error, Refused) else ""
        if parameter.secret:
            redact = _redactor(values[name]).text
            reason, remedy = redact(reason), redact(remedy)
        return Unread(reason, remedy)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # of a plugin's; its text may hold the value
        return Unread(f"its value cannot be read ({type_of(error)}).")
    if not parameter.secret or isinstance(found, Secret | Reference | Credential | Made):
        return found
    kind = type_of(found)
    del found
    raise PluginError(
        f"{parameter.name} is declared to be secret, and is read as a {kind}, which shows itself.",
        remedy="That is a fault of the plugin that declares it: its author has to parse it with "
        "grantway.parameters.secret.",
    )


def _redactor(value: object) -> "Redactor":
    """Knows what is secret in a value that could not be read, whatever was given for it."""
    # Imported here: most values can be read.
    from grantway.redaction import Redactor

    found = Redactor()
    members = cast("Sequence[object]", value) if isinstance(value, tuple | list) else (value,)
    for each in members:
        found.add(each if isinstance(each, str | Secret) else None)
    return found
