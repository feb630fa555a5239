"""The pictures of the docs: which screen, what is typed there, and how large."""

from dataclasses import dataclass
from typing import Final

from swarm_commanddeck.places import PLACES


@dataclass(frozen=True)
class Shot:
    """One picture."""

    name: str
    title: str
    at: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (132, 36)
    theme: str = "dark"


_JOBS: Final = {
    "overview": "1042",
    "attempts": "1039",
    "timeline": "1039",
    "explain": "1045",
    "log": "1036",
    "files": "1036",
}
SHOTS: Final = (
    *(Shot(place.name, place.title, place.name) for place in PLACES),
    Shot("jobs-filter", "Writing a filter", "jobs", ("slash", *"state:failed,t")),
    Shot("jobs-cancel", "What will happen", "jobs", ("space", "space", "space", "c")),
    *(Shot(f"job-{part}", f"Job, {part}", "jobs", ("colon", *job, "enter", part[0])) for part, job in _JOBS.items()),
    Shot("job-edit", "Job, run again with changes", "jobs", ("colon", *"1039", "enter", "R")),
    Shot("worker", "A worker", "workers", ("down", "enter")),
    Shot("project", "A project", "people", ("p", "down", "enter")),
    Shot("tokens", "API tokens", "people", ("t",)),
    Shot("setting", "Changing a setting", "settings", ("down", "e")),
    Shot("schedule", "A schedule", "schedules", ("j", "j", "j", "enter")),
    Shot("calendar", "A month of it", "schedules", ("j", "enter", "right_square_bracket")),
    Shot("schedule-form", "Changing it", "schedules", ("j", "j", "j", "e")),
    Shot("invite", "Letting a worker in", "workers", ("a", "ctrl+s")),
)
"""Every top screen, and what lies below them."""
