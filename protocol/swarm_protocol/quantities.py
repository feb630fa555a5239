"""Durations, sizes and cpu as people write them: `90s`, `2h30m`, `1G` (2³⁰ bytes), `500m` (half a core)."""

import re
from typing import Final

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "ms": 0.001}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE: Final = re.compile(r"^(\d+(?:\.\d+)?)\s*(?:([kKmMgGtT])i?)?[bB]?$")
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class QuantityError(ValueError):
    """A quantity that can't be read; the message says what it may look like."""


def seconds(text: str) -> float:
    """Read a duration: `90`, `90s`, `1h30m`, `250ms`. Raises QuantityError."""
    stripped = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        return float(stripped)
    parts = _DURATION.findall(stripped)
    if not parts or "".join(number + unit for number, unit in parts) != stripped:
        raise QuantityError(f"{text!r} is no duration; write it like 90s, 15m, 2h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def size(text: str) -> int:
    """Read a size in bytes: `512M`, `1G`, `1.5g`, `1048576`; K, M, G, T are powers of 1024. Raises QuantityError."""
    match = _SIZE.match(text.strip())
    if not match:
        raise QuantityError(f"{text!r} is no size; write it like 512M, 1G or 1.5G")
    return int(float(match[1]) * 1024 ** _POWERS[(match[2] or "").lower()])


def cpu_millis(text: str) -> int:
    """Read a number of cores as thousandths: `2`, `0.5`, `500m`. Raises QuantityError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", text.strip())
    if not match:
        raise QuantityError(f"{text!r} is no amount of cpu; write it like 2, 0.5 or 500m")
    value = float(match[1])
    return round(value if match[2] else value * 1000)


def show_size(value: int) -> str:
    """A size for people, the other way round: 536870912 → `512M`."""
    amount = float(value)
    for unit in ("", "K", "M", "G"):
        if amount < 1024:
            return f"{amount:.4g}{unit}"
        amount /= 1024
    return f"{amount:.4g}T"


def written_size(value: int) -> str:
    """A size that reads as the same: with its unit where that is exact."""
    short = show_size(value)
    return short if size(short) == value else str(value)


def written_cpu(millis: int) -> str:
    """An amount of cpu that reads as the same."""
    return str(millis // 1000) if millis % 1000 == 0 else f"{millis}m"


def written_seconds(value: float) -> str:
    """A duration that reads as the same."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if value and value % length == 0:
            return f"{value / length:.0f}{unit}"
    return f"{value:f}".rstrip("0").rstrip(".") + "s"


def show_seconds(value: float) -> str:
    """A duration for people: 5400 → `1h30m`, 0.25 → `250ms`."""
    if value < 1:
        return f"{value * 1000:.0f}ms"
    if value < 60:
        return f"{value:.3g}s"
    whole, text = round(value), ""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, length)
        text += f"{count}{unit}" if count else ""
    return text
