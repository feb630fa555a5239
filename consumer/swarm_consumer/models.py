"""What the core answers, as typed values. Times are aware datetimes, durations seconds, sizes bytes."""

from datetime import datetime
from typing import Any

import msgspec

from swarm_protocol.schedule import Schedule
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import TERMINAL, JobState


class _Model(msgspec.Struct, frozen=True, kw_only=True):
    """Unknown fields of a later core are ignored."""


class WhoAmI(_Model, frozen=True, kw_only=True):
    """Who a sign-in is."""

    user: str
    project: str = ""
    role: str = ""
    user_id: str = ""
    expires_at: datetime | None = None
    terminals: bool = False
    """Whether they may have terminals on running jobs of the project."""
    own_role: str = ""
    """Their own, which counts for what belongs to no project."""


class Submitted(_Model, frozen=True, kw_only=True):
    """A job that the core has made durable."""

    id: int
    state: JobState = JobState.QUEUED


class DryRun(_Model, frozen=True, kw_only=True):
    """What would become of a spec."""

    ok: bool = True
    image: str = ""
    """The digest that the image's name stands for now."""
    fits: list[str] = []
    """Names of workers that could run it."""
    nearest: str | None = None
    """Where none fits: the worker that comes nearest, and what it lacks."""


class Attempt(_Model, frozen=True, kw_only=True):
    """One run of a job on one worker."""

    attempt: int
    state: str = ""
    worker: str | None = None
    worker_id: str | None = None
    failure: str | None = None
    exit_code: int | None = None
    oom: bool = False
    message: str | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    timings: dict[str, float | None] = {}
    stdout: int | None = None
    """Bytes of log."""
    stderr: int | None = None
    log_truncated: bool = False


class Change(_Model, frozen=True, kw_only=True):
    """One step in a job's history."""

    at: datetime
    to: str
    from_: str | None = msgspec.field(name="from", default=None)
    attempt: int | None = None
    actor: str | None = None
    reason: str | None = None


class Artifact(_Model, frozen=True, kw_only=True):
    """A file that a job left in `/out`."""

    name: str
    digest: str
    size: int
    mode: int = 0o644
    attempt: int = 1


class JobProgress(_Model, frozen=True, kw_only=True):
    """How far a job says that it is."""

    fraction: float
    """From 0 to 1."""
    text: str = ""
    at: datetime | None = None


class Job(_Model, frozen=True, kw_only=True):
    """A job; `spec`, `attempts`, `history` and `artifacts` are filled where one job was asked for."""

    id: int
    state: JobState
    name: str | None = None
    reason: str | None = None
    image: str = ""
    image_digest: str | None = None
    tags: list[str] = []
    priority: int = 0
    attempt: int | None = None
    worker: str | None = None
    exit_code: int | None = None
    failure: str | None = None
    message: str | None = None
    user: str | None = None
    project: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    wake_at: datetime | None = None
    retry_of: int | None = None
    schedule: str | None = None
    occurrence_at: datetime | None = None
    cancel_requested: bool = False
    timings: dict[str, float | None] = {}
    progress: JobProgress | None = None
    trace_id: str | None = None
    spec: JobSpec | None = None
    attempts: list[Attempt] = []
    history: list[Change] = []
    artifacts: list[Artifact] = []
    waits_for: Any = None

    @property
    def ended(self) -> bool:
        """Whether the job is in a state that it never leaves."""
        return self.state in TERMINAL


class Outcome(_Model, frozen=True, kw_only=True):
    """How a job ended, in short."""

    id: int
    state: JobState
    exit_code: int | None = None


class Cancelled(_Model, frozen=True, kw_only=True):
    """The answer to a cancel: `cancelling` while a worker still has to stop it."""

    id: int
    state: JobState
    cancelling: bool = False


class Reason(_Model, frozen=True, kw_only=True):
    """One thing that keeps a job from a worker: what is demanded, what is free of it, and what there is in all."""

    kind: str
    text: str
    wanted: int | str = ""
    free: int | str = ""
    total: int | str = ""


class WorkerAnswer(_Model, frozen=True, kw_only=True):
    """What a worker says to a job; no reasons: it has room for it."""

    id: str
    name: str
    state: str = ""
    reasons: list[Reason] = []


_HINDRANCES = frozenset({"limit", "no_worker", "no_match", "closed"})


class Cause(_Model, frozen=True, kw_only=True):
    """One thing that a job waits for."""

    kind: str
    text: str
    until: datetime | None = None


