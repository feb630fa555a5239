"""A table within a screen of parts, whose letters go to the parts."""

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType

from swarm_commanddeck.widgets.table import LiveTable

T = TypeVar("T")


class PartTable(LiveTable[T]):
    """`l` is the log's here; Enter opens."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("l", "screen.part('log')", "Log", show=False)]
