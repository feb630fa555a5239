"""The children of a home: Postgres, Valkey, core, worker, and how each is started.

core     `python -m swarm_core serve` with SWARM_DATABASE_URL, SWARM_REDIS_URL, SWARM_LISTEN=127.0.0.1:PORT (TCP
         and UDP), SWARM_DATA and SWARM_SEAL_KEY_FILE. Ready when `GET https://127.0.0.1:PORT/ready` is 200. SIGTERM.
         With the same environment `init --admin NAME --password-file F --json` signs the first administrator in,
         and `join-token --uses 1 --ttl 600 --json` makes a token.
worker   `python -m swarm_worker run --data DIR --join-url wss://127.0.0.1:PORT --token-file F`; the token is made
         only for a folder without an identity. Ready when its state.json says waiting or working, or that there is
         no engine (it goes on looking for one). SIGINT stops its containers too; SIGTERM, which an orphan gets,
         hands them over to the next worker. One that was drained (`swarm worker drain`) is not started again.
"""

import base64
import getpass
import os
import re
import secrets
import signal
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from swarm_core.home import core_calls, worker_folder
from swarm_core.home.core_calls import SignIn
from swarm_core.home.engine import missing_engine
from swarm_core.home.folder import write_secret
from swarm_core.home.layout import Home
from swarm_core.home.patience import Patience
from swarm_core.home.ports import HOST
from swarm_core.home.postgres import EmbeddedPostgres
from swarm_core.home.program import Program, Spec
from swarm_core.home.server import Endpoint, tail
from swarm_core.home.supervisor import Child, Endpoints
from swarm_core.home.valkey import EmbeddedValkey
from swarm_protocol.claims import ca_fingerprint
from swarm_protocol.errors import SwarmError

EXTERNAL: Final = {"SWARM_DATABASE_URL": "Postgres", "SWARM_REDIS_URL": "Redis"}
"""Variables that name servers of the person's own, which are then not started here."""
_MOUNT_DENY: Final = "SWARM_WORKER_MOUNT_DENY"
_CORE_SECONDS: Final = 100.0
"""Longer than a core waits for its database, so that it can say itself what it lacks."""
ANSWERS: Final = Patience()
DATABASE_ANSWERS: Final = Patience(limit=60.0)
"""Longer: to end it ends every transaction, and what comes after is a recovery."""
STOP_CORE: Final = ((signal.SIGTERM, 20.0),)
STOP_WORKER: Final = ((signal.SIGINT, 70.0), (signal.SIGTERM, 15.0))
HAND_OVER: Final = ((signal.SIGTERM, 15.0),)


