"""How a process ends whose work is done."""

import os
import sys
from threading import active_count


def leave(code: int) -> None:
    """Leave the process at once, unless another thread is at work: then return.

    To take the interpreter down takes longer than many a call has work to do.
    """
    if active_count() > 1:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        # It cannot be written any more, or was closed by a parent: there is none.
        return
    os._exit(code)
