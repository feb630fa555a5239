"""The machines of the stage, and the tokens that let more of them in."""

import math
from typing import Any, Final

from tools.stage.answers import Request, Table, ago, ahead, listed

GIB: Final = 1 << 30
CORE: Final = "01935f6e-0000-7000-8000-00000000c0de"
_INFO: Final = {
    "os": "linux",
    "arch": "amd64",
    "cpus": 16,
    "memory": 64 * GIB,
    "disk": 1800 * GIB,
    "engine": "24.0.7",
    "version": "0.1.0",
    "os_name": "Debian GNU/Linux 12 (bookworm)",
    "kernel": "6.1.0-18",
    "runc": "1.1.12",
    "cgroup": "2",
    "booted_at": ago(days=12).timestamp(),
}
_OFFERS: Final = {"mounts": ["data"], "gpus": {}, "networks": ["egress"], "why": {}}
_STATES: Final = (
    "working", "working", "waiting", "working", "paused", "waiting", "draining", "working", "unreachable",
    "initializing", "dead", "waiting",
)  # fmt: skip


def worker(number: int) -> dict[str, Any]:
    """One machine; how it fares follows from its number."""
    state = _STATES[number % len(_STATES)]
    there = state not in ("dead", "initializing")
    running = (number * 5) % 7 if state in ("working", "draining") else 0
    slots = 8
    offers = {"slots": slots, "cpu_millis": 16_000, "memory": 56 * GIB, "disk": 1500 * GIB}
    wanted = {"slots": 8} if number == 0 else {}
    share = 0.15 + 0.07 * (number % 12)
    load = {
        "load1": round(running / slots + 0.07 * (number % 3), 2),
        "memory_free": int(64 * GIB * (1 - share)),
        "disk_free": int(1800 * GIB * (1 - share / 2 - (0.5 if number == 7 else 0))),
    }
    beat = {"age": 0.4, "loss": 0.0, "jitter": 0.0011, "clock_offset": 0.004}
    if state == "unreachable":
        beat = {"age": 41.0, "loss": 0.68, "jitter": 0.09, "clock_offset": -75.0}
    elif number == 3:
        beat |= {"loss": 0.12, "jitter": 0.031}
    return {
        "id": f"01935f6e-0000-7000-8000-{number:012x}",
        "name": f"rack-{number + 1}",
        "state": state,
        "labels": {"zone": "a" if number % 2 else "b"} | ({"gpu": "a100"} if number % 4 == 0 else {}),
        "capacity": offers,
        "own_capacity": offers | {"slots": 16} if wanted else offers,
        "wanted_capacity": wanted,
        "free": offers | {"slots": slots - running} if there else None,
        "load": load if there else None,
        "heartbeat": beat if there else None,
        "running": running,
        "sysinfo": {} if state == "initializing" else _INFO | {"hostname": f"rack-{number + 1}.lab"},
        "status": {
            "load": [load["load1"] * 16, 3.2, 2.9], "memory_free": load["memory_free"], "disk_free": load["disk_free"],
            "images": [], "image_count": 6 + number, "image_bytes": (6 + number) * 700 << 20,
        },
        "status_at": ago(seconds=38),
        "core": CORE if there else None,
        "seen_at": None if state == "initializing" else ago(seconds=1 if there else 7200),
        "joined_at": ago(days=12, hours=number),
        "revoked_at": ago(hours=2) if state == "dead" else None,
        "paused_at": ago(minutes=12) if state == "paused" else None,
        "paused_by": "user:ben" if state == "paused" else "",
        "drain": _DRAIN if state == "draining" else None,
        "offers": _OFFERS | ({"gpus": {"a100": 2}} if number % 4 == 0 else {}) if there else None,
    }  # fmt: skip


_DRAIN: Final = {"at": ago(minutes=3), "by": "user:ana", "until": ahead(minutes=7), "cut": None, "by_hand": False}
WORKERS: Final = [worker(number) for number in range(12)]


