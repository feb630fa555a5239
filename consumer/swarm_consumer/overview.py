"""The swarm at a glance, as a core tells it."""

from datetime import datetime

import msgspec


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that ended in one minute, and the seconds that they had waited and run; None: none of them has."""

    at: datetime
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    wait_mean: float | None = None
    wait_p50: float | None = None
    run_mean: float | None = None
    run_p50: float | None = None

    @property
    def ended(self) -> int:
        """All of them."""
        return self.succeeded + self.failed + self.timed_out + self.cancelled


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person should look at: what is wrong, and what to do next."""

    kind: str
    severity: str
    """`error` or `warning`."""
    about: str
    """`core`, `worker`, `job` or `schedule`."""
    subject: str
    """Its id."""
    name: str
    text: str
    next: str
    since: datetime | None = None
    project: str | None = None
    module: str = ""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Counts, the last hour, and alarms."""

    at: datetime
    """As of when."""
    project: str | None = None
    """None: all projects that one takes part in."""
    jobs: dict[str, int] = {}
    """Those that have not ended, by state."""
    ended: dict[str, int] = {}
    """Those that ended in the last day, by state."""
    workers: dict[str, int] = {}
    slots: int = 0
    slots_free: int = 0
    minutes: list[Minute] = []
    """Oldest first; the last one goes on."""
    alarms: list[Alarm] = []
    alarm_count: int = 0
