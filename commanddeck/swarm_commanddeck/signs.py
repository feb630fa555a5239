"""States as people see them: a sign, a word and a colour. The sign alone tells them apart, so no colour has to."""

from typing import Final, NamedTuple


class Sign(NamedTuple):
    """How a state is shown; `tone` is one of `TONES`."""

    mark: str
    word: str
    tone: str


TONES: Final = ("good", "bad", "warn", "busy", "idle", "dim", "plain", "strong")
"""Names of colours; a theme says which they are."""

JOBS: Final = {
    "sleeping": Sign("z", "sleeping", "idle"),
    "blocked": Sign("‖", "blocked", "warn"),
    "held": Sign("!", "held", "warn"),
    "queued": Sign("·", "queued", "idle"),
    "dispatched": Sign("→", "dispatched", "busy"),
    "running": Sign("▶", "running", "busy"),
    "harvesting": Sign("⇣", "harvesting", "busy"),
    "succeeded": Sign("✓", "succeeded", "good"),
    "failed": Sign("✗", "failed", "bad"),
    "timed_out": Sign("◷", "timed out", "bad"),
    "cancelled": Sign("⊘", "cancelled", "dim"),
}
WORKERS: Final = {
    "initializing": Sign("…", "initializing", "warn"),
    "waiting": Sign("○", "waiting", "good"),
    "working": Sign("●", "working", "busy"),
    "paused": Sign("‖", "paused", "warn"),
    "draining": Sign("↧", "draining", "warn"),
    "unreachable": Sign("?", "unreachable", "bad"),
    "dead": Sign("✗", "dead", "bad"),
}


def of_job(state: str, *, cancelling: bool = False) -> Sign:
    """The sign of a job's state; one of a later version is shown by its name."""
    if cancelling:
        return Sign("⊘", "cancelling", "warn")
    return JOBS.get(state, Sign("?", state.replace("_", " "), "plain"))


def of_worker(state: str) -> Sign:
    """The sign of a worker's state."""
    return WORKERS.get(state, Sign("?", state, "plain"))