class Explanation(_Model, frozen=True, kw_only=True):
    """Where a job is, or what it waits for, and why each worker isn't the one.

    `before` jobs are claimed earlier, `before_alike` of them demand the same; 10,000 stands for that or more.
    """

    id: int
    state: JobState
    text: str = ""
    causes: list[Cause] = []
    before: int | None = None
    before_alike: int | None = None
    gives_up_at: datetime | None = None
    workers: list[WorkerAnswer] = []

    @property
    def hindrance(self) -> str:
        """What a queued job waits for that its turn alone won't bring; empty where there is nothing of the kind."""
        return "; ".join(cause.text for cause in self.causes if cause.kind in _HINDRANCES)


class Image(_Model, frozen=True, kw_only=True):
    """An image that was pushed."""

    name: str
    tag: str | None = None
    digest: str = ""
    size: int = 0
    platform: str | None = None
    created_at: datetime | None = None
    pushed_by: str | None = None
    last_used_at: datetime | None = None
    """When a job or an occurrence of a schedule asked for it last, to the minute."""
    own: int = 0
    """Bytes that no other tag of the project needs: what goes once this one is gone."""
    shared: int = 0
    """Bytes that others need as well."""
    jobs: int = 0
    """That have not ended."""
    schedules: int = 0
    workers: int = 0
    """That hold it."""


class ImageUsers(_Model, frozen=True, kw_only=True):
    """Who uses an image: jobs that have not ended, schedules, workers that hold it; the first hundred of each."""

    jobs: list[int] = []
    schedules: list[str] = []
    workers: list[str] = []


class ImageUse(_Model, frozen=True, kw_only=True):
    """An image, and who uses it."""

    image: Image
    used_by: ImageUsers


class JoinToken(_Model, frozen=True, kw_only=True):
    """Lets a worker join; the token is shown this once."""

    token: str
    id: str = ""
    expires_at: datetime | None = None


class Drain(_Model, frozen=True, kw_only=True):
    """That a worker is to finish what it has and leave."""

    at: datetime | None = None
    by: str = ""
    until: datetime | None = None
    """Its deadline."""
    cut: int | None = None
    """Attempts that the deadline stopped; None while it has not come."""
    by_hand: bool = False
    """It is of a version that can't be told to leave: somebody has to stop it once it has nothing left."""


class HeldImage(_Model, frozen=True, kw_only=True):
    """An image of the project that a worker keeps in its engine."""

    digest: str
    size: int = 0
    reference: str = ""


class WorkerStep(_Model, frozen=True, kw_only=True):
    """Something that happened to a worker: with `what` "state" it is in that `state` from then on."""

    id: int
    at: datetime
    what: str
    state: str = ""
    reason: str = ""
    actor: str = ""
    detail: dict[str, Any] = {}


class Heartbeat(_Model, frozen=True, kw_only=True):
    """What a worker's heartbeats by UDP tell; nothing where none has come."""

    age: float | None = None
    """Seconds since the newest."""
    loss: float | None = None
    """The share that is missing, from 0 to 1, over the last half minute to a minute."""
    jitter: float | None = None
    """Seconds by which their delay differs from one to the next, in the mean."""
    clock_offset: float | None = None
    """Seconds by which its clock is ahead of its core's; below zero: behind."""


class WorkerOffers(_Model, frozen=True, kw_only=True):
    """What jobs may have of a machine beside cpu, memory and disk. `why`: why something is not offered."""

    mounts: list[str] = []
    gpus: dict[str, int] = {}
    networks: list[str] = []
    why: dict[str, str] = {}


class Worker(_Model, frozen=True, kw_only=True):
    """A machine that runs jobs."""

    id: str
    name: str = ""
    state: str = ""
    labels: dict[str, str] = {}
    capacity: dict[str, Any] | None = None
    """What it offers to jobs."""
    own_capacity: dict[str, Any] | None = None
    """What it would offer by itself."""
    wanted_capacity: dict[str, int] = {}
    """What an operator set over that."""
    free: dict[str, Any] | None = None
    load: dict[str, Any] | None = None
    """`load1` for each cpu, `memory_free` and `disk_free`, now and as far as it has told; None while not connected."""
    heartbeat: Heartbeat | None = None
    running: Any = None
    sysinfo: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    """How its machine is, as it told at `status_at`."""
    status_at: datetime | None = None
    core: str | None = None
    seen_at: datetime | None = None
    joined_at: datetime | None = None
    revoked_at: datetime | None = None
    paused_at: datetime | None = None
    paused_by: str = ""
    drain: Drain | None = None
    attempts: list[dict[str, Any]] = []
    images: list[HeldImage] = []
    offers: WorkerOffers | None = None


