"""`python -m grantway`: the command line."""

import sys

from grantway.cli import main

if __name__ == "__main__":
    sys.exit(main())
