"""Run as a program: a supervisor on SWARM_HOME with the real servers and two tiny programs in place of core and worker.

Each of the two writes a line when it starts and when it is told to end, so that a test can see the order.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from swarm_core.home.detach import EXIT_LOCKED
from swarm_core.home.layout import Home, find_home
from swarm_core.home.lock import Locked
from swarm_core.home.patience import Patience
from swarm_core.home.postgres import EmbeddedPostgres
from swarm_core.home.program import Program, Spec
from swarm_core.home.run import run
from swarm_core.home.show import showing
from swarm_core.home.stack import STOP_CORE, STOP_WORKER, Stack
from swarm_core.home.supervisor import Child
from swarm_core.home.valkey import EmbeddedValkey
from swarm_protocol.errors import EXIT_OUR_FAILURE, SwarmError

CHILD = """
import os, pathlib, signal, sys
role, journal = sys.argv[1:]
def say(text):
    with open(journal, "a") as out:
        out.write(f"{role} {text}\\n")
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: (say(signal.Signals(number).name), os._exit(0)))
if pathlib.Path(journal + ".broken").exists():
    sys.exit(f"{role} is broken on purpose")
say("started")
while True:
    signal.pause()
"""


class FakeStack(Stack):
    """The same roles; nobody is signed in."""

    def __init__(self, home: Home, port: int, env: Mapping[str, str]) -> None:
        super().__init__(home, port, env)
        self._folders = home
        self._journal = home.state / "journal"

    def children(self) -> list[Child]:
        home, patience = self._folders, patience_of(os.environ)
        return [
            Child(role="postgres", make=lambda _: EmbeddedPostgres(home.postgres, fsync=False), patience=patience),
            Child(role="valkey", make=lambda _: EmbeddedValkey(home.valkey), patience=patience),
            Child(role="core", make=lambda _: self._program("core"), needs=("postgres", "valkey")),
            Child(role="worker", make=lambda _: self._program("worker")),
        ]

    def _program(self, role: str) -> Program:
        count = self._lines(role)
        return Program(
            Spec(
                name=role,
                argv=[sys.executable, "-c", CHILD, role, str(self._journal)],
                env=dict(os.environ),
                log=self._folders.log(role),
                pid_file=self._folders.pid_file(role),
                ready=lambda _: self._lines(role) > count,
                stop=STOP_WORKER if role == "worker" else STOP_CORE,
            )
        )

    def _lines(self, role: str) -> int:
        text = self._journal.read_text() if self._journal.exists() else ""
        return text.count(f"{role} started\n")


def patience_of(env: Mapping[str, str]) -> Patience:
    """The usual one, or a short one with the limit that a test gives."""
    limit = env.get("TEST_PATIENCE")
    return Patience(every=0.2, answer=0.3, limit=float(limit)) if limit else Patience()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    try:
        with showing(live=False) as show:
            run(find_home(), parser.parse_args().data, None, os.environ, show, FakeStack)
    except Locked:
        return EXIT_LOCKED
    except SwarmError:
        return EXIT_OUR_FAILURE
    return 0


if __name__ == "__main__":
    sys.exit(main())
