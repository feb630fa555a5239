"""The record of a worker's messages: what it keeps of them, what it sums up, and that it stays small."""

import sys
from typing import Any
from uuid import uuid4

import pytest

from swarm_core.interactions.kinds import KINDS, NONE, RESULTS, TELL
from swarm_core.interactions.record import ENTRIES, Note, Record
from swarm_protocol import messages as m

REF = m.Ref(7, 1)
LOAD = m.Load(running=0, free_slots=1, load1=0.0, memory_free=1)
SECRET = b'{"image":"i","env":{"PASSWORD":"hunter2"}}'


def assign(ref: m.Ref = REF) -> m.Assign:
    return m.Assign(ref=ref, project=uuid4(), image=m.ImageRef(name="i", digest="sha256:0"), spec=SECRET)


def log(size: int, ref: m.Ref = REF) -> m.Log:
    return m.Log(ref=ref, stream=1, offset=0, data=b"x" * size)


def noted(*batches: Any, now: float = 100.0) -> Record:
    record = Record(now)
    for batch in batches:
        record.note(batch if isinstance(batch, list) else [batch], now)
    return record


def names(notes: list[Note]) -> list[str]:
    return [KINDS[note.kind].name for note in notes]


def size_of(record: Record) -> int:
    """Bytes of a record with all that it holds."""
    seen: set[int] = set()

    def size(thing: object) -> int:
        if id(thing) in seen or isinstance(thing, type):
            return 0
        seen.add(id(thing))
        inner: list[object] = []
        if isinstance(thing, Record):
            inner = [getattr(thing, name) for name in Record.__slots__]
        elif isinstance(thing, dict):
            inner = [*thing.keys(), *thing.values()]
        elif isinstance(thing, tuple | set):
            inner = list(thing)
        elif hasattr(type(thing), "__slots__"):
            inner = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
        return sys.getsizeof(thing) + sum(map(size, inner))

    return size(record)


def test_messages_come_back_in_their_order_with_what_is_kept_of_them() -> None:
    record = noted(
        assign(),
        [m.Accepted(ref=REF), m.Started(ref=REF)],
        m.Finished(ref=REF, result="exit_nonzero", exit_code=3, message="secret words"),
        m.Ack(ref=REF),
    )
    told = record.read(0, 100.0)
    assert names(told.notes) == ["assign", "accepted", "started", "finished", "ack"]
    assert {(note.job, note.attempt) for note in told.notes} == {(7, 1)}
    assert told.notes[0].first == len(SECRET)
    end = told.notes[3]
    assert (end.first, end.second, RESULTS[end.result]) == (3, 0, "exit_nonzero")
    assert not told.missed


def test_nothing_of_what_a_job_holds_is_kept() -> None:
    record = noted(assign(), m.Finished(ref=REF, result="hunter2", message="hunter2"), log(10))
    record.read(0, 102.0)
    assert b"hunter2" not in bytes(record._ring)
    assert b"xxxxx" not in bytes(record._ring)


def test_who_follows_gets_each_message_once() -> None:
    record = noted([m.Accepted(ref=REF), m.Started(ref=REF)])
    first = record.read(0, 100.0).notes
    record.note([m.Harvesting(ref=REF)], 100.5)
    assert names(record.read(first[-1].seq, 100.5).notes) == ["harvesting"]
    assert record.read(first[-1].seq + 1, 100.5).notes == []


def test_a_later_record_goes_on_where_an_earlier_one_ended() -> None:
    before = noted(*[m.Accepted(ref=REF)] * 200).read(0, 100.0).notes[-1].seq
    assert noted(m.Accepted(ref=REF), now=101.0).read(before, 101.0).notes


def test_the_oldest_go_and_whoever_missed_them_is_told() -> None:
    record = Record(100.0)
    for number in range(1, ENTRIES + 11):
        record.note([m.Accepted(ref=m.Ref(number, 1))], 100.0 + number)
    told = record.read(0, 500.0)
    assert [note.job for note in told.notes] == list(range(11, ENTRIES + 11))
    assert told.missed
    assert not record.read(told.notes[0].seq, 500.0).missed


