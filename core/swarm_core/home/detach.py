"""A supervisor in the background: a process of its own session, watched until it is up or has failed."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from swarm_core.home import report
from swarm_core.home.folder import open_log
from swarm_core.home.layout import Home
from swarm_core.home.report import Report
from swarm_core.home.server import ServerFailed, tail
from swarm_core.home.show import Show
from swarm_protocol.errors import SwarmError

EXIT_LOCKED: Final = 75
"""Of the background process: another one was quicker."""
SUPERVISOR: Final = (sys.executable, "-m", "swarm_core.home")
_UP_SECONDS: Final = 300.0
_LOOK: Final = 0.05


def start(home: Home, data: Path | None, port: int | None, show: Show, program: Sequence[str] = SUPERVISOR) -> bool:
    """Start it and return once it is up; False when another was quicker. Raises SwarmError when it fails."""
    home.make_state()
    log = home.log("supervisor")
    words = [*(["--data", str(data.absolute())] if data else []), *(["--port", str(port)] if port is not None else [])]
    with open_log(log) as out:
        child = subprocess.Popen(
            [*program, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True, cwd=os.path.sep,
        )  # fmt: skip
    return _watch(home, child, show)


def _watch(home: Home, child: "subprocess.Popen[bytes]", show: Show) -> bool:
    end = time.monotonic() + _UP_SECONDS
    last: Report | None = None
    while time.monotonic() < end:
        ended = child.poll()
        now = report.read(home.report)
        if now is not None and now.pid == child.pid and now != last:
            last = now
            show(now)
            if now.state == "ready":
                child.returncode = 0  # it goes on without us: nobody is to wait for it
                return True
        if ended is not None:
            return _ended(home, ended, last)
        time.sleep(_LOOK)
    raise SwarmError("unavailable", f"swarm is not up after {_UP_SECONDS:.0f} s", hint="see `swarm status`")


def _ended(home: Home, code: int, last: Report | None) -> bool:
    if code == EXIT_LOCKED:
        return False
    if last is not None and last.error:
        raise SwarmError("unavailable", last.error, hint=last.hint or f"read {home.log('supervisor')}")
    if printed := tail(home.log("supervisor"), lines=3).strip():
        raise SwarmError("unavailable", printed, hint=f"read {home.log('supervisor')}")
    raise ServerFailed("the supervisor", f"ended (code {code})", home.log("supervisor"))
