"""All that is known of a worker, line by line, for its screen. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from swarm_commanddeck.columns import Cell
from swarm_commanddeck.machines import FULL, LOSSY, SKEWED, STALE, images_text
from swarm_commanddeck.signs import of_worker
from swarm_consumer.cli.text import age, moment
from swarm_consumer.cli.worker_charts import clock_text, heartbeat_text
from swarm_consumer.cli.worker_text import capacity_text, drain_text, labels_of, machine_lines, offer_lines, step_text
from swarm_consumer.models import Heartbeat, Worker, WorkerStep
from swarm_protocol.quantities import show_size

Fact = tuple[str, str, str]
"""Name, text, tone."""


def facts(worker: Worker, now: datetime) -> list[Fact]:
    """What it is and how it is, those that are known."""
    sign = of_worker(worker.state)
    machine = dict(machine_lines(_live(worker), now))
    machine.pop("load", None)  # a chart has it
    found: list[Fact] = [
        ("state", f"{sign.mark} {sign.word}{_why(worker, now)}", sign.tone),
        ("heartbeat", heartbeat_text(worker.heartbeat), _beat_tone(worker.heartbeat)),
        ("offers", capacity_text(worker.capacity or {}), ""),
        ("itself", capacity_text(worker.own_capacity or {}) if worker.wanted_capacity else "", "dim"),
        ("running", str(worker.running if worker.running is not None else ""), ""),
        *((name, text, "") for name, text in machine.items()),
        *((name, text, "warn" if name == "but" else "") for name, text in offer_lines(worker)),
        ("images", images_text(worker).replace(" ", " in all, ") if worker.status else "", ""),
        ("labels", labels_of(worker), ""),
        ("version", str((worker.sysinfo or {}).get("version", "")), ""),
        ("core", worker.core or "", "dim"),
        ("id", worker.id, "dim"),
        ("joined", moment(worker.joined_at), "dim"),
        ("seen", age(worker.seen_at, now), "dim"),
    ]
    return [(name, text, tone) for name, text, tone in found if text]


def _live(worker: Worker) -> Worker:
    """With what its beats told since its status."""
    load: Mapping[str, Any] = worker.load or {}
    newer = {key: load[key] for key in ("memory_free", "disk_free") if key in load}
    return msgspec.structs.replace(worker, status={**(worker.status or {}), **newer}) if newer else worker


def _why(worker: Worker, now: datetime) -> str:
    """Who wants it so, and since when."""
    if worker.revoked_at is not None:
        return f", revoked {age(worker.revoked_at, now)}"
    if worker.drain is not None:
        return f", {drain_text(worker, now)}"
    return f", {age(worker.paused_at, now)} by {worker.paused_by}" if worker.paused_at is not None else ""


def _beat_tone(beat: Heartbeat | None) -> str:
    if beat is None:
        return ""
    late = beat.age is None or beat.age >= STALE
    return "warn" if late or (beat.loss or 0) >= LOSSY or abs(beat.clock_offset or 0) >= SKEWED else "good"


def warnings(worker: Worker) -> list[str]:
    """What somebody should look at, in sentences."""
    beat, info, load = worker.heartbeat, worker.sysinfo or {}, worker.load or {}
    found = []
    if beat is not None and beat.age is None:
        found.append("No heartbeat has come by UDP: a firewall may be in the way.")
    if beat is not None and (beat.loss or 0) >= LOSSY:
        found.append(f"{beat.loss:.0%} of its heartbeats are lost on the way.")
    if beat is not None and abs(beat.clock_offset or 0) >= SKEWED:
        off = clock_text(beat.clock_offset or 0).replace("clock", "clock is")
        found.append(f"Its {off}: over 60 s it could not prove who it is.")
    for what in ("memory", "disk"):
        free, total = load.get(f"{what}_free"), info.get(what, 0)
        if isinstance(free, int) and total and 1 - free / total >= FULL:
            found.append(f"Its {what} is nearly full: {show_size(free)} free of {show_size(total)}.")
    return found


def step_cells(step: WorkerStep) -> tuple[Cell, str]:
    """What happened, and why."""
    if step.what == "state":
        sign = of_worker(step.state)
        return (f"{sign.mark} {sign.word}", sign.tone), step_text(step)
    return (step.what, "plain"), step_text(step)
