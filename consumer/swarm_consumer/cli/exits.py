"""Exit codes: the job's own where it ran to an end, else what stands for how it ended."""

from swarm_protocol.errors import EXIT_CANCELLED, EXIT_OUR_FAILURE, EXIT_TIMED_OUT
from swarm_protocol.states import JobState

EXIT_USAGE = 2
EXIT_PIPE = 141
"""The reader of our output went away, as a shell shows SIGPIPE."""


def exit_code(state: JobState, code: int | None) -> int:
    """What `run` and `wait` exit with for a job that ended so."""
    if state is JobState.SUCCEEDED:
        return 0
    if state is JobState.TIMED_OUT:
        return EXIT_TIMED_OUT
    if state is JobState.CANCELLED:
        return EXIT_CANCELLED
    return code if code else EXIT_OUR_FAILURE
