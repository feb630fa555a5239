"""`make setup`: the virtual environment with the locked packages and this project in it.

A stamp in the environment says what was installed: nothing is done twice, and an installation that was cut off
starts afresh. Needs the standard library alone.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.deferred import deferred, run_apart
from tools.failure import Failure, exit_with, say

ROOT = Path(__file__).resolve().parent.parent
LOCK = Path("requirements/dev.txt")
STAMP = "swarm-setup.json"

Stamp = dict[str, str]


def wanted(root: Path) -> Stamp:
    """What the environment should hold: digests of the lock file and the project's own settings, and the Python."""
    return {
        "python": f"{os.path.realpath(sys.executable)} {sys.version.split()[0]}",
        "packages": _digest(root / LOCK),
        "project": f"{root} {_digest(root / 'pyproject.toml')}",
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_stamp(venv: Path) -> Stamp:
    """What a finished set-up wrote; empty when there is none."""
    try:
        found = json.loads((venv / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def steps(found: Stamp, want: Stamp, usable: bool) -> list[str]:
    """What is left to do, in order: `venv`, `packages`, `project`."""
    if not usable or found.get("python", want["python"]) != want["python"] or "begun" in found:
        return ["venv", "packages", "project"]
    changed = [step for step in ("packages", "project") if found.get(step) != want[step]]
    return ["packages", "project"] if "packages" in changed else changed


def main() -> int:
    """Set up; says nothing when there is nothing to do."""
    venv = ROOT / ".venv"
    with _alone(ROOT) as lock:
        want = wanted(ROOT)
        todo = steps(read_stamp(venv), want, _usable(venv))
        if todo:
            with deferred():
                _do(todo, venv, want, lock)
    return 0


def _do(todo: list[str], venv: Path, want: Stamp, lock: int) -> None:
    actions = {"venv": _make_venv, "packages": _install_packages, "project": _install_project}
    for step in todo:
        actions[step](venv, lock)
    _write_stamp(venv, want)


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """One set-up at a time. The lock is the folder itself, so nothing is left behind; what it yields goes to the
    commands that install, so that they hold it when this process is killed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another `make setup` in this folder")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _usable(venv: Path) -> bool:
    """Whether its Python runs and has pip: one made by a Python that was removed since does not."""
    try:
        probe = [str(venv / "bin/python"), "-c", "import pip"]
        return subprocess.run(probe, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


def _make_venv(venv: Path, lock: int) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise Failure(f"{sys.executable} can't make virtual environments: run `apt-get install python3-venv`")
    say(f"making .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(venv, ignore_errors=True)
    if run_apart([sys.executable, "-m", "venv", str(venv)], keep=[lock]) != 0:
        raise Failure(f"`{sys.executable} -m venv .venv` failed: see above")


def _install_packages(venv: Path, lock: int) -> None:
    say(f"installing the packages of {LOCK}")
    _write_stamp(venv, {"begun": "packages"})
    # The lock file is complete: nothing has to be resolved, and nothing outside it may come in.
    _pip(venv, lock, "--require-hashes", "--no-deps", "-r", str(ROOT / LOCK))


def _install_project(venv: Path, lock: int) -> None:
    _pip(venv, lock, "--no-deps", "--no-build-isolation", "-e", str(ROOT))


def _pip(venv: Path, lock: int, *arguments: str) -> None:
    base = [str(venv / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    environ = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    if run_apart([*base, "-qq", "--progress-bar", "off", *arguments], env=environ, keep=[lock]) != 0:
        raise Failure("pip could not install the packages: see above; `make setup` tries again")


def _write_stamp(venv: Path, stamp: Stamp) -> None:
    (venv / STAMP).write_text(json.dumps(stamp, indent=1) + "\n")


if __name__ == "__main__":
    exit_with(main)