def whole(one: dict[str, Any]) -> dict[str, Any]:
    """A worker with what it has of the project."""
    held = [
        {
            "job": 1042 + at,
            "attempt": 1,
            "state": "running",
            "claimed_at": ago(minutes=8 + at),
            "started_at": ago(minutes=8),
        }
        for at in range(one["running"])
    ]
    images = [
        {"digest": "sha256:" + "3f9a" * 16, "size": 1_300_000_000, "reference": "train:nightly"},
        {"digest": "sha256:" + "77c1" * 16, "size": 310_000_000, "reference": "eval:3"},
    ]
    return one | {"attempts": held, "images": images}


def _loads(request: Request) -> dict[str, Any]:
    asked = {value for name, value in request.query if name == "worker"}
    return listed([_now(one) for one in WORKERS if one["load"] and (not asked or one["id"] in asked)])


def _now(one: dict[str, Any]) -> dict[str, Any]:
    numbers = {"slots": one["capacity"]["slots"], "free_slots": one["free"]["slots"], "running": one["running"]}
    return {"id": one["id"], "state": one["state"], "heartbeat": one["heartbeat"], **numbers, **one["load"]}


def _past(one: dict[str, Any]) -> dict[str, Any]:
    steps = 121
    known = range(40, steps)  # the core was started meanwhile

    def series(value: Any) -> list[float | None]:
        return [value(at) if at in known else None for at in range(steps)]

    return {
        "id": one["id"],
        "name": one["name"],
        "memory": 64 * GIB,
        "disk": 1800 * GIB,
        "kept_since": ago(minutes=40),
        "at": ago(minutes=60),
        "step": 30.0,
        "series": {
            "load1": series(lambda at: round(0.5 + 0.4 * math.sin(at / 9), 3)),
            "memory_free": series(lambda at: float(64 * GIB * (0.7 - 0.003 * at))),
            "disk_free": series(lambda at: float(1800 * GIB * 0.8)),
            "running": series(lambda at: float(2 + (at // 20) % 4)),
            "slots": series(lambda at: 8.0),
            "loss": series(lambda at: 0.0 if at < 100 else 0.04),
        },
    }


_HISTORY: Final = [
    ("state", "waiting", "resumed", "user:ana", {"name": "rack-1"}, ago(minutes=20)),
    ("state", "paused", "", "user:ana", {"name": "rack-1"}, ago(minutes=31)),
    ("changed", "", "", "user:ana", {"name": "rack-1", "capacity": {"slots": 8}}, ago(hours=5)),
    ("state", "waiting", "heard again", f"core:{CORE}", {"name": "rack-1"}, ago(hours=7)),
    ("state", "unreachable", "silent on all ways", f"core:{CORE}", {"name": "rack-1"}, ago(hours=7, minutes=2)),
    ("created", "", "", "worker:rack-1", {"name": "rack-1"}, ago(days=12)),
]
_TOKENS: Final = [
    {"id": "4be1f00dcafe", "name": "", "uses_left": 2, "made_by": "user:ana", "created_at": ago(minutes=4),
     "expires_at": ahead(minutes=56), "expired": False},
    {"id": "00aa11bb22cc", "name": "rack", "uses_left": 0, "made_by": "user:ben", "created_at": ago(hours=3),
     "expires_at": ahead(hours=21), "expired": False},
    {"id": "99ff88ee77dd", "name": "", "uses_left": 1, "made_by": "user:ana", "created_at": ago(days=2),
     "expires_at": ago(days=1), "expired": True},
]  # fmt: skip


def fill(table: Table) -> None:
    """Workers by id and name, their loads, history and tokens."""
    table.put("GET /workers", listed(WORKERS))
    table.put("GET /worker-loads", _loads)
    for one in WORKERS:
        for reference in (one["id"], one["name"]):
            at = f"GET /workers/{reference}"
            table.put(at, whole(one))
            table.put(f"{at}/load", _past(one))
            table.put(f"{at}/history", listed(_steps()))
    table.put("GET /join-tokens", listed(_TOKENS))
    made = {
        "token": "SSJT1-" + "5d" * 16 + "-4be1f00dcafe-" + "7c" * 24,
        "id": "4be1f00dcafe",
        "expires_at": ahead(hours=1),
    }
    table.put("POST /join-tokens", made)


def _steps() -> list[dict[str, Any]]:
    names = ("what", "state", "reason", "actor", "detail", "at")
    return [{"id": 100 - at, **dict(zip(names, step, strict=True))} for at, step in enumerate(_HISTORY)]
