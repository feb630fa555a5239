"""How much waits in a module: what an operator looks at when things are slow. Pure."""

from typing import Protocol, runtime_checkable

import msgspec


class QueueDepth(msgspec.Struct, kw_only=True, frozen=True):
    """One queue of a module as it is now."""

    name: str
    depth: int
    bound: int | None = None
    """What comes past it is refused or dropped; None: what it holds is bounded elsewhere."""
    unit: str = "items"
    """`items` or `bytes`."""


@runtime_checkable
class HasQueues(Protocol):
    """A module that can say what waits in it."""

    def queue_depths(self) -> list[QueueDepth]:
        """Its queues; costs no more than their lengths."""
        ...
