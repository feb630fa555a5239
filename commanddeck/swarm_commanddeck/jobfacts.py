"""What there is to say of a job, in words for people. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from swarm_commanddeck import signs
from swarm_commanddeck.signs import Sign
from swarm_consumer.cli.pace import percent, spoken
from swarm_consumer.cli.text import age, clean, moment, reason
from swarm_consumer.models import Attempt, Change, Job, JobProgress
from swarm_protocol.quantities import show_seconds, show_size, written_cpu
from swarm_protocol.secrets import secret_files
from swarm_protocol.spec import InputFile, JobSpec, Timeouts

_BAR: Final = 20
_ATTEMPTS: Final = {"lost": Sign("?", "lost", "bad"), "released": Sign("↩", "given back", "dim")}
_STEPS: Final = ("upload", "queue", "pull", "load", "create", "run", "collect")


def of_attempt(attempt: Attempt) -> Sign:
    """The sign of an attempt's state."""
    return _ATTEMPTS.get(attempt.state) or signs.of_job(attempt.state)


def sign_of(job: Job) -> Sign:
    """The sign of a job's state, or that it is being cancelled."""
    return signs.of_job(str(job.state), cancelling=job.cancel_requested and not job.ended)


def title(job: Job) -> str:
    """What the job is called, with its number."""
    return f"job {job.id}{f' {clean(job.name)}' if job.name else ''}"


def bar(said: JobProgress, width: int = _BAR) -> str:
    """How far a job says that it is: `██████░░░░ 42% reads`."""
    done = int(max(0.0, min(1.0, said.fraction)) * width + 1e-6)
    return f"{'█' * done}{'░' * (width - done)} {spoken(said.fraction, said.text)}"


def headline(job: Job, now: datetime) -> list[tuple[str, str]]:
    """The line that is always seen: state, why, how far, for how long."""
    sign = sign_of(job)
    pieces = [(f"{sign.mark} {sign.word}", sign.tone)]
    if job.exit_code is not None:
        pieces.append((f"  exit code {job.exit_code}", "plain"))
    if why := reason(job.failure, job.message) or job.reason or "":
        pieces.append((f"  {clean(why)}", "plain"))
    if job.progress is not None and not job.ended:
        pieces.append((f"  {bar(job.progress, 10)}", "busy"))
    if ran := ran_for(job, now):
        pieces.append((f"  {ran}", "dim"))
    return pieces


def ran_for(job: Job, now: datetime) -> str:
    """How long it ran, or runs, or has waited."""
    if job.started_at is not None and (job.ended_at is not None or not _waits(job)):
        seconds = ((job.ended_at or now) - job.started_at).total_seconds()
        return f"{'ran' if job.ended else 'runs for'} {show_seconds(max(0.0, seconds))}"
    if job.ended or job.created_at is None:
        return ""
    return f"submitted {age(job.created_at, now)}"


def _waits(job: Job) -> bool:
    return str(job.state) in ("sleeping", "blocked", "held", "queued")


def facts(job: Job, now: datetime, waits_for: str = "") -> Iterator[tuple[str, str]]:
    """All fields that have something in them; `waits_for`: what its explanation says."""
    for name, value in (*_about(job, now, waits_for), *(_asked(job.spec) if job.spec else ())):
        if value:
            yield name, clean(value)


def _about(job: Job, now: datetime, waits_for: str) -> Iterator[tuple[str, str]]:
    yield "state", f"{sign_of(job).word}{f' ({job.reason})' if job.reason else ''}"
    yield "exit code", "" if job.exit_code is None else str(job.exit_code)
    yield "failure", reason(job.failure, job.message)
    yield "waits for", waits_for
    yield "progress", _progress(job, now)
    yield "image", job.image
    yield "digest", job.image_digest or ""
    yield "project", job.project or ""
    yield "by", job.user or ""
    yield "priority", str(job.priority)
    yield "tags", ", ".join(job.tags)
    yield "attempt", str(job.attempt or "")
    yield "worker", job.worker or ""
    yield "created", _when(job.created_at, now)
    yield "starts", _when(job.wake_at, now) if not job.ended else ""
    yield "started", _when(job.started_at, now)
    yield "ended", _when(job.ended_at, now)
    yield "ran", ran_for(job, now).removeprefix("ran ") if job.started_at else ""
    yield "steps", steps(job.timings)
    yield "retry of", str(job.retry_of or "")
    yield "schedule", f"{job.schedule or 'a removed one'}, due {moment(job.occurrence_at)}" if job.occurrence_at else ""
    yield "trace", job.trace_id or ""


