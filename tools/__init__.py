"""What `make` runs: set-up, the engine, the sample image, the demo, and checks of our own.

Started by whatever `python3` is there, so the version is checked here, before anything newer is imported.
"""

import sys

if sys.version_info < (3, 11):
    found = "{} is {}.{}".format(sys.executable, *sys.version_info[:2])
    sys.exit("error: Python 3.11 or newer is needed, " + found + "; name one: make PYTHON=python3.12 setup")
