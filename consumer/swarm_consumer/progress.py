"""How long-running verbs tell of their progress; the command draws a bar from it."""

from typing import Protocol


class Progress(Protocol):
    """Told of bytes as they travel."""

    def begin(self, label: str, total: int) -> None:
        """A step of `total` bytes starts; 0 where that is not known."""
        ...

    def advance(self, count: int) -> None:
        """So many bytes more are done."""
        ...


class Silent:
    """Progress that no one looks at."""

    def begin(self, label: str, total: int) -> None:
        pass

    def advance(self, count: int) -> None:
        pass
