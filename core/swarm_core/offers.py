"""What workers let jobs have beside cpu, memory and disk, held against what a job needs. Pure.

A job that names no kind of GPU may have been given any by its worker. So each such one counts against every kind: a
worker is never asked for more than it has free.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from swarm_protocol.messages import Offers as Told
from swarm_protocol.needs import Needs

_ENOUGH: Final = 1 << 30
_NAMED: Final = 3
"""Workers whose reasons are told."""


@dataclass(frozen=True, slots=True)
class Offers:
    """Of one worker; of its GPUs what is free."""

    mounts: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    gpus: Mapping[str, int] = field(default_factory=dict)
    """By kind, without those that jobs of no kind have."""
    unnamed: int = 0
    """GPUs that jobs of no kind have."""
    why: Mapping[str, str] = field(default_factory=dict)
    """Why something is not offered, by what it is, for a person."""

    def fits(self, needs: Needs) -> int:
        """How many jobs that need this may have it at once."""
        if not self.mounts.issuperset(needs.mounts) or (needs.network and needs.network not in self.networks):
            return 0
        return max(0, self._free(needs.gpu_kind)) // needs.gpus if needs.gpus else _ENOUGH

    def taken(self, needs: Needs, count: int) -> "Offers":
        """The same with so many more jobs that need this; a negative count gives it back."""
        number = needs.gpus * count
        if not number:
            return self
        if not needs.gpu_kind:
            return replace(self, unnamed=self.unnamed + number)
        left = self.gpus.get(needs.gpu_kind, 0) - number
        return replace(self, gpus={**self.gpus, needs.gpu_kind: left})

    def lacks(self, needs: Needs) -> list[str]:
        """What is missing for one job, for a person."""
        found = [self._not_offered(f"mount {name}") for name in needs.mounts if name not in self.mounts]
        if needs.network and needs.network not in self.networks:
            found.append(self._not_offered(f"network {needs.network}"))
        if needs.gpus > (free := max(0, self._free(needs.gpu_kind))):
            kind = f" of kind {needs.gpu_kind}" if needs.gpu_kind else ""
            why = f" ({self.why['gpu']})" if "gpu" in self.why else ""
            found.append(f"it has {free} GPUs{kind}, not {needs.gpus}{why}")
        return found

    def _free(self, kind: str) -> int:
        return (self.gpus.get(kind, 0) if kind else sum(self.gpus.values())) - self.unnamed

    def _not_offered(self, what: str) -> str:
        why = f" ({self.why[what]})" if what in self.why else ""
        return f"it does not offer the {what}{why}"


NOTHING: Final = Offers()


def offers_of(told: Told) -> Offers:
    """What a worker says that it offers, all of it free."""
    return Offers(frozenset(told.mounts), frozenset(told.networks), dict(told.gpus), 0, dict(told.why))


def offered_by_none(needs: Needs, workers: Iterable[tuple[str, Offers]]) -> str:
    """What of it no worker, by (name, offers), offers at all, for a person; empty where each is offered by some."""
    known = list(workers)
    offers = [each for _, each in known]
    lacking = [(f"mount {name}", f"mount {name}") for name in needs.mounts if all(name not in o.mounts for o in offers)]
    if needs.network and all(needs.network not in o.networks for o in offers):
        lacking.append((f"network {needs.network}", f"network {needs.network}"))
    if needs.gpus and all(not (needs.gpu_kind in o.gpus if needs.gpu_kind else o.gpus) for o in offers):
        lacking.append(("gpu", f"GPU of kind {needs.gpu_kind}" if needs.gpu_kind else "GPU"))
    if not lacking:
        return ""
    reasons = ("; ".join(f"{name}: {o.why[key]}" for name, o in known[:_NAMED] if key in o.why) for key, _ in lacking)
    said = [f"{text} ({why})" if why else text for (_, text), why in zip(lacking, reasons, strict=True)]
    return f"no worker offers {', '.join(said)}"
