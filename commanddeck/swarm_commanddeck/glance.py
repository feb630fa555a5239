"""The swarm in a few lines: how many jobs and workers are in which state, and the last hour as bars. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from swarm_commanddeck.charts import area
from swarm_commanddeck.signs import Sign, of_job, of_worker
from swarm_consumer.overview import Minute, Overview
from swarm_consumer.sparkline import sparkline
from swarm_protocol.quantities import show_seconds

Span = tuple[str, str]
"""Text, and its tone (`signs.TONES`)."""
LABEL: Final = 9
"""Cells of the words on the left."""
_TAIL: Final = 24
"""Cells of what is said to the right of bars."""
_STRETCH: Final = 2
"""Cells of a minute, at most."""
_ROOMY: Final = 80
_GAP: Final = "  "
_SHORT: Final = {
    "sleeping": "sleep", "blocked": "block", "queued": "queue", "dispatched": "sent", "running": "run",
    "harvesting": "bring", "succeeded": "ok", "timed out": "late", "cancelled": "cancel",
    "initializing": "init", "waiting": "wait", "working": "work", "paused": "pause", "draining": "drain",
    "unreachable": "lost",
}  # fmt: skip
"""Words for where there is little room."""


@dataclass(frozen=True)
class Part:
    """One thing that is said, in one or more lines, and the top screen that has more of it."""

    label: str
    lines: Sequence[Sequence[Span]]
    place: str


def parts(overview: Overview, width: int, tall: int = 1) -> list[Part]:
    """All of it, at most `width` cells wide; bars are `tall` lines."""
    room = width - LABEL
    hour = overview.minutes
    return [
        Part("jobs", [_counts(overview.jobs, of_job, room, "nothing waits or runs")], "jobs"),
        Part("last day", [_counts(overview.ended, of_job, room, "nothing ended")], "jobs"),
        Part("workers", [_workers(overview, room)], "workers"),
        Part("ended", _ended(hour, room, tall), "jobs"),
        Part("waited", _times([minute.wait_p50 for minute in hour], room, tall), "jobs"),
        Part("ran", _times([minute.run_p50 for minute in hour], room, tall), "jobs"),
    ]


# Counts ------------------------------------------------------------------------------------------------


def _counts(by_state: Mapping[str, int], sign_of: Callable[[str], Sign], room: int, nothing: str) -> list[Span]:
    """Those states that have any: with their words, with short ones, or with their signs alone, as there is room."""
    found = [(sign_of(state), count) for state, count in by_state.items() if count]
    if not found:
        return [(nothing, "dim")]
    for word in (_whole, _shortened, _nothing):
        spans = [(f"{sign.mark} {count:,}{word(sign)}", sign.tone) for sign, count in found]
        if _length(spans) <= room:
            break
    return [part for span in spans for part in (span, (_GAP, ""))][:-1]


def _whole(sign: Sign) -> str:
    return f" {sign.word}"


def _shortened(sign: Sign) -> str:
    return f" {_SHORT.get(sign.word, sign.word)}"


def _nothing(sign: Sign) -> str:
    return ""


def _length(spans: Sequence[Span]) -> int:
    return sum(len(text) + len(_GAP) for text, _ in spans) - len(_GAP)


def _workers(overview: Overview, room: int) -> list[Span]:
    free, slots = f"{overview.slots_free:,}", f"{overview.slots:,}"
    said = f"{free} of {slots} slots free" if room > _ROOMY else f"{free}/{slots} free"
    return [*_counts(overview.workers, of_worker, room - len(said) - len(_GAP), "none"), (_GAP, ""), (said, "plain")]


# The hour ----------------------------------------------------------------------------------------------


def _ended(hour: Sequence[Minute], room: int, tall: int) -> list[list[Span]]:
    """How many jobs ended in each minute; what is said is of the last whole one."""
    ended = [float(minute.ended) for minute in hour]
    last = hour[-2].ended if len(hour) > 1 else 0
    return _bars(ended, room, tall, f"{last:,} a minute", f"at most {max(ended, default=0):,.0f}")


def _times(medians: Sequence[float | None], room: int, tall: int) -> list[list[Span]]:
    """How long it took, by the median of each minute."""
    known = [median for median in medians if median is not None]
    if not known:
        return _bars(medians, room, tall, "none in an hour", "")
    return _bars(medians, room, tall, show_seconds(known[-1]), f"at most {show_seconds(max(known))}")


def _bars(values: Sequence[float | None], room: int, tall: int, now: str, most: str) -> list[list[Span]]:
    """Bars, and to the right of them the newest value and the largest."""
    width = max(1, room - _TAIL - len(_GAP))
    values = [value for value in values for _ in range(max(1, min(_STRETCH, width // max(1, len(values)))))]
    if tall <= 1:
        said = (f", {most}" if most else "", "dim")
        return [[(sparkline(values, width) if values else "", "busy"), (_GAP, ""), (now, "strong"), said]]
    top = max((value for value in values if value is not None), default=0.0)
    tails = [(most, "dim"), *[("", "")] * (tall - 2), (now, "strong")]
    return [
        [(bars, "busy"), (_GAP, ""), tail] for bars, tail in zip(area(values, width, tall, top), tails, strict=True)
    ]
