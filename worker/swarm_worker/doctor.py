"""The worker's side of `swarm doctor`: looks at the machine, the engine and the core; `checkup` judges."""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from swarm_protocol.checkup import Asked, Check, Finding, disk, fail, of_core, ok
from swarm_protocol.handshake import in_thread, meet

if TYPE_CHECKING:
    from swarm_worker.identity import Identity
    from swarm_worker.runtimes.engine import Engine
    from swarm_worker.settings import Settings

SIDE: Final = "worker"
_DEEP_SECONDS: Final = 90.0
Look = Callable[[], Awaitable[Sequence[Finding]]]


def checks(asked: Asked) -> Mapping[str, Sequence[Check]]:
    """A set for each worker whose folder is found."""
    from swarm_worker import identity as identities

    found: dict[str, Sequence[Check]] = {}
    for folder in folders(asked):
        try:
            held = identities.load(folder)
        except identities.IdentityError as error:
            found[_label(found, folder.name)] = [_only("identity", fail("identity", str(error), "join again"))]
            continue
        if held is not None:
            found[_label(found, held.name)] = _checks_of(asked, folder, held)
    if not found and asked.data is not None:
        text = f"no worker has joined in {asked.data}"
        found[SIDE] = [_only("identity", fail("identity", text, "name the folder that `swarm worker join` named"))]
    return found


def folders(asked: Asked) -> list[Path]:
    """Where a worker may be: the one that is named, else where `up`, `join` and `deploy` put theirs."""
    if asked.data is not None:
        return [asked.data]
    if named := asked.environ.get("SWARM_WORKER_DATA"):
        return [Path(named).absolute()]
    if home := asked.environ.get("SWARM_HOME"):
        return _workers_in(Path(home).absolute())
    import platformdirs

    places = [platformdirs.user_data_path("swarm"), platformdirs.user_data_path("swarm-sync"), Path("/opt/swarm-sync")]
    return [folder for place in places for folder in _workers_in(place)]


def _workers_in(place: Path) -> list[Path]:
    """Folders of workers; none where we may not look."""
    if not os.access(place, os.R_OK | os.X_OK):
        return []
    return sorted(folder for folder in place.glob("worker*") if folder.is_dir())


def _checks_of(asked: Asked, folder: Path, held: "Identity") -> list[Check]:
    from swarm_worker import settings

    try:
        return _Worker(asked, settings.read(asked.environ, data=folder), held).checks()
    except settings.SettingsError as error:
        wrong = fail("settings", str(error), "correct it where the worker is started, as in its unit")
        return [_only("settings", wrong), *_Worker(asked, settings.Settings(data=folder), held).checks()]


def _label(taken: Mapping[str, object], name: str) -> str:
    return SIDE if not taken else f"{SIDE} {name}"


def _only(name: str, finding: Finding) -> Check:
    async def look() -> Sequence[Finding]:
        return [finding]

    return Check(name, look)


