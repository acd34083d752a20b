"""The command ``usersync`` as ``python -m pytest_usersync``."""

import sys

from .console import main

if __name__ == "__main__":
    sys.exit(main())
