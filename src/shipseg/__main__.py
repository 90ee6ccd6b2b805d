"""Run the command line with `python -m shipseg`."""

import sys

from shipseg.cli.main import main

sys.exit(main())
