"""A job's log in bounded memory: the newest lines of both streams, in the order in which they began. Pure.

Lines are kept in blocks, so that a flood costs a few steps for a thousand lines and not some for each, and what is
counted, laid out or searched is kept with its block until that changes.
"""

from collections import deque
from collections.abc import Sequence
from sys import getsizeof
from typing import Final

from swarm_commanddeck.logline import COLOUR, MAX_LINE, SPECIAL, TAB, LineEditor

OUT, ERR, NOTE = 1, 2, 3
"""Kinds of lines: of stdout, of stderr, and our own words."""
BLOCK: Final = 512
"""Lines of a block."""
MOST_BYTES: Final = 16 * 1024 * 1024
_LINE_BYTES: Final = 9
"""What a line takes beside its text: its place in a list, and its kind."""


class Block:
    """Lines one after another."""

    __slots__ = ("kinds", "size", "start", "texts", "version")

    def __init__(self, start: int) -> None:
        self.start = start
        """Number of its first line."""
        self.texts: list[str] = []
        self.kinds = bytearray()
        self.size = 0
        """Bytes that it takes in memory."""
        self.version = 0
        """Grows with each change."""

    def extend(self, texts: Sequence[str], kind: int) -> None:
        """More lines, of one kind."""
        self.texts.extend(texts)
        self.kinds.extend(bytes((kind,)) * len(texts))
        self.size += sum(map(getsizeof, texts)) + _LINE_BYTES * len(texts)
        self.version += 1

    def put(self, index: int, text: str) -> None:
        """Another text for a line."""
        self.size += getsizeof(text) - getsizeof(self.texts[index])
        self.texts[index] = text
        self.version += 1


class LogBuffer:
    """Lines by their number, from `first` up to `end`; those before are no longer held."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.blocks: deque[Block] = deque([Block(0)])
        self.first = 0
        """Number of the first line that is held: so many are not."""
        self.size = 0
        self.widest = 0
        """Characters of the longest line that ever was."""
        self._editors = {OUT: LineEditor(), ERR: LineEditor()}
        self._places: dict[int, int] = {}
        """Where the open line of a stream is."""

    @property
    def end(self) -> int:
        """Number of the next line."""
        last = self.blocks[-1]
        return last.start + len(last.texts)

    def __len__(self) -> int:
        return self.end - self.first

    def line(self, number: int) -> tuple[str, int]:
        """A line that is held, and its kind. Raises IndexError."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        block = self.block_of(number)
        return block.texts[number - block.start], block.kinds[number - block.start]

    def block_of(self, number: int) -> Block:
        """The block of a line that is held: all but the last are full."""
        return self.blocks[(number - self.first) // BLOCK]

    # What comes in.

    def feed(self, stream: int, data: bytes) -> None:
        """Bytes of a stream (`OUT`, `ERR`), cut anywhere."""
        editor = self._editors[stream]
        text = editor.decode(data)
        if "\x1b" in text:
            text = _without_colours(text)
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if SPECIAL.search(text) is None:
            self._plain(stream, editor, text)
        else:
            self._mixed(stream, editor, text)
        self._sync(stream, editor)
        self._shrink()

    def note(self, text: str) -> None:
        """A line of our own."""
        self._extend([text], NOTE)
        self._shrink()

    def cut(self, stream: int) -> None:
        """What comes next of a stream does not go on from what came before."""
        self._places.pop(stream, None)
        self._editors[stream].forget()

    def _plain(self, stream: int, editor: LineEditor, text: str) -> None:
        """Text with nothing in it but ends of lines and tabs: many lines at once."""
        lines = text.split("\n")
        self._piece(stream, editor, lines[0], last=len(lines) == 1)
        if len(lines) == 1:
            return
        self._end_line(stream, editor)
        whole = lines[1:-1]
        if "\t" in text:
            whole = [line.expandtabs(TAB) if "\t" in line else line for line in whole]
        if whole and len(max(whole, key=len)) > MAX_LINE:
            for line in whole:
                self._piece(stream, editor, line, last=False)
                self._end_line(stream, editor)
        elif whole:
            self._extend(whole, stream)
        self._piece(stream, editor, lines[-1], last=True)

    def _mixed(self, stream: int, editor: LineEditor, text: str) -> None:
        *whole, rest = text.split("\n")
        for line in whole:
            self._piece(stream, editor, line, last=False)
            self._end_line(stream, editor)
        self._piece(stream, editor, rest, last=True)

    def _piece(self, stream: int, editor: LineEditor, text: str, *, last: bool) -> None:
        """Part of a line; `last`: more of it may come."""
        for full in editor.scan(text, more_may_come=last):
            self._close(stream, full)
        if editor.begun and stream not in self._places:
            self._places[stream] = self.end
            self._extend([""], stream)

    def _end_line(self, stream: int, editor: LineEditor) -> None:
        self._close(stream, editor.take())

    def _close(self, stream: int, text: str) -> None:
        place = self._places.pop(stream, None)
        if place is None or place < self.first:
            self._extend([text], stream)
        else:
            self._put(place, text)

    def _sync(self, stream: int, editor: LineEditor) -> None:
        """The open line as it is now; one that is no longer held is put at the end again."""
        place = self._places.get(stream)
        if place is None:
            return
        if place < self.first:
            self._places[stream] = self.end
            self._extend([editor.text], stream)
        else:
            self._put(place, editor.text)

    def _put(self, number: int, text: str) -> None:
        block = self.block_of(number)
        before = block.size
        block.put(number - block.start, text)
        self.size += block.size - before
        self.widest = max(self.widest, len(text))

    def _extend(self, texts: Sequence[str], kind: int) -> None:
        self.widest = max(self.widest, len(max(texts, key=len)))
        at = 0
        while at < len(texts):
            block = self.blocks[-1]
            if len(block.texts) == BLOCK:
                block = Block(self.end)
                self.blocks.append(block)
            before, room = block.size, BLOCK - len(block.texts)
            block.extend(texts[at : at + room], kind)
            self.size += block.size - before
            at += room

    def _shrink(self) -> None:
        while self.size > self._most and len(self.blocks) > 1:
            gone = self.blocks.popleft()
            self.size -= gone.size
            self.first = self.blocks[0].start


def _without_colours(text: str) -> str:
    """At once where there is nothing else that begins with an escape; else the text as it is."""
    plain, colours = COLOUR.subn("", text)
    return plain if colours == text.count("\x1b") else text
