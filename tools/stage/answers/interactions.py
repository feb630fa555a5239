"""What core and worker say to one another on the stage: a worker's day, and a job that was tried twice."""

from typing import Any, Final

from tools.stage.answers import NEVER, Request, Table, ago

_WORKER: Final = "01935f6e-0000-7000-8000-{:012x}"
RACK_1: Final = _WORKER.format(0)
RACK_3: Final = _WORKER.format(2)
RACK_7: Final = _WORKER.format(6)
_CORE: Final = "01935f6e-0000-7000-8000-00000000c0de"
Said = tuple[float, str, str, int | None, int | None, dict[str, Any]]
"""Seconds ago, way, kind, job, attempt, and what else."""

_BEGIN: Final[list[Said]] = [
    (900.00, "worker core", "connected", None, None, {}),
    (899.99, "worker core", "hello", None, None, {"detail": {"slots": 8, "minor": 2}}),
    (899.96, "core worker", "welcome", None, None, {"detail": {"lease_seconds": 30, "minor": 2}}),
    (899.95, "core worker", "mounts", None, None, {"detail": {"mounts": 1}}),
    (899.93, "worker core", "reconcile", None, None, {"detail": {"held": 1}}),
    (899.93, "worker core", "held", 1037, 1, {}),
    (899.91, "core worker", "reconciled", None, None, {"detail": {"keep": 1, "stop": 0}}),
    (899.91, "core worker", "keep", 1037, 1, {}),
    (899.90, "worker core", "offers", None, None, {"detail": {"mounts": 1, "gpus": 0}}),
    (899.90, "worker core", "quiet", None, None, {"detail": {"beats": 611, "pings": 61, "leases": 61}}),
]
_WORK: Final[list[Said]] = [
    (288.20, "core worker", "assign", 1042, 2, {"detail": {"spec_bytes": 612}}),
    (288.19, "worker core", "accepted", 1042, 2, {}),
    (286.40, "worker core", "started", 1042, 2, {}),
    (286.39, "worker core", "quiet", None, None, {"detail": {"beats": 4, "pings": 1, "leases": 1}}),
    (282.10, "worker core", "log", 1042, 2, {"count": 14, "detail": {"bytes": 48_211}}),
    (281.90, "core worker", "log_ack", 1042, 2, {"count": 3}),
    (270.00, "worker core", "progress", 1042, 2, {"detail": {"percent": 40}}),
    (200.00, "worker core", "started", 1031, 1, {"refused": True}),
    (199.99, "core worker", "discard", 1031, 1, {}),
    *[(180.0 - n / 9, "core worker", "assign", 1050 + n, 1, {"detail": {"spec_bytes": 300}}) for n in range(6)],
    *[(179.2 - n / 9, "worker core", "accepted", 1050 + n, 1, {}) for n in range(6)],
    (150.00, "core core", "closed", None, None, {"detail": {"code": 1006}}),
    (147.50, "worker core", "connected", None, None, {}),
    (12.30, "worker core", "finished", 1042, 2,
     {"detail": {"exit_code": 0, "artifacts": 3, "result": "succeeded"}}),
    (12.20, "core worker", "ack", 1042, 2, {}),
]  # fmt: skip
_JOB: Final[list[Said]] = [
    (3900.00, "consumer core", "submit", 1042, None, {"detail": {"to": "queued", "by": "user:ana"}}),
    (3899.00, "core core", "state", 1042, 1, {"detail": {"from": "queued", "to": "dispatched", "by": "core"}}),
    (3899.00, "core worker", "assign", 1042, 1, {"worker": RACK_3}),
    (3896.00, "worker engine", "container_started", 1042, 1, {"worker": RACK_3, "detail": {"pull": 2.1}}),
    (3896.00, "worker core", "started", 1042, 1, {"worker": RACK_3}),
    (330.00, "core core", "state", 1042, 1,
     {"detail": {"from": "running", "to": "queued", "reason": "its worker was lost: the lease ran out"}}),
    (288.21, "core core", "state", 1042, 2, {"detail": {"from": "queued", "to": "dispatched", "by": "core"}}),
    (286.40, "worker engine", "container_started", 1042, 2, {"detail": {"load": 0.31, "create": 0.4}}),
    (12.31, "engine worker", "container_ended", 1042, 2, {"detail": {"exit_code": 0}}),
    (12.25, "core core", "state", 1042, 2, {"detail": {"from": "running", "to": "succeeded"}}),
]  # fmt: skip


def _message(number: int | None, said: Said, worker: str) -> dict[str, Any]:
    seconds, way, kind, job, attempt, more = said
    sender, _, receiver = way.partition(" ")
    given = {"seq": number, "at": ago(seconds=seconds), "sender": sender, "receiver": receiver, "kind": kind}
    about = {"job": job, "attempt": attempt, "worker": worker if "worker" in way else None}
    rest = {"count": 1, "refused": False, "many": False, "detail": {}}
    return {**given, **about, **rest, **more}


def _quiet(worker: str) -> dict[str, Any]:
    return {"worker": worker, "connected": True, "since": ago(seconds=12.2), "beats": 12, "pings": 1, "leases": 1}


def _page(items: list[dict[str, Any]], worker: str) -> dict[str, Any]:
    return {"items": items, "next": "c", "missed": False, "quiet": [_quiet(worker)], "gaps": []}


def of_worker(request: Request) -> Any:
    """All at first, then nothing more."""
    if dict(request.query).get("after"):
        return NEVER
    return _page([_message(n + 1, said, RACK_1) for n, said in enumerate([*_BEGIN, *_WORK])], RACK_1)


def of_job(request: Request) -> Any:
    """From history what memory has no more."""
    if dict(request.query).get("after"):
        return NEVER
    spoken = [said for said in _WORK if said[3] == 1042]
    items = [_message(None, said, RACK_7) for said in _JOB]
    items += [_message(n + 1, said, RACK_7) for n, said in enumerate(spoken)]
    return _page(sorted(items, key=lambda item: item["at"]), RACK_7)


def fill(table: Table) -> None:
    """Messages of a worker, and about job 1042."""
    for reference in (RACK_1, "rack-1"):
        table.put(f"GET /workers/{reference}/messages", of_worker)
    table.put("GET /jobs/1042/messages", of_job)
