"""Images by repository, as rows that fold; what they have of their own, what they share, and who uses them. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from swarm_commanddeck.columns import Cell, Column
from swarm_consumer.cli.text import age
from swarm_consumer.image_words import some
from swarm_consumer.models import Image, ImageUse
from swarm_protocol.quantities import show_size

OPEN_AT_FIRST: Final = 200
"""Up to so many images all repositories are unfolded in the beginning."""
_NAMED: Final = 12
"""Users of an image that are named; of the others there is a number."""


@dataclass(frozen=True, slots=True)
class Row:
    """A repository (`image` is None), or one of its tags."""

    name: str
    images: Sequence[Image]
    image: Image | None
    folded: bool
    now: datetime

    @property
    def key(self) -> tuple[str, str | None]:
        return self.name, self.image.tag if self.image else None

    @property
    def shown(self) -> Sequence[Image]:
        """What its figures are of."""
        return self.images if self.image is None else [self.image]


def rows(images: Iterable[Image], unfolded: Collection[str], now: datetime, wanted: str = "") -> list[Row]:
    """Repositories by name, with the tags of those that are unfolded; `wanted`: a part of `name:tag` or the digest."""
    found: list[Row] = []
    chosen = [image for image in images if not wanted or _has(image, wanted.lower())]
    for name, group in groupby(sorted(chosen, key=lambda image: image.name), key=lambda image: image.name):
        tags = list(group)
        folded = name not in unfolded and not wanted
        found.append(Row(name, tags, None, folded, now))
        if not folded:
            found += [Row(name, tags, image, False, now) for image in tags]
    return found


def _has(image: Image, wanted: str) -> bool:
    return wanted in f"{image.name}:{image.tag}".lower() or wanted in image.digest


def _name(row: Row) -> Cell:
    if row.image is None:
        return f"{'▸' if row.folded else '▾'} {row.name}", "strong"
    return f"    {row.image.tag}", ""


def _tags(row: Row) -> Cell:
    if row.image is not None:
        return row.image.digest.removeprefix("sha256:")[:12], "dim"
    return ("1 tag" if len(row.images) == 1 else f"{len(row.images)} tags"), "dim"


def _size(row: Row) -> Cell:
    if row.image is None:
        return "", ""
    return show_size(row.image.size), ""


def _own(row: Row) -> Cell:
    """Of a repository: what goes with its tags at least, for what they share with one another is not counted."""
    own = sum(image.own for image in row.shown)
    return show_size(own), "" if own else "dim"


def _shared(row: Row) -> Cell:
    return ("", "") if row.image is None else (show_size(row.image.shared), "dim")


def _users(row: Row) -> Cell:
    """Jobs that have not ended, schedules, workers that hold it."""
    most = {what: max(getattr(image, what) for image in row.shown) for what in ("schedules", "workers")}
    jobs = sum(image.jobs for image in {image.digest: image for image in row.shown}.values())
    schedules = sum(image.schedules for image in row.shown)
    parts = [_count(jobs, "job"), _count(schedules, "schedule"), _count(most["workers"], "worker")]
    told = ", ".join(part for part in parts if part)
    return (told, "busy" if jobs else "") if told else ("nobody", "dim")


def _count(count: int, what: str) -> str:
    return "" if not count else f"{count} {what}" if count == 1 else f"{count} {what}s"


def _last(dates: Iterable[datetime | None]) -> datetime | None:
    return max((date for date in dates if date is not None), default=None)


COLUMNS: Final[Sequence[Column[Row]]] = (
    Column("name", "repository, tag", 22, _name, grow=3),
    Column("digest", "digest", 12, _tags, need=90),
    Column("size", "size", 7, _size, right=True),
    Column("own", "own", 7, _own, right=True),
    Column("pushed", "pushed", 8, lambda row: (age(_last(i.created_at for i in row.shown), row.now), "")),
    Column("users", "used by", 20, _users, grow=2),
    Column("shared", "shared", 7, _shared, right=True, need=96),
    Column("used", "used", 8, lambda row: (age(_last(i.last_used_at for i in row.shown), row.now), ""), need=106),
    Column("by", "by", 10, lambda row: (row.image.pushed_by or "" if row.image else "", "dim"), need=118),
    Column("platform", "platform", 16, lambda row: (row.image.platform or "" if row.image else "", "dim"), need=136),
)


def summary(images: Sequence[Image]) -> str:
    """One line over all of them."""
    names = len({image.name for image in images})
    own = sum(image.own for image in images)
    tags = "1 tag" if len(images) == 1 else f"{len(images)} tags"
    where = "1 repository" if names == 1 else f"{names} repositories"
    return f"{where}, {tags}; {show_size(own)} are needed by one tag alone"


def details(found: ImageUse, now: datetime) -> list[tuple[str, str]]:
    """(name, text) of what there is to say of a tag."""
    image, users = found.image, found.used_by
    pairs = [
        ("image", f"{image.name}:{image.tag}"),
        ("digest", image.digest.removeprefix("sha256:")),
        ("size", f"{show_size(image.size)}: {show_size(image.own)} of its own, {show_size(image.shared)} shared"),
        ("platform", image.platform or ""),
        ("pushed", f"{age(image.created_at, now)} by {image.pushed_by or 'nobody known'}"),
        ("used", age(image.last_used_at, now) or "by no job that is known of"),
        ("jobs", some(image.jobs, [str(job) for job in users.jobs], _NAMED)),
        ("schedules", some(image.schedules, users.schedules, _NAMED)),
        ("workers", some(image.workers, users.workers, _NAMED)),
    ]
    return [(name, text) for name, text in pairs if text]
