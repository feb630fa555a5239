"""A list of jobs with one in every state, of several people, some long since ended."""

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import asdict

from swarm_consumer.models import Job, JobProgress
from swarm_protocol.states import JobState
from tools.stage.answers import Request, Table, ago, listed

_NIGHTLY: Final[dict[str, Any]] = {"name": "nightly-report", "image": "report:3", "user": "cron", "schedule": "nightly"}
_TRAIN: Final[dict[str, Any]] = {"name": "train", "image": "train:2.4", "user": "ana", "tags": ["nightly", "resnet"]}
_CHECK: Final[dict[str, Any]] = {"name": None, "image": "busybox:1.36", "user": "ben"}
_COUNT: Final = 48
_OF_ONE: Final = frozenset({"spec", "attempts", "history", "artifacts", "waits_for"})
"""What is told only where one job is asked for."""


def jobs() -> list[Job]:
    """Newest first."""
    return [*_live(), *(_ended(number) for number in range(1036, 1036 - _COUNT, -1))]


def _live() -> list[Job]:
    run: dict[str, Any] = {"attempt": 1, "worker": "rack-7", "timings": {"queue": 108.0}}
    progress = JobProgress(fraction=0.42, text="epoch 17 of 40", at=ago(seconds=20))
    return [
        _job(1047, JobState.SLEEPING, ago(seconds=40), reason="waits for its start time", **_NIGHTLY),
        _job(1046, JobState.BLOCKED, ago(minutes=2), reason="waits for job 1042", **_NIGHTLY),
        _job(1045, JobState.QUEUED, ago(minutes=4), priority=10, **_TRAIN),
        _job(1044, JobState.HELD, ago(minutes=9), reason="quarantined", attempt=3, **_CHECK),
        _job(1043, JobState.DISPATCHED, ago(minutes=12), **_CHECK, attempt=1, worker="rack-2"),
        _job(
            1042,
            JobState.RUNNING,
            ago(minutes=48),
            started_at=ago(minutes=44),
            progress=progress,
            priority=10,
            **_TRAIN,
            **run,
        ),
        _job(1041, JobState.RUNNING, ago(hours=3), started_at=ago(hours=3), cancel_requested=True, **_CHECK, **run),
        _job(1040, JobState.HARVESTING, ago(hours=3), started_at=ago(hours=2, minutes=50), **_CHECK, **run),
        _over(1039, JobState.FAILED, failure="exit_nonzero", message="exit code 1", exit_code=1, **_TRAIN),
        _over(1038, JobState.TIMED_OUT, failure="run_timeout", message="ran longer than 6h", **_TRAIN),
        _job(
            1037,
            JobState.CANCELLED,
            ago(hours=8),
            ended_at=ago(hours=7),
            failure="cancelled",
            message="cancelled before it ran",
            **_CHECK,
        ),
    ]


def _ended(number: int) -> Job:
    kind = (_NIGHTLY, _TRAIN, _CHECK)[number % 3]
    if number % 9 == 4:
        return _over(
            number, JobState.FAILED, failure="oom_killed", message="killed for its memory", exit_code=137, **kind
        )
    return _over(number, JobState.SUCCEEDED, exit_code=0, **kind)


def _over(number: int, state: JobState, **more: Any) -> Job:
    made = ago(hours=4 + (1039 - number) * 2)
    ran = timedelta(seconds=7 + number * 37 % 4000)
    return _job(
        number, state, made, started_at=made + timedelta(seconds=4), ended_at=made + ran, attempt=1,
        worker=f"rack-{1 + number % 9}", timings={"queue": 3.9}, **more,
    )  # fmt: skip


def _job(number: int, state: JobState, made: Any, **more: Any) -> Job:
    return Job(id=number, state=state, created_at=made, project="lab", image_digest="sha256:0", **more)


def _listed(request: Request) -> dict[str, Any]:
    """As the core narrows it, as far as the stage asks for it."""
    asked = dict(request.query)
    states = [value for name, value in request.query if name == "state"]
    found = [job for job in jobs() if (not states or job.state in states) and asked.get("user", job.user) == job.user]
    return listed([_as_listed(job) for job in found])


def _as_listed(job: Job) -> dict[str, Any]:
    return {name: value for name, value in asdict(job).items() if value is not None and name not in _OF_ONE}


def fill(table: Table) -> None:
    """The list; what is done to its jobs is staged with the screen of one."""
    table.put("GET /jobs", _listed)
