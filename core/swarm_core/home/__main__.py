"""`python -m swarm_core.home`: the supervisor in the foreground of a process without a terminal."""

import argparse
import os
import sys
from pathlib import Path

from swarm_core.home.detach import EXIT_LOCKED
from swarm_core.home.layout import find_home
from swarm_core.home.lock import Locked
from swarm_core.home.run import run
from swarm_core.home.show import showing
from swarm_protocol.errors import EXIT_OUR_FAILURE, SwarmError


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m swarm_core.home")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int)
    given = parser.parse_args(argv)
    try:
        with showing(live=False) as show:
            run(find_home(), given.data, given.port, os.environ, show)
    except Locked:
        return EXIT_LOCKED
    except (SwarmError, OSError) as error:
        print(f"error: {error}", *([f"hint: {error.hint}"] if isinstance(error, SwarmError) else []), sep="\n")
        return EXIT_OUR_FAILURE
    return 0


if __name__ == "__main__":
    sys.exit(main())
