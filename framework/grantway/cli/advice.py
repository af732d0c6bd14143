"""What is known of an authority's own error number, told without asking anybody.

A number comes as people have it at hand: alone, or in the authority's words, from which it is
taken by the pattern of its protocol.
"""

import re
from typing import TYPE_CHECKING

from grantway.errors import InvalidParameter

if TYPE_CHECKING:
    from grantway.environment import Environment


def number_in(said: str, environment: "Environment") -> int:
    """The number that is meant: all of a text, or the first in an authority's words.

    Raises:
        InvalidParameter: there is none.
    """
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", said):
        return int(said)
    pattern = environment.protocol.error_code
    if pattern and (found := re.search(pattern, said, re.IGNORECASE)):
        return int(found[1])
    raise InvalidParameter(
        f"--error: there is no number of {environment.name}'s in it.",
        remedy="Give the number alone, such as 50076; --environment says whose it is.",
        parameter="error",
    )


def advice_on(said: str, environment: "Environment") -> dict[str, object]:
    """What an environment advises, as JSON-ready facts.

    Raises:
        InvalidParameter: there is no number, or nothing is known of it.
    """
    number = number_in(said, environment)
    advice = environment.advice.get(number)
    if advice is None:
        known = f"`grantway environments show {environment.name}` lists what is known"
        raise InvalidParameter(
            f"--error: nothing is known of {number} at {environment.name}.",
            remedy=f"{known}. --environment says whose number it is."
            if environment.advice
            else f"{environment.name} has no advice at all; --environment says whose number it is.",
            parameter="error",
        )
    return {
        "environment": environment.name,
        "code": number,
        "codes": [code for code, text in environment.advice.items() if text == advice],
        "advice": advice,
    }
