"""A worker's last hour as charts in text, as many beside one another as there is room for."""

from rich.text import Text
from textual.widgets import Static

from swarm_commanddeck.tones import style_of
from swarm_commanddeck.worker_pictures import grid
from swarm_consumer.worker_models import WorkerLoad


class WorkerCharts(Static):
    """Load, memory, disk, running jobs and lost heartbeats."""

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._of: WorkerLoad | None = None

    def show(self, load: WorkerLoad) -> None:
        """Draw these."""
        self._of = load
        self._draw()

    def on_resize(self) -> None:
        """Another width: another number of charts in a row."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if self._of is None or width <= 0:
            return
        text = Text(no_wrap=True)
        for line in grid(self._of, width):
            for part, tone in line:
                text.append(part, style_of(self.app, tone) if tone else None)
            text.append("\n")
        self.update(text)
