"""`python -m router`, and the command `caas-router`."""

import sys

from router.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
