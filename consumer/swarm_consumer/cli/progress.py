"""Progress bars on standard error, on terminals only."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Bar:
    """Draws nothing until there is something to move, so that Rich is loaded only then."""

    def __init__(self) -> None:
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.stop()

    def begin(self, label: str, total: int) -> None:
        """A step of `total` bytes starts."""
        if not sys.stderr.isatty():
            return
        if self._rich is None:
            self._rich = _drawn()
            self._rich.start()
        if self._task is not None:
            self._rich.remove_task(self._task)
        self._task = self._rich.add_task(label, total=total or None)

    def advance(self, count: int) -> None:
        """So many bytes more."""
        if self._rich is not None and self._task is not None:
            self._rich.advance(self._task, count)


def _drawn() -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
