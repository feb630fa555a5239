"""All jobs: a list that is fetched as far as one looks, moves with the events, and takes actions on one or on many."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.widgets import Static

from swarm_commanddeck.feed import Batch, Change
from swarm_commanddeck.job_columns import SORT_OF, columns, sorted_by
from swarm_commanddeck.job_patch import apply, may_join, moves, stays
from swarm_commanddeck.job_plans import Plan, Verb, failures, plan, told
from swarm_commanddeck.places import JOB, detail
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import Act, DeckScreen
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.widgets.filter import FilterBar
from swarm_commanddeck.widgets.table import LiveTable
from swarm_commanddeck.window import Page
from swarm_consumer.client import Client
from swarm_consumer.filter_help import Suggestions, suggest
from swarm_consumer.filter_tokens import Token, tokens, without
from swarm_consumer.filters import ME, parse
from swarm_consumer.job_filter import SORTS, USUAL_SORT, JobFilter
from swarm_consumer.models import Job
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import MAX_PRIORITY

PAGE: Final = 200
"""Jobs in a request: what one sees, and what the table wants beyond."""
_LOOKS: Final = 30
"""Requests for one page in a row that find nothing (10,000 jobs each) before it is left to whoever looks."""
_TICK: Final = 5.0
"""Seconds after which ages are drawn anew: what they say is coarser than that mostly."""


class JobsScreen(DeckScreen):
    """The list, its filter, and what can be done."""

    AUTO_FOCUS = "LiveTable"
    place = "jobs"
    watches = frozenset({"job"})
    pace = 10.0  # for jobs of other projects, whose events this deck does not hear; else nothing is fetched
    needs: ClassVar[dict[str, str]] = {
        "cancel": "job.cancel",
        "retry": "job.retry",
        "priority": "job.update",
        "delete": "job.remove",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", key_display="/", tooltip="Narrow the list: state:failed owner:me after:2h"
        ),
        Binding("m", "mine", "Mine", tooltip="Mine alone, or everybody's"),
        Binding("c", "cancel", "Cancel", tooltip="Cancel the job, or those that are marked"),
        Binding("r", "retry", "Retry", tooltip="Run it again as a new job; release it where it is held"),
        Binding("p", "priority", "Priority", tooltip="Give it another priority"),
        Binding("d,delete", "delete", "Delete", tooltip="Delete it with its log and files, once it has ended"),
        Binding("C", "sort('created')", "By age", show=False, tooltip="Sort by age; again: the other way round"),
        Binding("S", "sort('started')", "By start", show=False, tooltip="Those that run, by their start"),
        Binding("E", "sort('ended')", "By end", show=False, tooltip="Those that have ended, by their end"),
        Binding("P", "sort('priority')", "By priority", show=False, tooltip="Those that have not ended, as the queue"),
        Binding("f5,ctrl+r", "again", "Reload", show=False, tooltip="Fetch the list again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._which = JobFilter()
        self._turn = 0
        """Grows with each other list, so that pages of the one before are known and let go."""
        self._begun = False
        self._newer = 0
        self._in_vain = False
        """The last request looked at very many jobs, and none fitted."""

    def body(self) -> ComposeResult:
        """Filter, list, and a line on both."""
        yield FilterBar(self._read, self._suggest)
        yield LiveTable[Job](columns(lambda: self.deck.now, projects=False), lambda job: job.id, empty="no jobs")
        yield Static("", id="count", markup=False)

    def on_mount(self) -> None:
        """Ages go on by themselves."""
        super().on_mount()
        self._show_order()
        self.set_interval(_TICK, self._table.refresh)
        self.watch(self._table, "scroll_y", self._scrolled, init=False)

    @property
    def _table(self) -> LiveTable[Job]:
        return self.query_one(LiveTable)

    @property
    def _filter(self) -> FilterBar:
        return self.query_one(FilterBar)

    # The filter.

    def _read(self, line: str) -> JobFilter:
        """What a line means now. Raises FilterError."""
        return parse(line, me=self.deck.rights.user, now=self.deck.now)

    def _suggest(self, line: str, at: int) -> Suggestions:
        rows = self._table.window.held
        known: dict[str, list[str | None]] = {
            "owner": [job.user for job in rows],
            "worker": [job.worker for job in rows],
            "image": [job.image for job in rows],
            "name": [job.name for job in rows],
            "schedule": [job.schedule for job in rows],
            "tag": [tag for job in rows for tag in job.tags],
        }
        return suggest(line, at, {key: sorted({word for word in words if word}) for key, words in known.items()})

    def narrow(self, line: str) -> None:
        """List what a line says, as other screens ask for it. Raises FilterError."""
        self._read(line)
        self._filter.use(line)

    @on(FilterBar.Applied)
    def _applied(self) -> None:
        self._begin_anew()

    def action_filter(self) -> None:
        """Write the filter."""
        self._filter.edit()

    def action_mine(self) -> None:
        """One's own alone, or everybody's."""
        line = self._filter.text
        if any(_is_mine(word) for word in tokens(line)):
            self.narrow(without(line, _is_mine))
        else:
            self.narrow(f"{line} owner:{ME}".strip())

    def action_sort(self, by: str) -> None:
        """Another order; the same again is turned round."""
        sort = self._which.sort
        new = f"-{by}" if sort != f"-{by}" else by
        others = without(self._filter.text, lambda word: word.key == "sort")
        self.narrow(others if new == USUAL_SORT else f"{others} sort:{new}".strip())

    @on(LiveTable.HeadClicked)
    def _head_clicked(self, event: LiveTable.HeadClicked) -> None:
        if event.column in SORT_OF:
            self.action_sort(SORT_OF[event.column])

    # Loading.

    def action_again(self) -> None:
        """Fetch the list again."""
        self.load_soon(at_once=True)

    @work(group="begin", exclusive=True)
    async def _begin_anew(self) -> None:
        """Another list, from its first page on."""
        self._turn += 1
        self._begun = False
        self._show_order()
        await self._load_once()

    async def load(self) -> None:
        """The first page where that is looked at; else what is looked at, where it is."""
        self._which, turn = self._read(self._filter.text), self._turn
        table = self._table
        if self._begun and not self._at_top:
            await self._renew(turn)
            return
        page = await self._fetch(None)
        if turn == self._turn:
            self._begun, self._newer = True, 0
            table.begin(page, ask=bool(page.rows))
            table.set_empty("no jobs" if self._which == JobFilter() else "no job fits the filter")
            self._count()

    async def _renew(self, turn: int) -> None:
        """The pages that are seen, again; the others are let go and fetched when they are looked at."""
        table = self._table
        top, bottom = table.span
        cursor = table.window.cursor_at(top)
        pages = [await self._fetch(cursor)]
        if table.window.cursor_at(bottom) != cursor and pages[-1].next is not None:
            pages.append(await self._fetch(pages[-1].next))
        if turn != self._turn:
            return
        if table.window.cursor_at(table.span[0]) == cursor:
            table.renew(pages)
            self._count()
        else:  # one has gone elsewhere meanwhile
            self.load_soon()

    async def _fetch(self, cursor: str | None) -> Page[Job]:
        """A page of the list; one without jobs only at its end, or where very many were looked at in vain."""
        begin, looks = cursor, 0
        while True:
            found = await self.deck.client.job_page(self._which, limit=PAGE, cursor=cursor)
            looks += 1
            if found.items or found.next is None or looks == _LOOKS:
                self._in_vain = not found.items and found.next is not None
                return Page(begin, found.items, found.next)
            cursor = found.next

    @on(LiveTable.Wanted)
    def _wanted(self, event: LiveTable.Wanted) -> None:
        self._load_page(event)

    @work(group="page", exclusive=False)
    async def _load_page(self, event: LiveTable.Wanted) -> None:
        turn = self._turn
        try:
            page = await self._fetch(event.load.cursor)
        except SwarmError as error:
            event.table.failed()
            self.show_trouble(error)
            return
        if turn != self._turn:
            return
        event.table.add(event.load, page, ask=bool(page.rows))
        self._count()

    # Events.

    @property
    def _at_top(self) -> bool:
        return self._table.span[0] == 0

    def _scrolled(self) -> None:
        """Back at the top, the newer ones are fetched."""
        if self._newer and self._at_top:
            self.load_soon(at_once=True)

    def _tick(self) -> None:
        if self._which.project is not None:
            super()._tick()

    def on_feed(self, batch: Batch) -> None:
        """Rows move at once; what may join the list is fetched where one looks at its top, and counted elsewhere."""
        if batch.anew:
            self.load_soon()
            return
        changes = {int(change.subject): change for change in batch.of("job") if change.subject.isdigit()}
        shown = self._patch(changes)
        joining = any(job not in shown and may_join(change, self._which) for job, change in changes.items())
        moved = any(moves(change, self._which) for change in changes.values())
        if not joining and not moved:
            return
        if self._at_top or moved:
            self.load_soon()
        else:
            self._newer += sum("created" in change.whats for job, change in changes.items() if job not in shown)
            self._count()

    def _patch(self, changes: Mapping[int, Change]) -> set[int]:
        """Change the rows that are here; their ids."""
        held = [job for job in self._table.window.held if job.id in changes]
        rows: dict[Hashable, Job] = {}
        gone: set[Hashable] = set()
        for job in held:
            new = apply(job, changes[job.id])
            if new is None or not stays(new, self._which):
                gone.add(job.id)
            else:
                rows[job.id] = new
        if rows or gone:
            self._table.patch(rows, gone)
            self._count()
        return {job.id for job in held}

    # The line below.

    @on(LiveTable.Moved)
    @on(LiveTable.Marked)
    def _count(self) -> None:
        table = self._table
        known = f"{len(table.window):,}{'' if table.window.whole else '+'}"
        at = f"{table.place + 1:,} of {known}" if len(table.window) else "none"
        parts = [at, SORTS[self._which.sort]]
        if marked := len(table.marked):
            parts.insert(0, f"{marked:,} marked")
        if self._newer:
            parts.append(f"▲ {self._newer:,} newer: g shows them")
        if self._in_vain:
            parts.append(f"none among the last {_LOOKS * 10_000:,} looked at: j looks further")
        with suppress(NoMatches):  # the table tells of its last move while all is taken down
            self.query_one("#count", Static).update(" · ".join(parts), layout=False)

    def _show_order(self) -> None:
        which = self._read(self._filter.text)
        table = self._table
        found = columns(lambda: self.deck.now, projects=which.project == "*")
        table.set_columns(found)
        table.sorted_by = sorted_by(which.sort)

    # Acting.

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        job: Job = event.row
        if self._elsewhere([job]):
            return
        self.deck.open(detail(JOB, job.id))

    def action_cancel(self) -> None:
        """Cancel what is chosen."""
        self._do("cancel", lambda client, ids: client.cancel_many(ids))

    def action_retry(self) -> None:
        """Run what is chosen again."""
        self._do("retry", lambda client, ids: client.retry_many(ids))

    def action_delete(self) -> None:
        """Delete what is chosen."""
        self._do("remove", lambda client, ids: client.remove_many(ids))

    @work(group="ask")
    async def action_priority(self) -> None:
        """Ask for a priority, and give it to what is chosen."""
        found = self._plan("update")
        if found is None:
            return
        usual = {job.priority for job in found.jobs}
        value = str(next(iter(usual))) if len(usual) == 1 else ""
        note = f"from -{MAX_PRIORITY} to {MAX_PRIORITY}; higher goes first"
        fields = [Field("priority", "Priority", value=value, note=note, check=_priority)]
        answers = await self.app.push_screen_wait(Ask(found.title, fields, verb=found.button, lines=found.lines))
        if answers is not None:
            number = _priority(answers["priority"])
            do = partial(self._carry_out, found, lambda client, ids: client.update_many(ids, priority=number))
            self.act(Act(action="job.update", title=found.title, do=do, ask=False))

    def _do(self, verb: Verb, work: "Many") -> None:
        found = self._plan(verb)
        if found is not None:
            do = partial(self._carry_out, found, work)
            right = {"cancel": "job.cancel", "retry": "job.retry", "remove": "job.remove"}[verb]
            self.act(Act(action=right, title=found.title, lines=found.lines, verb=found.button, do=do))

    def _plan(self, verb: Verb) -> Plan | None:
        """What is to be done, where there is something."""
        chosen = self._table.chosen
        if not chosen or self._elsewhere(chosen):
            return None
        found = plan(verb, chosen)
        if not found.jobs:
            self.deck.tell(f"nothing to do: {found.why_not}", bad=True)
            return None
        return found

    def _elsewhere(self, jobs: list[Job]) -> bool:
        """Whether some belong to another project, where another role counts; if so it is told."""
        other = next((job.project for job in jobs if job.project not in (None, self.deck.rights.project)), None)
        if other is not None:
            self.deck.tell(f"that belongs to the project {other}: look at it first (ctrl+o)", bad=True)
        return other is not None

    async def _carry_out(self, found: Plan, work: "Many") -> str:
        """Do it, and tell of each job that it went wrong with."""
        results = await work(self.deck.client, found.ids)
        self._table.unmark()
        sentence = told(found.verb, results)
        wrong = failures(results)
        if len(wrong) > 1 or (wrong and len(results) > 1):
            self.app.push_screen(Told(sentence[:1].upper() + sentence[1:], wrong))
            return ""
        error = next((answer for answer in results.values() if isinstance(answer, SwarmError)), None)
        if error is not None:
            raise error
        return sentence


Many = Callable[[Client, list[int]], Awaitable[Mapping[int, Any]]]
"""Does something to many jobs, and says for each what came of it."""


def _is_mine(word: Token) -> bool:
    """Whether it is the word for one's own jobs."""
    return word.key == "owner" and word.value == ME and not word.negated


def _priority(text: str) -> int:
    """A priority as it is written. Raises ValueError."""
    number = int(text) if text.strip().lstrip("+-").isdecimal() else None
    if number is None or abs(number) > MAX_PRIORITY:
        raise ValueError(f"a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    return number
