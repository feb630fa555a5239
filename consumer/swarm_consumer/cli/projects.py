"""`swarm project`: list, use, members, add, rm, grant, revoke; limits are in limits.py."""

import os
from typing import Annotated

import msgspec
import typer

from swarm_consumer import credentials as files
from swarm_consumer.cli.completion import project_names, user_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table
from swarm_consumer.cli.text import age
from swarm_consumer.cli.users import Role

_HERE = "swarm_consumer.cli.projects"


class ProjectGroup(LazyGroup):
    """Commands about projects."""

    entries = {  # noqa: RUF012
        "list": Entry(_HERE, "listing", "Commands"),
        "use": Entry(_HERE, "use", "Commands"),
        "members": Entry(_HERE, "members", "Commands"),
        "add": Entry(_HERE, "add", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
        "grant": Entry(_HERE, "grant", "Commands"),
        "revoke": Entry(_HERE, "revoke", "Commands"),
        "limits": Entry("swarm_consumer.cli.limits", "limits", "Commands"),
    }
    prefix = "project."


app = typer.Typer(cls=ProjectGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def project() -> None:
    """What belongs together, and who takes part in it."""


Name = Annotated[str, typer.Argument(metavar="PROJECT", help="Its name.", autocompletion=project_names)]
User = Annotated[str, typer.Argument(metavar="USER", help="Their name.", autocompletion=user_names)]


def listing(json: Json = False) -> None:
    """List your projects."""
    found = with_client(lambda client: client.projects.all())
    if json:
        document(found)
        return
    used = with_client(lambda client: client.whoami()).project
    rows = [(each.name, each.role, "in use" if each.name == used else "", age(each.created_at)) for each in found]
    table(("NAME", "ROLE", "", "MADE"), rows)


def use(
    name: Annotated[
        str | None, typer.Argument(metavar="[PROJECT]", help="None: your own.", autocompletion=project_names)
    ] = None,
) -> None:
    """Have all further commands be about a project of yours; SWARM_PROJECT does it for one command."""
    if name is not None:
        with_client(lambda client: client.projects.get(name))
    held = files.load_saved()
    files.save(msgspec.structs.replace(held, project=name))
    status(f"commands are about {name}" if name else "commands are about your own project")
    if os.environ.get("SWARM_PROJECT"):
        status(f"but here SWARM_PROJECT={os.environ['SWARM_PROJECT']} counts first")


def members(name: Name, json: Json = False) -> None:
    """List who takes part."""
    found = with_client(lambda client: client.projects.members(name))
    if json:
        document(found)
        return
    rows = [(each.name, each.role, "their own project" if each.own else age(each.added_at)) for each in found]
    table(("NAME", "ROLE", ""), rows)


def add(name: Annotated[str, typer.Argument(metavar="PROJECT", help="Small letters, digits and . _ -")]) -> None:
    """Make a project."""
    with_client(lambda client: client.projects.add(name))
    status(f"project {name} is there; let others take part: `swarm project grant {name} USER ROLE`")


def remove(name: Name) -> None:
    """Delete a project with nothing in it."""
    with_client(lambda client: client.projects.remove(name))
    status(f"project {name} is gone")


def grant(name: Name, user: User, role: Annotated[Role, typer.Argument(help="As what.")]) -> None:
    """Let somebody take part, or give them another role there."""
    with_client(lambda client: client.projects.grant(name, user, str(role)))
    status(f"{user} is {role} in {name}")


def revoke(name: Name, user: User) -> None:
    """Let somebody take part no more; their jobs there go on."""
    with_client(lambda client: client.projects.revoke(name, user))
    status(f"{user} takes no part in {name} any more")
