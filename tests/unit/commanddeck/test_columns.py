"""Columns in a width, and text cut to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from swarm_commanddeck.columns import Column, fit, place_columns


def column(name: str, width: int, *, grow: int = 0, need: int = 0) -> Column[str]:
    return Column(name, name, width, lambda row: (row, ""), grow=grow, need=need)


COLUMNS = [
    column("id", 8),
    column("name", 20, grow=3),
    column("worker", 12, grow=1, need=100),
    column("tags", 10, need=140),
]


@pytest.mark.parametrize(
    ("width", "shown"), [(20, "id"), (80, "id name"), (100, "id name worker"), (160, "id name worker tags")]
)
def test_what_matters_less_needs_more_room(width: int, shown: str) -> None:
    placed = place_columns(COLUMNS, width)
    assert " ".join(p.column.name for p in placed) == shown
    assert placed[-1].left + placed[-1].width <= width


def test_what_is_left_over_is_shared() -> None:
    name, worker = place_columns(COLUMNS, 124)[1:]
    assert (name.width - 20, worker.width - 12) == (60, 20)


@given(st.text(), st.integers(0, 40), st.booleans())
def test_any_text_fills_its_width_and_has_nothing_that_a_terminal_acts_on(text: str, width: int, right: bool) -> None:
    line = fit(text, width, right=right)
    assert cell_len(line) == width
    assert not set(line) & {chr(code) for code in (*range(32), *range(127, 160))}


def test_what_is_cut_says_so() -> None:
    assert fit("abcdef", 4) == "abc…"
    assert fit("ab", 4, right=True) == "  ab"
    assert fit("漢字かな", 5) == "漢字…"
    assert fit("a\x1b[31mb", 10) == "a�[31mb   "
