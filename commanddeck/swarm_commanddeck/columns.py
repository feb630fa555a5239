"""Columns of a table: which of them fit a width, and text cut to it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.cells import cell_len, set_cell_size

from swarm_consumer.cli.text import clean

T = TypeVar("T")
Cell = tuple[str, str]
"""Text, and its tone (`signs.TONES`); an empty tone is plain."""


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column: at least `width` cells wide, with a share of what is left over by `grow`."""

    name: str
    title: str
    width: int
    cell: Callable[[T], Cell]
    grow: int = 0
    right: bool = False
    """Aligned to the right, as numbers are."""
    need: int = 0
    """Width of the table from which on it is shown: what matters less has a larger one."""


@dataclass(frozen=True)
class Placed(Generic[T]):
    """A column that is shown."""

    column: Column[T]
    left: int
    width: int


def place_columns(columns: Sequence[Column[T]], width: int) -> list[Placed[T]]:
    """The columns that are shown in a width: those whose `need` is met, as many as fit, from the left."""
    shown: list[Column[T]] = []
    used = 1
    for column in columns:
        if width >= column.need and used + column.width + 1 <= width:
            shown.append(column)
            used += column.width + 1
    left_over, shares = max(0, width - used), sum(column.grow for column in shown)
    placed, left = [], 1
    for column in shown:
        more = left_over * column.grow // shares if shares else 0
        placed.append(Placed(column, left, column.width + more))
        left += column.width + more + 1
    return placed


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text in exactly `width` cells, on one line, with nothing that a terminal would act on; `…` where it is cut."""
    safe = text if text.isascii() and text.isprintable() else clean(text)
    length = len(safe) if safe.isascii() else cell_len(safe)
    if length > width:
        return set_cell_size(safe, max(0, width - 1)) + "…" if width > 0 else ""
    gap = " " * (width - length)
    return gap + safe if right else safe + gap
