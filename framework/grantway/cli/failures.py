"""Exit codes, and how an error is told.

`CODES` is the whole truth about exit codes. An error is told on standard error: what happened,
what to do about it, and for a refusal of the authority the ids that its support asks for. To
somebody who reads JSON it is one JSON object. Anything that is not a known error is a bug of
ours: it says so briefly, since its text may hold anything, and shows its traceback, masked and
without the values of variables, only under `-vv`.
"""

import os
import re
import sys
import traceback
from contextlib import suppress

import click

from grantway.cli import output
from grantway.cli.session import Session
from grantway.errors import (
    AuthorityError,
    CacheError,
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    GrantwayError,
    InteractionRequired,
    InvalidParameter,
    MalformedResponse,
    NoParameterSetMatches,
    PluginError,
    ProtocolViolation,
    SelectionError,
    TransportError,
    VaultError,
)
from grantway.suggest import type_of

#: The first class that fits decides; what fits none is a bug, and 1.
CODES: tuple[tuple[type[BaseException], int], ...] = (
    (click.UsageError, 2),
    (SelectionError, 2),
    (ConfigurationError, 3),
    (PluginError, 3),
    (CacheError, 3),
    (VaultError, 3),
    (InteractionRequired, 4),
    (AuthorityError, 5),
    (TransportError, 6),
    (MalformedResponse, 6),
    (ProtocolViolation, 6),
    (DeadlineExceeded, 6),
    (Cancelled, 130),
    (KeyboardInterrupt, 130),
    (click.Abort, 130),
    (BrokenPipeError, 141),
    (output.Unwritable, 3),
)
BUG = 1

_GLOBAL_OPTIONS = ("--no-plugins", "--no-input", "--verbose", "-v", "--version")
# What a message for Python calls by the name of an argument has an option here; what it says of
# Python alone is not for whoever is here.
_ARGUMENT = re.compile(r"\b([a-z]+(?:_[a-z]+)*)=(?=['\s.,;)]|$)")
_OF_PYTHON = re.compile(r" \(from Python, [^()]*\)")
# The errors that speak of the call.
_SPOKEN = (SelectionError, InteractionRequired, DeadlineExceeded)
_SUPPORT = ("correlation_id", "trace_id", "timestamp")


