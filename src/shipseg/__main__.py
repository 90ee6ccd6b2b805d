"""Run the command line as `python -m shipseg`."""

import sys

from shipseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