class LastOccurrence(_Model, frozen=True, kw_only=True):
    """The newest occurrence of a schedule: what became of it, and the state of its job."""

    due_at: datetime
    at: datetime | None = None
    """When that was decided: for one that ran, how late it was."""
    result: str
    job: int | None = None
    state: str | None = None
    reason: str = ""


class RecentOccurrences(_Model, frozen=True, kw_only=True):
    """Occurrences of the last seven days that did not run, by their result; with `more` at least so many."""

    missed: int = 0
    overlap: int = 0
    paused: int = 0
    failed: int = 0
    more: bool = False


class ScheduleState(_Model, frozen=True, kw_only=True):
    """A schedule, and when it is due: `due_at` next, and `fire_at` with its share of the jitter."""

    id: int
    definition: Schedule
    version: int = 1
    user: str | None = None
    project: str | None = None
    due_at: datetime | None = None
    fire_at: datetime | None = None
    tzdata: str = ""
    paused_at: datetime | None = None
    paused_by: str = ""
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""
    last: LastOccurrence | None = None
    late: float = 0.0
    """Seconds since which it should have been started: no core has come to it."""
    recent: RecentOccurrences = RecentOccurrences()


class Occurrence(_Model, frozen=True, kw_only=True):
    """What became of an occurrence, or of all from `due_at` to `until` (`count` 0: more than were counted)."""

    due_at: datetime
    until: datetime
    count: int = 1
    at: datetime | None = None
    result: str
    job: int | None = None
    reason: str = ""
    state: str | None = None
    exit_code: int | None = None


class Occasion(_Model, frozen=True, kw_only=True):
    """An occurrence to come, and what the clock in its zone shows then."""

    due_at: datetime
    local: str


class Oddity(_Model, frozen=True, kw_only=True):
    """A time on the wall that is left out (`gap`) or comes twice (`fold`), and when it is due, once."""

    local: str
    kind: str
    due_at: datetime


class Preview(_Model, frozen=True, kw_only=True):
    """What is to come of a schedule; `odd` is of the next 366 days."""

    cron: str
    zone: str
    tzdata: str = ""
    items: list[Occasion] = []
    odd: list[Oddity] = []
    words: str = ""
    """What the expression names, in words."""


class CalendarDay(_Model, frozen=True, kw_only=True):
    """A day on the clock of a schedule's zone: how often it is due, and its first and last time as the clock shows
    them; `shift` is by how many seconds the clock is put forward (below zero: back)."""

    date: str
    due: int = 0
    first: str | None = None
    last: str | None = None
    shift: float = 0.0


class CalendarMonth(_Model, frozen=True, kw_only=True):
    """How often a schedule is due on each day of a month."""

    month: str
    zone: str
    cron: str = ""
    tzdata: str = ""
    words: str = ""
    days: list[CalendarDay] = []


class Ran(_Model, frozen=True, kw_only=True):
    """The job of a run that was asked for."""

    job: int
    state: str


class User(_Model, frozen=True, kw_only=True):
    """A person who may use the core; `seen_at` is when one of their sign-ins was used last."""

    name: str
    id: str = ""
    role: str = ""
    project: str = ""
    created_at: datetime | None = None
    disabled_at: datetime | None = None
    seen_at: datetime | None = None
    sign_ins: int = 0


class SignIn(_Model, frozen=True, kw_only=True):
    """Somebody's sign-in that goes on; `client` is what signed in, as it called itself."""

    id: str
    user: str
    client: str = ""
    created_at: datetime | None = None
    used_at: datetime | None = None
    expires_at: datetime | None = None


class Project(_Model, frozen=True, kw_only=True):
    """A project, and one's role there."""

    id: str = ""
    name: str
    role: str = ""
    created_at: datetime | None = None


class ProjectLimits(_Model, frozen=True, kw_only=True):
    """What a project may have at once (None: as much as there is), and what it has now."""

    project: str
    queued: int | None = None
    """Jobs that have not begun."""
    running: int | None = None
    """Jobs on workers."""
    cpu_millis: int | None = None
    """What those demand together, in thousandths of a core."""
    memory: int | None = None
    now_queued: int = 0
    now_running: int = 0
    now_cpu_millis: int = 0
    now_memory: int = 0
    changed_at: datetime | None = None
    changed_by: str | None = None


