"""The images: repositories and their tags, what they take, who uses them; deleting says what that does."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import ClassVar, Final

from rich.text import Text
from textual import on, work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from swarm_commanddeck.feed import Batch
from swarm_commanddeck.image_tree import COLUMNS, OPEN_AT_FIRST, Row, details, rows, summary
from swarm_commanddeck.screens.base import Act, DeckScreen, explained
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import clean
from swarm_consumer.image_words import consequences
from swarm_consumer.models import Image, ImageUse, ImageUsers
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size

_QUIET: Final = 0.15
"""Seconds for which the cursor rests on a tag before its users are asked for."""
_FEW: Final = 20
"""Images that are fetched one by one; of more the whole list is."""
_EACH: Final = 0.05
"""Seconds that the whole list may grow old, for each image in it: 10,000 are looked at every eight minutes."""
_ASKED: Final = 20
"""Images of which it is asked who uses them before they are deleted; of others their counts are told."""


class ImagesScreen(DeckScreen):
    """All images of the project."""

    AUTO_FOCUS = "#table"
    place = "images"
    watches = frozenset({"image"})
    pace = 30.0  # who uses an image has no event of its own; many images are looked at less often
    needs: ClassVar[dict[str, str]] = {"remove": "image.remove"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show those whose name, tag or digest has this"),
        Binding("plus", "fold(False)", "Unfold all", show=False, key_display="+"),
        Binding("minus", "fold(True)", "Fold all", show=False, key_display="-"),
        Binding("y", "copy", "Copy", tooltip="Put name@digest into the clipboard, where the terminal lets us"),
        Binding("x,delete", "remove", "Delete", tooltip="Take tags away; says first what is freed and who uses them"),
        Binding("escape", "unfilter", "All", show=False, tooltip="Leave the filter"),
    ]
    DEFAULT_CSS = """
    ImagesScreen #summary { height: 1; padding: 0 1; }
    ImagesScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    ImagesScreen #filter.-open { display: block; }
    ImagesScreen #details { height: auto; max-height: 9; min-height: 7; padding: 0 1; background: $panel;
        text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._images: list[Image] = []
        self._stale: set[str] = set()
        """`name:tag` of images that events told of."""
        self._again_at: datetime | None = None
        """When the whole list is looked at next; None: now."""
        self._unfolded: set[str] | None = None
        """Names of repositories; None: not decided yet."""
        self._wanted = ""
        self._looked_at: tuple[str, str | None] | None = None

    def body(self) -> ComposeResult:
        """A line that sums up, the filter, the tree, and the tag under the cursor."""
        yield Static("", id="summary", markup=False)
        yield Input(placeholder="part of a name, tag or digest", id="filter", compact=True)
        yield LiveTable(COLUMNS, lambda row: row.key, id="table", empty=_EMPTY)
        yield Static("", id="details")

    @property
    def table(self) -> LiveTable[Row]:
        """The tree."""
        return self.query_one("#table", LiveTable)

    @property
    def chosen(self) -> list[Image]:
        """The tags that are marked, else that under the cursor; of a repository all, where it is chosen."""
        found: dict[tuple[str, str | None], Image] = {}
        for row in self.table.chosen:
            found |= {(image.name, image.tag): image for image in row.shown}
        return list(found.values())

    def on_screen_suspend(self) -> None:
        """Behind a question events still come; behind another screen they don't."""
        super().on_screen_suspend()
        if not isinstance(self.app.screen, ModalScreen):
            self._again_at = None

    def on_feed(self, batch: Batch) -> None:
        """Images that were pushed or removed are looked at alone."""
        self._stale |= {change.subject for change in batch.of("image")}
        if batch.anew:
            self._again_at = None
        super().on_feed(batch)

    async def load(self) -> None:
        """What has changed; all of them where that is much, or at their pace. In the beginning few are unfolded."""
        if self._again_at is None or self.deck.now >= self._again_at or len(self._stale) > _FEW:
            self._images = await self.deck.client.images()
            self._again_at = self.deck.now + timedelta(seconds=_EACH * len(self._images))
            self._stale.clear()
        for name in sorted(self._stale):
            await self._fetch(name)
        if not self.is_attached:
            return
        if self._unfolded is None:
            few = len(self._images) <= OPEN_AT_FIRST
            self._unfolded = {image.name for image in self._images} if few else set()
        self._looked_at = None
        self._show()

    async def _fetch(self, name: str) -> None:
        try:
            found = [(await self.deck.client.image_use(name)).image]
        except SwarmError as error:
            if error.code != "image_unknown":
                raise
            found = []
        others = [image for image in self._images if f"{image.name}:{image.tag}" != name]
        self._images = sorted([*others, *found], key=lambda image: (image.name, image.tag or ""))
        self._stale.discard(name)

    def _show(self) -> None:
        found = rows(self._images, self._unfolded or set(), self.deck.now, self._wanted)
        self.table.set_empty("no image has that" if self._wanted else _EMPTY)
        self.table.show(found)
        self.query_one("#summary", Static).update(summary(self._images))
        self._look(self.table.current)

    # The tag under the cursor.

    @on(LiveTable.Moved, "#table")
    def _moved(self, event: LiveTable.Moved) -> None:
        self._look(event.row)

    def _look(self, row: Row | None) -> None:
        key = row.key if row is not None else None
        if key == self._looked_at:
            return
        self._looked_at = key
        if row is None or row.image is None:
            self._tell([] if row is None else [("repository", row.name), ("tags", _tags(row.images))])
        else:
            self._look_up(f"{row.name}:{row.image.tag}")

    @work(group="look", exclusive=True)
    async def _look_up(self, name: str) -> None:
        await self.deck.clock.sleep(_QUIET)
        try:
            found = await self.deck.client.image_use(name)
        except SwarmError as error:
            return self._tell([("image", explained(error))])
        return self._tell(details(found, self.deck.now))

    def _tell(self, lines: Sequence[tuple[str, str]]) -> None:
        text = Text(overflow="ellipsis", no_wrap=True)
        for number, (name, said) in enumerate(lines):
            text.append("\n" if number else "")
            text.append(f"{name:<10} ", style_of(self.app, "dim"))
            text.append(clean(said))
        with suppress(NoMatches):  # the screen may have gone while it was asked for
            self.query_one("#details", Static).update(text)

    # Keys.

    @on(LiveTable.Opened, "#table")
    def _open(self, event: LiveTable.Opened) -> None:
        """A repository unfolds, or folds."""
        row: Row = event.row
        if row.image is None and self._unfolded is not None:
            self._unfolded ^= {row.name}
            self._show()

    def action_fold(self, all_of_them: bool) -> None:
        """Fold all repositories, or unfold them."""
        self._unfolded = set() if all_of_them else {image.name for image in self._images}
        self._show()
        self.table.action_edge(-1)

    def action_copy(self) -> None:
        """The image under the cursor, as a job may name it for good."""
        row = self.table.current
        if row is not None and row.image is not None:
            self.app.copy_to_clipboard(f"{row.name}@{row.image.digest}")
            self.deck.tell("copied, if the terminal lets programs do that")

    def action_filter(self) -> None:
        """Write a filter."""
        line = self.query_one("#filter", Input)
        line.add_class("-open")
        line.focus()

    def action_unfilter(self) -> None:
        """Show all again, or go back."""
        line = self.query_one("#filter", Input)
        if not self._wanted and not line.has_class("-open"):
            raise SkipAction
        line.value = ""
        line.remove_class("-open")
        self.table.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip()
        self._show()

    @on(Input.Submitted, "#filter")
    def _written(self) -> None:
        self.table.focus()

    @work(group="ask", exclusive=True)
    async def action_remove(self) -> None:
        """Delete tags, after it was looked who uses them."""
        chosen = self.chosen
        if not chosen:
            return
        try:
            lines = await self._consequences(chosen)
        except SwarmError as error:
            return self.deck.tell(explained(error), bad=True)

        async def do() -> str:
            freed = 0
            for image in chosen:
                freed += (await self.deck.client.remove_image(f"{image.name}:{image.tag}")).image.own
            self.table.unmark()
            return f"deleted {_named(chosen)}; {show_size(freed)} are freed once nothing uses them"

        self.act(Act(action="image.remove", title=f"Delete {_named(chosen)}?", lines=lines, verb="Delete", do=do))
        return None

    async def _consequences(self, chosen: Sequence[Image]) -> list[str]:
        lines = []
        for number, image in enumerate(chosen):
            name = f"{image.name}:{image.tag}"
            told = (
                ImageUse(image=image, used_by=_NOBODY) if number >= _ASKED else await self.deck.client.image_use(name)
            )
            said = consequences(told)
            lines += said if len(chosen) == 1 else [f"{name}: {'; '.join(said)}"]
        return lines


_EMPTY: Final = "no images; `swarm push IMAGE` brings one"
_NOBODY: Final = ImageUsers()


def _named(chosen: Sequence[Image]) -> str:
    return f"image {chosen[0].name}:{chosen[0].tag}" if len(chosen) == 1 else f"{len(chosen)} tags"


def _tags(images: Sequence[Image]) -> str:
    shown = ", ".join(image.tag or "" for image in images[:20])
    return shown + (f" and {len(images) - 20} more" if len(images) > 20 else "")