def test_signs_of_life_are_counted_beside_the_messages() -> None:
    record = noted(m.Accepted(ref=REF))
    record.beats += 12
    record.note([m.Ping(seq=1, load=LOAD)], 110.0)
    record.note([m.Lease(seq=1)], 110.0)
    told = record.read(0, 110.0)
    assert names(told.notes) == ["accepted"]
    assert tuple(told.quiet) == (100.0, 12, 1, 1)
    record.note([m.Goodbye()], 112.0)
    told = record.read(0, 112.0)
    assert names(told.notes) == ["accepted", "quiet", "goodbye"]
    quiet = told.notes[1]
    assert (quiet.at, quiet.stands_for, quiet.first, quiet.second) == (100.0, 12, 1, 1)
    assert tuple(told.quiet) == (112.0, 0, 0, 0)


def test_log_bytes_are_summed_up_and_come_before_the_end() -> None:
    record = noted(*[log(1000)] * 50, m.LogAck(ref=REF, stream=1, offset=50_000))
    assert record.read(0, 100.5).notes == []
    assert record.gathers
    record.note([m.Finished(ref=REF, result="succeeded", exit_code=0)], 100.6)
    told = record.read(0, 100.6)
    assert names(told.notes) == ["log", "log_ack", "finished"]
    assert (told.notes[0].stands_for, told.notes[0].first) == (50, 50_000)
    assert told.notes[1].first == NONE


def test_a_reader_gets_a_sum_after_a_second() -> None:
    record = noted(log(10))
    assert names(record.read(0, 101.0).notes) == ["log"]


def test_a_burst_is_counted_by_kind() -> None:
    record = Record(100.0)
    refs = [m.Ref(number, 1) for number in range(2000)]
    record.note([assign(ref) for ref in refs], 100.1)
    record.note([m.Accepted(ref=ref) for ref in refs] + [m.Ping(seq=1, load=LOAD)], 100.2)
    told = record.read(0, 102.0)
    many = [(KINDS[note.kind].name, note.stands_for) for note in told.notes if note.many]
    assert many == [("assign", 2000 - 128), ("accepted", 2000)]
    assert told.quiet.pings == 1


def test_what_is_stale_is_marked() -> None:
    stale = m.Started(ref=m.Ref(7, 1))
    record = noted(m.Started(ref=m.Ref(8, 1)), stale)
    record.refuse(stale, 100.0)
    assert [(note.job, note.refused) for note in record.read(0, 100.0).notes] == [(8, False), (7, True)]
    record.refuse(m.Finished(ref=REF, result="succeeded"), 100.0)
    assert record.read(0, 100.0).notes[-1].refused


def test_words_about_a_terminal_name_its_job() -> None:
    terminal = uuid4()
    record = noted(
        m.TerminalOpen(terminal=terminal, ref=REF),
        m.TerminalOpened(terminal=terminal),
        *[m.TerminalOutput(terminal=terminal, stream=1, data=b"1234")] * 3,
        m.TerminalEnded(terminal=terminal, exit_code=0),
        m.TerminalOpened(terminal=uuid4()),
    )
    found = record.read(0, 100.0).notes
    assert names(found) == ["term_open", "term_opened", "term_output", "term_ended", "term_opened"]
    assert [note.job for note in found] == [7, 7, 7, 7, 0]
    assert found[2].first == 12


def test_any_number_that_a_worker_says_can_be_kept() -> None:
    record = noted(m.Accepted(ref=m.Ref((1 << 64) - 1, 1 << 40)))
    assert record.read(0, 100.0).notes[0].job == (1 << 63) - 1


def test_one_job_alone() -> None:
    record = noted(m.Accepted(ref=m.Ref(1, 1)), m.Accepted(ref=m.Ref(2, 1)), m.Goodbye())
    assert [note.job for note in record.read(0, 100.0, job=2).notes] == [2]


@pytest.mark.parametrize("apart", [0.0001, 0.01, 5.0])
def test_a_record_stays_below_16_kilobytes(apart: float) -> None:
    record = Record(100.0)
    terminals = [uuid4() for _ in range(100)]
    for number in range(3000):
        ref, terminal, now = m.Ref(number, 1), terminals[number % 100], 100.0 + number * apart
        record.note([assign(ref), log(1000, ref), m.TerminalOpen(terminal=terminal, ref=ref)], now)
        record.note([m.TerminalOutput(terminal=terminal, stream=1, data=b"x" * 32_000)], now)
    assert size_of(record) <= 16 * 1024


def test_each_message_of_the_protocol_has_a_kind() -> None:
    assert {*m.FromWorker.__args__, *m.FromCore.__args__} == set(TELL)
