"""The filter of the workers' table, and its orders. Pure.

    state:working,paused label:gpu=a100 load>1 memory>90 rack

All words have to fit; a word without a key is looked for in name, host and labels.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from swarm_commanddeck.machines import Machine
from swarm_commanddeck.signs import WORKERS

Test = Callable[[Machine], bool]
HELP: Final = "state:working label:gpu=a100 engine:24 load>1 memory>90 disk>90 loss>5 running>0, or a part of a name"
_COMPARED: Final = re.compile(r"^([a-z]+)([<>])(\d+(?:\.\d+)?)%?$")
_NUMBERS: Final[Mapping[str, Callable[[Machine], float | None]]] = {
    "load": lambda m: m.load,
    "memory": lambda m: _percent(m.memory),
    "disk": lambda m: _percent(m.disk),
    "loss": lambda m: _percent(m.beat.loss),
    "age": lambda m: m.beat.age,
    "clock": lambda m: None if m.beat.clock_offset is None else abs(m.beat.clock_offset),
    "running": lambda m: m.running,
    "slots": lambda m: m.slots,
}


def parse(text: str) -> Test:
    """Whether a machine fits all words. Raises ValueError that says what a word could be."""
    tests = [_word(word) for word in text.split()]
    return lambda machine: all(test(machine) for test in tests)


def _word(word: str) -> Test:
    compared = _COMPARED.match(word)
    if compared is not None:
        return _compare(*compared.groups())
    key, colon, value = word.partition(":")
    if not colon:
        return _somewhere(word.lower())
    if key not in _KEYS:
        raise ValueError(f"{key}: is no key; there are {', '.join(f'{k}:' for k in _KEYS)} and {_numbers()}")
    return _KEYS[key](value)


def _numbers() -> str:
    return ", ".join(f"{name}>" for name in _NUMBERS)


def _compare(name: str, sign: str, number: str) -> Test:
    if name not in _NUMBERS:
        raise ValueError(f"{name} is no number of a worker; there are {', '.join(_NUMBERS)}")
    value, limit = _NUMBERS[name], float(number)

    def test(machine: Machine) -> bool:
        found = value(machine)
        return found is not None and (found > limit if sign == ">" else found < limit)

    return test


def _state(value: str) -> Test:
    wanted = [word for word in value.split(",") if word]
    unknown = [word for word in wanted if not any(state.startswith(word) for state in WORKERS)]
    if unknown or not wanted:
        raise ValueError(f"{value or 'nothing'} is no state; there are {', '.join(WORKERS)}")
    return lambda machine: machine.state.startswith(tuple(wanted))


def _label(value: str) -> Test:
    key, equals, wanted = value.partition("=")
    if not equals:
        return lambda machine: key in machine.worker.labels
    return lambda machine: machine.worker.labels.get(key) == wanted


def _engine(value: str) -> Test:
    return lambda machine: value in str((machine.worker.sysinfo or {}).get("engine") or "")


def _core(value: str) -> Test:
    return lambda machine: (machine.worker.core or "").startswith(value)


def _name(value: str) -> Test:
    return lambda machine: value.lower() in machine.name.lower()


_KEYS: Final[Mapping[str, Callable[[str], Test]]] = {
    "state": _state,
    "label": _label,
    "engine": _engine,
    "core": _core,
    "name": _name,
}


def _somewhere(word: str) -> Test:
    def test(machine: Machine) -> bool:
        worker = machine.worker
        host = str((worker.sysinfo or {}).get("hostname") or "")
        labels = (f"{key}={value}" for key, value in worker.labels.items())
        return any(word in text.lower() for text in (worker.name, host, worker.id, *labels))

    return test


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100


# Orders --------------------------------------------------------------------------------------------------

_STATES: Final = {state: at for at, state in enumerate(("unreachable", "dead", "draining", "paused", "initializing"))}
ORDERS: Final[Mapping[str, Callable[[Machine], Any]]] = {
    "name": lambda m: natural(m.name),
    "state": lambda m: _STATES.get(m.state, len(_STATES)),
    "slots": lambda m: m.running,
    "load": lambda m: m.load,
    "memory": lambda m: m.memory,
    "disk": lambda m: m.disk,
    "beat": lambda m: (m.beat.loss or 0.0, m.beat.age or 0.0) if m.now else None,
    "clock": lambda m: None if m.beat.clock_offset is None else abs(m.beat.clock_offset),
}
"""By column; in the order of states what needs somebody comes first."""
LIVE: Final = frozenset({"slots", "load", "memory", "disk", "beat", "clock"})
"""Orders that need the numbers of all workers, and not of those alone that are seen."""


def natural(name: str) -> list[tuple[int, int, str]]:
    """As people order names: rack-2 before rack-10."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts if part]


def ordered(machines: Iterable[Machine], by: str, *, down: bool) -> list[Machine]:
    """In an order, and those that are alike by name; of whom it isn't known come last, whichever way."""
    key = ORDERS[by]
    named = sorted(machines, key=lambda machine: natural(machine.name))
    known = [machine for machine in named if key(machine) is not None]
    unknown = [machine for machine in named if key(machine) is None]
    return [*sorted(known, key=key, reverse=down), *unknown]


def next_order(by: str, shown: Sequence[str]) -> str:
    """The order after this one, among the columns that are shown."""
    there = [name for name in ORDERS if name in shown] or ["name"]
    return there[(there.index(by) + 1) % len(there)] if by in there else there[0]
