"""The state of a home for a person: a table that is redrawn on a terminal, a line for each change elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from swarm_core.home.report import ChildReport, Report

if TYPE_CHECKING:
    from rich.table import Table

Show = Callable[[Report], None]
_COLOURS = {"ready": "green", "failed": "red", "restarting": "yellow", "not responding": "red"}


def summary(report: Report) -> list[str]:
    """What a person needs once it is up."""
    lines = [f"swarm is up at {report.url}, signed in as {report.user}", *report.notes]
    lines += [f"warning: {child.detail}" for child in report.children if child.state == "ready" and child.detail]
    return lines


def plain(report: Report) -> list[str]:
    """A line for each process."""
    return [_line(child) for child in report.children]


@contextmanager
def showing(*, live: bool | None = None) -> Iterator[Show]:
    """Gives a function that shows a report."""
    if sys.stdout.isatty() if live is None else live:
        with _table() as show:
            yield show
    else:
        yield Lines().show


class Lines:
    """Prints what has changed since the last report."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._up = False

    def show(self, report: Report) -> None:
        for child in report.children:
            line = _line(child)
            if child.state != "waiting" and self._seen.get(child.role) != line:
                self._seen[child.role] = line
                print(line, flush=True)
        if report.state == "ready" and not self._up:
            self._up = True
            print("\n".join(summary(report)), flush=True)


@contextmanager
def _table() -> Iterator[Show]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console()
    with Live(console=console, auto_refresh=False) as live:

        def show(report: Report) -> None:
            lines = summary(report) if report.state == "ready" else [f"swarm is {report.state}"]
            live.update(Group(drawn(report), *(Text(line) for line in lines)), refresh=True)

        yield show


def drawn(report: Report) -> "Table":
    """The report as a Rich table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("ROLE", "STATE", "PID", "ADDRESS", "RESTARTS", ""):
        table.add_column(header, overflow="fold")
    for child in report.children:
        cells = (child.role, child.state, str(child.pid or ""), child.address, str(child.restarts or ""), _first(child))
        style = _COLOURS.get(child.state, "")
        table.add_row(*(Text(cell, style=style if number == 1 else "") for number, cell in enumerate(cells)))
    return table


def _line(child: ChildReport) -> str:
    parts = [f"{child.role:<9}", f"{child.state:<10}", f"pid {child.pid}" if child.pid else "", child.address]
    parts += [f"restarts {child.restarts}" if child.restarts else "", _first(child)]
    return "  ".join(part for part in parts if part).rstrip()


def _first(child: ChildReport) -> str:
    return child.detail.partition("\n")[0]
