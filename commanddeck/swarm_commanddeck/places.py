"""The top screens: their keys, names, and where their code is. A screen is loaded when it is first gone to."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from swarm_commanddeck.screens.base import DeckScreen


@dataclass(frozen=True, slots=True)
class Place:
    """A top screen."""

    key: str
    name: str
    title: str
    short: str
    """Where there is little room."""
    home: str
    """Module and class below `swarm_commanddeck.screens`."""
    what: str
    """What is seen there, for the command palette."""

    def open(self) -> "DeckScreen":
        """The screen, made anew."""
        return detail(self.home)


JOB: Final = "job:JobScreen"
"""A job's screen, which is given the job's id."""
WORKER: Final = "worker:WorkerScreen"
"""A worker's screen, which is given its id or name."""
INVITE: Final = "invite:InviteScreen"
"""The screen that lets workers in."""
LEVELS: Final = "log_levels:LogLevelsScreen"
"""The levels of the log's modules."""
TALK: Final = "interactions:InteractionsScreen"
"""What is said about a worker, and a job, of which one is None."""
SCHEDULE: Final = "schedule:ScheduleScreen"
"""A schedule's screen, which is given its id or name."""
LOGS: Final = "logs:LogsScreen"
"""The system's log, which may be given a filter."""


def detail(home: str, *about: object) -> "DeckScreen":
    """A screen by module and class: screens don't import one another, for they lead in circles."""
    module, _, name = home.partition(":")
    screen: DeckScreen = getattr(import_module(f"swarm_commanddeck.screens.{module}"), name)(*about)
    return screen


PLACES: Final = (
    Place(
        "1", "overview", "Overview", "Over", "overview:OverviewScreen", "cores, workers and jobs at a glance; alarms"
    ),
    Place("2", "jobs", "Jobs", "Jobs", "jobs:JobsScreen", "all jobs, filtered and sorted"),
    Place("3", "workers", "Workers", "Work", "workers:WorkersScreen", "the machines and what they do"),
    Place("4", "schedules", "Schedules", "Sched", "schedules:SchedulesScreen", "what recurs, and when"),
    Place("5", "images", "Images", "Img", "images:ImagesScreen", "repositories, tags, sizes"),
    Place("6", "logs", "Logs", "Logs", "logs:LogsScreen", "what the cores say of themselves"),
    Place("7", "people", "People", "Ppl", "people:PeopleScreen", "users, projects, tokens"),
    Place("8", "settings", "Settings", "Set", "settings:SettingsScreen", "what can be changed at run time"),
    Place("9", "audit", "Audit", "Audit", "audit:AuditScreen", "who did what"),
    Place(
        "0",
        "interactions",
        "Interactions",
        "Talk",
        "interactions:InteractionsScreen",
        "core and workers, message by message",
    ),
)
BY_NAME: Final = {place.name: place for place in PLACES}
