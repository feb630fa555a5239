"""A home of a test's own: real processes, driven through the `swarm` command as a person would.

`swarm()` runs a command to its end, `start()` leaves one running, `job()`, `reaches()` and `ended()` look at a job,
`kill()` hits one of the processes, `only()` proves that no other one died. Every wait has a bound and ends early
where what it waits for can't come any more; what fails shows the end of every log.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from swarm_consumer import Client
from swarm_consumer.models import Job
from swarm_core.home import lock
from tools.demo_home import processes_of
from tools.dockerd import tail
from tools.engine_api import EngineApi, socket_path

from .eye import Eye

SWARM: Final = Path(sys.executable).with_name("swarm")
IMAGE: Final = "swarm-sample:1"
SECONDS: Final = 180.0
"""Bound of a wait for something that takes a second or two on a quiet machine."""
_UP: Final = 180.0
_DOWN: Final = 120.0
_LOOK: Final = 0.05
_TRIES: Final = 3
"""Starts of a role that may fail after a kill: what it needs may still be on its way."""
T = TypeVar("T")
Done = subprocess.CompletedProcess[bytes]


class Home:
    """One temporary SWARM_HOME; `env` is added to what its processes see, as for SWARM_TIMER_LEASE."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
        if os.geteuid() == 0:
            self.folder.chmod(0o711)  # the database runs under a user of its own, who must get through
        # Nothing of the person's own: neither their home nor their servers.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWARM_")}
        self.env = {**inherited, "SWARM_HOME": str(self.folder), **(env or {})}
        self.engine = EngineApi(socket_path())
        self.eye = Eye(self.folder / "credentials.json")
        self._clusters: set[str] = set()
        self._as: list[str] = []

    def belongs_to(self, user: int, *words: str) -> None:
        """From now on commands run as that user, by `words` before them."""
        os.chown(self.folder, user, user)
        self._as = list(words)

    # Commands --------------------------------------------------------------------------------------------

    def up(self, *words: str) -> Done:
        """`swarm up --detach`."""
        done = self.swarm("up", "--detach", *words, timeout=_UP)
        self._clusters.add(self.cluster)
        return done

    def down(self) -> Done:
        """`swarm down`."""
        return self.swarm("down", timeout=_DOWN)

    def swarm(
        self,
        *words: str,
        check: bool | int = True,
        timeout: float = SECONDS,
        stdin: bytes = b"",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command to its end. `check`: the exit code it must have (True is 0, False any)."""
        child = self.start(*words, cwd=cwd, env=env)
        try:
            out, err = child.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            raise AssertionError(self._story(words, f"did not end in {timeout:.0f} s", out, err)) from None
        want = 0 if check is True else check
        if check is not False and child.returncode != want:
            raise AssertionError(self._story(words, f"ended with {child.returncode}, not {want}", out, err))
        return Done(list(words), child.returncode, out, err)

    def start(
        self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a command and leave it running, with pipes for all of its streams."""
        return subprocess.Popen(
            [*self._as, SWARM, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.env, **(env or {})},
            cwd=cwd or self.folder,
            bufsize=0,  # what a test's own read takes ahead would be missing in `communicate`
            start_new_session=True,
        )

    def json(self, *words: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.swarm(*words, "--json").stdout)

    def push(self) -> None:
        """The sample image."""
        self.swarm("push", IMAGE)

    # Jobs ------------------------------------------------------------------------------------------------

    def sh(self, script: str, *flags: str) -> int:
        """Submit a shell script; its job's id."""
        return int(self.swarm("submit", *flags, IMAGE, "--", "sh", "-c", script).stdout)

    def job(self, job: int) -> Job:
        """All about a job, as the SDK has it."""
        return self.eye.look(lambda client: client.job(job))

    def reaches(self, job: int, *states: str, seconds: float = SECONDS) -> Job:
        """Wait for a state; fails early where the job ends otherwise."""

        def look() -> Job | None:
            found = self.job(job)
            if found.state in states:
                return found
            assert not found.ended, f"job {job} was to be {states} and is {found.state}: {found.message}{self.logs()}"
            return None

        return self.until(look, f"job {job} in {states}", seconds)

    def ended(self, job: int, state: str = "succeeded", *, seconds: float = SECONDS) -> Job:
        """Wait for its end, which must be this one."""
        with suppress(TimeoutError):
            self.eye.look(lambda client: client.wait(job, within=seconds), seconds + 30)
        found = self.job(job)
        story = f"{found.failure} {found.message} {found.history}{self.logs()}"
        assert found.state == state, f"job {job} was to be {state} and is {found.state}: {story}"
        return found

    def log(self, job: int, stream: str = "stdout", attempt: int | None = None) -> bytes:
        """What a job wrote, byte for byte."""
        of = ("--attempt", str(attempt)) if attempt else ()
        done = self.swarm("logs", str(job), "--stream", stream, *of)
        return done.stdout if stream == "stdout" else done.stderr

    def writes(self, job: int, text: bytes, *, seconds: float = SECONDS) -> None:
        """Wait until its log has this."""
        what = f"{text!r} in the log of job {job}"
        self.until(lambda: text in self.eye.look(lambda client: _so_far(client, job)) or None, what, seconds)

    def release(self, job: int, attempt: int = 1, worker: str = "worker") -> None:
        """Put `/out/go` before a job that waits for it."""
        (self.folder / worker / "attempts" / f"{job}.{attempt}" / "out" / "go").touch()

    # Processes -------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """`swarm status --json`."""
        return dict(json.loads(self.swarm("status", "--json", check=False).stdout))

    def pids(self) -> dict[str, int]:
        """The pid of each role that is ready, the supervisor among them."""
        status = self.status()
        ready = {child["role"]: int(child["pid"]) for child in status["children"] if child["state"] == "ready"}
        return {"supervisor": int(status["pid"]), **ready}

    @property
    def url(self) -> str:
        """Where its core answers."""
        return str(self.status()["url"])

    @property
    def port(self) -> int:
        """The core's, on TCP and UDP."""
        return int(self.url.rpartition(":")[2])

    def kill(self, role: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to the process of a role; the pid it had."""
        pid = self.pids()[role]
        os.kill(pid, number)
        return pid

    def again(self, role: str, before: int, *, seconds: float = SECONDS) -> int:
        """Wait until a role is ready with another pid than before; fails early where it ends again and again."""
        first = self._child(role)["restarts"]

        def look() -> int | None:
            child = self._child(role)
            assert child["restarts"] <= first + _TRIES, f"{role} does not start: {child}{self.logs()}"
            pid = int(child["pid"] or 0)
            return pid if child["state"] == "ready" and pid != before else None

        return self.until(look, f"another {role} than {before}", seconds)

    def _child(self, role: str) -> dict[str, Any]:
        return next(child for child in self._report()["children"] if child["role"] == role)

    def whole(self) -> None:
        """Wait until every process is ready."""

        def look() -> bool | None:
            return {child["state"] for child in self._report()["children"]} == {"ready"} or None

        self.until(look, "a home with all of its processes", 30.0)

    def _report(self) -> dict[str, Any]:
        """What `swarm status --json` would read."""
        return dict(json.loads((self.folder / "state" / "supervisor.json").read_bytes()))

    def bounce(self, role: str, number: int = signal.SIGKILL) -> None:
        """Kill a role's process and wait for the one that the supervisor starts instead."""
        self.again(role, self.kill(role, number))

    @contextmanager
    def stopped(self, role: str) -> Iterator[None]:
        """Within the block a role's process hangs; the supervisor sees no death in that."""
        pid = self.kill(role, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def only(self, *roles: str) -> Iterator[None]:
        """Within the block processes of these roles are replaced, and no other one."""
        before = self.pids()
        yield
        after = self.pids()
        changed = {role for role in before if after.get(role) != before[role]}
        assert changed == set(roles), f"{changed} died, not {roles}: {before} → {after}{self.logs()}"

    # The engine ------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> str:
        """Its cluster's id, which stands on every container."""
        identity = next(iter(self.folder.glob("worker*/identity.json")))
        return str(json.loads(identity.read_bytes())["cluster"])

    @property
    def worker(self) -> str:
        """The id of its own worker."""
        return str(json.loads((self.folder / "worker" / "identity.json").read_bytes())["worker_id"])

    def containers(self, job: int | None = None) -> list[dict[str, Any]]:
        """Its jobs' containers, running or not, or those of one job."""
        labels = ["swarm.role=job", *([f"swarm.job={job}"] if job else [])]
        return self._containers(self.cluster, *labels)

    def gone(self, job: int) -> None:
        """Wait until no container of a job is left."""
        self.until(lambda: not self.containers(job) or None, f"no container of job {job}")

    def inspect(self, container: str) -> dict[str, Any]:
        """All that the engine knows of one."""
        return dict(self.engine.get(f"/containers/{container}/json"))

    def _containers(self, cluster: str, *labels: str) -> list[dict[str, Any]]:
        filters = json.dumps({"label": [f"swarm.cluster={cluster}", *labels]})
        return list(self.engine.get(f"/containers/json?all=1&filters={quote(filters)}"))

    # Waiting, the end ------------------------------------------------------------------------------------

    def until(self, look: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
        """Look again and again, until it gives something else than None."""
        end = time.monotonic() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            assert time.monotonic() < end, f"did not come in {seconds:.0f} s: {what}{self.logs()}"
            time.sleep(_LOOK)

    def logs(self) -> str:
        """The end of every log of the home."""
        files = sorted(self.folder.glob("state/logs/*.log"))
        return "".join(f"\n--- {file.name}\n{tail(file, 25)}" for file in files)

    def close(self) -> None:
        """Stop everything, once, and prove that nothing is left."""
        if not self.folder.exists():
            return
        try:
            self.down()
        finally:
            logs = self.logs()
            left = [*self._processes_left(), *self._containers_left()]
            if lock.is_held(self.folder / "state" / "lock"):
                left.append("the lock")
            self._remove_images()
            self.eye.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not left, f"left after `swarm down`: {', '.join(left)}{logs}"

    def _processes_left(self) -> list[str]:
        found = processes_of(self.folder)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return [f"process {pid} ({name})" for pid, name in found.items()]

    def _containers_left(self) -> list[str]:
        found = [item for cluster in self._clusters for item in self._containers(cluster)]
        for item in found:
            self.engine.call("DELETE", f"/containers/{item['Id']}?force=1")
        return [f"container {item['Id'][:12]} {item['Labels']}" for item in found]

    def _remove_images(self) -> None:
        """The workers' loaded images: a cache that no later worker would find again."""
        identities = self.folder.glob("worker*/identity.json")
        workers = {str(json.loads(file.read_bytes())["worker_id"]) for file in identities}
        filters = quote(json.dumps({"reference": ["swarm-image-*", "swarm-sandbox"]}))
        for image in self.engine.get(f"/images/json?filters={filters}"):
            for tag in image["RepoTags"] or ():
                if any(worker in tag or worker.replace("-", "") in tag for worker in workers):
                    self.engine.call("DELETE", f"/images/{tag}")

    def _story(self, words: tuple[str, ...], what: str, out: bytes, err: bytes) -> str:
        shown = f"{out.decode(errors='replace')[-4000:]}\n{err.decode(errors='replace')[-4000:]}"
        return f"`swarm {' '.join(words)}` {what}:\n{shown}{self.logs()}"


async def _so_far(client: Client, job: int) -> bytes:
    return b"".join([piece async for piece in client.log_bytes(job, "stdout")])
