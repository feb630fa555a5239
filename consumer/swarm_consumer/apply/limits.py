"""Documents about what a project may have at once.

kind: limits
project: lab
running: 20
memory: 64G
"""

from typing import Any

from swarm_consumer.apply.documents import Document, WrongValue, text, whole
from swarm_consumer.apply.items import Action, Item
from swarm_consumer.apply.reach import Reach
from swarm_consumer.located import Located
from swarm_protocol.quantities import cpu_millis, size, written_cpu, written_size

_FIELDS = ("queued", "running", "cpu_millis", "memory")


class LimitsKind:
    """See `kinds.Kind`."""

    name = "limits"
    partial = False
    kept = False
    of_swarm = False

    def read(self, document: Document, project: str) -> Item:
        """The limits of a project; one that isn't named isn't there."""
        called = document.take("project", text, project)
        found = {
            "queued": document.take("queued", _count, None),
            "running": document.take("running", _count, None),
            "cpu_millis": document.take("cpu", lambda node: cpu_millis(text(node)), None),
            "memory": document.take("memory", lambda node: size(text(node)), None),
        }
        document.finish(("kind", "project", "queued", "running", "cpu", "memory"))
        fields = {name: value for name, value in found.items() if value is not None}
        if not fields and not document.errors:
            document.wrong("limits", "name at least one of queued, running, cpu and memory")
        return Item(kind=self.name, project=called, name=called, fields=fields, place=document.place)

    async def complete(self, reach: Reach, item: Item) -> Item:
        """It is complete."""
        return item

    async def check(self, reach: Reach, item: Item) -> None:
        """Reading it was all that there is to check."""

    async def there(self, reach: Reach, project: str) -> list[Item]:
        """The limits of a project that has any."""
        found = await (await reach.client()).projects.limits(project)
        fields = {name: getattr(found, name) for name in _FIELDS if getattr(found, name) is not None}
        return [Item(kind=self.name, project=project, name=project, fields=fields)] if fields else []

    async def carry_out(self, reach: Reach, step: Action) -> None:
        """Set them, or take them away."""
        wanted = {} if step.verb == "remove" else dict(step.item.fields)
        await (await reach.client()).projects.set_limits(step.item.name, **wanted)

    def write(self, item: Item) -> dict[str, Any]:
        """Its document."""
        fields = dict(item.fields)
        shown: dict[str, Any] = {name: fields[name] for name in ("queued", "running") if name in fields}
        if "cpu_millis" in fields:
            shown["cpu"] = written_cpu(fields["cpu_millis"])
        if "memory" in fields:
            shown["memory"] = written_size(fields["memory"])
        return {"kind": self.name, "project": item.project, **shown}


def _count(node: Located) -> int:
    found = whole(node)
    if found < 0:
        raise WrongValue(f"a number from 0 on, not {found}")
    return found