class Member(_Model, frozen=True, kw_only=True):
    """Somebody who takes part in a project; `own`: it is their own, and so is the role."""

    name: str
    role: str
    own: bool = False
    added_at: datetime | None = None
    added_by: str = ""


class UsageLine(_Model, frozen=True, kw_only=True):
    """What the jobs of one project, user or name used: seconds, and bytes × seconds."""

    name: str | None = None
    """None: of jobs without a name, or of a person who is gone."""
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    attempts: int = 0
    cpu_seconds: float = 0.0
    memory_seconds: float = 0.0
    lost_cpu_seconds: float = 0.0
    """Of these, what attempts used that ended for no fault of the job's."""
    lost_memory_seconds: float = 0.0
    wait_mean: float | None = None
    wait_p50: float | None = None
    """Of the jobs that are still there."""

    @property
    def jobs(self) -> int:
        """All that ended."""
        return self.succeeded + self.failed + self.timed_out + self.cancelled


class Usage(_Model, frozen=True, kw_only=True):
    """What was used in a time; `more` where there are more lines than were asked for."""

    by: str
    since: datetime
    until: datetime
    items: list[UsageLine] = []
    more: bool = False


class ApiToken(_Model, frozen=True, kw_only=True):
    """An API token, without its secret; `role` is the most that it may."""

    name: str
    role: str
    project: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    used_at: datetime | None = None
    expired: bool = False


class HeldToken(ApiToken, frozen=True, kw_only=True):
    """A token as administrators see it, with whose it is."""

    user: str


class MadeToken(_Model, frozen=True, kw_only=True):
    """An API token with its secret, which is shown this once."""

    token: str
    view: ApiToken


class Secret(_Model, frozen=True, kw_only=True):
    """What is told of a secret: never what it is. `version` counts how often it was set."""

    name: str
    size: int = 0
    version: int = 1
    created_at: datetime | None = None
    created_by: str = ""
    changed_at: datetime | None = None
    changed_by: str = ""


class Event(_Model, frozen=True, kw_only=True):
    """One change of a job, worker, schedule or image; `cursor` names the place after it in the stream."""

    cursor: str
    at: datetime
    kind: str
    subject: str
    """The id of what has changed, or the name and tag of an image."""
    what: str
    """`created`, `state`, `changed`, `removed`, …"""
    actor: str = ""
    project: str | None = None
    """None: it belongs to the cluster."""
    detail: dict[str, Any] = {}


class SyslogLine(_Model, frozen=True, kw_only=True):
    """A line of the system's log; `fields` are those besides the job and the worker."""

    id: int
    at: datetime
    core: str = ""
    level: str
    module: str
    message: str
    tags: list[str] = []
    job: int | None = None
    worker: str | None = None
    fields: dict[str, Any] = {}


class LogLevel(_Model, frozen=True, kw_only=True):
    """From which level on a module's lines are kept; `changed_by` is None where nobody has set it."""

    module: str
    level: str
    changed_by: str | None = None
    changed_at: datetime | None = None
    until: datetime | None = None


class MountProject(_Model, frozen=True, kw_only=True):
    """A project that may use a mount, and as whom its jobs then run; None: as any other job."""

    project: str
    uid: int | None = None
    gid: int | None = None


class Mount(_Model, frozen=True, kw_only=True):
    """A folder of the workers that jobs may use under a name."""

    name: str
    path: str
    read_only: bool = False
    projects: list[MountProject] = []
    created_at: datetime | None = None
    created_by: str = ""


class Webhook(_Model, frozen=True, kw_only=True):
    """Who is told of jobs' ends; `url` is shortened for who is no operator, `old_until` while two secrets count."""

    name: str
    url: str = ""
    states: list[str] = []
    job_name: str | None = None
    tag: str | None = None
    only_named: bool = False
    version: int = 1
    old_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_why: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    waiting: int = 0
    dead: int = 0


class MadeWebhook(_Model, frozen=True, kw_only=True):
    """A webhook with its secret, which is shown this once; None for mail."""

    webhook: Webhook
    secret: str | None = None


class Delivery(_Model, frozen=True, kw_only=True):
    """What became of one that was to be told: `waiting`, `delivered` or `dead`; `job` is None for a test."""

    id: str
    to: str = ""
    job: int | None = None
    state: str = ""
    tries: int = 0
    status: int | None = None
    error: str = ""
    created_at: datetime | None = None
    tried_at: datetime | None = None
    due_at: datetime | None = None
