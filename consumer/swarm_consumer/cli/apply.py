"""`swarm apply` and `swarm export`: schedules, projects, mounts and limits as files in version control."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from swarm_consumer import credentials as files
from swarm_consumer.apply.carry_out import Done, carry_out, export_items, plan_items, read_items
from swarm_consumer.apply.export import stream_of, write_files
from swarm_consumer.apply.items import MISSING, Action, Change, Item
from swarm_consumer.apply.kinds import OF_SWARM, ORDER
from swarm_consumer.apply.plan import Plan
from swarm_consumer.apply.reach import Reach
from swarm_consumer.cli.completion import project_names
from swarm_consumer.cli.connection import open_client
from swarm_consumer.cli.errors import UsageError, report
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, write
from swarm_consumer.cli.text import clean
from swarm_protocol.errors import EXIT_OUR_FAILURE

EXIT_DIFFERS = 1
_SIGNS = {"create": "+", "change": "~", "remove": "-"}
_DID = {"create": "made", "change": "changed", "remove": "removed"}


def apply(
    paths: Annotated[
        list[str],
        typer.Option("--file", "-f", metavar="PATH", help="A file, or a folder of them; - reads YAML; may repeat."),
    ],
    diff: Annotated[
        bool, typer.Option("--diff", help="Change nothing; say what would be. Exits with 1 if anything.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also remove what no file has, of the projects and mounts that files name.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without being asked.")] = False,
    json: Json = False,
) -> None:
    """Have what the files say: schedules, projects with their members, mounts, limits.

    Twice does the same as once. docs/apply.md has what a file may say.
    """
    import asyncio

    raise typer.Exit(asyncio.run(_apply(paths, diff=diff, prune=prune, yes=yes, json=json)))


async def _apply(paths: list[str], *, diff: bool, prune: bool, yes: bool, json: bool) -> int:
    async with _reach() as reach:
        items = read_items(paths, (await reach.who()).project)
        if not items:
            raise UsageError(f"there is no document in {', '.join(paths)}", "files end in .yaml, .yml or .toml")
        plan = await plan_items(reach, items, prune)
        if diff:
            _show(plan, _scope(items) if prune else "", json)
            return EXIT_DIFFERS if plan.steps else 0
        if plan.removed and not yes:
            _confirm(plan)
        told: list[Done] = []
        wrong = await carry_out(reach, plan, told.append if json else _tell)
    if json:
        document([_plain(done.step, done) for done in told])
    elif not plan.steps:
        status("all is as the files say")
    if plan.unnamed and not json:
        status(_left_alone(plan))
    return EXIT_OUR_FAILURE if wrong else 0


def _reach() -> Reach:
    held = files.load()
    return Reach(lambda project: open_client(held, project=project))


def _scope(items: list[Item]) -> str:
    """What --prune removes with these files."""
    shared = sorted({item.kind for item in items} & OF_SWARM)
    more = "".join(f"; and every {kind} that no file has, of the whole swarm, since files name one" for kind in shared)
    return f"--prune removes every schedule and limit that no file has, of all projects that the files name{more}"


def _show(plan: Plan, scope: str, json: bool) -> None:
    if json:
        document([_plain(step) for step in plan.steps])
        return
    for step in plan.steps:
        write(_described(step))
    if scope:
        status(scope)
    elif plan.unnamed:
        status(_left_alone(plan))
    if not plan.steps:
        status("all is as the files say")


def _left_alone(plan: Plan) -> str:
    shown = ", ".join(item.title for item in plan.unnamed[:5])
    more = f" and {len(plan.unnamed) - 5} more" if len(plan.unnamed) > 5 else ""
    return f"in no file, and left alone: {shown}{more}; --prune removes what is in no file"


def _described(step: Action) -> str:
    """A step with its fields, a line each."""
    place = step.item.place or "in no file"
    lines = [f"{_SIGNS[step.verb]} {step.item.title}  ({place})"]
    lines += [f"    {change.field}: {_values(step.verb, change)}" for change in step.changes]
    return "".join(f"{clean(line)}\n" for line in lines)


def _values(verb: str, change: Change) -> str:
    if verb == "create":
        return _value(change.new)
    return f"{_value(change.old)} → {_value(change.new)}"


def _value(value: Any) -> str:
    import msgspec

    return repr(value) if value is MISSING else msgspec.json.encode(value).decode()


def _plain(step: Action, done: Done | None = None) -> dict[str, Any]:
    changes = [
        {"field": c.field, "from": None if c.old is MISSING else c.old, "to": None if c.new is MISSING else c.new}
        for c in step.changes
    ]
    item = step.item
    told = {"verb": step.verb, "kind": item.kind, "project": item.project, "name": item.name, "place": item.place}
    outcome = {} if done is None else {"error": done.error.message if done.error else None}
    return {**told, "changes": changes, **outcome}


def _tell(done: Done) -> None:
    if done.error is not None:
        report(done.error)
    else:
        write(f"{_DID[done.step.verb]} {clean(done.step.item.title)}\n")


def _confirm(plan: Plan) -> None:
    """Ask before anything is removed. Raises UsageError where nobody can be asked."""
    for item in plan.removed:
        status(f"- {item.title} is in no file, and is to be removed")
    if not sys.stdin.isatty():
        raise UsageError(f"--prune would remove {len(plan.removed)}; nothing was done", "--yes does it without asking")
    if not typer.confirm(f"remove {len(plan.removed)}?", err=True):
        raise UsageError("nothing was done")


def export(
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="A file for each below it; else one YAML stream."),
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help=f"Only {', '.join(ORDER)}; may repeat.")
    ] = None,
    projects: Annotated[
        list[str] | None,
        typer.Option(
            "--project",
            metavar="NAME",
            help="Only of this one, and no mounts; may repeat.",
            autocompletion=project_names,
        ),
    ] = None,
) -> None:
    """Write what your projects have, and mounts, as files that `swarm apply` finds equal; never a secret."""
    import asyncio

    wrong = next((kind for kind in kinds or () if kind not in ORDER), None)
    if wrong is not None:
        raise UsageError(f"--kind: {wrong!r} is none of {', '.join(ORDER)}")
    shared = [kind for kind in kinds or () if kind in OF_SWARM]
    if shared and projects:
        raise UsageError(f"--kind {shared[0]} goes without --project: it belongs to the whole swarm")
    wanted = [kind for kind in kinds or ORDER if not (projects and kind in OF_SWARM)]

    async def read() -> str:
        async with _reach() as reach:
            named = projects or [each.name for each in await (await reach.client()).projects.all()]
            items = await export_items(reach, named, wanted)
        if folder is None:
            return stream_of(items)
        return "".join(f"{path}\n" for path in write_files(items, folder))

    write(asyncio.run(read()))
