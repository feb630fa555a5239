"""A conversation as a sequence diagram in text: a lane for each who speaks, an arrow for each message. Pure.

    11:02:03.133 +0.01s  │              │─ assign ─▶│             423B
    11:02:03.135         │              │◀ accepted ─│
    11:02:03.702 +0.57s  │              │◀┄ started ┄│

Repeats are folded into one row. What is from history is dotted, what was refused is broken and ends in `✗`:
nobody needs colours to tell them apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size

from swarm_commanddeck.sequence_words import about, label
from swarm_consumer.cli.text import clean
from swarm_consumer.interactions import Message

Piece = tuple[str, str]
"""Text and its tone (`signs.TONES`)."""
CONSUMER: Final = "consumer"
CORE: Final = "core"
WORKER: Final = "worker"
ENGINE: Final = "engine"
_TIME: Final = 13
_GAP: Final = 8
_LEAST: Final = 13
"""Cells between two lanes."""
_MOST: Final = 44
_ABOUT: Final = (16, 34)
"""Cells that are left for what stands beside the lanes, at least and at most; between them a fifth of the width."""
_NOTABLE: Final = 0.005
"""Seconds between two messages from which on they are told."""
_FAMILY: Final[Mapping[str, str]] = {
    "log_ack": "log",
    "term_input": "term",
    "term_output": "term",
    "term_seen": "term",
    "term_taken": "term",
}
"""Kinds that come by turns all the time: a run of them is one row."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one line shows: a message, or several that are alike."""

    messages: tuple[Message, ...]
    gap: float | None
    """Seconds since the row before; None: there is none."""

    @property
    def first(self) -> Message:
        """The oldest of them."""
        return self.messages[0]

    @property
    def count(self) -> int:
        """Messages that it stands for."""
        return sum(message.count for message in self.messages)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from other rows, for as long as it grows at its end."""
        first = self.first
        return first.seq, first.at, first.kind, first.sender


@dataclass(frozen=True, slots=True)
class Lane:
    """One who speaks."""

    side: str
    worker: str | None
    title: str


# Folding ---------------------------------------------------------------------------------------------------


def rows_of(messages: Iterable[Message], *, fold: bool) -> list[Row]:
    """Rows in the order of time; `fold`: what is alike and comes one after another is one row."""
    found: list[list[Message]] = []
    for message in messages:
        if fold and found and alike(found[-1][0], message):
            found[-1].append(message)
        else:
            found.append([message])
    rows: list[Row] = []
    for each in found:
        gap = (each[0].at - rows[-1].messages[-1].at).total_seconds() if rows else None
        rows.append(Row(tuple(each), gap))
    return rows


def alike(first: Message, message: Message) -> bool:
    """Whether two messages fold into one row: of one kind and direction; bytes by turns only of one attempt."""
    family = _FAMILY.get(first.kind, first.kind)
    if family != _FAMILY.get(message.kind, message.kind):
        return False
    if (first.worker, first.refused, first.seq is None) != (message.worker, message.refused, message.seq is None):
        return False
    if first.kind in ("state", "submit"):
        return False
    if family in _FAMILY.values():
        return (first.job, first.attempt) == (message.job, message.attempt)
    return (first.kind, first.sender, first.receiver) == (message.kind, message.sender, message.receiver)


# Lanes -----------------------------------------------------------------------------------------------------


def lanes_of(messages: Iterable[Message], names: Mapping[str, str]) -> list[Lane]:
    """The lanes that these messages need, from the consumer to the engines; `names` are those of workers, by id."""
    sides, workers, engines = set[str](), dict[str | None, None](), set[str | None]()
    for message in messages:
        for side in (message.sender, message.receiver):
            sides.add(side)
            if side == WORKER:
                workers[message.worker] = None
            elif side == ENGINE:
                engines.add(message.worker)
    lanes = [Lane(CONSUMER, None, "consumer")] if CONSUMER in sides else []
    lanes.append(Lane(CORE, None, "core"))
    for worker in dict.fromkeys([*workers, *engines]):
        lanes.append(Lane(WORKER, worker, clean(names.get(worker or "", worker or "worker"))))
        if worker in engines:
            lanes.append(Lane(ENGINE, worker, "engine"))
    return lanes


@dataclass(frozen=True, slots=True)
class Plan:
    """Where what stands in a width."""

    lanes: Sequence[Lane]
    places: Sequence[int]
    """Column of each lane, from the left edge of the lanes."""
    width: int
    """Of all lanes."""
    about: int
    """Cells beside them."""
    job: int | None = None
    """All is about this one, which therefore isn't named in each line."""

    def place(self, side: str, worker: str | None) -> int | None:
        """Column of who speaks; None for somebody who has no lane."""
        for lane, place in zip(self.lanes, self.places, strict=True):
            if lane.side == side and (side in (CONSUMER, CORE) or lane.worker == worker):
                return place
        return None


