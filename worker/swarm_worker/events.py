"""What can happen to a worker and what it can decide to do: the words of its machine. Data only."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from swarm_protocol.messages import (
    Ack,
    Assign,
    Cancel,
    Discard,
    Drain,
    Finished,
    FromWorker,
    Lease,
    Reconciled,
    Ref,
    Resize,
    Welcome,
)
from swarm_protocol.progress import Said


class Phase(Enum):
    """How far an attempt is."""

    WAITING = "waiting"
    """Held, but not begun: no slot is free, or the core must confirm it first."""
    PREPARING = "preparing"
    RUNNING = "running"
    HARVESTING = "harvesting"
    FINISHED = "finished"


class Why(IntEnum):
    """Why an attempt is stopped; a higher one wins over a lower."""

    RELEASED = 1
    """The worker is being stopped: given back at no cost."""
    CANCELLED = 2
    DISCARDED = 3
    """It isn't ours any more: nothing is reported."""


class Mode(Enum):
    """What the worker as a whole is doing."""

    SERVING = "serving"
    DRAINING = "draining"
    """A core wants it: takes nothing new, and leaves once nothing is held and the core can hear of it."""
    STOPPING = "stopping"
    """Stops what it runs, reports it as released, and leaves."""


# --- events that are no messages of the core ---------------------------------------------------------------


@dataclass(frozen=True)
class Disconnected:
    """The session's connection is gone."""


@dataclass(frozen=True)
class Restored:
    """At start: an attempt that a predecessor held. `begun`: it has a container that may have started."""

    assign: Assign
    begun: bool
    outcome: Finished | None = None
    acked: bool = False


@dataclass(frozen=True)
class RunnerStarted:
    """The container runs."""

    ref: Ref
    timings: dict[str, float]


@dataclass(frozen=True)
class RunnerHarvesting:
    """The container has ended and outputs are being brought."""

    ref: Ref


@dataclass(frozen=True)
class RunnerSaid:
    """The job says how far it is."""

    ref: Ref
    said: Said


@dataclass(frozen=True)
class RunnerDone:
    """The outcome is in the journal."""

    finished: Finished


@dataclass(frozen=True)
class RunnerGone:
    """The runner has stopped a discarded attempt and removed what it had."""

    ref: Ref


@dataclass(frozen=True)
class LogDelivered:
    """All of an attempt's log is safe (or waiting for that was given up)."""

    ref: Ref


@dataclass(frozen=True)
class PingSent:
    """A ping left, `at` seconds on CLOCK_BOOTTIME."""

    seq: int
    at: float


@dataclass(frozen=True)
class Connecting:
    """A connection is being opened, `at` seconds on CLOCK_BOOTTIME: where a session's first lease counts from."""

    at: float


@dataclass(frozen=True)
class ModeWanted:
    """A person or the system wants the worker to stop."""

    mode: Mode


Event = (
    Welcome
    | Reconciled
    | Assign
    | Cancel
    | Discard
    | Ack
    | Lease
    | Drain
    | Resize
    | Disconnected
    | Restored
    | RunnerStarted
    | RunnerHarvesting
    | RunnerSaid
    | RunnerDone
    | RunnerGone
    | LogDelivered
    | PingSent
    | Connecting
    | ModeWanted
)


# --- effects -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Send:
    """Say this to the core on the session that is open now."""

    message: FromWorker


@dataclass(frozen=True)
class Keep:
    """Write down a new assignment, so that a successor knows of it."""

    assign: Assign


@dataclass(frozen=True)
class Run:
    """Carry out this attempt; `resume`: go on with the container it has."""

    assign: Assign
    resume: bool = False


@dataclass(frozen=True)
class Stop:
    """Stop the runner of this attempt."""

    ref: Ref
    why: Why


@dataclass(frozen=True)
class Settle:
    """Journal the end of an attempt that was never begun. Comes back as RunnerDone."""

    ref: Ref
    why: Why


@dataclass(frozen=True)
class Linger:
    """The outcome is safe: forget the attempt once its log is too. Comes back as LogDelivered."""

    ref: Ref


@dataclass(frozen=True)
class Forget:
    """Remove everything of this attempt: container, files, log."""

    ref: Ref


@dataclass(frozen=True)
class Sweep:
    """Remove containers of ours that belong to no held attempt."""


@dataclass(frozen=True)
class Leave:
    """Nothing is held any more and nothing is wanted: the worker may exit."""


Effect = Send | Keep | Run | Stop | Settle | Linger | Forget | Sweep | Leave
