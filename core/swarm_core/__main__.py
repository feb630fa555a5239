"""`python -m swarm_core …`: the same commands as `swarm core …`."""

import sys

from swarm_core.commands import app
from swarm_protocol.errors import SwarmError


def main() -> None:
    """The console script. What is wrong goes to standard error, with the next step; exit code 1."""
    try:
        app(prog_name="swarm-core")
    except SwarmError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for wrong in error.errors:
            print(f"  {wrong.get('field', '')}: {wrong.get('message', '')}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
