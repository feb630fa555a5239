"""The machine's NVIDIA cards: what they are, and which attempt has which. No card is ever given to two.

An allotment lasts until the container is gone, not only ended, and survives the worker in the container's label.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from swarm_protocol.messages import Gpu, Ref
from swarm_protocol.needs import is_gpu_kind
from swarm_protocol.states import FailureKind
from swarm_worker.failures import AttemptFailed

_PLACE: Final = "proc/driver/nvidia/gpus"
_NAME: Final = re.compile(r"^([A-Za-z ]+):\s*(.*?)\s*$", re.MULTILINE)
_NOISE: Final = re.compile(r"nvidia|geforce|tesla|quadro|generation|graphics|pcie?e?|sxm\d*|nvl|hbm\w*|\d+gb|gpu")
"""Words of a model's name that tell nothing of the kind: brands, sockets, memory."""


def detect(root: Path) -> list[Gpu]:
    """The cards whose driver is loaded and whose device is there, by their place on the bus."""
    folders = sorted((root / _PLACE).glob("*"))
    found = (_card(root, folder) for folder in folders)
    return [card for card in found if card is not None]


def _card(root: Path, folder: Path) -> Gpu | None:
    try:
        told = dict(_NAME.findall((folder / "information").read_text(errors="replace")))
    except OSError:
        return None
    minor, uuid, model = told.get("Device Minor", ""), told.get("GPU UUID", ""), told.get("Model", "")
    if not minor.isdigit() or not uuid.startswith("GPU-") or "?" in uuid:  # the driver has not looked at it yet
        return None
    return Gpu(id=uuid, kind=kind_of(model), model=model) if (root / "dev" / f"nvidia{minor}").exists() else None


def kind_of(model: str) -> str:
    """What jobs ask for: `NVIDIA A100-SXM4-40GB` is an `a100`, `NVIDIA GeForce RTX 3090` an `rtx-3090`."""
    words = re.split(r"[\s/_-]+", model.lower())
    kind = "-".join(word for word in words if word and not _NOISE.fullmatch(word))
    return kind if is_gpu_kind(kind) else "gpu"


def kind_label(cards: Sequence[Gpu]) -> dict[str, str]:
    """The label of a machine with cards of one kind."""
    kinds = {card.kind for card in cards}
    return {"gpu": kinds.pop()} if len(kinds) == 1 else {}


class Gpus:
    """Who has which card."""

    def __init__(self, cards: Sequence[Gpu], *, why_not: str = "") -> None:
        """`why_not`: why the engine can't give cards to containers; empty: it can."""
        self._cards = {card.id: card for card in cards} if not why_not else {}
        self.why_not = why_not if cards else ""
        self._has: dict[Ref, tuple[str, ...]] = {}
        self._freed = asyncio.Event()

    def counts(self) -> dict[str, int]:
        """How many of each kind there are in all."""
        return dict(Counter(card.kind for card in self._cards.values()))

    async def take(self, ref: Ref, count: int, kind: str, limit: float) -> tuple[str, ...]:
        """Cards for an attempt; waits for such as another's container, which has ended, still has.

        Raises AttemptFailed where there are not so many, or none came free within `limit` seconds.
        """
        if len(self._of_kind(kind, self._cards)) < count:
            text = f"this worker has no {count} GPUs{f' of kind {kind}' if kind else ''} for jobs"
            raise AttemptFailed(FailureKind.CREATE_FAILED, text)
        try:
            async with asyncio.timeout(limit):
                while len(free := self._of_kind(kind, self._free())) < count:
                    self._freed.clear()
                    await self._freed.wait()
                self._has[ref] = chosen = self._choose(free, count)
        except TimeoutError:
            text = f"no {count} GPUs came free here in {limit:g} s: containers that had them are still there"
            raise AttemptFailed(FailureKind.CREATE_FAILED, text) from None
        return chosen

    def restore(self, ref: Ref, cards: Iterable[str]) -> None:
        """A container from before has these."""
        if taken := tuple(cards):
            self._has[ref] = taken

    def give_back(self, ref: Ref) -> None:
        """The attempt's container is gone, or never was."""
        if self._has.pop(ref, None) is not None:
            self._freed.set()

    def holders(self) -> list[Ref]:
        """Attempts that have cards."""
        return list(self._has)

    def _free(self) -> list[str]:
        taken = {card for cards in self._has.values() for card in cards}
        return [card for card in self._cards if card not in taken]

    def _of_kind(self, kind: str, cards: Iterable[str]) -> list[str]:
        return [card for card in cards if kind in ("", self._cards[card].kind)]

    def _choose(self, free: Sequence[str], count: int) -> tuple[str, ...]:
        """All of one kind where that can be, of the one with the fewest free that has enough."""
        kinds = Counter(self._cards[card].kind for card in free)
        enough = [(number, kind) for kind, number in kinds.items() if number >= count]
        from_ = self._of_kind(min(enough)[1] if enough else "", free)
        return tuple(from_[:count])
