"""Numbers over time as a picture in text: blocks of eighths, the newest on the right. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from swarm_consumer.sparkline import widest

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_GAP: Final = "·"
"""At the bottom, where nothing is known: it is not taken for nothing."""

Numbers = Sequence[float | None]


def area(numbers: Numbers, width: int, height: int, top: float) -> list[str]:
    """At most `width` columns, `height` lines, the uppermost first; what is `top` fills them all.

    Where there are more numbers than columns, each column is the greatest of its share: a peak is not lost.
    """
    heights = [None if n is None else _eighths(n, height, top) for n in widest(numbers, width)]
    return ["".join(_cell(value, line) for value in heights) for line in range(height - 1, -1, -1)]


def _eighths(number: float, height: int, top: float) -> int:
    share = number / top if top > 0 else 0.0
    return max(1, min(8 * height, round(share * 8 * height)))


def _cell(value: int | None, line: int) -> str:
    if value is None:
        return _GAP if line == 0 else " "
    return _BLOCKS[max(0, min(8, value - 8 * line))]


def chart(
    title: str, numbers: Numbers, *, width: int, height: int, top: float, say: Callable[[float], str], span: str
) -> list[str]:
    """A chart with its title and newest number above, and its span of time below; `top` grows with the numbers.

    `say` puts a number into words; `span` is what the width stands for, such as `60 min`.
    """
    known = [number for number in numbers if number is not None]
    most = max([top, *known])
    newest = next((say(number) for number in reversed(numbers) if number is not None), "not known")
    head = _head(title, newest, f"at most {say(max(known))}" if known else "", width)
    columns = min(width, max(1, len(numbers)))
    body = area(numbers, width, height, most) if numbers else [""] * height
    return [head, *body, _axis(columns, span)]


def _head(title: str, newest: str, most: str, width: int) -> str:
    """The title and as much beside it as there is room for."""
    head = f"{title}  {newest}"
    longer = f"{head}  ({most})"
    return longer if most and len(longer) <= width else head[:width]


def _axis(width: int, span: str) -> str:
    left, right = f"-{span}", "now"
    gap = width - len(left) - len(right)
    return f"{left}{'─' * gap}{right}" if gap >= 1 else "─" * width


def step_for(seconds: float, width: int, least: float) -> float:
    """Seconds for each column so that a span fits the width, a multiple of `least`."""
    columns = max(1, width - 1)
    return least * max(1, -(-int(seconds / least) // columns))
