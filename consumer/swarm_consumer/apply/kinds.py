"""The registry of kinds: what a document may be about. A new kind is a module with these methods, and an entry here."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from swarm_consumer.apply.documents import Document
from swarm_consumer.apply.items import Action, Item
from swarm_consumer.apply.limits import LimitsKind
from swarm_consumer.apply.mounts import MountKind
from swarm_consumer.apply.projects import ProjectKind
from swarm_consumer.apply.reach import Reach
from swarm_consumer.apply.schedules import ScheduleKind


class Kind(Protocol):
    """One kind of thing."""

    @property
    def name(self) -> str:
        """What documents call it."""
        ...

    @property
    def partial(self) -> bool:
        """Whether only the fields that a document names are compared."""
        ...

    @property
    def kept(self) -> bool:
        """Whether one that is in no file is never removed."""
        ...

    @property
    def of_swarm(self) -> bool:
        """Whether it belongs to the whole swarm and to no project; `there` is then asked for the project ``."""
        ...

    def read(self, document: Document, project: str) -> Item:
        """The item that a document is about, `project` where it names none; what is wrong is noted in the document."""
        ...

    async def complete(self, reach: Reach, item: Item) -> Item:
        """The same with what reading its document alone can't tell. Raises SwarmError."""
        ...

    async def check(self, reach: Reach, item: Item) -> None:
        """Have the core look at what is to be made or changed, as far as it can. Raises SwarmError."""
        ...

    async def there(self, reach: Reach, project: str) -> list[Item]:
        """All of it that a project, or the swarm, has. Raises SwarmError."""
        ...

    async def carry_out(self, reach: Reach, step: Action) -> None:
        """Create, change or remove it. Raises SwarmError."""
        ...

    def write(self, item: Item) -> dict[str, Any]:
        """The document of an item that is there."""
        ...


KINDS: Final[Sequence[Kind]] = (ProjectKind(), LimitsKind(), MountKind(), ScheduleKind())
"""Each after those that it needs."""
BY_NAME: Final = {kind.name: kind for kind in KINDS}
ORDER: Final = [kind.name for kind in KINDS]
PARTIAL: Final = frozenset(kind.name for kind in KINDS if kind.partial)
KEPT: Final = frozenset(kind.name for kind in KINDS if kind.kept)
OF_SWARM: Final = frozenset(kind.name for kind in KINDS if kind.of_swarm)
