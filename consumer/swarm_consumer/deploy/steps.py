"""Puts a worker on a machine, step by step; each that fails says what, where and what to do next.

Repeatable: what is there already is left, a newer version goes beside the older one and takes over, the identity
stays. An environment that is not finished is not used; the worker that runs is stopped (its containers go on) when all
else is ready.
"""

import asyncio
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import IO, Final

import msgspec

from swarm_consumer.client import Client
from swarm_consumer.deploy import wheel
from swarm_consumer.deploy.plan import Facts, Plan, Wanted, decide
from swarm_consumer.deploy.ssh import Ran, Ssh
from swarm_consumer.models import JoinToken, Worker
from swarm_protocol.errors import SwarmError
from swarm_protocol.states import WorkerState

INSTALL_SECONDS: Final = 900.0
TOKEN_SECONDS: Final = 1800.0
"""How long the join token is good for: an installation comes between."""
_STEP_SECONDS: Final = 120.0
_CONNECT_SECONDS: Final = 60
_SEEN_SECONDS: Final = 60.0
_LOOK: Final = 0.2
_PYTHONS: Final = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")
_NO_PYTHON: Final = 97
# The program comes on standard input; what looks for its interpreter must leave that alone.
_FIND_PYTHON: Final = f"""
asked=$1; shift
for python in "$@"; do
    if "$python" -c "import sys; sys.exit(sys.version_info < (3, 11))" </dev/null 2>/dev/null; then
        exec "$python" - "$asked"
    fi
done
exit {_NO_PYTHON}
"""
_UNPACK: Final = 'rm -rf "$1" && mkdir -p "$1" && tar -xf - -C "$1"'
_REMOVE_OTHERS: Final = 'for old in "$1"/*; do [ "$old" = "$2" ] || rm -rf "$old" || exit 1; done'
_SPACE: Final = "see that the disk there has room, then run this again"
_WITH_SYSTEMD: Final = 'XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"; export XDG_RUNTIME_DIR; '
_SEEN: Final = (WorkerState.WAITING, WorkerState.WORKING, WorkerState.PAUSED, WorkerState.DRAINING)

Say = Callable[[str], None]


class _Status(msgspec.Struct):
    """What the worker over there says of itself."""

    worker_id: str
    name: str
    core: str
    engine: str