def plan(lanes: Sequence[Lane], width: int, job: int | None = None) -> Plan:
    """Lanes as wide as there is room for, and beside them what is left. Where there is little the engines have none."""
    beside = max(_ABOUT[0], min(_ABOUT[1], width // 5))
    room = width - _TIME - _GAP - 2 - beside
    if room < _LEAST * (len(lanes) - 1):
        lanes = [lane for lane in lanes if lane.side != ENGINE]
    between = max(_LEAST, min(_MOST, room // max(1, len(lanes) - 1)))
    places = [1 + number * between for number in range(len(lanes))]
    whole = places[-1] + 2
    return Plan(lanes, places, whole, max(0, width - _TIME - _GAP - whole), job)


# Drawing ---------------------------------------------------------------------------------------------------


def heading(planned: Plan) -> list[Piece]:
    """The names above the lanes."""
    line, last = "", 0
    for number, (lane, place) in enumerate(zip(planned.lanes, planned.places, strict=True)):
        ahead = planned.places[number + 1] if number + 1 < len(planned.places) else planned.width + planned.about
        name = _cut(lane.title, max(1, ahead - place - 1) if number == 0 else max(1, ahead - place + 2))
        start = max(last, place - cell_len(name) // 2)
        line += " " * (start - cell_len(line)) + name
        last = cell_len(line) + 1
    return [(" " * (_TIME + _GAP), ""), (_cut(line, planned.width + planned.about), "strong")]


def draw(row: Row, planned: Plan) -> list[Piece]:
    """A row as one line of pieces."""
    message = row.first
    time = message.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    pieces = [(f"{time:<{_TIME}}", "dim"), (f"{_gap(row.gap):<{_GAP}}", "plain")]
    words = about(row.messages)
    start = planned.place(message.sender, message.worker)
    end = planned.place(message.receiver, message.worker)
    if start is None or end is None or start == end or message.kind in ("quiet", "others"):
        here = start if start is not None else end if end is not None else 1
        return pieces + _note(row, planned, words, here)
    return pieces + _arrow(row, planned, start, end) + _beside(words, planned)


def _beside(words: str, planned: Plan) -> list[Piece]:
    return [(" " + _cut(clean(words), planned.about - 1), "plain")] if words and planned.about > 1 else []


def _arrow(row: Row, planned: Plan, start: int, end: int) -> list[Piece]:
    message = row.first
    left, right, forth = min(start, end), max(start, end), start < end
    inner = max(0, right - left - 1)
    line = "╌" if message.refused else "┄" if message.seq is None else "─"
    head = "✗" if message.refused else "▶" if forth else "◀"
    text = f" {_cut(clean(label(row.messages, planned.job)), max(1, inner - 4))} "
    tone = _tone(message)
    fill = line * max(0, inner - 1 - cell_len(text) - 1)
    body = [(line, tone), (text, "strong" if not message.refused else tone), (fill, tone)]
    inside = [*body, (head, tone)] if forth else [(head, tone), *reversed(body)]
    return [(_lanes(planned, 0, left + 1), "dim"), *inside, (_lanes(planned, right, planned.width), "dim")]


def _note(row: Row, planned: Plan, words: str, place: int) -> list[Piece]:
    """What one does by itself: a mark on its lane, and the words beside it over whatever lanes there are."""
    message = row.first
    text = clean(f"◆ {label(row.messages, planned.job)}" + (f"  {words}" if words else ""))
    room = planned.width + planned.about - place
    if message.kind == "quiet":
        place, text, room = 1, clean(f"⋮ {words}"), planned.width + planned.about - 1
    said = _cut(text, room)
    rest = place + cell_len(said)
    after = _lanes(planned, rest, planned.width) if rest < planned.width else ""
    return [(_lanes(planned, 0, place), "dim"), (said, _tone(message)), (after, "dim")]


def _lanes(planned: Plan, start: int, end: int) -> str:
    """The lanes from a column to another."""
    return "".join("│" if column in planned.places else " " for column in range(start, end))


def _tone(message: Message) -> str:
    if message.refused:
        return "bad"
    if message.kind in ("state", "submit"):
        return _STATES.get(str(message.detail.get("to", "")), "busy")
    if message.kind in ("quiet", "others"):
        return "dim"
    if message.kind == "closed":
        return "warn"
    if message.kind == "finished":
        return "good" if message.detail.get("result", "succeeded") in ("succeeded", "released") else "bad"
    return "dim" if message.seq is None else "busy"


_STATES: Final[Mapping[str, str]] = {
    "succeeded": "good",
    "failed": "bad",
    "timed_out": "bad",
    "cancelled": "warn",
    "held": "warn",
    "queued": "plain",
}


def _gap(seconds: float | None) -> str:
    if seconds is None or seconds < _NOTABLE:
        return ""
    if seconds < 100:
        return f"+{seconds:.2f}s"
    minutes = seconds / 60
    return (
        f"+{minutes:.0f}m"
        if minutes < 100
        else f"+{minutes / 60:.0f}h"
        if minutes < 6000
        else f"+{minutes / 1440:.0f}d"
    )


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


# Export ----------------------------------------------------------------------------------------------------


def as_text(rows: Sequence[Row], planned: Plan, now: datetime, title: str) -> str:
    """The whole diagram as the text of a file."""
    lines = [heading(planned), *(draw(row, planned) for row in rows)]
    drawn = ["".join(text for text, _ in line).rstrip() for line in lines]
    return "\n".join([f"{clean(title)}, {now.astimezone().strftime('%Y-%m-%d %H:%M:%S %z')}", "", *drawn]) + "\n"
