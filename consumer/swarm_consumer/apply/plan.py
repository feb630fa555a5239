"""What has to be done so that a core has what the files say. Pure: items in, steps out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from swarm_consumer.apply.items import Action, Item, differences


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they can be done, and what is left alone."""

    steps: list[Action] = field(default_factory=list)
    unnamed: list[Item] = field(default_factory=list)
    """What is there and in no file; with `prune` it goes, and is among the steps."""

    @property
    def removed(self) -> list[Item]:
        """What goes."""
        return [step.item for step in self.steps if step.verb == "remove"]


def make_plan(
    wanted: Iterable[Item],
    there: Iterable[Item],
    order: Sequence[str],
    *,
    partial: Collection[str] = (),
    kept: Collection[str] = (),
    prune: bool = False,
) -> Plan:
    """The steps from what is there to what is wanted.

    `order` are the kinds, each after those that it needs: what is made or changed goes by it, what is removed against
    it. Of kinds that are `partial` only the fields that a file names are compared; what is `kept` is never removed.
    """
    has = {item.key: item for item in there}
    named = set[tuple[str, str, str]]()
    made: list[Action] = []
    for item in wanted:
        named.add(item.key)
        step = _step(item, has.get(item.key), item.kind in partial)
        made += [step] if step else []
    unnamed = [item for key, item in has.items() if key not in named and item.kind not in kept]
    gone = [Action("remove", item, item) for item in unnamed] if prune else []
    rank = {kind: at for at, kind in enumerate(order)}
    made.sort(key=lambda step: (rank[step.item.kind], step.item.key))
    gone.sort(key=lambda step: (-rank[step.item.kind], step.item.key))
    return Plan([*made, *gone], [] if prune else sorted(unnamed, key=lambda item: item.key))


def _step(item: Item, now: Item | None, partial: bool) -> Action | None:
    if now is None:
        return Action("create", item, None, differences({}, item.fields))
    old: Mapping[str, object] = {name: now.fields.get(name) for name in item.fields} if partial else now.fields
    changes = differences(old, item.fields)
    return Action("change", item, now, changes) if changes else None
