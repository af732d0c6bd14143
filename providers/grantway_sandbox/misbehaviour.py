"""Authorization answers that no client should believe: what attackers and broken servers send.

A test asks for one by name: `sandbox.fail_next("wrong_state", at="authorize")`. Sign-in goes as
always; only the answer at its end is not what it should be.
"""

from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit, urlunsplit

WRONG: Final = "this-is-not-what-was-sent"
MARKUP: Final = "<script>alert(1)</script><b>Call the help desk</b> & \"say\" 'yes'"


class Misbehaviour(StrEnum):
    """What is wrong with an answer."""

    WRONG_STATE = "wrong_state"
    MISSING_STATE = "missing_state"
    WRONG_ISS = "wrong_iss"
    MISSING_ISS = "missing_iss"
    WRONG_NONCE = "wrong_nonce"
    """In the id_token, that is: it is made when the code is redeemed."""
    DUPLICATE_PARAMETERS = "duplicate_parameters"
    MISSING_CODE = "missing_code"
    HTML_ERROR = "html_error"
    """An error whose description is markup."""
    OTHER_PATH = "other_path"
    """To the right host and port, under a path that was not asked for."""


def twist(
    kind: Misbehaviour | None, redirect_uri: str, parameters: list[tuple[str, str]]
) -> tuple[str, list[tuple[str, str]]]:
    """Return the answer as `kind` has it; None leaves it as it is."""

    def without(*names: str) -> list[tuple[str, str]]:
        return [pair for pair in parameters if pair[0] not in names]

    match kind:
        case Misbehaviour.WRONG_STATE:
            parameters = [*without("state"), ("state", WRONG)]
        case Misbehaviour.MISSING_STATE:
            parameters = without("state")
        case Misbehaviour.WRONG_ISS:
            parameters = [*without("iss"), ("iss", f"https://{WRONG}.example/v2.0")]
        case Misbehaviour.MISSING_ISS:
            parameters = without("iss")
        case Misbehaviour.DUPLICATE_PARAMETERS:
            again = [(name, WRONG if name == "code" else value) for name, value in parameters]
            parameters = [*parameters, *again]
        case Misbehaviour.MISSING_CODE:
            parameters = without("code")
        case Misbehaviour.HTML_ERROR:
            told = [("error", "access_denied"), ("error_description", MARKUP)]
            parameters = [*told, *without("code", "error", "error_description")]
        case Misbehaviour.OTHER_PATH:
            redirect_uri = urlunsplit(urlsplit(redirect_uri)._replace(path="/somewhere/else"))
        case _:
            pass
    return redirect_uri, parameters
