"""Alarms: what of the swarm a person should look at, and what to do about it. Pure.

An alarm is there for as long as what it tells of is so; nobody has to acknowledge it, and nothing of it is stored.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from swarm_core.core_view import SKEWED, CoreView, ModuleView
from swarm_core.overview.facts import About, Alarm, Facts, Severity
from swarm_core.store.overview import AbsentWorker, FullDisk, HeldJob, LastStep, LateSchedule
from swarm_core.store.worker_history import LEASE_RAN_OUT
from swarm_core.worker_state import state_of
from swarm_protocol.quantities import show_seconds, show_size
from swarm_protocol.states import WorkerState

JUST_DIED: Final = 60.0
"""Seconds for which a module that died is told of, though it runs again."""
_GIB: Final = 1 << 30
_LOW: Final = ((0.05, 10 * _GIB, "error"), (0.10, 50 * _GIB, "warning"))
"""Watermarks of a disk: less than that share is free, and less than so much."""


def alarms(facts: Facts) -> list[Alarm]:
    """All that is wrong, errors first, and of them what has been so for the shortest time."""
    found = [
        *(alarm for core in facts.cores for alarm in of_core(core, facts)),
        *(alarm for worker in facts.absent for alarm in of_worker(worker, facts.steps.get(worker.id))),
        *(alarm for disk in facts.disks for alarm in of_disk(disk)),
        *(_held(job) for job in facts.held),
        *(_late(schedule, facts.now) for schedule in facts.late),
    ]
    return sorted(found, key=_rank)


def _rank(alarm: Alarm) -> tuple[bool, float, str, str, str]:
    since = -alarm.since.timestamp() if alarm.since else 0.0
    return alarm.severity != "error", since, alarm.kind, alarm.subject, alarm.module


# Cores ---------------------------------------------------------------------------------------------------


def of_core(core: CoreView, facts: Facts) -> Iterable[Alarm]:
    """What is wrong with a core, and with the clocks of its workers."""
    if not core.reached:
        if any(each.redis == "connected" for each in facts.cores):
            yield _silent(core)
        return
    for module in core.modules:
        if (alarm := _module(core, module, facts.now)) is not None:
            yield alarm
    if core.redis == "away":
        yield _redis(core)
    if _off(core.clock_ahead):
        yield _clock("core", str(core.id), core.host, core.clock_ahead or 0.0)
    yield from (_clock("worker", str(worker.id), worker.name, worker.ahead) for worker in core.skewed)
    if core.disk is not None and (severity := fullness(core.disk.free, core.disk.total)) is not None:
        yield _disk("core", str(core.id), core.host, core.disk.free, core.disk.total, severity)


def _silent(core: CoreView) -> Alarm:
    count = sum(core.workers.values())
    return Alarm(
        kind="core_silent",
        severity="warning",
        about="core",
        subject=str(core.id),
        name=str(core.id),
        text=f"core {core.id} says nothing; {count} worker{'s have leases' if count != 1 else ' has a lease'} with it",
        next="start it again where it ran; its workers go to another core, or their jobs do once their leases end",
    )


def _module(core: CoreView, module: ModuleView, now: datetime) -> Alarm | None:
    died = module.died_at
    down = module.state == "restarting"
    if died is None or not (down or (now - died).total_seconds() < JUST_DIED):
        return None
    state = "is down" if down else "died and runs again"
    times = f"{module.restarts} times" if module.restarts != 1 else "once"
    return Alarm(
        kind="module_down",
        severity="error" if down else "warning",
        about="core",
        subject=str(core.id),
        name=core.host,
        text=f"module {module.name} of core {core.host} {state}; it died {times}, last of {module.error}",
        next=f"look at `swarm syslog --core {core.id} --level warning`; it is started again by itself",
        since=died,
        module=module.name,
    )


def _redis(core: CoreView) -> Alarm:
    return Alarm(
        kind="redis_away",
        severity="warning",
        about="core",
        subject=str(core.id),
        name=core.host,
        text=f"core {core.host} can't reach Redis: wake-ups between cores take longer, and other cores can't be asked",
        next="start Redis again, or see to SWARM_REDIS_URL of that core; no job is lost meanwhile",
        since=core.redis_since,
    )


# Workers -------------------------------------------------------------------------------------------------


def of_worker(worker: AbsentWorker, step: LastStep | None) -> Iterable[Alarm]:
    """What is wrong with a worker that is not connected, or silent. One that was drained and has left is well."""
    state = state_now(worker)
    if state == WorkerState.UNREACHABLE:
        yield _worker("worker_unreachable", "warning", worker, step, "is unreachable", _REACH)
    elif state == WorkerState.DEAD and not worker.draining:
        lost = step is None or step.reason == LEASE_RAN_OUT
        yield _worker("worker_dead", "error" if lost else "warning", worker, step, "is dead", _REVIVE)


_REACH: Final = "see to its machine and network; when its lease ends, its jobs go elsewhere"
_REVIVE: Final = "start it again on its machine, or shut it out with `swarm worker revoke {name}`"


def state_now(worker: AbsentWorker) -> str:
    """Its state by what the database says."""
    return state_of(
        leased=worker.leased,
        condition=worker.condition,
        draining=worker.draining,
        paused=worker.paused,
        running=worker.running,
        seen=worker.seen_at is not None,
    )


def _worker(
    kind: str, severity: Severity, worker: AbsentWorker, step: LastStep | None, what: str, remedy: str
) -> Alarm:
    reason = step.reason if step is not None else ""
    return Alarm(
        kind=kind,
        severity=severity,
        about="worker",
        subject=str(worker.id),
        name=worker.name,
        text=f"worker {worker.name} {what}" + (f": {reason}" if reason else ""),
        next=remedy.format(name=worker.name),
        since=step.at if step is not None else worker.seen_at,
    )


# Disks and clocks ----------------------------------------------------------------------------------------


def fullness(free: int, total: int) -> Severity | None:
    """How bad it is that a disk has so many bytes left; None: it isn't."""
    for share, most, severity in _LOW:
        if free < total * share and free < most:
            return "error" if severity == "error" else "warning"
    return None


