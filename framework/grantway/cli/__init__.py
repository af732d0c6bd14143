"""The command line: `grantway`, or `python -m grantway`.

    program.py     the group `grantway`: its options, its commands, how a run begins and ends
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


def main() -> int:
    """Run the command line with the arguments of this process; returns the exit code."""
    try:
        from grantway.cli.program import program

        return program.run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before the program could take care of it itself: while it was being imported.
        sys.stderr.write("\n")
        return 130
