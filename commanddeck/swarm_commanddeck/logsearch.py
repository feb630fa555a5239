"""Search in a log: what was found is kept for each block, so that only new lines are looked at. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from time import perf_counter

from swarm_commanddeck.logbuffer import NOTE, Block, LogBuffer


class LogSearch:
    """Lines that hold a text. Case counts only where the text has an upper one, as in `less -i`."""

    def __init__(self, buffer: LogBuffer, needle: str, kinds: Iterable[int]) -> None:
        self._buffer = buffer
        self.needle = needle
        self._folds = needle == needle.lower()
        self._kinds = frozenset(kinds) - {NOTE}
        self._found: dict[int, tuple[int, list[int]]] = {}
        self.lines: list[int] = []
        """Numbers of the lines that hold it, in order."""

    def work(self, seconds: float = 0.02) -> bool:
        """Look at what is new, for so long at most; whether all was looked at. The newest come first."""
        until = perf_counter() + seconds
        known, done, changed = self._found, True, False
        for block in reversed(self._buffer.blocks):
            seen = known.get(block.start)
            if seen is not None and seen[0] == block.version:
                continue
            if perf_counter() >= until:
                done = False
                break
            known[block.start] = (block.version, self._in(block))
            changed = True
        if gone := [start for start in known if start < self._buffer.first]:
            for start in gone:
                del known[start]
        if changed or gone:
            self.lines = [number for start in sorted(known) for number in known[start][1]]
        return done

    def _in(self, block: Block) -> list[int]:
        needle, kinds, start = self.needle, self._kinds, block.start
        texts = map(str.lower, block.texts) if self._folds else iter(block.texts)
        hits = [index for index, text in enumerate(texts) if needle in text]
        return [start + index for index in hits if block.kinds[index] in kinds]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it stands in a line."""
        where = text.lower() if self._folds else text
        if len(where) != len(text):  # a letter whose small form has another length: the line is all there is to show
            return [(0, len(text))] if self.needle in where else []
        found, at, length = [], where.find(self.needle), len(self.needle)
        while at >= 0:
            found.append((at, at + length))
            at = where.find(self.needle, at + length)
        return found

    def after(self, number: int) -> int | None:
        """The next line after one; the first where there is none."""
        if not self.lines:
            return None
        at = bisect_right(self.lines, number)
        return self.lines[at] if at < len(self.lines) else self.lines[0]

    def before(self, number: int) -> int | None:
        """The last line before one; the last of all where there is none."""
        if not self.lines:
            return None
        return self.lines[bisect_left(self.lines, number) - 1]

    def rank(self, number: int) -> int:
        """Which of the lines found this is, from 1; 0: none."""
        at = bisect_left(self.lines, number)
        return at + 1 if at < len(self.lines) and self.lines[at] == number else 0