def code_of(error: BaseException) -> int:
    """The exit code of an error."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return code
    return error.exit_code if isinstance(error, click.ClickException) else BUG


def report(error: BaseException, session: Session) -> int:
    """Tell an error on standard error; returns its exit code."""
    if isinstance(error, SystemExit):
        # A command of a plugin that leaves by itself; a text in it is a message, as for Python.
        if not isinstance(error.code, str):
            return error.code or 0
        error = click.ClickException(error.code)
    code = code_of(error)
    try:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            output.note(error.format_message())
        elif isinstance(error, BrokenPipeError):
            _close_stdout()
        elif code == 130:  # as in the table above
            output.note("")
        else:
            _flush_stdout()
            _tell(error, session)
    except OSError:
        # Nobody reads standard error either.
        pass
    return code


def _tell(error: BaseException, session: Session) -> None:
    from grantway.cli.logs import masked, masked_values

    facts = facts_of(error)
    if session.as_json:
        if session.warnings:
            facts["warnings"] = session.warnings
        # Masked before they are JSON, which has to stay JSON.
        output.note(output.to_json(masked_values(facts), indent=None))
    else:
        for each in getattr(error, "found", ()) or (error,):
            message, *details = lines_of(each, facts_of(each))
            word = output.paint("Error:", "red", sys.stderr)
            text = "\n".join([message, *(f"  {detail}" for detail in details)])
            output.note(f"{word} {output.printable(masked(text))}")
    if session.verbosity > 1:
        trace = "".join(traceback.format_exception(error))
        output.note(output.printable(masked(trace)).rstrip())


def facts_of(error: BaseException) -> dict[str, object]:
    """An error as JSON-ready facts."""
    if isinstance(error, GrantwayError):
        facts = error.as_dict()
        facts["message"] = _message_of(error)
        if remedy := _remedy_of(error):
            facts["remedy"] = remedy
        return facts
    if isinstance(error, click.ClickException):
        message = error.format_message()
        return {"type": type_of(error), "message": message, "remedy": _usage_remedy(error)}
    if isinstance(error, output.Unwritable):
        return {"type": "Unwritable", "message": str(error)}
    return {
        "type": "InternalError",
        "message": f"This is a bug: {type_of(error)}.",
        "remedy": "Please report it, with what `grantway -vv ...` says.",
    }


def lines_of(error: BaseException, facts: dict[str, object]) -> list[str]:
    """An error as lines for a person: what happened, then what else there is to say."""
    lines = [str(facts["message"]), str(facts.get("remedy", ""))]
    if isinstance(error, AuthorityError):
        support = {name: str(facts[name]) for name in _SUPPORT if name in facts}
        # Some authorities have them in their description already.
        told = [f"{name} {fact}" for name, fact in support.items() if fact not in lines[0]]
        lines.append(", ".join(told))
    return [line for line in lines if line]


def _message_of(error: GrantwayError) -> str:
    """The message in the words of the command line, where it has others than Python."""
    if not isinstance(error, _SPOKEN):
        return error.message
    return _named(error, in_options(error.message))


def _remedy_of(error: GrantwayError) -> str:
    """The remedy, likewise."""
    if isinstance(error, NoParameterSetMatches) and error.nearest:
        add, drop = (
            ", ".join(option(name) for name in names) for names in (error.missing, error.unexpected)
        )
        parts = (
            f"Add {add}." if add else "",
            f"Leave out {drop}." if drop else "",
            "`grantway token --help` shows all parameter sets.",
        )
        return " ".join(part for part in parts if part)
    return in_options(error.remedy) if isinstance(error, _SPOKEN) else error.remedy


def _named(error: BaseException, message: str) -> str:
    """`message` with the parameters that the error is about written as options."""
    if isinstance(error, NoParameterSetMatches):
        given, colon, needs = message.partition(": ")
        names = "|".join(re.escape(name) for name in (*error.missing, *error.unexpected))
        return given + colon + re.sub(rf"\b(?:{names})\b", lambda m: option(m[0]), needs)
    if isinstance(error, InvalidParameter) and message.startswith(f"{error.parameter}:"):
        return option(error.parameter) + message.removeprefix(error.parameter)
    return message


def option(name: str) -> str:
    """The option of a parameter: `--tenant-id`."""
    return "--" + name.replace("_", "-")


def in_options(text: str) -> str:
    """`text` with the arguments of a Python call written as options."""
    return _ARGUMENT.sub(
        lambda match: option(match[1]) + " " * match.string.startswith("'", match.end()),
        _OF_PYTHON.sub("", text),
    )


def _usage_remedy(error: click.ClickException) -> str:
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    path = error.ctx.command_path
    if isinstance(error, click.NoSuchOption) and _some_are_set_aside(error.ctx):
        return "Some plugins are not in use, nor are their options: see `grantway plugins`."
    name = getattr(error, "option_name", "")
    if name in _GLOBAL_OPTIONS and error.ctx.parent is not None:
        return f"{name} stands before the command: grantway {name} ..."
    return f"`{path} --help` shows what it takes."


def _some_are_set_aside(context: click.Context) -> bool:
    return any(each.state != "active" for each in Session.of(context).known.plugins)


def _flush_stdout() -> None:
    """Have what was already answered arrive before the error does."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        # It is gone, or there never was one.
        _close_stdout()


def _close_stdout() -> None:
    """Point standard output nowhere, so that Python's last flush does not complain."""
    # Where it is no file, or is closed already, nothing will be flushed.
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
