"""Documents about projects: who takes part, and as what. Members that a document does not name are left alone with it.

kind: project
name: lab
members: {ben: operator}
"""

from typing import Any, Final

from swarm_consumer.apply.documents import Document, WrongValue, text, texts
from swarm_consumer.apply.items import MISSING, Action, Item
from swarm_consumer.apply.reach import Reach
from swarm_consumer.client import Client
from swarm_consumer.located import Located

_ROLES: Final = ("observer", "consumer", "operator", "admin")


class ProjectKind:
    """See `kinds.Kind`."""

    name = "project"
    partial = True
    kept = True
    of_swarm = False

    def read(self, document: Document, project: str) -> Item:
        """A project; with `members` it has these and no others."""
        called = document.need("name", text, "")
        members = document.take("members", _members, None)
        document.finish(("kind", "name", "members"))
        fields = {} if members is None else {"members": members}
        return Item(kind=self.name, project=called, name=called, fields=fields, place=document.place)

    async def complete(self, reach: Reach, item: Item) -> Item:
        """It is complete."""
        return item

    async def check(self, reach: Reach, item: Item) -> None:
        """Reading it was all that there is to check."""

    async def there(self, reach: Reach, project: str) -> list[Item]:
        """The project with its members, but for those whose own it is."""
        members = await (await reach.client()).projects.members(project)
        told = {member.name: member.role for member in members if not member.own}
        return [Item(kind=self.name, project=project, name=project, fields={"members": told})]

    async def carry_out(self, reach: Reach, step: Action) -> None:
        """Make it, and let people in and out."""
        client, name = await reach.client(), step.item.name
        if step.verb == "create":
            await client.projects.add(name)
        for change in step.changes:
            await _member(client, name, change.field.removeprefix("members."), change.new)

    def write(self, item: Item) -> dict[str, Any]:
        """Its document."""
        return {"kind": self.name, "name": item.name, **item.fields}


async def _member(client: Client, project: str, user: str, role: object) -> None:
    if role is MISSING:
        await client.projects.revoke(project, user)
    else:
        await client.projects.grant(project, user, str(role))


def _members(node: Located) -> dict[str, str]:
    found = texts(node)
    wrong = next((role for role in found.values() if role not in _ROLES), None)
    if wrong is not None:
        raise WrongValue(f"{wrong!r} is no role: {', '.join(_ROLES)}")
    return found
