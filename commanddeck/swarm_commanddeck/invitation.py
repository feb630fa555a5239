"""An invitation: a join token that was just made, and who has joined since. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from swarm_commanddeck.columns import Cell
from swarm_commanddeck.feed import Change
from swarm_commanddeck.signs import of_worker
from swarm_consumer.cli.text import age
from swarm_consumer.worker_models import JoinTokenState


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker that has joined since."""

    name: str
    state: str = "initializing"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What was made: `command` is to be pasted on the machine."""

    token: str
    """Its id."""
    command: str
    uses: int
    warning: str = ""
    left: int | None = None
    """Uses of it that are left; None: not known yet, or it was taken back."""
    gone: bool = False
    """It lets nobody in any more, though it was not used up."""
    joined: Mapping[str, Joined] = field(default_factory=dict)
    """By id: who has joined since it was made, with whichever token."""

    def seen(self, tokens: Iterable[JoinTokenState]) -> "Invitation":
        """With the tokens as they are now."""
        mine = next((token for token in tokens if token.id == self.token), None)
        if mine is None:
            return replace(self, gone=True, left=None)
        return replace(self, left=mine.uses_left, gone=mine.expired and mine.uses_left > 0)

    def heard(self, changes: Sequence[Change], most: int) -> "Invitation":
        """With what happened to workers."""
        joined = dict(self.joined)
        for change in changes:
            known = joined.get(change.subject)
            name = str(change.detail.get("name", ""))
            if known is None and "created" in change.whats and len(joined) < most:
                known = joined[change.subject] = Joined(name)
            if known is not None:
                state = str(change.detail.get("to", known.state))
                joined[change.subject] = Joined(name or known.name, state)
        return replace(self, joined=joined)

    def lines(self) -> list[str]:
        """How it goes."""
        listed = [
            f"  {of_worker(one.state).mark} {one.name}, {of_worker(one.state).word}" for one in self.joined.values()
        ]
        return [self._headline(), *listed]

    def _headline(self) -> str:
        used = max(0, self.uses - self.left) if self.left is not None else len(self.joined)
        if self.gone:
            return "the token lets nobody in any more; n makes another"
        if used >= self.uses:
            return f"✓ {'it has' if self.uses == 1 else f'all {self.uses} have'} joined"
        return f"… waiting: {used} of {self.uses} {'has' if used == 1 else 'have'} joined"


def steps(invitation: Invitation) -> list[str]:
    """What is to be done with it."""
    many = "the machine" if invitation.uses == 1 else f"each of the {invitation.uses} machines"
    found = [f"Paste this on {many}; c copies it. The token is shown this once."]
    return [*found, f"! {invitation.warning}"] if invitation.warning else found


def token_cells(token: JoinTokenState, now: datetime) -> tuple[Cell, Cell]:
    """Its state, and when it ends."""
    if token.is_open:
        return ("○ open", "good"), (age(token.expires_at, now), "")
    word = "✗ expired" if token.expired else "✓ used up"
    return (word, "dim"), (age(token.expires_at, now), "dim")
