"""What is done to workers, in words before it is done, and what a person typed for it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from swarm_consumer.cli.text import age
from swarm_consumer.cli.worker_text import capacity_text
from swarm_consumer.models import Worker
from swarm_protocol.quantities import QuantityError, cpu_millis, seconds, show_seconds, show_size, size

_NAMED: Final = 8
"""Jobs or workers that a line names."""
READERS: Final = {"slots": int, "cpu_millis": cpu_millis, "memory": size, "disk": size}


def names(workers: Sequence[Worker]) -> str:
    """`rack-7`, or `rack-7, rack-8 and 3 others`."""
    listed = [worker.name for worker in workers]
    return _few(listed)


def _few(listed: Sequence[str]) -> str:
    if len(listed) <= _NAMED:
        return ", ".join(listed)
    return f"{', '.join(listed[:_NAMED])} and {len(listed) - _NAMED} others"


def jobs_text(worker: Worker) -> str:
    """`3 jobs run there: 1042, 1043, and 1 of another project`."""
    running = worker.running if isinstance(worker.running, int) else 0
    own = [str(held.get("job")) for held in worker.attempts]
    if not running and not own:
        return "nothing runs there"
    foreign = max(0, running - len(own))
    others = [f"{foreign} of other projects"] if foreign and own else []
    listed = f": {_few([*own, *others])}" if own else " (of other projects)"
    count = max(running, len(own))
    return f"{count} {'job runs' if count == 1 else 'jobs run'} there{listed}"


def drain_lines(workers: Sequence[Worker], deadline: float | None) -> list[str]:
    """What a drain does to each, and then."""
    lines = [f"{worker.name}: {jobs_text(worker)}" for worker in workers]
    lines.append("They get nothing new, finish what they have, and leave.")
    if deadline is None:
        lines.append("However long that takes: no deadline.")
    else:
        lines.append(f"After {show_seconds(deadline)} what still runs is stopped and put back in the queue.")
    lines += [
        f"{worker.name} is of a version that can't be told to leave: stop it by hand"
        for worker in workers
        if worker.drain is not None and worker.drain.by_hand
    ]
    return [*lines, "Resume takes it back as long as they are there."]


def revoke_lines(workers: Sequence[Worker]) -> list[str]:
    """What a revocation does."""
    return [
        *(f"{worker.name}: {jobs_text(worker)}" for worker in workers),
        "Its connection closes at once, and its jobs start anew elsewhere as far as they may.",
        "It can't come back: its machine has to join again with a new token.",
    ]


def forget_lines(workers: Sequence[Worker]) -> list[str]:
    """What forgetting does."""
    return [
        *(f"{worker.name}, revoked {age(worker.revoked_at)}" for worker in workers),
        "It leaves the list; what it did stays with its jobs, and its history is found by its id.",
    ]


def not_revoked(workers: Sequence[Worker]) -> list[Worker]:
    """Those that can't be forgotten yet."""
    return [worker for worker in workers if worker.revoked_at is None]


# What is typed -------------------------------------------------------------------------------------------


def read_deadline(text: str) -> float | None:
    """Seconds; None for nothing. Raises ValueError."""
    if not text.strip():
        return None
    found = read_duration(text)
    if found <= 0:
        raise ValueError("a deadline is to come: write it like 10m, or leave it empty")
    return found


def read_duration(text: str) -> float:
    """Seconds. Raises ValueError."""
    try:
        return seconds(text)
    except QuantityError as error:
        raise ValueError(str(error)) from None


def read_count(text: str) -> int:
    """A number from one on. Raises ValueError."""
    if not text.strip().isascii() or not text.strip().isdigit() or int(text) < 1:
        raise ValueError("a number from 1 on")
    return int(text)


def read_labels(text: str) -> dict[str, str | None]:
    """`gpu=a100 old-`: set one, take one away. Raises ValueError."""
    found: dict[str, str | None] = {}
    for word in text.split():
        key, equals, value = word.partition("=")
        if equals and key:
            found[key] = value
        elif word.endswith("-") and len(word) > 1:
            found[word[:-1]] = None
        else:
            raise ValueError(f"{word!r} is neither KEY=VALUE nor KEY-")
    if not found:
        raise ValueError("write KEY=VALUE to set one, KEY- to take one away")
    return found


def read_capacity(answers: Mapping[str, str], wanted: Mapping[str, int]) -> dict[str, int | None]:
    """What is to be set and taken back; what is as it was is left out. Raises ValueError naming the field."""
    found: dict[str, int | None] = {}
    for what, read in READERS.items():
        text = answers.get(what, "").strip()
        value = _read(what, text, read) if text else None
        if value != wanted.get(what):
            found[what] = value
    return found


def _read(what: str, text: str, read: object) -> int:
    assert callable(read)
    try:
        value = int(read(text))
    except ValueError as error:
        raise ValueError(f"{what.partition('_')[0]}: {error}") from None
    if value < 1 and what == "slots":
        raise ValueError("slots: at least 1")
    return value


def capacity_lines(worker: Worker) -> list[str]:
    """What it offers by itself, and what was set over that."""
    own = worker.own_capacity or {}
    lines = [
        f"by itself: {capacity_text(own)}, {show_size(own.get('disk', 0))} disk" if own else "by itself: not known"
    ]
    return [
        *lines,
        "An empty field is what it offers by itself. What runs goes on, also where it is more than is offered.",
    ]


def wanted_text(worker: Worker, what: str) -> str:
    """What was set of a capacity, as it can be typed; empty where nothing was."""
    value = worker.wanted_capacity.get(what)
    if value is None:
        return ""
    if what == "slots":
        return str(value)
    return f"{value / 1000:g}" if what == "cpu_millis" else show_size(value)
