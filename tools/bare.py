"""`make test-bare`: the demo and the tests in a clean root that holds Python, venv, make, git and certificates.

The root lives in a mount namespace of its own; whatever still runs in that when this ends is ended. Handed in are the
engine's socket and the package clients' settings. The engine looks paths up outside, so the folder with the clone, the
home and the temporary files has the same path inside and outside, and what is mounted in it is mounted for both. It is
no namespace of processes: a worker looks at its containers through their processes, which the engine starts outside.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import FrameType

from tools import client_settings
from tools.deferred import deferred, run_apart
from tools.engine_api import EngineApi, socket_path
from tools.failure import Failure, Interrupted, exit_with, say
from tools.machine import Machine, apt_install, find_daemon

REPOSITORY = Path(__file__).resolve().parent.parent
SUITE = "bookworm"
PACKAGES = "python3,python3-venv,make,git,ca-certificates"
COMMANDS = "make demo; make demo; make test"
STOP_SECONDS = 300.0

# Runs outside the new root: mounts, then makes it the root of the namespace. A plain chroot would not do: the
# kernel refuses user namespaces to processes in one.
ENTER = """
set -eu
root=$1 work=$2 socket=$3 commands=$4
findmnt -rno TARGET | while read -r at; do [ "$at" = "$work" ] || mount --make-private "$at" || true; done
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mkdir -p "$root$work" "$root/.outside"
mount --bind "$work" "$root$work"
touch "$root/run/docker.sock"
mount --bind "$socket" "$root/run/docker.sock"
cd "$root"
pivot_root . .outside
exec chroot . /bin/sh -c 'umount -l /.outside; cd "$1/repo"; set -e; eval "$2"; exit 0' sh "$work" "$commands"
"""


def main() -> int:
    """Make the root, run the commands in it, remove it."""
    parser = argparse.ArgumentParser(prog="make test-bare", description=__doc__)
    parser.add_argument("--base", type=Path, help="a folder that keeps the clean root for the next time")
    parser.add_argument("--commands", default=COMMANDS, help=f"what to run in the clone ({COMMANDS})")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        raise Failure("a clean root can be made by root alone; run: sudo make test-bare")
    EngineApi(socket_path()).ping()
    with tempfile.TemporaryDirectory(prefix="bare-root-") as root, tempfile.TemporaryDirectory(prefix="bare-") as work:
        make_root(Path(root), chosen.base)
        fill(Path(work))
        return run(Path(root), Path(work), chosen.commands)


def make_root(root: Path, base: Path | None) -> None:
    """A clean Debian, copied from the base where there is one, with the clients' settings handed in."""
    if base is None:
        debootstrap(root)
    else:
        if not (base / "usr/bin/python3").exists():
            debootstrap(base)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{base}/.", str(root)], check=True)
    root.chmod(0o755)
    client_settings.hand_over(root)


def debootstrap(root: Path) -> None:
    """Install a clean Debian into a folder. Raises Failure."""
    machine = Machine.here()
    if find_daemon("debootstrap") is None:
        if not machine.debian:
            raise Failure("debootstrap is needed: install it with your package manager")
        apt_install(machine, "debootstrap")
    say(f"making a clean {SUITE} with {PACKAGES.replace(',', ', ')}")
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)]
    log = root.with_suffix(".log")
    with deferred():
        if run_apart(["sh", "-c", 'log=$1; shift; exec "$@" > "$log" 2>&1', "sh", str(log), *command]) != 0:
            raise Failure(f"debootstrap failed; see {log}")
    log.unlink()


def fill(work: Path) -> None:
    """What the engine and the root both see: a clone of what is committed, an empty home, temporary files."""
    work.chmod(0o755)
    for name in ("home", "t"):
        (work / name).mkdir()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(work / "repo")], check=True)


def run(root: Path, work: Path, commands: str) -> int:
    """Run the commands in the root and return their exit code; a signal is handed on, and then waited for."""
    subprocess.run(["mount", "--bind", str(work), str(work)], check=True)
    try:
        subprocess.run(["mount", "--make-shared", str(work)], check=True)
        return _run_in(root, work, commands)
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(work)], check=True)


def _run_in(root: Path, work: Path, commands: str) -> int:
    enter = ["sh", "-c", ENTER, "sh", str(root), str(work), str(socket_path()), commands]
    child = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", 'read -r _; exec "$@"', "sh", *enter],
        env=environment(work),
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    caught: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        say("handing the signal on, and waiting for the clean-up")
        os.killpg(child.pid, number)
        signal.alarm(int(STOP_SECONDS))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    signal.signal(signal.SIGALRM, lambda *_: child.kill())
    namespace = _namespace_of(child)
    try:
        code = child.wait()
        signal.alarm(0)
    finally:
        _end_all_in(namespace)
    if caught:
        raise Interrupted(caught[0])
    return code


def _namespace_of(child: "subprocess.Popen[bytes]") -> str:
    """The child's mount namespace, once it has one of its own; then the child may begin."""
    assert child.stdin is not None
    outside = os.readlink("/proc/self/ns/mnt")
    while (found := os.readlink(f"/proc/{child.pid}/ns/mnt")) == outside:
        time.sleep(0.01)
    with child.stdin as begin:
        begin.write(b"\n")
    return found


def _end_all_in(namespace: str) -> None:
    """Kill what was left behind in a mount namespace, which goes with its last process."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "ns/mnt") == namespace:
                os.kill(int(process.name), signal.SIGKILL)


def environment(work: Path) -> dict[str, str]:
    """What a newcomer's shell would have, and how packages are reached."""
    own = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": f"{work}/home",
        "TMPDIR": f"{work}/t",
        "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
    }
    return {**client_settings.environment(os.environ), **own}


if __name__ == "__main__":
    exit_with(main)
