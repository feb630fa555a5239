"""Commands as somebody who is not root, but in the group of the engine's socket."""

import sys
from pathlib import Path

from tools.engine_api import socket_path

from .harness import SWARM


def become(user: int) -> list[str]:
    """Words that run a command as that user. What of the environment lies in a closed folder, such as root's own home,
    they may read all the same; nothing else is theirs."""
    group = socket_path().stat().st_gid
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={group}"]
    on_the_way = [*SWARM.parents, *Path(sys.executable).resolve().parents]
    closed = [folder for folder in on_the_way if not folder.stat().st_mode & 0o001]
    return [*words, *(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] if closed else [])]
