"""`swarm mount`: add, list, show, edit, allow, deny, rm."""

from typing import Annotated

import typer

from swarm_consumer.cli.completion import mount_names, project_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.text import age, clean
from swarm_consumer.client import Client
from swarm_consumer.models import Mount, MountProject, Worker
from swarm_protocol.needs import MOUNT_RULE, is_mount_name

_HERE = "swarm_consumer.cli.mounts"


class MountGroup(LazyGroup):
    """Commands about mounts."""

    entries = {  # noqa: RUF012
        "add": Entry(_HERE, "add", "Commands"),
        "list": Entry(_HERE, "listing", "Commands"),
        "show": Entry(_HERE, "show", "Commands"),
        "edit": Entry(_HERE, "edit", "Commands"),
        "allow": Entry(_HERE, "allow", "Commands"),
        "deny": Entry(_HERE, "deny", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
    }
    prefix = "mount."


app = typer.Typer(cls=MountGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def mount() -> None:
    """Folders of the workers that jobs may use under a name."""


Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", autocompletion=mount_names)]
Projects = Annotated[
    list[str] | None,
    typer.Option("--project", metavar="PROJECT", help="Whose jobs may use it.", autocompletion=project_names),
]


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and . _ -")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="The folder on the workers: an absolute path.")],
    ro: Annotated[bool, typer.Option("--ro", help="For reading only, whatever a job asks for.")] = False,
    project: Projects = None,
    json: Json = False,
) -> None:
    """Give a folder of the workers a name; for operators.

    A worker offers it where the folder is there and is no part of its system.
    """
    if not is_mount_name(name):
        raise UsageError(f"{name!r} can't be a mount's name", MOUNT_RULE)
    made = with_client(lambda client: client.mounts.add(name, path, read_only=ro, projects=project or ()))
    if json:
        document(made)
        return
    if made.projects:
        status(f"mount {name} is there; a job uses it with --mount {name}, and finds it in /mnt/{name}")
    else:
        status(f"mount {name} is there; let a project use it: `swarm mount allow {name} --project PROJECT`")


def listing(json: Json = False) -> None:
    """List mounts: all of them for operators, for others those that the project may use."""
    found = with_client(lambda client: client.mounts.all())
    if json:
        document(found)
        return
    rows = [(m.name, m.path, _mode(m), ", ".join(map(_project, m.projects)), age(m.created_at)) for m in found]
    table(("NAME", "PATH", "MODE", "PROJECTS", "MADE"), rows)


def show(name: Name, json: Json = False) -> None:
    """Show one, and which connected workers offer it."""
    found, workers = with_client(lambda client: _with_workers(client, name))
    if json:
        document(found)
        return
    key = f"mount {name}"
    offers = [w.name for w in workers if w.offers and name in w.offers.mounts]
    not_there = [f"{w.name}: {w.offers.why[key]}" for w in workers if w.offers and key in w.offers.why]
    pairs = (
        ("mount", f"{found.name}  {found.path}"),
        ("mode", _mode(found)),
        ("projects", ", ".join(map(_project, found.projects)) or "none"),
        ("made", f"{age(found.created_at)} by {found.created_by.removeprefix('user:')}"),
        ("workers", ", ".join(offers) or "none offers it"),
        ("not on", "; ".join(not_there)),
    )
    write("".join(f"{label:<8} {clean(value)}\n" for label, value in pairs if value))


async def _with_workers(client: Client, name: str) -> tuple[Mount, list[Worker]]:
    return await client.mounts.get(name), await client.workers()


def edit(
    name: Name,
    path: Annotated[str | None, typer.Option("--path", metavar="PATH", help="The folder on the workers.")] = None,
    ro: Annotated[bool | None, typer.Option("--ro/--rw", help="For reading only, or for writing as well.")] = None,
    json: Json = False,
) -> None:
    """Change a mount; what runs keeps the folder as it got it, what waits finds it changed. For operators."""
    if path is None and ro is None:
        raise UsageError("name what is to change: --path, --ro or --rw")
    made = with_client(lambda client: client.mounts.edit(name, path=path, read_only=ro))
    if json:
        document(made)
    else:
        status(f"mount {name} is {made.path}, {_mode(made)}")


def allow(
    name: Name,
    project: Projects = None,
    uid: Annotated[int | None, typer.Option(metavar="UID", help="Its jobs run as this user with it.", min=1)] = None,
    gid: Annotated[
        int | None, typer.Option(metavar="GID", help="And this group; the same number by default.", min=1)
    ] = None,
) -> None:
    """Let projects use a mount; for operators."""
    if gid is not None and uid is None:
        raise UsageError("--gid goes with --uid")
    gid = uid if gid is None else gid
    with_client(lambda client: _allow(client, name, _named(project), uid, gid))


async def _allow(client: Client, name: str, projects: list[str], uid: int | None, gid: int | None) -> None:
    for each in projects:
        await client.mounts.allow(name, each, uid=uid, gid=gid)
        status(f"jobs of {each} may use {name}{'' if uid is None else f', as {uid}:{gid}'}")


def deny(name: Name, project: Projects = None) -> None:
    """Let projects use a mount no more; what runs keeps it. For operators."""
    with_client(lambda client: _deny(client, name, _named(project)))


async def _deny(client: Client, name: str, projects: list[str]) -> None:
    for each in projects:
        await client.mounts.deny(name, each)
        status(f"jobs of {each} may use {name} no more")


def _named(projects: list[str] | None) -> list[str]:
    if not projects:
        raise UsageError("name the project with --project", "`swarm project list` shows yours")
    return projects


def remove(name: Name) -> None:
    """Take the name away; what runs keeps its mount. For operators."""
    with_client(lambda client: client.mounts.remove(name))
    status(f"mount {name} is gone; the folder on the workers is as it was")


def _mode(mount: Mount) -> str:
    return "ro" if mount.read_only else "rw"


def _project(allowed: MountProject) -> str:
    return allowed.project if allowed.uid is None else f"{allowed.project} as {allowed.uid}:{allowed.gid}"