def _progress(job: Job, now: datetime) -> str:
    return f"{bar(job.progress)} ({age(job.progress.at, now)})" if job.progress else ""


def _when(then: datetime | None, now: datetime) -> str:
    return f"{moment(then)} ({age(then, now)})" if then else ""


def steps(timings: dict[str, float | None]) -> str:
    """Where the time went: `queue 2s, pull 1s, run 5m`."""
    known = [(step, timings[step]) for step in _STEPS if timings.get(step) is not None]
    return ", ".join(f"{step} {show_seconds(value or 0.0)}" for step, value in known)


def _asked(spec: JobSpec) -> Iterator[tuple[str, str]]:
    """What was asked for, with what it has by default."""
    res = spec.resources
    gpus = f", {res.gpus} gpu{f' of kind {res.gpu_kind}' if res.gpu_kind else ''}" if res.gpus else ""
    yield "command", " ".join(spec.command)
    yield "entrypoint", "" if spec.entrypoint is None else " ".join(spec.entrypoint) or "none"
    yield "workdir", spec.workdir or ""
    yield "user", spec.user or ""
    yield "env", ", ".join(spec.env)
    yield "secrets", ", ".join(item.name for item in secret_files(spec.secrets))
    yield "mounts", ", ".join(spec.mounts)
    yield "network", spec.network
    yield (
        "resources",
        f"{written_cpu(res.cpu_millis)} cpu, {show_size(res.memory)} memory, {show_size(res.disk)} disk, "
        f"{res.pids} processes{gpus}",
    )
    yield "constraints", ", ".join(f"{label}={value}" for label, value in spec.constraints.items())
    yield "inputs", _inputs(spec.inputs)
    yield "outputs", ", ".join(spec.outputs) or "all of /out"
    yield "timeouts", _timeouts(spec.timeouts)
    yield "retries", f"{spec.retries} of its own failures, {spec.infra_retries} of lost workers and engines"
    yield "starts once", "at most one start in all" if spec.at_most_once else ""
    yield (
        "input",
        {(True, True): "open, a terminal", (True, False): "open", (False, True): "a terminal"}.get(
            (spec.stdin, spec.tty), ""
        ),
    )
    yield "notify", ", ".join(spec.notify)


def _inputs(files: Sequence[InputFile]) -> str:
    count = f"{len(files)} {'file' if len(files) == 1 else 'files'}"
    return f"{count}, {show_size(sum(file.size for file in files))}" if files else ""


def _timeouts(limits: Timeouts) -> str:
    named = (("queue", limits.queue), ("pull", limits.pull), ("run", limits.run), ("stop grace", limits.stop_grace))
    words = [f"{name} {'none' if value is None else show_seconds(value)}" for name, value in named]
    if limits.warn is not None:
        words.append(f"{limits.warn_signal} {show_seconds(limits.warn)} before its run is over")
    return ", ".join(words)


def step_words(change: Change) -> tuple[str, str, str]:
    """One step of the history: when, what, and by whom and why."""
    way = f"{change.from_ or ''} → {change.to}" if change.from_ else change.to
    attempt = f" (attempt {change.attempt})" if change.attempt else ""
    why = ", ".join(word for word in (change.actor or "", change.reason or "") if word)
    return moment(change.at), clean(f"{way}{attempt}".replace("_", " ")), clean(why)


def short_progress(job: Job) -> str:
    """`42%`, where it says so."""
    return percent(job.progress.fraction) if job.progress else ""
