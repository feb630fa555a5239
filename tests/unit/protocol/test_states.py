"""The one transition table, and the page that shows it."""

import re
from pathlib import Path

from swarm_protocol.states import FAILURES, TERMINAL, TRANSITIONS, FailureKind, JobState, WorkerState, may_follow

PAGE = (Path(__file__).parents[3] / "docs" / "state-machine.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_state_has_its_row_and_ends_are_never_left() -> None:
    assert set(TRANSITIONS) == set(JobState)
    assert {state for state, after in TRANSITIONS.items() if not after} == TERMINAL
    assert not may_follow(JobState.SUCCEEDED, JobState.QUEUED)


def test_every_end_can_be_reached_from_every_other_state() -> None:
    def reach(state: JobState, seen: frozenset[JobState] = frozenset()) -> set[JobState]:
        found = {state}
        for after in TRANSITIONS[state] - seen:
            found |= reach(after, seen | {state})
        return found

    for state in set(JobState) - TERMINAL:
        assert reach(state) >= TERMINAL


def test_the_page_shows_this_table() -> None:
    shown = {cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[2])) for cells in rows("Jobs")}
    assert shown == {str(state): {str(after) for after in allowed} for state, allowed in TRANSITIONS.items()}


def test_the_page_shows_these_failures_and_workers() -> None:
    shown = {cells[0].strip("`"): (cells[1].strip("`"), cells[2]) for cells in rows("Failures")}
    assert shown == {str(kind): (str(rule.end), str(rule.budget)) for kind, rule in FAILURES.items()}
    assert set(FAILURES) == set(FailureKind)
    assert [cells[0].strip("`") for cells in rows("Workers")] == [str(state) for state in WorkerState]
