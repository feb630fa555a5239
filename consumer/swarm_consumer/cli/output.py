"""Standard output and standard error of the command."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from swarm_consumer.cli.text import clean, columns, is_terminal


def write(text: str) -> None:
    """Text on standard output, flushed, so that a reader who went away is noticed here."""
    data = text.encode("utf-8", "replace")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def status(text: str) -> None:
    """A line of ours for the person, on standard error."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def document(value: Any) -> None:
    """A value as JSON on standard output."""
    import msgspec

    write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def brief(value: Any, *details: str) -> dict[str, Any]:
    """A value's fields without those that a list does not carry: empty they would say what is not so."""
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(value)
    return {name: field for name, field in fields.items() if name not in details}


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table: drawn and paged on a terminal, plain columns in a pipe."""
    if not is_terminal():
        write(columns(headers, rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(clean(cell)) for cell in row))
    if len(rows) + 1 < console.size.height:
        console.print(drawn)
        return
    os.environ.setdefault("LESS", "-FRX")
    with console.pager(styles=True):
        console.print(drawn)


def give_up_stdout() -> None:
    """Point standard output nowhere, so that the interpreter's own flush at exit stays quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
