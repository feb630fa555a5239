"""Bodies and answers of the job routes, beside the views that the archive makes."""

import msgspec

from swarm_core.archive import JobDetails
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


class JobEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What changes of a job."""

    priority: int
    """From -1000 to 1000."""


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


class Checked(msgspec.Struct):
    """A spec that would be accepted: the digest of its image, the workers that it fits, else what the nearest lacks."""

    ok: bool
    image: str
    fits: list[str]
    nearest: str | None


class ShownJob(JobDetails, kw_only=True, frozen=True):
    """The same, with the spec not left as it came."""

    spec: JobSpec  # type: ignore[assignment]


class NewJobs(msgspec.Struct):
    """Jobs that are durable, in the order of the request."""

    first: int
    ids: list[int]


class RetriedJob(msgspec.Struct):
    """The job that runs again: a new one, or the held one that was released."""

    id: int
