"""Some jobs with all that belongs to them: one that runs, one that was tried again and failed, one that waits."""

from datetime import datetime
from typing import Any, Final

import msgspec

from swarm_consumer.logs import LogAttempt, LogData, LogEnd, LogEvent
from swarm_consumer.models import (
    Artifact,
    Attempt,
    Cause,
    Change,
    DryRun,
    Explanation,
    Job,
    JobProgress,
    Reason,
    Submitted,
    WorkerAnswer,
)
from swarm_protocol.secrets import SecretFile
from swarm_protocol.spec import InputFile, JobSpec, Resources, Timeouts
from swarm_protocol.states import JobState
from tools.stage.answers import Request, Table, ago, listed

RUNS, FAILED, WAITS, DONE = 1042, 1039, 1045, 1036
"""The jobs that are here."""

DIGEST: Final = "sha256:" + "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
SPEC: Final = JobSpec(
    image="train:2.4",
    command=["python", "-m", "train", "--data", "/in/data.csv", "--epochs", "40"],
    env={"LANG": "C.UTF-8", "SEED": "7"},
    resources=Resources(cpu_millis=4000, memory=8 << 30, disk=20 << 30, gpus=1, gpu_kind="a100"),
    inputs=[InputFile(name="data.csv", digest=DIGEST, size=48_311_204)],
    secrets=["wandb", SecretFile(name="db", file=".pgpass")],
    mounts=["datasets:ro"],
    outputs=["model/**", "metrics.json"],
    constraints={"zone": "a"},
    timeouts=Timeouts(queue=7200.0, run=21600.0, warn=300.0, warn_signal="SIGUSR1"),
    retries=2,
    name="train",
    tags=["nightly", "resnet"],
    notify=["ops:failed"],
    priority=10,
)


def _change(at: datetime, from_: str | None, to: str, attempt: int = 0, actor: str = "", reason: str = "") -> Change:
    return Change(at=at, from_=from_, to=to, attempt=attempt, actor=actor, reason=reason)


def _runs() -> Job:
    made, claimed, started = ago(minutes=48), ago(minutes=46), ago(minutes=44, seconds=30)
    attempt = Attempt(
        attempt=1,
        state="running",
        worker="rack-7",
        worker_id="0197-7",
        message="",
        claimed_at=claimed,
        started_at=started,
    )
    return Job(
        **_common(RUNS, JobState.RUNNING, made),
        attempt=1,
        worker="rack-7",
        started_at=started,
        timings={"queue": 120.0},
        progress=JobProgress(fraction=0.42, text="epoch 17 of 40, loss 0.2184", at=ago(seconds=4)),
        spec=SPEC,
        attempts=[attempt],
        history=[
            _change(made, None, "queued", actor="user:ana"),
            _change(claimed, "queued", "dispatched", 1, "core:a"),
            _change(started, "dispatched", "running", 1, "worker:rack-7"),
        ],
    )