class Stack:
    """Makes the children of one home; `env` is the environment that the supervisor was started in."""

    def __init__(self, home: Home, port: int, env: Mapping[str, str]) -> None:
        self._home = home
        self._port = port
        self._env = dict(env)
        self._sign_in: SignIn | None = None
        self._core_env: dict[str, str] = {}
        self._worker_folder = home.worker

    @property
    def url(self) -> str:
        """Where the core answers."""
        return f"https://{HOST}:{self._port}"

    @property
    def user(self) -> str:
        """Who is signed in, once the core has started."""
        return self._sign_in.user if self._sign_in else ""

    @property
    def ca_fingerprint(self) -> str:
        """Of the core's CA; empty before the core has started."""
        return ca_fingerprint(ssl.PEM_cert_to_DER_cert(self._sign_in.ca_pem)) if self._sign_in else ""

    def notes(self) -> list[str]:
        """Which servers are the person's own."""
        return [f"{role} is yours ({name} is set)" for name, role in EXTERNAL.items() if self._env.get(name)]

    def children(self) -> list[Child]:
        """In the order they are started. Servers of the person's own are not among them."""
        home, servers = self._home, []
        if not self._env.get("SWARM_DATABASE_URL"):
            postgres = Child(role="postgres", make=lambda _: EmbeddedPostgres(home.postgres), patience=DATABASE_ANSWERS)
            servers.append(postgres)
        if not self._env.get("SWARM_REDIS_URL"):
            servers.append(Child(role="valkey", make=lambda _: EmbeddedValkey(home.valkey), patience=ANSWERS))
        needs, log = tuple(item.role for item in servers), home.log("core")
        core = Child(
            role="core", make=self._core, needs=needs, after=self._signed_in, waits=lambda: waits_for(log),
            patience=ANSWERS,
        )  # fmt: skip
        worker = Child(role="worker", make=self._worker, note=self._engine, over=self._drained)
        return [*servers, core, worker]

    def _core(self, endpoints: Endpoints) -> Program:
        write_key(self._home.seal_key)
        self._core_env = self._env | {
            "SWARM_DATABASE_URL": self._env.get("SWARM_DATABASE_URL") or endpoints["postgres"].url,
            "SWARM_REDIS_URL": self._env.get("SWARM_REDIS_URL") or endpoints["valkey"].url,
            "SWARM_LISTEN": f"{HOST}:{self._port}",
            "SWARM_DATA": str(self._home.blobs),
            "SWARM_SEAL_KEY_FILE": str(self._home.seal_key),
        }
        return Program(
            Spec(
                name="core",
                argv=core_calls.serve_command(),
                env=self._core_env,
                log=self._home.log("core"),
                pid_file=self._home.pid_file("core"),
                ready=lambda _: core_calls.is_ready(self._port),
                answers=lambda seconds: core_calls.answers(self._port, seconds),
                stop=STOP_CORE,
                stop_orphan=STOP_CORE,
                start_seconds=_CORE_SECONDS,
                url=self.url,
                address=f"{HOST}:{self._port}",
            )
        )

    def _signed_in(self, _: Endpoint) -> None:
        """Sign in the person who started us, and make sure that what answers is our core."""
        if not self._home.admin_password.exists():
            write_secret(self._home.admin_password, secrets.token_urlsafe(24) + "\n")
        found = core_calls.sign_in(self._core_env, admin_name(), str(self._home.admin_password))
        if not core_calls.is_ready(self._port, found.ca_pem):
            raise SwarmError(
                "unavailable",
                f"what answers at {self.url} is not this home's core",
                hint="another program has that port; stop it or give another with --port",
            )
        self._sign_in = found
        saved = {"url": self.url, "user": found.user, "ca_pem": found.ca_pem, "refresh_token": found.refresh_token}
        write_secret(self._home.credentials, msgspec.json.format(msgspec.json.encode(saved)).decode() + "\n")

    def _worker(self, _: Endpoints) -> Program:
        assert self._sign_in is not None
        folder = self._worker_folder = worker_folder.choose(self._home.worker, self._sign_in.ca_pem)
        url = f"wss://{HOST}:{self._port}"
        worker_folder.follow(folder, url)
        worker_folder.forget_state(folder)
        token = self._home.state / "join-token"
        if not worker_folder.has_joined(folder):
            write_secret(token, core_calls.join_token(self._core_env))
        argv = ["run", "--data", str(folder), "--join-url", url, "--token-file", str(token)]
        return Program(
            Spec(
                name="worker",
                argv=[sys.executable, "-m", "swarm_worker", *argv],
                env=self._worker_env(),
                log=self._home.log("worker"),
                pid_file=self._home.pid_file("worker"),
                ready=lambda pid: worker_is_ready(folder, pid),
                stop=STOP_WORKER,
                stop_orphan=HAND_OVER,
                url=url,
                address="",
            )
        )

    def _worker_env(self) -> dict[str, str]:
        """The worker needs no database and is told no password of one; no folder of the home can be a job's mount."""
        told = {name: value for name, value in self._env.items() if name not in EXTERNAL}
        home = self._home
        closed = [told.get(_MOUNT_DENY, ""), *map(str, (home.config, home.state, home.data))]
        return told | {_MOUNT_DENY: ":".join(filter(None, closed))}

    def _drained(self) -> str:
        """An operator wanted it to leave: it comes again when somebody starts it."""
        if worker_folder.state(self._worker_folder).get("state") != "drained":
            return ""
        return "drained; `swarm down`, then `swarm up`, starts it again"

    def _engine(self) -> str:
        return missing_engine(self._env)


def worker_is_ready(folder: Path, pid: int) -> bool:
    """Whether this very worker serves, or says that all it lacks is an engine."""
    state = worker_folder.state(folder)
    if state.get("pid", pid) != pid:
        return False
    return state.get("state") in ("waiting", "working") or "no container engine" in str(state.get("engine"))


def waits_for(log: Path) -> str:
    """What the core last said that it waits for; "" where it said something else."""
    found = re.search(r"waiting for [^\n]*", tail(log, lines=1))
    return found[0].rstrip('"') if found else ""


def end_all(home: Home) -> list[str]:
    """Stop what a killed supervisor left behind, in reverse order; the roles that were still running."""
    found: list[str] = []
    for role, steps in (("worker", STOP_WORKER), ("core", STOP_CORE)):
        spec = Spec(
            name=role, argv=(), env={}, log=home.log(role), pid_file=home.pid_file(role),
            ready=lambda _: False, stop=steps,
        )  # fmt: skip
        found += [role] if Program(spec).stop() else []
    for server in (EmbeddedValkey(home.valkey), EmbeddedPostgres(home.postgres)):
        found += [server.name] if server.stop() else []
    return found


def write_key(file: Path) -> None:
    """The key that opens the secrets in the database; made once, never replaced."""
    if not file.exists():
        write_secret(file, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=") + "\n")


def admin_name() -> str:
    """The person's name on this machine, as far as it may be one here."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid{os.getuid()}"
    return re.sub(r"[^a-z0-9._-]", "-", name.lower()).strip("-.") or "admin"
