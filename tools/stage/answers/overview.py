"""The stage at a glance: a lab with two cores that is busy, and in which a few things want to be looked at."""

import math
from datetime import timedelta
from typing import Any, Final

from swarm_consumer.models import Event
from tools.stage.answers import NOW, Table, ago, listed

GIB: Final = 1 << 30
ALPHA: Final = "01935f6e-0000-7000-8000-00000000c0de"
BETA: Final = "01935f6e-0000-7000-8000-00000000be7a"
_QUEUES: Final[dict[str, list[dict[str, Any]]]] = {
    "receiver": [{"name": "submits", "depth": 3, "bound": 20_000}],
    "harvester": [{"name": "reports", "depth": 41, "bound": 100_000}],
    "scheduler": [{"name": "shapes to claim", "depth": 2, "bound": None}],
    "syslog": [{"name": "backlog", "depth": 120, "bound": 10_000}],
    "joblogs": [{"name": "unsealed", "depth": 3 << 20, "bound": 64 << 20, "unit": "bytes"}],
    "courier": [{"name": "tries", "depth": 14, "bound": 32}],
    "progress": [{"name": "jobs", "depth": 0, "bound": 100_000}],
}
_MODULES: Final = (
    "logger", "syslog", "cache", "certificate", "receiver", "harvester", "limits", "scheduler", "hibernator", "leases",
    "drains", "sightings", "joblogs", "progress", "courier", "heartbeats", "fleet", "cores", "tally", "terminals",
    "feed", "reclaim", "clock", "server",
)  # fmt: skip
_DIED: Final = {"state": "restarting", "restarts": 3, "error": "ConnectionError: refused", "died_at": ago(seconds=4)}


def _module(name: str, core: str) -> dict[str, Any]:
    dead = _DIED if name == "courier" and core == BETA else {"state": "running"}
    return {"name": name, "queues": _QUEUES.get(name, []) if core == ALPHA else [], **dead}


def _core(core: str, host: str, **more: Any) -> dict[str, Any]:
    return {
        "id": core,
        "host": host,
        "address": "0.0.0.0:8443",
        "version": "0.1.0",
        "started_at": ago(days=9),
        "seen_at": NOW,
        "clock_ahead": 0.004,
        "redis": "connected",
        "disk": {"total": 1800 * GIB, "free": 700 * GIB},
        "modules": [_module(name, core) for name in _MODULES],
        **more,
    }


CORES: Final = [
    _core(ALPHA, "alpha", here=True, workers={"working": 4, "waiting": 2, "paused": 1}),
    _core(BETA, "beta", workers={"working": 1, "waiting": 1, "draining": 1}, clock_ahead=-7.3),
]


def _minute(back: int) -> dict[str, Any]:
    """A wave over the hour, with a dip half an hour ago."""
    wave = 1 + math.sin(back / 7.0)
    count = 0 if 28 <= back <= 31 else round(40 * wave) + 3
    return {
        "at": NOW.replace(second=0) - timedelta(minutes=back),
        "succeeded": count if back else count // 2,
        "failed": count // 20,
        "timed_out": int(back == 12),
        "wait_p50": None if count == 0 else round(0.4 + 2.5 * wave, 2),
        "run_p50": None if count == 0 else round(35 + 20 * wave, 1),
    }


def _alarm(kind: str, severity: str, about: str, subject: str, name: str, text: str, next: str, **more: Any) -> Any:
    told = {"kind": kind, "severity": severity, "about": about, "subject": subject, "name": name}
    return told | {"text": text, "next": next, **more}


ALARMS: Final = [
    _alarm("module_down", "error", "core", BETA, "beta",
           "module courier of core beta is down; it died 3 times, last of ConnectionError: refused",
           f"look at `swarm syslog --core {BETA} --level warning`; it is started again by itself",
           since=ago(seconds=4), module="courier"),
    _alarm("occurrence_late", "error", "schedule", "3", "nightly",
           "schedule nightly should have started a job 12m40s ago",
           "see whether the module hibernator of a core runs (`swarm cores`), and what it says (`swarm syslog`)",
           since=ago(minutes=12, seconds=40), project="lab"),
    _alarm("worker_unreachable", "warning", "worker", "01935f6e-0000-7000-8000-000000000008", "rack-9",
           "worker rack-9 is unreachable: silent on all ways",
           "see to its machine and network; when its lease ends, its jobs go elsewhere", since=ago(seconds=36)),
    _alarm("job_quarantined", "warning", "job", "1042", "train",
           "job 1042 (train) is quarantined: 3 workers were lost under it",
           "look why its workers were lost (`swarm show 1042`); `swarm retry 1042` releases it",
           since=ago(hours=2), project="lab"),
    _alarm("clock_skewed", "warning", "core", BETA, "beta", "the clock of core beta is 7.3s behind the database's",
           "see to the time service of that machine; leases and schedules go by the database's clock all the same"),
]  # fmt: skip
OVERVIEW: Final = {
    "at": NOW,
    "project": "lab",
    "jobs": {
        "sleeping": 3, "blocked": 0, "held": 1, "queued": 1240, "dispatched": 2, "running": 31, "harvesting": 1,
    },
    "ended": {"succeeded": 51_877, "failed": 104, "timed_out": 6, "cancelled": 18},
    "workers": {
        "initializing": 1, "waiting": 3, "working": 4, "draining": 1, "paused": 1, "unreachable": 1, "dead": 0,
    },
    "slots": 72,
    "slots_free": 24,
    "minutes": [_minute(back) for back in range(59, -1, -1)],
    "alarms": ALARMS,
    "alarm_count": len(ALARMS),
}  # fmt: skip


def _event(back: float, kind: str, subject: str, what: str, **detail: Any) -> Event:
    return Event(
        cursor=f"c{back}", at=ago(seconds=back), kind=kind, subject=subject, what=what, project="lab", detail=detail
    )


PAST: Final = [
    _event(310, "worker", "01935f6e-0000-7000-8000-000000000003", "state", to="paused", name="rack-4", reason="by ben"),
    _event(122, "schedule", "7", "skipped", name="hourly", reason="the one before still runs"),
    _event(64, "job", "1051", "state", to="failed", name="eval", reason="exit code 2"),
    _event(31, "job", "1055", "created", name="train"),
    _event(30, "job", "1055", "state", to="dispatched", name="train"),
    _event(28, "job", "1055", "state", to="running", name="train"),
    _event(12, "job", "1055", "progress", fraction=0.25, text="epoch 1 of 4", name="train"),
    _event(9, "image", "busybox:latest", "pushed"),
    _event(4, "job", "1049", "state", to="succeeded", name="fetch \x1b[31mdata"),
]


def fill(table: Table) -> None:
    """Its answers."""
    table.put("GET /overview", OVERVIEW)
    table.put("GET /cores", listed(CORES))
    table.past += PAST
