"""What machine this is, as far as an engine cares; and its packages."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.deferred import deferred, run_apart
from tools.failure import Failure, say

# Where Debian keeps daemons; an ordinary user's PATH lacks them.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Machine:
    """The facts that decide how an engine gets here."""

    root: bool
    debian: bool
    systemd: bool

    @staticmethod
    def here() -> "Machine":
        """This one."""
        return Machine(
            root=os.geteuid() == 0,
            debian=_like_debian(Path("/etc/os-release")) and shutil.which("apt-get") is not None,
            systemd=Path("/run/systemd/system").is_dir(),
        )


def _like_debian(release: Path) -> bool:
    try:
        lines = release.read_text().splitlines()
    except OSError:
        return False
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    names = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in names or "ubuntu" in names


def with_sbin(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which daemons are found."""
    return {**environ, "PATH": f"{environ.get('PATH', '/usr/bin:/bin')}:{SBIN}"}


def find_daemon(name: str) -> str | None:
    """Path of a program, also outside an ordinary PATH."""
    return shutil.which(name, path=with_sbin(os.environ)["PATH"])


def apt_install(machine: Machine, *packages: str) -> None:
    """Install packages of the distribution, as root. Raises Failure; Ctrl-C waits."""
    say(f"installing {' '.join(packages)} with apt-get")
    environ = {**with_sbin(os.environ), "DEBIAN_FRONTEND": "noninteractive"}
    if not machine.systemd:
        environ["RUNLEVEL"] = "1"  # keeps init scripts from starting daemons that nobody would watch
    quiet = ["-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"]
    with deferred():
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            if run_apart(["apt-get", *quiet, *command], env=environ) != 0:
                raise Failure(f"`apt-get {command[0]}` failed: see above; then run the same command again")
