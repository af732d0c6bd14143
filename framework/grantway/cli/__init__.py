"""The command line: `grantway`, or `python -m grantway`.

    program.py     the group `grantway`: its options, its commands, how a run begins and ends
    recall.py      a call that was answered before, answered again without all of this
    remembering.py what a call leaves for that
    attentive.py   a dispatcher that knows what it has served
    leaving.py     the end of a process
    awaiting.py    something done when a module is first imported
    command.py     what every command has: examples, typing mistakes met with advice
    session.py     what the commands of one run share, made when it is first used
    calls.py       what `token` and `explain` share
    options.py     options out of the parameters that plugins declare
    syntax.py      a parameter set as the reference's SYNTAX writes it
    output.py      tables, JSON, colour: how answers look
    showing.py     a token, in each of its formats
    logs.py        -v and -vv, warnings, and the masking of both
    failures.py    exit codes, and how an error is told
    checking.py    all that is wrong with a configuration
    findings.py    checks, as they are told
    examination.py what doctor looks at
    opening.py     one reference opened outside of a call
    commands/      one module for each command

Standard output carries the answer and nothing else. Whatever is slow to import is imported by
the command that uses it, when it does: `grantway --version` needs click and little more.
"""

import sys
from typing import NoReturn


def script() -> NoReturn:
    """The program `grantway`: as `main`, and leave without delay."""
    import gc

    # What imports make stays; to look through it for garbage again and again is in vain.
    gc.set_threshold(50_000)
    sys.exit(main(leave=True))


def main(*, leave: bool = False) -> int:
    """Run the command line with the arguments of this process; returns the exit code.

    With `leave` it need not return, where nobody waits for the end of the interpreter; and a call
    that was answered before may be answered by what is remembered of it (`grantway.cli.recall`).
    """
    try:
        return _run(sys.argv[1:], leave=leave)
    except KeyboardInterrupt:
        # Before the program could take care of it itself: while it was being imported.
        sys.stderr.write("\n")
        return 130


def _run(args: list[str], *, leave: bool) -> int:
    situation = None
    if leave and args[:1] == ["token"]:
        from grantway.cli import recall

        situation = recall.situation(args)
        code = recall.answered(situation, args)
        if code is not None:
            from grantway.cli.leaving import leave as leave_at_once

            leave_at_once(code)
            return code

    from grantway.cli.program import program
    from grantway.cli.session import Session

    session = Session()
    session.situation = situation
    code = program.run(args, session)
    if code == 0 and situation is not None:
        from grantway.cli.remembering import remember

        remember(session, args)
    if leave:
        session.leave(code)
    return code