def _common(job: int, state: JobState, made: datetime) -> dict[str, Any]:
    return {
        "id": job,
        "state": state,
        "name": SPEC.name,
        "image": SPEC.image,
        "image_digest": DIGEST,
        "tags": SPEC.tags,
        "priority": SPEC.priority,
        "reason": "",
        "message": "",
        "user": "ana",
        "project": "lab",
        "created_at": made,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


def _failed() -> Job:
    """Lost once, out of memory once, then at its end."""
    made = ago(hours=3)
    times = [
        (ago(hours=2, minutes=58), 9.5, 610.0),
        (ago(hours=2, minutes=40), 2.1, 1900.0),
        (ago(hours=2), 2.0, 2400.0),
    ]
    ends = (
        ("lost", "worker_lost", None, False, "its worker was silent for 30 s", "rack-3"),
        ("failed", "oom_killed", 137, True, "killed for using more than its 8G of memory", "rack-7"),
        ("failed", "exit_nonzero", 3, False, "exit code 3: ValueError: loss is nan at epoch 31", "rack-9"),
    )
    attempts = [_ended(number, when, how) for number, (when, how) in enumerate(zip(times, ends, strict=True), 1)]
    history = [_change(made, None, "queued", actor="user:ana")]
    for number, (one, end) in enumerate(zip(attempts, ends, strict=True), 1):
        assert one.claimed_at is not None
        assert one.started_at is not None
        assert one.ended_at is not None
        history += [
            _change(one.claimed_at, "queued", "dispatched", number, "core:a"),
            _change(one.started_at, "dispatched", "running", number, f"worker:{one.worker}"),
            _change(one.ended_at, "running", "queued" if number < 3 else "failed", number, "core:a", end[4]),
        ]
    history[6] = msgspec.structs.replace(history[6], to="sleeping")
    history.insert(7, _change(ago(hours=2, minutes=4), "sleeping", "queued", 2, "core:b", "the backoff is over"))
    last = attempts[-1]
    common = _common(FAILED, JobState.FAILED, made) | {"message": ends[2][4]}
    return Job(
        **common,
        attempt=3,
        worker=last.worker,
        exit_code=3,
        failure="exit_nonzero",
        started_at=last.started_at,
        ended_at=last.ended_at,
        retry_of=1021,
        timings={"queue": 240.0, **last.timings},
        spec=SPEC,
        attempts=attempts,
        history=history,
        artifacts=FILES[:1],
    )


def _ended(number: int, when: tuple[datetime, float, float], how: tuple[Any, ...]) -> Attempt:
    from datetime import timedelta

    claimed, prepared, ran = when
    state, failure, code, oom, message, worker = how
    started = claimed + timedelta(seconds=prepared)
    lost = state == "lost"
    timings: dict[str, float | None] = {
        "pull": prepared * 0.6,
        "load": prepared * 0.2,
        "create": 0.4,
        "run": ran,
        "collect": 1.2,
    }
    return Attempt(
        attempt=number,
        state=state,
        worker=worker,
        worker_id=f"0197-{number}",
        failure=failure,
        exit_code=code,
        oom=oom,
        message=message,
        claimed_at=claimed,
        started_at=started,
        ended_at=started + timedelta(seconds=ran + 1.5),
        timings={} if lost else timings,
        stdout=None if lost else 2_483_112,
        stderr=None if lost else 18_020,
    )


FILES: Final = [
    Artifact(name="metrics.json", digest=DIGEST, size=18_233, mode=0o644, attempt=1),
    Artifact(
        name="model/checkpoint-00031.safetensors",
        digest=f"sha256:{DIGEST[:6:-1]}",
        size=1_204_882_113,
        attempt=1,
    ),
    Artifact(name="model/config.json", digest=DIGEST, size=911, mode=0o600, attempt=1),
    Artifact(name="model/läuft auch \\xff.bin", digest=DIGEST, size=4096, mode=0o755, attempt=1),
]


def _done() -> Job:
    made, claimed, started, ended = ago(hours=5), ago(hours=5), ago(hours=4, minutes=59), ago(hours=4)
    one = _ended(1, (claimed, 60.0, 3500.0), ("succeeded", None, 0, False, "", "rack-7"))
    return Job(
        **_common(DONE, JobState.SUCCEEDED, made),
        attempt=1,
        worker="rack-7",
        exit_code=0,
        started_at=started,
        ended_at=ended,
        schedule="nightly-train",
        occurrence_at=made,
        timings={"queue": 0.4, **one.timings},
        spec=SPEC,
        attempts=[one],
        history=[
            _change(made, None, "queued", actor="schedule:nightly-train"),
            _change(claimed, "queued", "dispatched", 1, "core:a"),
            _change(started, "dispatched", "running", 1, "worker:rack-7"),
            _change(ended, "running", "succeeded", 1, "worker:rack-7"),
        ],
        artifacts=FILES,
    )


def _waits() -> Job:
    return Job(
        **_common(WAITS, JobState.QUEUED, ago(minutes=9)),
        attempt=0,
        spec=SPEC,
        history=[_change(ago(minutes=9), None, "queued", actor="user:ana")],
    )


def _explained() -> Explanation:
    def answer(number: int, state: str, *reasons: tuple[str, str]) -> WorkerAnswer:
        told = [Reason(kind=kind, text=text) for kind, text in reasons]
        return WorkerAnswer(id=f"0197-{number}", name=f"rack-{number}", state=state, reasons=told)

    return Explanation(
        id=WAITS,
        state=JobState.QUEUED,
        text="queued: no worker has room for it now",
        causes=[Cause(kind="no_worker", text="workers that could run it are busy: rack-7, rack-9")],
        before=3,
        before_alike=1,
        gives_up_at=ago(minutes=-111),
        workers=[
            answer(1, "waiting", ("gpu", "it has no gpu of kind a100"), ("label", "its zone is b, and a is wanted")),
            answer(3, "unreachable", ("away", "silent for 4 minutes")),
            answer(
                7,
                "working",
                ("gpu", "1 a100 is wanted, 0 of 2 are free"),
                ("memory", "8G is wanted, 3.1G of 64G is free"),
            ),
            answer(8, "paused", ("paused", "paused by ben")),
            answer(9, "working", ("gpu", "1 a100 is wanted, 0 of 1 is free")),
            answer(12, "waiting"),
        ],
    )


def _log() -> list[LogEvent]:
    """Both streams, a progress bar, colours, and a warning."""
    out = "".join(
        f"2026-11-29 13:{45 + epoch:02d}:31 INFO epoch {epoch:2d} of 40  loss {0.9 / epoch:.4f}  lr 3.0e-4\n"
        for epoch in range(1, 15)
    )
    bar = "".join(f"\r{share:3d}% {'#' * (share // 4)}" for share in range(0, 101, 5)) + "\n"
    pieces = [
        (1, b"\x1b[1mtrain 2.4\x1b[0m on \x1b[32mcuda:0\x1b[0m\n" + bar.encode()),
        (2, b"UserWarning: lr_scheduler.step() before optimizer.step()\n"),
        (1, out.encode()),
        (2, "UserWarning: 3 images are broken, the first: /mnt/datasets/läuft.png\n".encode()),
        (1, b"2026-11-29 14:00:31 INFO epoch 15 of 40  loss 0.0600  lr 2.7e-4\n"),
    ]
    events: list[LogEvent] = [LogAttempt(attempt=1, worker="rack-7")]
    places = {1: 0, 2: 0}
    for stream, data in pieces:
        events.append(LogData(attempt=1, stream=stream, offset=places[stream], data=data))
        places[stream] += len(data)
    return events


def _saved(request: Request) -> bytes:
    stream = 2 if ("stream", "stderr") in request.query else 1
    return b"".join(event.data for event in _log() if isinstance(event, LogData) and event.stream == stream)


def _submitted(request: Request) -> DryRun | Submitted:
    if ("dry_run", "1") in request.query:
        return DryRun(image=DIGEST, fits=["rack-7", "rack-9", "rack-12"])
    return Submitted(id=RUNS)


def fill(table: Table) -> None:
    """Put them in."""
    for job in (_runs(), _failed(), _waits(), _done()):
        table.put(f"GET /jobs/{job.id}", job)
        said = (
            _explained()
            if job.id == WAITS
            else Explanation(id=job.id, state=job.state, text=f"job {job.id} is {job.state}")
        )
        table.put(f"GET /jobs/{job.id}/explain", said)
        table.put(f"GET /jobs/{job.id}/artifacts", listed(job.artifacts))
        table.put(f"GET /jobs/{job.id}/logs", _saved)
    table.put("POST /jobs", _submitted)
    table.logs[RUNS] = _log()
    code = LogEnd(state="succeeded", attempt=1, exit_code=0)
    table.logs[DONE] = [*_log(), code]
    table.ended.add(DONE)
