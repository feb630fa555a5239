"""A worker in words, for tables and pages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from swarm_consumer.cli.text import age, moment
from swarm_consumer.models import Worker, WorkerStep
from swarm_protocol.quantities import show_size


def offers(worker: Worker) -> str:
    """What it offers to jobs."""
    return capacity_text(worker.capacity or {})


def capacity_text(has: Mapping[str, Any]) -> str:
    """An amount of slots, cpu and memory."""
    if not has:
        return ""
    cpu, memory = has.get("cpu_millis", 0) / 1000, show_size(has.get("memory", 0))
    return f"{has.get('slots', '?')} slots, {cpu:g} cpu, {memory}"


def part_text(what: str, value: int) -> str:
    """One part of a capacity."""
    if what == "slots":
        return f"{value} slots"
    return f"{value / 1000:g} cpu" if what == "cpu_millis" else f"{show_size(value)} {what}"


def count(worker: Worker) -> str:
    """How many attempts it has."""
    running = worker.running
    return str(len(running)) if isinstance(running, list) else "" if running is None else str(running)


def labels_of(worker: Worker) -> str:
    """Its labels, by name."""
    return ", ".join(f"{key}={value}" for key, value in sorted(worker.labels.items()))


def drain_text(worker: Worker, now: datetime | None = None) -> str:
    """That it is to leave, and by when."""
    drain = worker.drain
    if drain is None:
        return ""
    text = f"{age(drain.at, now)} by {drain.by}"
    if drain.cut is not None:
        text += f"; its deadline has come and stopped {drain.cut}"
    elif drain.until is not None:
        text += f"; what is there {age(drain.until, now)} goes back"
    return text + ("; of an old version, stop it by hand" if drain.by_hand else "")


def step_text(step: WorkerStep) -> str:
    """Why something happened to it, and what else there is to know."""
    detail = step.detail
    parts = [step.reason]
    if step.what == "changed":
        parts += [f"{key}: {_value(value)}" for key, value in detail.items() if key not in ("name", "was")]
    if step.what in ("created", "removed") or "was" in detail:
        parts.append(f"as {detail.get('name')}" + (f", not {detail['was']}" if "was" in detail else ""))
    if "deadline" in detail:
        parts.append(f"by {moment(datetime.fromisoformat(detail['deadline']))}")
    if detail.get("cut") and step.state == "dead":
        parts.append(f"its deadline stopped {detail['cut']}")
    return "; ".join(part for part in parts if part)


def _value(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    named = [part_text(k, v) if isinstance(v, int) else f"{k}={v}" for k, v in value.items()]
    return ", ".join(named) or "its own"


def machine_lines(worker: Worker, now: datetime | None = None) -> list[tuple[str, str]]:
    """What its machine is and how it is: a name and a text each, those that are known."""
    info, status = worker.sysinfo or {}, worker.status or {}
    booted = info.get("booted_at")
    up = age(datetime.fromtimestamp(booted, UTC), now).removesuffix(" ago") if booted else ""
    gpus = [f"{gpu.get('kind', '')} ({gpu.get('model', '')})" for gpu in info.get("gpus", ())]
    lines = [
        ("machine", _words(info, "hostname", "arch") + _of(info.get("cpus"), ", {} cpus")),
        ("os", _words(info, "os_name", "kernel") or str(info.get("os", ""))),
        (
            "engine",
            str(info.get("engine", "")) + _of(info.get("runc"), ", runc {}") + _of(info.get("cgroup"), ", cgroup v{}"),
        ),
        ("memory", _free(status.get("memory_free"), info.get("memory"))),
        ("disk", _free(status.get("disk_free"), info.get("disk"))),
        ("load", " ".join(f"{load:.2f}" for load in status.get("load", ()))),
        ("up", up),
        ("gpus", ", ".join(gpus)),
        ("told", age(worker.status_at, now)),
    ]
    return [(key, text) for key, text in lines if text]


def offer_lines(worker: Worker) -> list[tuple[str, str]]:
    """What jobs may have of it beside its capacity, and why not more: a name and a text each."""
    offers = worker.offers
    if offers is None:
        return []
    return [
        ("mounts", ", ".join(offers.mounts)),
        ("network", ", ".join(offers.networks)),
        ("but", "; ".join(f"no {what}: {why}" for what, why in offers.why.items())),
    ]


def _words(info: Mapping[str, Any], *names: str) -> str:
    return " ".join(str(info[name]) for name in names if info.get(name))


def _of(value: object, form: str) -> str:
    return form.format(value) if value else ""


def _free(free: int | None, total: int | None) -> str:
    if not total:
        return ""
    return show_size(total) if free is None else f"{show_size(free)} free of {show_size(total)}"