def of_disk(disk: FullDisk) -> Iterable[Alarm]:
    """What is wrong with the disk of a worker."""
    if (severity := fullness(disk.free, disk.total)) is not None:
        yield _disk("worker", str(disk.id), disk.name, disk.free, disk.total, severity)


def _disk(about: About, subject: str, name: str, free: int, total: int, severity: Severity) -> Alarm:
    where = "the disk with the blobs of core" if about == "core" else "the disk of worker"
    remedy = "remove images and jobs that nobody needs, or give it a larger disk"
    if about == "worker":
        remedy = "remove images there (`docker image prune`), or give it a larger disk; jobs that need more don't fit"
    return Alarm(
        kind="disk_low",
        severity=severity,
        about=about,
        subject=subject,
        name=name,
        text=f"{where} {name} has {show_size(free)} of {show_size(total)} left",
        next=remedy,
    )


def _off(ahead: float | None) -> bool:
    return ahead is not None and abs(ahead) > SKEWED


def _clock(about: About, subject: str, name: str, ahead: float) -> Alarm:
    way = "ahead of" if ahead > 0 else "behind"
    return Alarm(
        kind="clock_skewed",
        severity="warning",
        about=about,
        subject=subject,
        name=name,
        text=f"the clock of {about} {name} is {show_seconds(round(abs(ahead), 1))} {way} the database's",
        next="see to the time service of that machine; leases and schedules go by the database's clock all the same",
    )


# Jobs and schedules --------------------------------------------------------------------------------------


def _held(job: HeldJob) -> Alarm:
    called = f"job {job.id}" + (f" ({job.name})" if job.name else "")
    return Alarm(
        kind="job_quarantined",
        severity="warning",
        about="job",
        subject=str(job.id),
        name=job.name or str(job.id),
        text=f"{called} is {job.reason.partition('; ')[0] or 'held'}",
        next=f"look why its workers were lost (`swarm show {job.id}`); `swarm retry {job.id}` releases it, "
        f"`swarm cancel {job.id}` ends it",
        since=job.at,
        project=job.project,
    )


def _late(schedule: LateSchedule, now: datetime) -> Alarm:
    late = show_seconds(round((now - schedule.fire_at).total_seconds()))
    return Alarm(
        kind="occurrence_late",
        severity="error",
        about="schedule",
        subject=str(schedule.id),
        name=schedule.name,
        text=f"schedule {schedule.name} should have started a job {late} ago",
        next="see whether the module hibernator of a core runs (`swarm cores`), and what it says (`swarm syslog`)",
        since=schedule.fire_at,
        project=schedule.project,
    )
