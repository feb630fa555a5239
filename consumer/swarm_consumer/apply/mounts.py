"""Documents about folders of the workers that jobs may use. They belong to the whole swarm, and operators keep them.

kind: mount
name: data
path: /srv/data
read_only: true
projects: {lab: {}, shop: {uid: 1000, gid: 1000}}
"""

from collections.abc import Mapping
from typing import Any, Final

from swarm_consumer.apply.documents import Document, WrongValue, mapping, text, whole, yes
from swarm_consumer.apply.items import Action, Item
from swarm_consumer.apply.reach import Reach
from swarm_consumer.located import Located
from swarm_consumer.models import Mount, MountProject
from swarm_consumer.mounts import Mounts
from swarm_protocol.errors import SwarmError
from swarm_protocol.needs import LARGEST_ID, MOUNT_RULE, is_mount_name, wrong_mount_path

_USUAL: Final = "as usual"
"""How a project's jobs run with a mount that is mapped to nobody; else `as 1000:1000`."""
_SEE_ALL: Final = frozenset({"operator", "admin"})


class MountKind:
    """See `kinds.Kind`."""

    name = "mount"
    partial = True
    kept = False
    of_swarm = True

    def read(self, document: Document, project: str) -> Item:
        """A mount; with `projects` these may use it and no others."""
        called = document.need("name", _name, "")
        document.title = f"mount {called}" if called else document.title
        path = document.need("path", _path, "")
        read_only = document.take("read_only", yes, False)
        projects = document.take("projects", _projects, None)
        document.finish(("kind", "name", "path", "read_only", "projects"))
        fields = {"path": path, "read_only": read_only, **({} if projects is None else {"projects": projects})}
        return Item(kind=self.name, project="", name=called, fields=fields, place=document.place)

    async def complete(self, reach: Reach, item: Item) -> Item:
        """It is complete; but who may not see all projects of a mount can't compare them."""
        if "projects" in item.fields and not await _sees_all(reach):
            message = "only operators of the swarm see all projects that may use a mount"
            hint = "leave its `projects` out, or let an operator apply this file"
            raise SwarmError("forbidden", message, hint=hint, field="projects")
        return item

    async def check(self, reach: Reach, item: Item) -> None:
        """Reading it was all that there is to check."""

    async def there(self, reach: Reach, project: str) -> list[Item]:
        """All mounts; for others than operators those that their projects may use, without saying which do."""
        if await _sees_all(reach):
            return [_item(mount, with_projects=True) for mount in await (await reach.client()).mounts.all()]
        seen: dict[str, Mount] = {}
        for each in await (await reach.client()).projects.all():
            seen |= {mount.name: mount for mount in await (await reach.client(each.name)).mounts.all()}
        return [_item(seen[name], with_projects=False) for name in sorted(seen)]

    async def carry_out(self, reach: Reach, step: Action) -> None:
        """Make it, change it, or take its name away."""
        mounts, item = (await reach.client()).mounts, step.item
        if step.verb == "remove":
            await mounts.remove(item.name)
        elif step.now is None:
            await mounts.add(item.name, item.fields["path"], read_only=item.fields["read_only"])
            await _allow(mounts, item.name, item.fields.get("projects", {}))
        else:
            await _change(mounts, item, step.now)

    def write(self, item: Item) -> dict[str, Any]:
        """Its document."""
        fields = dict(item.fields)
        shown = {"kind": self.name, "name": item.name, "path": fields["path"], "read_only": fields["read_only"]}
        if "projects" in fields:
            shown["projects"] = {project: _ids(how) for project, how in fields["projects"].items()}
        return shown


async def _sees_all(reach: Reach) -> bool:
    return (await reach.who()).own_role in _SEE_ALL


async def _change(mounts: Mounts, item: Item, now: Item) -> None:
    """Who loses it loses it first, and who gets it gets it last: nobody sees a folder that was not meant for them."""
    old, new = now.fields.get("projects", {}), item.fields.get("projects")
    for project in sorted(old.keys() - new.keys()) if new is not None else ():
        await mounts.deny(item.name, project)
    path, read_only = item.fields["path"], item.fields["read_only"]
    if (path, read_only) != (now.fields["path"], now.fields["read_only"]):
        await mounts.edit(item.name, path=path, read_only=read_only)
    await _allow(mounts, item.name, {project: how for project, how in (new or {}).items() if old.get(project) != how})


async def _allow(mounts: Mounts, name: str, projects: Mapping[str, str]) -> None:
    for project, how in projects.items():
        await mounts.allow(name, project, **_ids(how))


def _item(mount: Mount, *, with_projects: bool) -> Item:
    fields: dict[str, Any] = {"path": mount.path, "read_only": mount.read_only}
    if with_projects:
        fields["projects"] = {each.project: _how(each) for each in mount.projects}
    return Item(kind=MountKind.name, project="", name=mount.name, fields=fields)


def _how(allowed: MountProject) -> str:
    return _USUAL if allowed.uid is None else f"as {allowed.uid}:{allowed.gid}"


def _ids(how: str) -> dict[str, int]:
    """The other way round."""
    if how == _USUAL:
        return {}
    return dict(zip(("uid", "gid"), map(int, how.removeprefix("as ").split(":")), strict=True))


def _name(node: Located) -> str:
    found = text(node)
    if not is_mount_name(found):
        raise WrongValue(f"{found[:100]!r} can't be a mount's name: {MOUNT_RULE}")
    return found


def _path(node: Located) -> str:
    found = text(node)
    if wrong := wrong_mount_path(found):
        raise WrongValue(wrong)
    return found


def _projects(node: Located) -> dict[str, str]:
    return {project: _grant(project, each) for project, each in mapping(node).items()}


def _grant(project: str, node: Located) -> str:
    """`{}`, or `{uid: 1000, gid: 1000}`; gid is the same number where it isn't named."""
    found = {name: _id(f"{project}.{name}", each) for name, each in _ids_of(project, node).items()}
    if not found:
        return _USUAL
    if "uid" not in found:
        raise WrongValue(f"{project}: gid goes with uid")
    return f"as {found['uid']}:{found.get('gid', found['uid'])}"


def _ids_of(project: str, node: Located) -> dict[str, Located]:
    if not isinstance(node.value, dict) or node.value.keys() - {"uid", "gid"}:
        raise WrongValue(f"{project}: {{}}, or as whom its jobs run, such as {{uid: 1000, gid: 1000}}")
    return node.value


def _id(where: str, node: Located) -> int:
    found = whole(node)
    if not 0 < found <= LARGEST_ID:
        raise WrongValue(f"{where}: a number from 1 on, not {found}: no job runs as root")
    return found
