"""What an action on several jobs will do, in words, and what came of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from swarm_consumer.models import Cancelled, Job
from swarm_protocol.errors import SwarmError
from swarm_protocol.states import ON_WORKER

Verb = Literal["cancel", "retry", "update", "remove"]
_SHOWN: Final = 40
"""Jobs that a question names; of more it says how many."""


@dataclass(frozen=True)
class Plan:
    """The jobs that an action is for, and those that it passes over."""

    verb: Verb
    jobs: Sequence[Job]
    left: Sequence[Job]

    @property
    def ids(self) -> list[int]:
        """Of the jobs it is for."""
        return [job.id for job in self.jobs]

    @property
    def title(self) -> str:
        """The question."""
        return f"{_VERBS[self.verb].title} {_count(self.jobs)}?"

    @property
    def button(self) -> str:
        """What does it."""
        return f"{_VERBS[self.verb].title} {_count(self.jobs)}"

    @property
    def lines(self) -> list[str]:
        """What will happen, job by job."""
        lines = [f"{named(job)}: {_effect(self.verb, job)}" for job in self.jobs[:_SHOWN]]
        if len(self.jobs) > _SHOWN:
            lines.append(f"… and {len(self.jobs) - _SHOWN:,} more")
        if self.left:
            left = "is left as it is" if len(self.left) == 1 else "are left as they are"
            lines.append(f"{_count(self.left)} {left}: {self.why_not}")
        return lines

    @property
    def why_not(self) -> str:
        """Why jobs are passed over."""
        return _VERBS[self.verb].why_not


@dataclass(frozen=True)
class _Words:
    title: str
    done: str
    why_not: str


_VERBS: Final[Mapping[Verb, _Words]] = {
    "cancel": _Words("Cancel", "cancelled", "ended already"),
    "retry": _Words("Retry", "retried", "not ended yet"),
    "update": _Words("Change", "changed", "ended already"),
    "remove": _Words("Delete", "deleted", "not ended yet; cancel first"),
}


def plan(verb: Verb, chosen: Sequence[Job]) -> Plan:
    """What an action will do with the chosen jobs."""
    fits = [job for job in chosen if _fits(verb, job)]
    return Plan(verb, fits, [job for job in chosen if not _fits(verb, job)])


def _fits(verb: Verb, job: Job) -> bool:
    if verb == "retry":
        return job.ended or job.state == "held"
    return job.ended == (verb == "remove")


def _effect(verb: Verb, job: Job) -> str:
    if verb == "cancel":
        place = f"is stopped on {job.worker}" if job.state in ON_WORKER and job.worker else f"never runs ({job.state})"
        return f"{place}; that can't be undone"
    if verb == "retry":
        return "goes back into the queue" if job.state == "held" else f"runs again as a new job ({_ended(job)})"
    if verb == "update":
        return f"{job.state}, priority {job.priority} now"
    return f"{_ended(job)}; its log and files go with it"


def _ended(job: Job) -> str:
    return job.state.replace("_", " ")


def named(job: Job) -> str:
    """A job in few words."""
    return f"{job.id} {job.name or job.image}"


def _count(jobs: Sequence[object]) -> str:
    return "1 job" if len(jobs) == 1 else f"{len(jobs):,} jobs"


# What came of it -----------------------------------------------------------------------------------------


def told(verb: Verb, results: Mapping[int, object]) -> str:
    """One sentence on all of it."""
    failed = failures(results)
    good = len(results) - len(failed)
    sentence = f"{_VERBS[verb].done} {_count(range(good))}{_more(verb, results)}"
    return f"{sentence}; {len(failed):,} failed" if failed else sentence


def _more(verb: Verb, results: Mapping[int, object]) -> str:
    answers = [answer for answer in results.values() if not isinstance(answer, SwarmError)]
    if verb == "cancel":
        stopping = sum(isinstance(answer, Cancelled) and answer.cancelling for answer in answers)
        return f", {stopping:,} still being stopped" if stopping else ""
    if verb == "retry" and len(answers) == 1:
        return f" as {answers[0]}"
    return ""


def failures(results: Mapping[int, object]) -> list[str]:
    """What went wrong, job by job."""
    return [
        f"{job}: {error.message}{f' ({error.hint})' if error.hint else ''}"
        for job, error in results.items()
        if isinstance(error, SwarmError)
    ]
