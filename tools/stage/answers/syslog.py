"""The system's log of the stage: an hour of two cores."""

from typing import Any, Final

from tools.stage.answers import NEVER, Request, Table, ago, ahead, listed

_CORES: Final = tuple(f"01935f6e-0000-7000-8000-00000000c0d{n}" for n in "ef")
_RACK_3: Final = "01935f6e-0000-7000-8000-000000000002"
_LINES: Final[tuple[tuple[str, str, str, dict[str, Any], int | None, str | None, tuple[str, ...]], ...]] = (
    ("success", "core", "core is up", {"host": "0.0.0.0", "port": 8443, "version": "0.1.0"}, None, None, ()),
    ("info", "gateway", "a worker has connected", {"name": "rack-3", "version": "0.1.0"}, None, _RACK_3, ()),
    ("warning", "cache", "redis is away: wake-ups between cores take a second", {"error": "refused"}, None, None, ()),
    ("success", "cache", "redis is back", {}, None, None, ()),
    ("warning", "leases", "a worker's lease ran out", {"name": "rack-3"}, None, _RACK_3, ()),
    ("warning", "leases", "an attempt was lost with its worker", {"attempt": 1}, 1042, None, ()),
    ("warning", "identity", "a sign-in failed", {"user": "ana", "from": "10.0.4.7"}, None, None, ("security",)),
    ("info", "gateway", "a worker's connection ended", {"reason": "it closed, code 1006"}, None, _RACK_3, ()),
    ("error", "courier", "a webhook was given up", {"webhook": "ci", "status": 503, "tries": 12}, 1031, None, ()),
    ("info", "dispatcher", "a worker offers", {"mounts": "['data']", "networks": "['egress']"}, None, _RACK_3, ()),
    ("warning", "api", "dropped 4711 like this in the last 60 s: a request was refused",
     {"dropped": 4711, "seconds": 60}, None, None, ("flood",)),
    ("debug", "harvester", "reports were written", {"reports": 24, "moved": 24}, None, None, ()),
)  # fmt: skip
_COUNT: Final = 120


def line(number: int) -> dict[str, Any]:
    """One line; what it says follows from its number."""
    level, module, message, fields, job, worker, tags = _LINES[number % len(_LINES)]
    return {
        "id": 9000 + number,
        "at": ago(seconds=(_COUNT - number) * 29.7),
        "core": _CORES[number % 2],
        "level": level,
        "module": module,
        "message": message,
        "fields": fields,
        "job": job,
        "worker": worker,
        "tags": list(tags),
    }


def _page(request: Request) -> Any:
    query = dict(request.query)
    if query.get("until") or query.get("since"):
        return {"items": [], "next": None, "head": 9000 + _COUNT}
    lines = [line(number) for number in range(_COUNT)]
    wanted = [each for each in lines if query.get("module") in (None, each["module"])]
    if query.get("order") != "oldest":
        wanted.reverse()
    return {"items": wanted[: int(query.get("limit", "100"))], "next": None, "head": 9000 + _COUNT}


def _follow(_: Request) -> Any:
    return NEVER


def fill(table: Table) -> None:
    """Lines, and the levels of the modules."""
    table.put("GET /syslog", _page)
    table.put("GET /syslog/follow", _follow)
    modules = ("all", "api", "cache", "core", "courier", "dispatcher", "gateway", "harvester", "identity", "leases")
    level = {"level": "info", "changed_by": None, "changed_at": None, "until": None}
    set_ = {"level": "debug", "changed_by": "user:ana", "changed_at": ago(minutes=3), "until": ahead(minutes=7)}
    table.put(
        "GET /syslog/levels", listed([{"module": name, **(set_ if name == "harvester" else level)} for name in modules])
    )
