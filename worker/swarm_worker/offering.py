"""What this machine offers beside cpu, memory and disk: looked at when the core asks, and from time to time."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from swarm_protocol.messages import Gpu, Offers
from swarm_protocol.messages import Mounts as Told
from swarm_protocol.needs import EGRESS
from swarm_worker.egress import Egress, NoEgress
from swarm_worker.failures import one_line
from swarm_worker.folders import Folders
from swarm_worker.gpus import Gpus
from swarm_worker.mounts import Mounts
from swarm_worker.runtimes.engine import Engine, EngineInfo
from swarm_worker.runtimes.profile import Owner
from swarm_worker.settings import Settings

log = logging.getLogger("swarm.worker")
_EVERY: Final = 10.0
_NO_GPU_RUNTIME: Final = "its engine has no runtime `nvidia`: nvidia-ctk runtime configure --runtime=docker"


class Offering:
    """Keeps the core informed. Nothing is said to a core that did not ask: an older one would not understand."""

    def __init__(
        self, mounts: Mounts, gpus: Gpus, egress: Egress, say: Callable[[Offers], None], *, plain_runtime: str = ""
    ) -> None:
        """`plain_runtime`: the engine's runtime that gives containers no cards, where the default one might."""
        self.mounts = mounts
        self.gpus = gpus
        self.egress = egress
        self.plain_runtime = plain_runtime
        self._say = say
        self._asked = False
        self._said: Offers | None = None
        self._turn = asyncio.Lock()

    def welcomed(self) -> None:
        """A session begins, in which nothing has been said."""
        self._asked, self._said = False, None

    def told(self, message: Told) -> None:
        """The core says which mounts there are; answer with `look`."""
        self._asked = True
        self.mounts.told(message.mounts)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.look()

    async def look(self) -> None:
        """Look at what there is, and say it where that is news."""
        async with self._turn:
            mounts, why = await self.mounts.offered()
            reasons = {f"mount {name}": one_line(text) for name, text in why.items()}
            if self.gpus.why_not:
                reasons["gpu"] = self.gpus.why_not
            networks = await self._networks(reasons)
            self._tell(Offers(mounts=sorted(mounts), gpus=self.gpus.counts(), networks=networks, why=reasons))

    async def _networks(self, why: dict[str, str]) -> list[str]:
        if not self.egress.allowed:
            return []
        try:
            await self.egress.ensure()
        except NoEgress as error:
            why[f"network {EGRESS}"] = one_line(str(error))
            return []
        return [EGRESS]

    def _tell(self, found: Offers) -> None:
        if not self._asked or found == self._said:
            return
        for what, text in found.why.items():
            if self._said is None or self._said.why.get(what) != text:
                log.warning("not offered: %s: %s", what, text)
        self._said = found
        self._say(found)


def offering_of(
    settings: Settings,
    core: str,
    owner: Owner,
    engine: Engine,
    info: EngineInfo,
    cards: Sequence[Gpu],
    say: Callable[[Offers], None],
) -> Offering:
    """What a worker of these settings has to offer. `core`: the host by which it joined."""
    ours = (settings.data, *settings.mount_deny, *([settings.secrets] if settings.secrets else []))
    own = [engine.path, info.root, *map(str, ours)]
    roots = [str(root) for root in settings.mount_roots]
    gpus = Gpus(cards, why_not="" if info.gives_gpus else _NO_GPU_RUNTIME)
    egress = Egress(engine, owner, allowed=settings.allow_egress, core=core, exceptions=settings.egress_allow)
    plain = "runc" if info.gives_gpus_to_all and "runc" in info.runtimes else ""
    return Offering(Mounts(lambda: Folders(own, roots)), gpus, egress, say, plain_runtime=plain)
