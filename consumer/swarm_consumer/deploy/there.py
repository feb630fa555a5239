"""What a machine is, for a worker to be put on it. Runs over there, on its Python alone, and prints JSON.

Nothing of ours can be imported here: this file is sent through ssh and read by an interpreter that has never seen us.
"""

import http.client
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys

SECONDS = 5.0


class _Engine(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def engine() -> dict[str, str]:
    """The container engine's version, or why it can't be used."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        return {"socket": host, "error": "DOCKER_HOST is no socket of this machine"}
    path = host[len("unix://") :]
    link = _Engine(path)
    try:
        link.request("GET", "/version")
        return {"socket": path, "version": str(json.loads(link.getresponse().read())["Version"])}
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return {"socket": path, "error": getattr(error, "strerror", None) or str(error) or type(error).__name__}
    finally:
        link.close()


def core(host: str, port: int) -> str:
    """Why the core can't be reached from here; empty where it can."""
    try:
        socket.create_connection((host, port), SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def systemd() -> str:
    """Whose systemd would run a worker of this user; empty where none can be asked."""
    scope = "system" if os.geteuid() == 0 else "user"
    words = ["systemctl", *([] if scope == "system" else ["--user"]), "show-environment"]
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "XDG_RUNTIME_DIR": runtime},
            timeout=SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return scope if done.returncode == 0 else ""


def joined(data: str) -> dict[str, str] | None:
    """Which worker the folder belongs to."""
    try:
        with open(os.path.join(data, "identity.json")) as file:
            found = json.load(file)
        return {name: str(found[name]) for name in ("worker_id", "name", "url", "ca_pem")}
    except (OSError, ValueError, KeyError):
        return None


def free(folder: str) -> int:
    """Bytes that are free where the folder is, or will be."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free


def installed(folder: str) -> list[str]:
    """The finished environments of earlier deployments whose Python is still there."""
    venvs = os.path.join(folder, "venvs")
    names = os.listdir(venvs) if os.path.isdir(venvs) else []
    parts = ("complete", os.path.join("bin", "python"))
    return sorted(name for name in names if all(os.path.exists(os.path.join(venvs, name, part)) for part in parts))


def look(asked: dict[str, object]) -> dict[str, object]:
    """All that is to be known."""
    default = "/opt/swarm-sync" if os.geteuid() == 0 else os.path.join("~", ".local", "share", "swarm-sync")
    folder = os.path.abspath(os.path.expanduser(str(asked["folder"] or default)))
    return {
        "hostname": socket.gethostname(),
        "uid": os.geteuid(),
        "folder": folder,
        "python": sys.executable,
        "version": platform.python_version(),
        "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
        "system": platform.system(),
        "machine": platform.machine(),
        "free": free(folder),
        "engine": engine(),
        "core": core(str(asked["host"]), int(str(asked["port"]))),
        "systemd": systemd(),
        "joined": joined(os.path.join(folder, "worker")),
        "installed": installed(folder),
    }


if __name__ == "__main__":
    print(json.dumps(look(json.loads(sys.argv[1]))))
