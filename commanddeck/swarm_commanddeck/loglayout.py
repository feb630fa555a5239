"""Which line of a log is at which row of the screen: streams left out, long lines wrapped. Pure.

A count is kept for each block, so that a flood costs only its own lines, however many are held.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from rich.cells import cell_len, chop_cells

from swarm_commanddeck.logbuffer import BLOCK, ERR, NOTE, OUT, Block, LogBuffer

ALL = frozenset({OUT, ERR, NOTE})


@dataclass(slots=True)
class _Rows:
    """The rows of a block."""

    version: int
    ends: list[int] | None
    """For each line the rows up to its end; None: each line is one row."""
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in a row: a line by its number, and which of its rows this is."""

    number: int
    part: int
    text: str
    """Of the whole line."""
    kind: int


class LogLayout:
    """Rows of a buffer as it was with the last `update`; what has gone from it since is still here."""

    def __init__(self, buffer: LogBuffer) -> None:
        self._buffer = buffer
        self._width: int | None = None
        self._kinds = ALL
        self._blocks: list[Block] = []
        self._known: dict[int, _Rows] = {}
        self._ends: list[int] = []
        self.update()

    @property
    def width(self) -> int | None:
        """Cells at which lines are wrapped; None: they are not."""
        return self._width

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._ends[-1] if self._ends else 0

    def arrange(self, width: int | None, kinds: Iterable[int]) -> None:
        """Wrap at another width, or show other kinds of lines."""
        wanted = frozenset(kinds)
        if (width, wanted) != (self._width, self._kinds):
            self._width, self._kinds = width, wanted
            self._known.clear()
            self.update()

    def update(self) -> None:
        """Count anew what has changed."""
        known, self._known = self._known, {}
        self._blocks = list(self._buffer.blocks)
        for block in self._blocks:
            rows = known.get(block.start)
            if rows is None or rows.version != block.version:
                rows = self._count(block)
            self._known[block.start] = rows
        self._ends = list(accumulate(rows.count for rows in self._known.values()))

    def _count(self, block: Block) -> _Rows:
        if self._width is None and self._kinds == ALL:
            return _Rows(block.version, None, len(block.texts))
        kinds, width = self._kinds, self._width
        heights = (
            height(text, width) if kind in kinds else 0 for text, kind in zip(block.texts, block.kinds, strict=True)
        )
        ends = list(accumulate(heights))
        return _Rows(block.version, ends, ends[-1] if ends else 0)

    def row(self, row: int) -> Row | None:
        """What stands in a row; None where there is none."""
        if not 0 <= row < self.rows:
            return None
        at = bisect_right(self._ends, row)
        block = self._blocks[at]
        index = part = row - (self._ends[at - 1] if at else 0)
        ends = self._known[block.start].ends
        if ends is None:
            part = 0
        else:
            index = bisect_right(ends, part)
            part -= ends[index - 1] if index else 0
        return Row(block.start + index, part, block.texts[index], block.kinds[index])

    def row_of(self, number: int) -> int:
        """The first row of a line; of one that is not shown, where it would be."""
        at = (max(number, self._blocks[0].start) - self._blocks[0].start) // BLOCK
        if at >= len(self._blocks):
            return self.rows
        block, before = self._blocks[at], self._ends[at - 1] if at else 0
        index, rows = max(0, number - block.start), self._known[block.start]
        if rows.ends is None:
            return before + min(index, rows.count)
        index = min(index, len(rows.ends))
        return before + (rows.ends[index - 1] if index else 0)


def height(text: str, width: int | None) -> int:
    """How many rows a line takes."""
    if width is None or not text:
        return 1
    if text.isascii() or cell_len(text) == len(text):
        return -(-len(text) // width)
    return len(chop_cells(text, width))


def piece(text: str, width: int | None, part: int) -> tuple[int, str]:
    """What stands in one row of a line, and at which character that begins."""
    if width is None:
        return 0, text
    if text.isascii() or cell_len(text) == len(text):
        return part * width, text[part * width : (part + 1) * width]
    pieces = chop_cells(text, width)
    return sum(map(len, pieces[:part])), pieces[part] if part < len(pieces) else ""
