"""What can be done with a job as it is now, and what will happen then. Pure; who may do it is in `rights`."""

from datetime import datetime

from swarm_commanddeck.jobfacts import sign_of, title
from swarm_consumer.cli.text import clean
from swarm_consumer.models import Job
from swarm_protocol.quantities import show_seconds, show_size
from swarm_protocol.spec import MAX_PRIORITY, Timeouts
from swarm_protocol.states import ON_WORKER, JobState


def why_not(action: str, job: Job | None) -> str:
    """Why an action of the job's screen can't be done now; empty where it can."""
    if job is None:
        return "there is no such job"
    if action == "cancel" and job.ended:
        return f"job {job.id} has ended: there is nothing to cancel"
    if action in ("retry", "remove") and not job.ended and not (action == "retry" and job.state is JobState.HELD):
        return f"job {job.id} has not ended: cancel it first"
    if action == "priority" and job.ended:
        return f"job {job.id} has ended: its priority is of no use any more"
    if action == "rerun" and job.spec is None:
        return "its spec is not known"
    if action == "worker" and not job.worker:
        return f"no worker has or had job {job.id}"
    if action == "schedule" and not job.schedule:
        return f"no schedule made job {job.id}" if job.occurrence_at is None else "its schedule was removed"
    return ""


def priority(text: str) -> int:
    """A priority as it is typed. Raises ValueError."""
    try:
        found = int(text.strip())
    except ValueError:
        raise ValueError("a whole number") from None
    if not -MAX_PRIORITY <= found <= MAX_PRIORITY:
        raise ValueError(f"from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    return found


def cancelling(job: Job, now: datetime) -> list[str]:
    """What a cancel does."""
    about = f"{title(job)}, {sign_of(job).word}{_since(job, now)}"
    if job.state not in ON_WORKER:
        return [about, "It has not begun: it ends at once as cancelled."]
    grace = (job.spec.timeouts if job.spec else Timeouts()).stop_grace
    where = f" on {clean(job.worker)}" if job.worker else ""
    end = f"SIGTERM, and SIGKILL {show_seconds(grace)} later" if grace else "SIGKILL"
    return [about, f"Its container{where} is sent {end}.", "What it left in /out until then is not brought."]


def _since(job: Job, now: datetime) -> str:
    if job.started_at is None or job.state not in ON_WORKER:
        return ""
    return f" for {show_seconds(max(0.0, (now - job.started_at).total_seconds()))}"


def retrying(job: Job) -> list[str]:
    """What a retry does."""
    if job.state is JobState.HELD:
        return [
            f"{title(job)}, held: {clean(job.reason or '')}",
            "It is released into the queue, and keeps its number.",
        ]
    return [f"{title(job)}, {sign_of(job).word}", "A new job of the same spec is queued; this one stays as it is."]


def removing(job: Job) -> list[str]:
    """What goes with a job."""
    log = sum((each.stdout or 0) + (each.stderr or 0) for each in job.attempts)
    files = f"{len(job.artifacts)} files, {show_size(sum(each.size for each in job.artifacts))}"
    return [
        f"{title(job)}, {sign_of(job).word}",
        f"Gone for good: its log ({show_size(log)}), what it left ({files}), its history.",
        "Jobs that took its files as inputs keep them.",
    ]
