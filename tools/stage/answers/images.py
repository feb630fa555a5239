"""The stage's images: repositories with tags that share layers."""

from functools import partial
from hashlib import sha256
from typing import Any, Final

from tools.stage.answers import Request, Table, ago, listed

MIB: Final = 1 << 20


def image(name: str, tag: str, number: int, **more: Any) -> dict[str, Any]:
    """A tag."""
    found = {
        "name": name,
        "tag": tag,
        "digest": f"sha256:{sha256(f'{name} {number}'.encode()).hexdigest()}",
        "size": 700 * MIB,
        "platform": "linux/amd64",
        "created_at": ago(days=number),
        "pushed_by": "ana",
        "last_used_at": ago(hours=number * 3),
        "own": 60 * MIB,
        "shared": 640 * MIB,
        "jobs": 0,
        "schedules": 0,
        "workers": 0,
    }
    return found | more


IMAGES: Final = [
    image("lab/train", "v1", 31, last_used_at=None),
    image("lab/train", "v2", 12, workers=2),
    image("lab/train", "v3", 2, jobs=14, schedules=3, workers=9, own=210 * MIB),
    image("team/web/render", "latest", 5, platform="linux/amd64,linux/arm64", own=0, shared=1900 * MIB),
    image("team/web/render", "stable", 5, platform="linux/amd64,linux/arm64", own=0, shared=1900 * MIB, workers=1),
    image(
        "tools/borg", "2", 90, size=48 * MIB, own=48 * MIB, shared=0, schedules=1, jobs=1, workers=1, pushed_by="ben"
    ),
]
_USERS: Final = {
    "lab/train:v3": {
        "jobs": [5104, *range(5111, 5124)],
        "schedules": ["metrics", "nightly-train", "report"],
        "workers": [f"rack-{number}" for number in range(1, 10)],
    },
    "tools/borg:2": {"jobs": [5101], "schedules": ["backup-home"], "workers": ["attic"]},
}


def _use(tags: dict[str, Any], request: Request) -> Any:
    return tags.get(dict(request.query).get("tag", ""), next(iter(tags.values())))


def fill(table: Table) -> None:
    """All of them, and who uses each."""
    table.put("GET /images", listed(IMAGES))
    by_name: dict[str, dict[str, Any]] = {}
    for each in IMAGES:
        users = _USERS.get(f"{each['name']}:{each['tag']}", {"jobs": [], "schedules": [], "workers": []})
        by_name.setdefault(each["name"], {})[each["tag"]] = {"image": each, "used_by": users}
    for name, tags in by_name.items():
        path = name.replace("/", "%2F")
        table.put(f"GET /images/{path}/use", partial(_use, tags))
