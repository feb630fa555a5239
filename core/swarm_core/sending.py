"""What goes to a worker once a claim is committed."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from swarm_core.placement import Shape
from swarm_core.store.attempts import Assignment, Picked
from swarm_protocol import trace as traces
from swarm_protocol.messages import Assign, ImageRef, Ref


@dataclass(frozen=True, slots=True)
class Sendable:
    """An attempt that is committed and can go to its worker."""

    worker: UUID
    session: UUID
    shape: Shape
    message: Assign


def sendable(made: Assignment, job: Picked, shapes: Mapping[int, Shape]) -> Sendable:
    """The message of a new attempt, and whom it goes to."""
    message = Assign(
        ref=Ref(made.job, made.attempt),
        project=job.project,
        image=ImageRef(name="", digest=job.image_digest),
        spec=job.spec.encode(),
        project_name=job.project_name,
        traceparent=traces.of_attempt(job.trace, job.trace_from, made.attempt) if job.trace else "",
    )
    return Sendable(made.worker, made.session, shapes[job.shape], message)