class _Worker:
    """The looks at one worker."""

    def __init__(self, asked: Asked, settings: "Settings", identity: "Identity") -> None:
        self._asked = asked
        self._settings = settings
        self._folder = settings.data
        self._identity = identity

    def checks(self) -> list[Check]:
        """In the order in which a person would ask."""
        found = [
            Check("process", self._process),
            Check("core", self._core),
            Check("heartbeats", self._standing, 30.0),
            Check("engine", self._engine, 20.0),
            Check("disk", self._disk),
            Check("quota", self._quota),
            Check("secrets", self._secrets),
        ]
        return [*found, Check("container", self._container, _DEEP_SECONDS)] if self._asked.deep else found

    async def _process(self) -> Sequence[Finding]:
        from swarm_worker import checkup, control

        return [checkup.process(await in_thread(lambda: control.status(self._folder)), str(self._folder))]

    async def _core(self) -> Sequence[Finding]:
        address = self._identity.url.removeprefix("wss://").rstrip("/")
        answer = await meet(self._identity.host, int(address.rpartition(":")[2]), self._identity.ca_pem)
        return of_core(answer, now=time.time(), mine=version("swarm-sync"))

    async def _standing(self) -> Sequence[Finding]:
        """What the core thinks of this worker: let in or not, heard or not."""
        from swarm_worker import checkup
        from swarm_worker.api import ApiError, CoreApi, Refused
        from swarm_worker.tokens import Tokens

        api = CoreApi(self._identity, Tokens(self._identity))
        try:
            async with api.request("GET", "/standing", deadline=10.0) as answer:
                seen = msgspec.json.decode(await answer.read(), type=_Standing)
        except Refused as error:
            if error.status == 404:
                return []  # a core of before there was this to ask
            return [
                fail("admission", f"the core refuses it: {error}", error.error.hint or "join again with a new token")
            ]
        except ApiError as error:
            return [fail("admission", f"the core can't be asked: {error}", "see what is said of the core")]
        finally:
            await api.close()
        return [ok("admission", f"the core knows it as {seen.name}"), checkup.heartbeats(seen.state, seen.beat_age)]

    async def _engine(self) -> Sequence[Finding]:
        from swarm_worker import checkup
        from swarm_worker.runtimes.engine import Engine, EngineError

        engine = Engine(self._settings.docker_host)
        try:
            await engine.open()
            facts = checkup.EngineFacts(
                await engine.call("GET", "/version", deadline=10.0), await engine.call("GET", "/info", deadline=10.0)
            )
        except EngineError as error:
            return [checkup.no_engine(str(error), engine.path)]
        finally:
            await engine.close()
        return checkup.engine(facts)

    async def _disk(self) -> Sequence[Finding]:
        usage = await in_thread(lambda: shutil.disk_usage(self._folder))
        return [disk("disk", str(self._folder), usage.free, usage.total)]

    async def _quota(self) -> Sequence[Finding]:
        from swarm_worker import checkup

        def look() -> checkup.FileSystem:
            return checkup.file_system(Path("/proc/self/mounts").read_text(), str(self._folder.resolve()))

        return [checkup.quota(await in_thread(look))]

    async def _secrets(self) -> Sequence[Finding]:
        from swarm_worker import checkup
        from swarm_worker.secrets import PLACES, is_in_memory

        def look() -> str | None:
            named = self._settings.secrets
            places = PLACES if named is None else (named,)
            usable = (place for place in places if is_in_memory(place) and os.access(place, os.W_OK | os.X_OK))
            return next(map(str, usable), None)

        return [checkup.secrets(await in_thread(look))]

    async def _container(self) -> Sequence[Finding]:
        from swarm_worker.runtimes.engine import Engine, EngineError

        engine = Engine(self._settings.docker_host)
        try:
            await engine.open()
            return [await _start_one(engine)]
        except EngineError as error:
            return [fail("container", f"none can be started: {error}", "see the engine's log (`journalctl -u docker`)")]
        finally:
            await engine.close()


class _Standing(msgspec.Struct):
    name: str
    state: str | None = None
    beat_age: float | None = None


async def _start_one(engine: "Engine") -> Finding:
    """A container as the worker's own waiting ones are, for a moment: the engine's whole way is gone once."""
    from swarm_worker.runtimes.docker import Containers
    from swarm_worker.runtimes.profile import Owner
    from swarm_worker.runtimes.sandbox import Sandboxes

    began, containers = time.monotonic(), Containers(engine)
    sandboxes = Sandboxes(containers, Owner("doctor", f"doctor-{uuid4().hex[:12]}"))
    try:
        made = await sandboxes.prove()
    finally:
        await asyncio.shield(sandboxes.close())
    if not made:
        return ok("container", "not tried: for this kind of machine we have no program that does nothing")
    return ok("container", f"one was made, started and removed in {time.monotonic() - began:.1f} s")
