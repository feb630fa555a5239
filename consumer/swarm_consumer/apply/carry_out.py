"""From files to a plan, and from a plan to a core that has what it says: one step after the other, each told of."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from swarm_consumer.apply.documents import Document, invalid, read_documents, text
from swarm_consumer.apply.items import Action, Item
from swarm_consumer.apply.kinds import BY_NAME, KEPT, KINDS, OF_SWARM, ORDER, PARTIAL
from swarm_consumer.apply.plan import Plan, make_plan
from swarm_consumer.apply.reach import Reach
from swarm_protocol.errors import SwarmError


@dataclass(frozen=True, slots=True)
class Done:
    """A step, and what went wrong with it."""

    step: Action
    error: SwarmError | None = None


def read_items(paths: Sequence[str], project: str) -> list[Item]:
    """What the files want; `project` is that of documents which name none. Raises SwarmError for all that is wrong."""
    items: list[Item] = []
    errors: list[dict[str, str]] = []
    seen: dict[tuple[str, str, str], str] = {}
    for document in read_documents(paths):
        item = _read(document, project)
        if item is not None and not document.errors and item.key in seen:
            document.wrong("name", f"{item.title} stands in {seen[item.key]} already")
        errors += document.errors
        if item is not None:
            seen[item.key] = item.place
            items.append(item)
    if errors:
        raise invalid(errors)
    return items


def _read(document: Document, project: str) -> Item | None:
    called = document.need("kind", text, "")
    kind = BY_NAME.get(called)
    if kind is None:
        if called:
            document.wrong("kind", f"{called!r} is none of {', '.join(BY_NAME)}")
        return None
    document.title = called
    return kind.read(document, project)


async def plan_items(reach: Reach, items: Sequence[Item], prune: bool) -> Plan:
    """Compare them with what the projects have that they are about. Raises SwarmError; nothing is changed.

    What belongs to the whole swarm is looked at where the files have one of its kind.
    """
    wanted = [await _complete(reach, item) for item in items]
    named = {item.project for item in wanted if item.project}
    known = {project.name for project in await (await reach.client()).projects.all()}
    made = {item.name for item in wanted if item.kind == "project"}
    for item in wanted:
        if item.project and item.project not in known | made:
            hint = f"`swarm project list` shows yours; a document `kind: project` with `name: {item.project}` makes one"
            raise SwarmError("not_found", f"{item.place}: there is no project {item.project}", hint=hint)
    there = await export_items(reach, sorted(named & known), {*ORDER} - OF_SWARM | {item.kind for item in wanted})
    plan = make_plan(wanted, there, ORDER, partial=PARTIAL, kept=KEPT, prune=prune)
    for step in plan.steps:
        if step.verb != "remove":
            await _check(reach, step.item)
    return plan


async def _complete(reach: Reach, item: Item) -> Item:
    try:
        return await BY_NAME[item.kind].complete(reach, item)
    except SwarmError as error:
        raise _located(item, error) from None


async def _check(reach: Reach, item: Item) -> None:
    try:
        await BY_NAME[item.kind].check(reach, item)
    except SwarmError as error:
        raise _located(item, error) from None


async def carry_out(reach: Reach, plan: Plan, tell: Callable[[Done], None]) -> int:
    """Do each step and tell of it; how many went wrong. One that does keeps no other from being tried."""
    wrong = 0
    for step in plan.steps:
        error = await _step(reach, step)
        wrong += error is not None
        tell(Done(step, error))
    return wrong


async def _step(reach: Reach, step: Action) -> SwarmError | None:
    try:
        await BY_NAME[step.item.kind].carry_out(reach, step)
    except SwarmError as error:
        return _located(step.item, error)
    return None


def _located(item: Item, error: SwarmError) -> SwarmError:
    """An error of the core about an item, with its place in front."""
    about = f"{item.place}: {item.title}" if item.place else item.title
    errors = [{**each, "message": f"{about}: {_line(each)}"} for each in error.errors]
    message = f"{about}: {error.message}"
    return SwarmError(error.code, message, hint=error.hint, field=error.field, errors=errors)


def _line(one: dict[str, str]) -> str:
    where, message = one.get("field", ""), one.get("message", "")
    return message if not where or message.startswith(where) else f"{where}: {message}"


async def export_items(reach: Reach, projects: Sequence[str], kinds: Collection[str]) -> list[Item]:
    """All of these kinds that these projects have, and the swarm itself. Raises SwarmError."""
    chosen = [kind for kind in KINDS if kind.name in kinds]
    asked = [(kind, project) for project in projects for kind in chosen if not kind.of_swarm]
    asked += [(kind, "") for kind in chosen if kind.of_swarm]
    return [item for kind, project in asked for item in await kind.there(reach, project)]
