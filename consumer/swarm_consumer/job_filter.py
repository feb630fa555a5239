"""Which jobs a list has, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

SORTS: Final = {
    "-created": "newest first",
    "created": "oldest first",
    "-started": "those that run, latest start first",
    "started": "those that run, longest first",
    "-ended": "those that have ended, latest first",
    "ended": "those that have ended, earliest first",
    "-priority": "those that have not ended, as the queue has them",
    "priority": "those that have not ended, last of the queue first",
}
"""Words of `sort`, and what they mean."""
USUAL_SORT: Final = "-created"


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to list: what fits all of it; empty fields don't narrow."""

    states: Sequence[str] = ()
    """One of them."""
    users: Sequence[str] = ()
    """Whose they are: one of them."""
    not_users: Sequence[str] = ()
    name: str | None = None
    texts: Sequence[str] = ()
    """All of them somewhere in the name or the image, in letters of either case."""
    tags: Sequence[str] = ()
    """All of them."""
    not_tags: Sequence[str] = ()
    image: str | None = None
    """A digest, a name, or a name with its tag."""
    worker: str | None = None
    """Its name or id."""
    schedule: str | None = None
    failures: Sequence[str] = ()
    """Kinds of failure (`oom_killed`): one of them."""
    reason: str | None = None
    """What a job that has not ended waits for: `quarantined`."""
    before: datetime | None = None
    """Created before then."""
    after: datetime | None = None
    """Created then or later."""
    first: int | None = None
    """The lowest id."""
    last: int | None = None
    """The highest id."""
    project: str | None = None
    """Another project than the one in use; `*` for all of one's own."""
    sort: str = USUAL_SORT
    """One of SORTS."""

    def query(self) -> list[tuple[str, str]]:
        """As the words of a query."""
        many = {
            "state": self.states, "user": self.users, "not_user": self.not_users, "text": self.texts, "tag": self.tags,
            "not_tag": self.not_tags, "failure": self.failures,
        }  # fmt: skip
        one = {
            "name": self.name, "image": self.image, "worker": self.worker, "schedule": self.schedule,
            "reason": self.reason, "before": self.before and self.before.isoformat(),
            "after": self.after and self.after.isoformat(), "id": self.ids, "project": self.project,
            "sort": None if self.sort == USUAL_SORT else self.sort,
        }  # fmt: skip
        return [
            *((key, value) for key, values in many.items() for value in values),
            *((key, value) for key, value in one.items() if value),
        ]

    @property
    def ids(self) -> str:
        """The range of ids, `1000-1100`, or one; empty for all."""
        if self.first is None and self.last is None:
            return ""
        if self.first == self.last:
            return str(self.first)
        return f"{'' if self.first is None else self.first}-{'' if self.last is None else self.last}"
