"""Makes and starts one attempt's container, in a waiting sandbox where there is one."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

from swarm_protocol.messages import Ref
from swarm_protocol.needs import EGRESS, mount_use
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import FailureKind
from swarm_worker import failures, files
from swarm_worker.egress import NoEgress
from swarm_worker.failures import AttemptFailed
from swarm_worker.images import Ready
from swarm_worker.mounts import NONE_GIVEN
from swarm_worker.offering import Offering
from swarm_worker.progress import ProgressFile
from swarm_worker.runtimes import users
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import EngineGone, EngineRefused
from swarm_worker.runtimes.profile import Owner, Plan, ProfileError, body, container_name
from swarm_worker.runtimes.sandbox import Sandboxes
from swarm_worker.secrets import Secrets

_PAUSE: Final = 0.5


class Launch:
    """One attempt's container and the sandbox that it has borrowed."""

    def __init__(
        self,
        ref: Ref,
        spec: JobSpec,
        folder: Path,
        owner: Owner,
        containers: Containers,
        sandboxes: Sandboxes,
        boottime: Callable[[], float],
        engine_patience: float,
        secrets: Secrets,
        offering: Offering,
        *,
        project: str = "",
        traceparent: str = "",
    ) -> None:
        self._ref = ref
        self._spec = spec
        self._folder = folder
        self._owner = owner
        self._containers = containers
        self._sandboxes = sandboxes
        self._boottime = boottime
        self._patience = engine_patience
        self._secrets = secrets
        self._offering = offering
        self._project = project
        self._traceparent = traceparent
        self.progress = ProgressFile(folder)
        self._sandbox: str | None = None
        self._mounts = NONE_GIVEN
        self._gpus: tuple[str, ...] = ()
        self.name = container_name(owner.cluster, ref)

    def make_folders(self) -> None:
        """Make `in`, `out` and the file of its progress. Raises OSError."""
        files.make_folders(self._folder, None)
        self.progress.make()
        for name in self._spec.folders:
            files.make_folder(self._folder, name)

    async def bring_secrets(self, limit: float) -> None:
        """Have the job's secrets at hand, if it has any. Raises AttemptFailed."""
        if self._spec.secrets:
            await self._secrets.bring(self._ref, limit)

    async def take_mounts(self, project: UUID) -> None:
        """Have the folders at hand that the job asks for. Raises AttemptFailed."""
        uses = [mount_use(text) for text in self._spec.mounts]
        self._mounts = await self._offering.mounts.give(project, uses)

    async def take_gpus(self, limit: float) -> None:
        """Have the cards that the job asks for. Raises AttemptFailed."""
        res = self._spec.resources
        if res.gpus:
            self._gpus = await self._offering.gpus.take(self._ref, res.gpus, res.gpu_kind, limit)

    def give_gpus_back(self) -> None:
        """No container has them any more."""
        self._offering.gpus.give_back(self._ref)

    async def remove_secrets(self) -> None:
        """No container needs them any more."""
        if self._spec.secrets:
            await asyncio.to_thread(self._secrets.remove, self._ref)

    async def start(self, ready: Ready, session: str, created: Callable[[str], Awaitable[None]]) -> None:
        """Create and start; `created` gets the container's id in between. Raises AttemptFailed, EngineGone."""
        network = await self._way_out() if self._spec.network == EGRESS else "none"
        sandbox = self._sandbox = await self._sandboxes.borrow() if network == "none" else None
        if sandbox is not None:
            try:
                return await self._start_in(f"container:{sandbox}", ready, session, created)
            except EngineRefused:
                # The sandbox may have gone with a restart of the engine: once more with a namespace of its own.
                self._sandbox = None
                await self._containers.remove(self.name)
                await self._sandboxes.drop(sandbox)
        try:
            await self._start_in(network, ready, session, created)
        except EngineRefused as error:
            raise failures.of_refused_start(str(error)) from error

    async def _way_out(self) -> str:
        """The network to the internet, its rules seen to. Raises AttemptFailed."""
        try:
            return await self._offering.egress.ensure()
        except NoEgress as error:
            text = f"the network {EGRESS} is not offered here: {error}"
            raise AttemptFailed(FailureKind.CREATE_FAILED, text) from error

    async def _start_in(
        self, network: str, ready: Ready, session: str, created: Callable[[str], Awaitable[None]]
    ) -> None:
        plan = self._plan(ready, session, network)
        container, user = await self._create(plan)
        passwd = await self._passwd(container, user)
        if self._is_root_by_name(passwd, user):
            if self._spec.user:
                raise failures.root_by_name(user)
            await self._containers.remove(container)
            container, user = await self._create(replace(plan, config=replace(plan.config, user="")))
        self._give_out_to(user)
        self._give_secrets_to(users.uid(passwd, user))
        await created(container)
        await self._start(container)

    async def _create(self, plan: Plan) -> tuple[str, str]:
        """The container and who it runs as."""
        try:
            wanted = body(plan)
        except ProfileError as error:
            raise AttemptFailed(FailureKind.INVALID, str(error)) from error
        return await self._containers.create(self.name, wanted), wanted["User"]

    async def _passwd(self, container: str, user: str) -> bytes:
        """The image's file of users, where it takes that to know who the user is."""
        if users.is_number(user):
            return b""
        return await self._containers.read_file(container, users.PASSWD, users.MAX_PASSWD) or b""

    def _is_root_by_name(self, passwd: bytes, user: str) -> bool:
        """Whether the image makes root of the name. Raises AttemptFailed where it does not know it."""
        if users.is_number(user):
            return False
        found = users.standing(passwd, user)
        if found is users.Standing.UNKNOWN:
            raise failures.unknown_user(user)
        return found is users.Standing.ROOT

    async def _start(self, container: str) -> None:
        """Start it once. A start without an answer may have worked: that is seen to before it is tried again."""
        until = self._boottime() + self._patience
        while True:
            try:
                return await self._containers.start(container)
            except EngineGone:
                if await self._has_started(container, until):
                    return

    async def _has_started(self, container: str, until: float) -> bool:
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                return await self._containers.has_started(container)
            except EngineGone:
                if self._boottime() > until:
                    raise

    def _plan(self, ready: Ready, session: str, network: str) -> Plan:
        return Plan(
            owner=self._owner,
            session=session,
            ref=self._ref,
            spec=self._spec,
            image=ready.image.tag,
            config=ready.image.config(),
            inputs=self._folder / "in",
            outputs=self._folder / "out",
            network=network,
            worker=(os.getuid(), os.getgid()),
            secrets=self._secrets.folder(self._ref) if self._spec.secrets else None,
            mounts=self._mounts,
            gpus=self._gpus,
            runtime="" if self._gpus else self._offering.plain_runtime,
            progress=self.progress.path,
            project=self._project,
            traceparent=self._traceparent,
        )

    def _give_out_to(self, user: str) -> None:
        """Let the container's user own `out`, where it is known by number and the worker may give files away."""
        uid, _, gid = user.partition(":")
        if os.getuid() == 0 and uid.isdigit():
            os.chown(self._folder / "out", int(uid), int(gid) if gid.isdigit() else -1)

    def _give_secrets_to(self, uid: int) -> None:
        """Let the container's user read them; a worker that is not root runs it as itself."""
        if self._spec.secrets and os.getuid() == 0:
            self._secrets.give(self._ref, uid)

    def ended(self) -> None:
        """The container has ended: its sandbox is free for the next job."""
        sandbox, self._sandbox = self._sandbox, None
        self._sandboxes.give_back(sandbox)

    async def drop_sandbox(self) -> None:
        """The container was not seen to end, it may still use its sandbox: never lend it again. Raises EngineError."""
        sandbox, self._sandbox = self._sandbox, None
        await self._sandboxes.drop(sandbox)
