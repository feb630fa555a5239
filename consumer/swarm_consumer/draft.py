"""A job while it is being put together: the spec, and files not yet uploaded."""

from dataclasses import dataclass

from swarm_protocol.spec import JobSpec


@dataclass(frozen=True)
class Draft:
    """What flags and a job file add up to."""

    spec: JobSpec
    inputs: tuple[str, ...] = ()
    """`PATH[:NAME]` each."""
