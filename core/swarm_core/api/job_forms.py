"""Bodies and answers of the job routes, beside the views that the archive makes."""

import msgspec

from swarm_core.store.job_views import ArtifactView, EndView, JobView
from swarm_protocol.spec import JobSpec


class BatchForm(msgspec.Struct):
    """Several jobs, each with a key or null, or one spec many times."""

    specs: list[JobSpec] = []
    keys: list[str | None] = []
    spec: JobSpec | None = None
    count: int = 1


class RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    """The same, with specs left as they came: the Receiver reads them."""

    specs: list[msgspec.Raw] = []
    keys: list[str | None] = []
    spec: msgspec.Raw = msgspec.Raw()
    """Empty where it isn't given: a union of Raw and None would take null alone."""
    count: int = 1


class WaitForm(msgspec.Struct):
    """Jobs to wait for, and for how many seconds."""

    ids: list[int]
    timeout: float = 30.0


class JobList(msgspec.Struct):
    """A part of the jobs."""

    items: list[JobView]
    next: str | None


class ArtifactList(msgspec.Struct):
    """A part of a job's output files."""

    items: list[ArtifactView]
    next: str | None


class EndList(msgspec.Struct):
    """Jobs that have ended."""

    items: list[EndView]


class NewJob(msgspec.Struct):
    """A job that is durable."""

    id: int
    state: str


class NewJobs(msgspec.Struct):
    """Jobs that are durable, in the order of the request."""

    first: int
    ids: list[int]


class RetriedJob(msgspec.Struct):
    """The job that runs again: a new one, or the held one that was released."""

    id: int
