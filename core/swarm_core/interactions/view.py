"""Messages as people see them: from a worker's record, and from a job's history what no record has any more. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.interactions import kinds as k
from swarm_core.interactions.kinds import KINDS, NONE, RESULTS
from swarm_core.interactions.record import Note
from swarm_protocol.states import JobState

CONSUMER: Final = "consumer"
ENGINE: Final = "engine"
OTHERS: Final = "others"
"""Messages about jobs that the reader may not know of."""


class MessageView(msgspec.Struct, kw_only=True, frozen=True):
    """One message, or several that are told as one."""

    seq: int | None
    """Its number in the worker's record; null: from the job's history, not from memory."""
    at: datetime
    sender: str
    """consumer, core, worker or engine."""
    receiver: str
    """The same as the sender: it says what one did by itself."""
    kind: str
    job: int | None = None
    attempt: int | None = None
    worker: UUID | None = None
    count: int = 1
    """How many it stands for."""
    refused: bool = False
    """It was stale: of an attempt that is not the worker's any more. It changed nothing."""
    many: bool = False
    """They came too fast to be kept one by one."""
    detail: dict[str, int | float | str] = {}
    """Sizes, numbers and outcomes; never what a job holds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a job's history."""

    id: int
    at: datetime
    old_state: str | None
    new_state: str
    attempt: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Try:
    """What is known of one attempt of a job."""

    worker: UUID
    exit_code: int | None
    timings: dict[str, float]


def views(notes: Iterable[Note], worker: UUID) -> list[MessageView]:
    """Entries of a worker's record."""
    return [_view(note, worker) for note in notes]


def _view(note: Note, worker: UUID) -> MessageView:
    kind = KINDS[note.kind]
    detail: dict[str, int | float | str] = {
        name: value for name, value in zip(kind.numbers, (note.first, note.second), strict=False) if value != NONE
    }
    if note.result:
        detail["result"] = RESULTS[note.result]
    if note.kind == k.QUIET:
        detail["beats"] = note.stands_for
    return MessageView(
        seq=note.seq,
        at=datetime.fromtimestamp(note.at, UTC),
        sender=kind.sender,
        receiver=kind.receiver,
        kind=kind.name,
        job=note.job or None,
        attempt=note.attempt if note.job else None,
        worker=worker,
        count=1 if note.kind == k.QUIET else note.stands_for,
        refused=note.refused,
        many=note.many,
        detail=detail,
    )


def without(notes: Sequence[Note], worker: UUID, known: Collection[int]) -> list[MessageView]:
    """The same for who may know of these jobs only: what is about others is counted, and nothing else of it is told."""
    found: list[MessageView] = []
    for note in notes:
        if not KINDS[note.kind].of_jobs or note.job in known:
            found.append(_view(note, worker))
        else:
            _count_other(found, note, worker)
    return found


def _count_other(found: list[MessageView], note: Note, worker: UUID) -> None:
    count = note.stands_for
    if found and found[-1].kind == OTHERS:
        count += found.pop().count
    at = datetime.fromtimestamp(note.at, UTC)
    found.append(
        MessageView(seq=note.seq, at=at, sender=k.CORE, receiver=k.WORKER, kind=OTHERS, worker=worker, count=count)
    )


# From the history of a job ---------------------------------------------------------------------------------


Remembered = Mapping[tuple[int, int], datetime]
"""(Kind, attempt) of the messages that memory has itself, and when each was said."""


def recalled(job: int, steps: Iterable[Step], tries: Mapping[int, Try], remembered: Remembered) -> list[MessageView]:
    """What a job's history tells of its conversation beside what is remembered."""
    found: list[MessageView] = []
    for step in steps:
        found += _messages(job, step, tries.get(step.attempt), remembered)
        found.append(_moved(job, step))
    return found


def _moved(job: int, step: Step) -> MessageView:
    detail: dict[str, int | float | str] = {"to": step.new_state, "by": step.actor}
    if step.old_state is not None:
        detail["from"] = step.old_state
    if step.reason:
        detail["reason"] = step.reason
    first = step.old_state is None
    return MessageView(
        seq=None,
        at=step.at,
        sender=CONSUMER if first else k.CORE,
        receiver=k.CORE,
        kind="submit" if first else "state",
        job=job,
        attempt=step.attempt or None,
        detail=detail,
    )


def _messages(job: int, step: Step, held: Try | None, remembered: Remembered) -> list[MessageView]:
    """What must have been said for a step to be taken."""
    if held is None:
        return []
    if step.new_state == JobState.DISPATCHED:
        kind, before, message = k.ASSIGN, [], _said(job, step, held, k.CORE, k.WORKER, "assign")
    elif step.new_state == JobState.RUNNING:
        phases = {name: held.timings[name] for name in ("pull", "load", "create") if name in held.timings}
        before = [_said(job, step, held, k.WORKER, ENGINE, "container_started", **phases)]
        kind, message = k.STARTED, _said(job, step, held, k.WORKER, k.CORE, "started")
    elif step.new_state == JobState.HARVESTING:
        before = [_end(job, step, held)]
        kind, message = k.HARVESTING, _said(job, step, held, k.WORKER, k.CORE, "harvesting")
    elif step.actor.startswith("worker:"):
        before = [_end(job, step, held)] if step.old_state == JobState.RUNNING else []
        kind, message = k.FINISHED, _said(job, step, held, k.WORKER, k.CORE, "finished", **_code(held))
    else:
        return []
    at = remembered.get((kind, step.attempt))
    if at is None:
        return [*before, message]
    return [msgspec.structs.replace(each, at=at) for each in before]


def _end(job: int, step: Step, held: Try) -> MessageView:
    return _said(job, step, held, ENGINE, k.WORKER, "container_ended", **_code(held))


def _code(held: Try) -> dict[str, int | float | str]:
    return {} if held.exit_code is None else {"exit_code": held.exit_code}


def _said(
    job: int, step: Step, held: Try, sender: str, receiver: str, kind: str, **detail: int | float | str
) -> MessageView:
    return MessageView(
        seq=None,
        at=step.at,
        sender=sender,
        receiver=receiver,
        kind=kind,
        job=job,
        attempt=step.attempt,
        worker=held.worker,
        detail=detail,
    )
