"""The part of a long list that is in memory: a few pages around what is looked at, and the way back to the others."""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")
MOST_PAGES: Final = 10
MARGIN: Final = 60
"""Rows before the end of what is loaded at which the next page is wanted."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows as the core gave them: `cursor` is what they were asked for with, `next` what comes after them."""

    cursor: str | None
    rows: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Load:
    """A page that is wanted: with `cursor`, to be put after what there is, or before it."""

    cursor: str | None
    before: bool = False


class Window(Generic[T]):
    """Rows of a list by their place in it, of which at most `most_pages` pages are held.

    The list is known as far as it was ever loaded. Cursors of all its pages are kept, which are a few bytes for each
    page; its rows are let go and fetched again.
    """

    def __init__(self, key: Callable[[T], Hashable], *, most_pages: int = MOST_PAGES) -> None:
        self._key = key
        self._most = most_pages
        self._pages: deque[list[T]] = deque()
        self._cursors: list[str | None] = []
        """Of every page that was ever loaded, in order."""
        self._sizes: list[int] = []
        self._first = 0
        """Number of the first page that is held."""
        self.start = 0
        """Place of the first row that is held."""
        self.next: str | None = None
        """Cursor after the last page ever loaded; None: the list ends there."""

    def begin(self, page: Page[T]) -> None:
        """Start anew with the first page of a list."""
        self._pages = deque([list(page.rows)])
        self._cursors, self._sizes = [page.cursor], [len(page.rows)]
        self._first = self.start = 0
        self.next = page.next

    def put(self, rows: Sequence[T]) -> None:
        """A list that is here whole."""
        self.begin(Page(None, rows, None))

    def __len__(self) -> int:
        """Rows known of, held or not."""
        return sum(self._sizes)

    @property
    def held(self) -> list[T]:
        """The rows that are in memory."""
        return [row for page in self._pages for row in page]

    @property
    def end(self) -> int:
        """Place after the last row that is held."""
        return self.start + sum(len(page) for page in self._pages)

    @property
    def whole(self) -> bool:
        """Whether the end of the list is known."""
        return self.next is None

    def row(self, place: int) -> T | None:
        """The row at a place; None where it is not held."""
        left = place - self.start
        if left < 0:
            return None
        for page in self._pages:
            if left < len(page):
                return page[left]
            left -= len(page)
        return None

    def place(self, key: object) -> int | None:
        """Where a row is that is held."""
        for number, row in enumerate(self.held):
            if self._key(row) == key:
                return self.start + number
        return None

    def replace(self, row: T) -> bool:
        """Put a row in the place of the one with the same key; whether there is one."""
        key = self._key(row)
        for page in self._pages:
            for number, old in enumerate(page):
                if self._key(old) == key:
                    page[number] = row
                    return True
        return False

    def patch(self, rows: Mapping[Hashable, T], gone: Collection[Hashable] = ()) -> None:
        """Put rows in the places of those with the same keys, and take others out: many in one pass."""
        for number, page in enumerate(self._pages):
            kept = [row for row in page if self._key(row) not in gone] if gone else page
            page[:] = [rows.get(self._key(row), row) for row in kept]
            self._sizes[self._first + number] = len(page)

    def cursor_at(self, place: int) -> str | None:
        """The cursor of the held page that has a place; of the first that is held, where none has it."""
        end = self.start
        for number, page in enumerate(self._pages):
            end += len(page)
            if place < end:
                return self._cursors[self._first + number]
        return self._cursors[self._first] if self._pages else None

    def renew(self, pages: Sequence[Page[T]]) -> None:
        """Pages one after another, fetched anew, in place of all that is held; what is known after them is forgotten.

        One that no longer fits, for the list was begun anew since, is let go.
        """
        if not pages or pages[0].cursor not in self._cursors:
            return
        self._first = self._cursors.index(pages[0].cursor)
        self._cursors[self._first :] = [page.cursor for page in pages]
        self._sizes[self._first :] = [len(page.rows) for page in pages]
        self._pages = deque(list(page.rows) for page in pages)
        self.start = sum(self._sizes[: self._first])
        self.next = pages[-1].next

    def remove(self, key: object) -> bool:
        """Take a row out; whether there was one."""
        for number, page in enumerate(self._pages):
            for index, row in enumerate(page):
                if self._key(row) == key:
                    del page[index]
                    self._sizes[self._first + number] -= 1
                    return True
        return False

    def wanted(self, top: int, bottom: int) -> Load | None:
        """The page to fetch so that rows from `top` to `bottom`, and some beyond, are there; None: nothing now."""
        if self._first > 0 and top - MARGIN < self.start:
            return Load(self._cursors[self._first - 1], before=True)
        if bottom + MARGIN >= self.end:
            after = self._first + len(self._pages)
            if after < len(self._cursors):
                return Load(self._cursors[after])
            if self.next is not None:
                return Load(self.next)
        return None

    def add(self, load: Load, page: Page[T]) -> None:
        """A page that was wanted. One that no longer fits, for the list was begun anew since, is let go."""
        if load != self._fits(before=load.before):
            return
        if load.before:
            self._put_before(page)
        else:
            self._put_after(page)

    def _fits(self, *, before: bool) -> Load | None:
        if before:
            return Load(self._cursors[self._first - 1], before=True) if self._first > 0 else None
        after = self._first + len(self._pages)
        if after < len(self._cursors):
            return Load(self._cursors[after])
        return Load(self.next) if self.next is not None else None

    def _put_after(self, page: Page[T]) -> None:
        number = self._first + len(self._pages)
        self._pages.append(list(page.rows))
        if number == len(self._cursors):
            self._cursors.append(page.cursor)
            self._sizes.append(len(page.rows))
            self.next = page.next
        else:
            self._sizes[number] = len(page.rows)
        if len(self._pages) > self._most:
            self.start += len(self._pages.popleft())
            self._first += 1

    def _put_before(self, page: Page[T]) -> None:
        self._first -= 1
        self._pages.appendleft(list(page.rows))
        self._sizes[self._first] = len(page.rows)
        self.start = sum(self._sizes[: self._first])
        if len(self._pages) > self._most:
            self._pages.pop()
