"""The command line: `grantway`, or `python -m grantway`.

    program.py     the group `grantway`: its options, its commands, how a run begins and ends
    awaiting.py    something done when a module is first imported
    command.py     what every command has: examples, typing mistakes met with advice
    session.py     what the commands of one run share, made when it is first used
    calls.py       what `token` and `explain` share
    options.py     options out of the parameters that plugins declare
    syntax.py      a parameter set as the reference's SYNTAX writes it
    output.py      tables, JSON, colour: how answers look
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

    With `leave` it need not return: see `Session.leave`.
    """
    try:
        from grantway.cli.program import program
        from grantway.cli.session import Session

        session = Session()
        code = program.run(sys.argv[1:], session)
        if leave:
            session.leave(code)
    except KeyboardInterrupt:
        # Before the program could take care of it itself: while it was being imported.
        sys.stderr.write("\n")
        return 130
    return code
