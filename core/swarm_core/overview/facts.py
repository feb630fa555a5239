"""What alarms are decided on, and what an alarm says. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from swarm_core.core_view import CoreView
from swarm_core.store.overview import AbsentWorker, FullDisk, HeldJob, LastStep, LateSchedule

Severity = Literal["error", "warning"]
About = Literal["core", "worker", "job", "schedule"]


class Alarm(msgspec.Struct, kw_only=True, frozen=True):
    """Something that a person should look at."""

    kind: str
    """Such as `worker_dead`; docs/overview.md has them all."""
    severity: Severity
    about: About
    subject: str
    """The id of what it is about."""
    name: str
    """What people call it."""
    text: str
    """What is wrong."""
    next: str
    """What to do next."""
    since: datetime | None = None
    project: str | None = None
    """Of a job or a schedule."""
    module: str = ""
    """Of `module_down`: which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What alarms are decided on."""

    now: datetime
    cores: Sequence[CoreView] = ()
    absent: Sequence[AbsentWorker] = ()
    steps: Mapping[UUID, LastStep]
    disks: Sequence[FullDisk] = ()
    held: Sequence[HeldJob] = ()
    late: Sequence[LateSchedule] = ()
