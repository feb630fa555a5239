"""Whether a Docker Engine answers, and what to do when none does."""

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOCKET: Final = "/var/run/docker.sock"


def missing_engine(env: Mapping[str, str]) -> str:
    """ "" when an engine can be reached, else one line with the command that helps."""
    host = env.get("DOCKER_HOST", "") or f"unix://{SOCKET}"
    if not host.startswith("unix://"):
        return ""  # another machine's: the worker says what it finds there
    path = host.removeprefix("unix://")
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2.0)
            link.connect(path)
    except PermissionError:
        user = env.get("USER", "$USER")
        return f"you may not use the Docker Engine at {path}: run `sudo usermod -aG docker {user}` and sign in again"
    except OSError:
        return f"no Docker Engine answers at {path}, so no job can run yet: {_remedy()}"
    return ""


def _remedy() -> str:
    if shutil.which("dockerd") is None:
        if shutil.which("apt-get"):
            return "run `sudo apt-get install docker.io`"
        return "install it as https://docs.docker.com/engine/install/ says"
    if Path("/run/systemd/system").is_dir():
        return "run `sudo systemctl start docker`"
    return "run `sudo dockerd`"
