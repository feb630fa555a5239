"""The levels of the log."""

from enum import IntEnum

from swarm_protocol.errors import SwarmError


class Level(IntEnum):
    """How much a line matters."""

    DEBUG = 10
    """For who looks for a fault."""
    INFO = 20
    """What happens in the normal course."""
    SUCCESS = 25
    """Something that was waited for has come about."""
    WARNING = 30
    """What an operator should know, though nothing was lost."""
    ERROR = 40
    """What did not work."""
    FATAL = 50
    """Why the core stops."""

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


def level_of(text: str, field: str | None = None) -> Level:
    """A level by its name. Raises SwarmError(bad_request), about that field of a request."""
    try:
        return Level[text.upper()]
    except KeyError:
        names = ", ".join(level.word for level in Level)
        message = f"{text[:40]!r} is no log level"
        raise SwarmError("bad_request", message, hint=f"one of {names}", field=field) from None
