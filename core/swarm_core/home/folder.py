"""The folder of one embedded server: what is ours in it, and what is the server's.

<folder>/password     ours, 0600
<folder>/port         the port it had last time
<folder>/server.log   what it prints, also its earlier runs
<folder>/data/        the server's own, 0700
"""

import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import IO, Final

from swarm_core.home.privilege import RunAs

LOG_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a log above which it is set aside (one earlier log is kept)."""


class ServerFolder:
    """Makes what is missing, with modes that let the server in and nobody else."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.data = self.path / "data"
        self.log = self.path / "server.log"
        self.port_file = self.path / "port"

    def prepare(self) -> None:
        """Make the folder. As root a server of another uid must be able to pass through it."""
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def password(self) -> str:
        """The server's password, made at first use."""
        file = self.path / "password"
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(32))
        return file.read_text().strip()

    def server_file(self, name: str, text: str, run_as: RunAs) -> Path:
        """Write a file only the server and we can read."""
        file = self.path / name
        write_secret(file, text)
        run_as.own(file)
        return file


def write_secret(file: Path, text: str) -> None:
    """Replace a file in one step; it is 0600 before the text is in it."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def open_log(log: Path) -> IO[bytes]:
    """A log, to be appended to; one that has grown too long is set aside first."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def trim_log(log: Path) -> None:
    """Set aside what a running process has written, if it is too long: it appends, so the file can be emptied."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        log.with_suffix(".log.1").chmod(0o600)
        os.truncate(log, 0)
