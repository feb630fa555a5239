"""`swarm doctor`: what is well on this machine, what is not, and what to do about it."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, write
from swarm_consumer.cli.text import clean, is_terminal

if TYPE_CHECKING:
    from swarm_consumer.doctor import Seen

_COLOURS = {"ok": "32", "warn": "33", "fail": "31"}


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also start a container, for a moment.")] = False,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of the worker that is meant.")
    ] = None,
    json: Json = False,
) -> None:
    """Look at what there is of a swarm on this machine: sign-in, worker, core; each trouble with its remedy.

    Exit code 1 where something failed.
    """
    from swarm_consumer.doctor import examine, gather, healthy
    from swarm_protocol.checkup import Asked

    asked = Asked(os.environ, deep, data.absolute() if data is not None else None)
    seen = asyncio.run(examine(gather(asked)))
    if json:
        _document(seen)
    else:
        write("".join(_lines(one, colour=is_terminal() and "NO_COLOR" not in os.environ) for one in seen))
    if not healthy(seen):
        raise typer.Exit(1)


def _document(seen: "list[Seen]") -> None:
    import msgspec

    from swarm_consumer.doctor import healthy

    found = [{"side": one.side, **msgspec.to_builtins(one.finding)} for one in seen]
    document({"ok": healthy(seen), "checks": found})


def _lines(one: "Seen", *, colour: bool) -> str:
    side, found = one
    mark = f"{found.level.value:<4}"
    if colour:
        mark = f"\x1b[{_COLOURS[found.level.value]}m{mark}\x1b[0m"
    text = f"{mark}  {clean(side):<8}  {clean(found.name):<12}  {clean(found.text)}\n"
    return text + (f"{'':<14}  {'':<12}  → {clean(found.remedy)}\n" if found.remedy else "")