class Deployment:
    """One machine's way to a worker."""

    def __init__(self, client: Client, ssh: Ssh, wanted: Wanted, say: Say, wheels: Sequence[Path] = ()) -> None:
        """`wheels`: of all that a worker needs, for a machine without a package index."""
        self._client = client
        self._ssh = ssh
        self._wanted = wanted
        self._say = say
        self._wheels = wheels

    async def look(self, folder: str | None, python: str | None) -> Facts:
        """What is there. Raises SwarmError."""
        url = self._wanted.core.removeprefix("wss://")
        host, _, port = url.rpartition(":")
        asked = msgspec.json.encode({"folder": folder, "host": host.strip("[]"), "port": int(port)}).decode()
        program = resources.files("swarm_consumer.deploy").joinpath("there.py").read_bytes()
        pythons = [python] if python else _PYTHONS
        words = ["sh", "-c", _FIND_PYTHON, "sh", asked, *pythons]
        ran = await self._ssh.run(words, what="look at the machine", stdin=program)
        if ran.code == _NO_PYTHON:
            text = f"{self._ssh.target} has no Python 3.11 or later ({', '.join(pythons)})"
            raise SwarmError("bad_request", text, hint="install one there, or say where it is with --python")
        try:
            return msgspec.json.decode(ran.out.strip().splitlines()[-1], type=Facts)
        except (msgspec.DecodeError, IndexError):
            raise self._failed("look at the machine", ran, "see what its shell says at a sign-in") from None

    async def plan(self, facts: Facts, package: Path) -> Plan:
        """What is to be done. Raises SwarmError."""
        plan = decide(facts, self._wanted, wheel.build_of(package))
        if facts.joined is not None:
            await self._must_be_welcome(facts.joined.worker_id, facts.joined.name, plan)
        return plan

    async def _must_be_welcome(self, worker: str, name: str, plan: Plan) -> None:
        try:
            found = await self._client.worker(worker)
        except SwarmError as error:
            if error.code != "not_found":
                raise
            found = None
        if found is None or found.revoked_at is not None:
            hint = f"to let that machine in as a new worker, remove {plan.data} there, then run this again"
            raise SwarmError("conflict", f"the worker {name} there was shut out of this core", hint=hint)
        if self._wanted.name not in (None, found.name):
            self._say(f"it stays {found.name}; `swarm worker rename {found.name} {self._wanted.name}` changes that")

    async def carry_out(self, facts: Facts, plan: Plan, package: Path) -> Worker:
        """Do it all; the worker as the core sees it. Raises SwarmError."""
        async with self._token(plan) as token:
            if plan.install:
                await self._install(facts, plan, package)
            await self._join(plan, token)
        await self._start(plan)
        seen = await self._seen(await self._connected(plan))
        await self._tidy(plan)
        return seen

    async def _install(self, facts: Facts, plan: Plan, package: Path) -> None:
        self._say(f"installing {plan.build} into {plan.venv}")
        stage = f"{plan.folder}/wheels"
        with tempfile.TemporaryFile() as bundle:
            await asyncio.to_thread(_bundle, bundle, [package, *self._wheels])
            unpack = ["sh", "-c", _UNPACK, "sh", stage]
            await self._step("copy the wheels", unpack, _SPACE, stdin=bundle, seconds=INSTALL_SECONDS)
        hint = f"see that `{facts.python} -m venv` works there"
        await self._step("make the environment", [facts.python, "-m", "venv", "--clear", plan.venv], hint, seconds=300)
        offline = ["--no-index", "--find-links", stage] if self._wheels else []
        words = [
            *("env", "PIP_ROOT_USER_ACTION=ignore", f"{plan.venv}/bin/python", "-m", "pip", "install", "--quiet"),
            *("--disable-pip-version-check", "--no-input", *offline, f"{stage}/{package.name}[worker]"),
        ]
        hint = "give a folder with the wheels of all that a worker needs with --wheelhouse"
        await self._step("install the packages", words, hint, seconds=INSTALL_SECONDS)
        done = 'touch "$1/complete" && rm -rf "$2"'
        await self._step("finish the environment", ["sh", "-c", done, "sh", plan.venv, stage], _SPACE)

    @asynccontextmanager
    async def _token(self, plan: Plan) -> AsyncIterator[str]:
        """A token for the join, empty where that machine has joined; withdrawn where it was not used.

        Made first: who may not let workers in is told so before anything is installed.
        """
        if not plan.join:
            yield ""
            return
        made = await self._client.join_token(uses=1, ttl=TOKEN_SECONDS, name=self._wanted.name)
        try:
            yield made.token
        except BaseException:
            await asyncio.shield(self._withdraw(made))
            raise

    async def _withdraw(self, token: JoinToken) -> None:
        try:
            await self._client.remove_join_token(token.id)
        except SwarmError as error:
            self._say(f"the join token could not be withdrawn ({error.message}); it ends within half an hour")

    async def _join(self, plan: Plan, token: str) -> None:
        """The token travels on standard input: it is in no argument and no log."""
        wanted = self._wanted
        if token:
            self._say(f"joining {plan.url}")
        words = [f"{plan.venv}/bin/swarm", "worker", "join", plan.url, "--token", "-", "--data", plan.data, "--no-run"]
        words += ["--slots", str(wanted.slots)] if wanted.slots is not None else []
        words += [word for key, value in wanted.labels.items() for word in ("--label", f"{key}={value}")]
        words += [f"--systemd={plan.scope}", "--unit", wanted.unit] if plan.scope else []
        hint = "if it names a unit of yours, take another name with --unit; else see what it says, then run this again"
        await self._step("join", words, hint, stdin=f"{token}\n".encode())

    async def _start(self, plan: Plan) -> None:
        program = f"{plan.venv}/bin/swarm-worker"
        hint = "see its log there, then run this again"
        await self._step("stop the worker that ran", [program, "stop", "--data", plan.data], hint)
        if plan.scope:
            return await self._start_unit(plan)
        await self._step("start the worker", [program, "run", "--data", plan.data, "--detach"], hint)
        self._say(f"it runs without systemd: after a reboot start it with `{program} run --data {plan.data} --detach`")

    async def _start_unit(self, plan: Plan) -> None:
        unit, call = self._wanted.unit, "systemctl --user" if plan.scope == "user" else "systemctl"
        if plan.scope == "user":
            linger = ["sh", "-c", f"{_WITH_SYSTEMD}loginctl enable-linger"]
            ran = await self._ssh.run(linger, what="keep it past a sign-out")
            if ran.code != 0:
                self._say("it may end with the last sign-out there: have root run `loginctl enable-linger USER`")
        script = f'{_WITH_SYSTEMD}{call} daemon-reload && {call} enable --quiet "$1" && {call} restart "$1"'
        hint = f"see `{call} status {unit}` there, then run this again"
        await self._step(f"start {unit}", ["sh", "-c", script, "sh", unit], hint)

    async def _connected(self, plan: Plan) -> str:
        """The id of the worker, once it says itself that the core has it."""
        words = [f"{plan.venv}/bin/swarm-worker", "status", "--data", plan.data, "--wait", str(_CONNECT_SECONDS)]
        log = f"`journalctl -u {self._wanted.unit}`" if plan.scope else f"{plan.data}/worker.log"
        ran = await self._ssh.run(words, what="see the worker run", seconds=_CONNECT_SECONDS + 30)
        try:
            status = msgspec.json.decode(ran.out.strip().splitlines()[-1], type=_Status)
        except (msgspec.DecodeError, IndexError):
            raise self._failed("see the worker run", ran, f"see {log} there") from None
        if ran.code != 0:
            text = (
                f"the worker {status.name} on {self._ssh.target} runs, and the core has not heard of it: {status.core}"
            )
            raise SwarmError("unavailable", text, hint=f"see {log} there; `swarm doctor` there says more")
        return status.worker_id

    async def _seen(self, worker: str) -> Worker:
        """The worker, once the core gives it jobs or says why not."""
        end = asyncio.get_running_loop().time() + _SEEN_SECONDS
        while True:
            found = await self._client.worker(worker)
            if found.state in _SEEN:
                return found
            if asyncio.get_running_loop().time() > end:
                hint = f"see `swarm worker show {found.name}`, and `swarm doctor` there"
                raise SwarmError("unavailable", f"the core sees {found.name} as {found.state}", hint=hint)
            await asyncio.sleep(_LOOK)

    async def _tidy(self, plan: Plan) -> None:
        """Remove what earlier versions, and installations that were cut short, have left."""
        words = ["sh", "-c", _REMOVE_OTHERS, "sh", f"{plan.folder}/venvs", plan.venv]
        if (await self._ssh.run(words, what="remove older versions")).code != 0:
            self._say(f"something older could not be removed there: see {plan.folder}/venvs")

    async def _step(
        self, what: str, words: Sequence[str], hint: str, *, stdin: bytes | IO[bytes] = b"",
        seconds: float = _STEP_SECONDS,
    ) -> Ran:  # fmt: skip
        ran = await self._ssh.run(words, what=what, stdin=stdin, seconds=seconds)
        if ran.code != 0:
            raise self._failed(what, ran, hint)
        return ran

    def _failed(self, what: str, ran: Ran, hint: str) -> SwarmError:
        said = ran.last_words or f"exit code {ran.code}"
        shown = "".join(f"\n    {line}" for line in said.splitlines())
        return SwarmError("unavailable", f"{self._ssh.target}: could not {what}:{shown}", hint=hint)


def _bundle(target: IO[bytes], files: Sequence[Path]) -> None:
    with tarfile.open(fileobj=target, mode="w") as archive:
        for file in files:
            archive.add(file, file.name, filter=_nobodys)
    target.seek(0)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    return entry.replace(uid=0, gid=0, uname="root", gname="root", mode=0o644, deep=False)
