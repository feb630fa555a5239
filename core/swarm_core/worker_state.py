"""The state of a worker that no core which can be asked has connected, by what the database says of it. Pure."""

from swarm_protocol.states import WorkerState


def state_of(*, leased: bool, condition: str, draining: bool, paused: bool, running: bool, seen: bool) -> str:
    """Its state. `leased`: it is connected to a core that can't be asked, or to none for a moment."""
    if not leased:
        return WorkerState.DEAD if seen else WorkerState.INITIALIZING
    if condition:
        return condition
    if draining:
        return WorkerState.DRAINING
    if paused:
        return WorkerState.PAUSED
    return WorkerState.WORKING if running else WorkerState.WAITING
