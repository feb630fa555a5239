"""The intake of job logs: order, duplicates, gaps and bounds, without I/O."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_core.log_intake import Intake, Key

KEY = Key(7, 1, 1)
TEXT = bytes(range(256)) * 8


def sealed(intake: Intake, *, upto: int = 0) -> None:
    """The database knows this much of every stream that is asked for."""
    asked = intake.unknown
    intake.know(asked, dict.fromkeys(asked, upto))


def drain(intake: Intake) -> bytes:
    """Seal all; what was sealed."""
    found = b""
    while runs := intake.runs():
        for run in runs:
            found += run.data
            intake.sealed(run)
    return found


def test_bytes_are_taken_once_and_in_order() -> None:
    intake = Intake()
    intake.add(KEY, 0, b"abc")
    sealed(intake)
    intake.add(KEY, 3, b"def")
    intake.add(KEY, 0, b"abcdefgh")
    assert intake.end(KEY) == 8
    assert intake.peek(KEY, 2, 3) == b"cde"
    assert drain(intake) == b"abcdefgh"
    assert intake.peek(KEY, 2, 3) == b""
    assert (intake.size, intake.waiting) == (0, False)


def test_a_gap_takes_nothing_and_asks_once() -> None:
    intake = Intake()
    intake.add(KEY, 0, b"abc")
    sealed(intake)
    intake.add(KEY, 5, b"fg")
    intake.add(KEY, 7, b"hi")
    assert intake.to_ask() == [(KEY, 0)]
    assert intake.to_ask() == []
    assert drain(intake) == b"abc"
    intake.add(KEY, 3, b"de")
    intake.add(KEY, 6, b"g")
    assert intake.to_ask() == [(KEY, 3)]


def test_what_is_safe_already_is_told_again() -> None:
    intake = Intake()
    intake.add(KEY, 0, b"abc")
    sealed(intake, upto=10)
    assert not intake.waiting
    assert intake.to_echo() == [(KEY, 10)]
    assert intake.to_echo() == []


def test_an_acknowledgement_on_its_way_replaces_the_echo() -> None:
    intake = Intake()
    intake.add(KEY, 0, b"abc")
    intake.add(KEY, 8, b"cdefgh")
    sealed(intake, upto=10)
    assert drain(intake) == b"efgh"
    assert intake.to_echo() == []


def test_a_stream_of_a_removed_job_is_let_go() -> None:
    intake = Intake()
    intake.add(KEY, 0, b"abc")
    intake.know(intake.unknown, {})
    assert (intake.size, intake.waiting) == (0, False)


def test_memory_is_bounded_and_what_was_refused_is_asked_for() -> None:
    intake = Intake(most=1000, most_each=600)
    other = Key(8, 1, 1)
    intake.add(KEY, 0, bytes(300))
    intake.add(other, 0, bytes(1))
    sealed(intake)
    intake.add(KEY, 300, bytes(301))
    intake.add(KEY, 601, bytes(100))
    assert intake.end(KEY) == 300
    intake.add(other, 1, bytes(599))
    assert intake.size == 900
    assert intake.to_ask() == []
    intake.add(KEY, 300, bytes(101))
    assert intake.size == 900
    drain(intake)
    assert intake.to_ask() == [(KEY, 300)]
    assert intake.size == 0


def test_a_stream_of_which_nothing_was_taken_is_asked_for_too() -> None:
    intake = Intake(most=1000)
    intake.add(KEY, 0, bytes(700))
    intake.add(Key(8, 1, 1), 0, bytes(700))
    sealed(intake)
    drain(intake)
    assert intake.to_ask() == [(Key(8, 1, 1), 0)]


def test_unplaced_chunks_cost_more_than_their_bytes() -> None:
    intake = Intake(most=10_000)
    for offset in range(1000):
        intake.add(KEY, offset, b"x")
    assert intake.size <= 10_000
    sealed(intake)
    assert 0 < intake.end(KEY) < 1000


def test_a_stream_that_another_core_sealed_goes_on_behind_it() -> None:
    intake = Intake()
    intake.add(KEY, 0, b"abcdef")
    sealed(intake)
    [run] = intake.runs()
    intake.lost(run)
    sealed(intake, upto=4)
    [run] = intake.runs()
    assert (run.start, run.data) == (4, b"ef")


def test_nonsense_is_not_taken() -> None:
    intake = Intake()
    for key, offset in ((Key(1, 1, 3), 0), (KEY, -1), (KEY, 1 << 60)):
        assert not intake.add(key, offset, b"x")
    assert intake.size == 0


def test_idle_streams_are_forgotten_in_time() -> None:
    intake = Intake()
    for job in range(21_000):
        key = Key(job, 1, 1)
        intake.add(key, 0, b"x")
        sealed(intake)
        drain(intake)
    assert intake.end(Key(20_999, 1, 1)) == 1
    assert intake.end(Key(0, 1, 1)) == 0


@dataclass
class Sender:
    """A worker that follows the protocol: it goes on from where it is asked to."""

    text: bytes
    sent: int = 0
    acked: int = 0
    lost: list[int] = field(default_factory=list)

    def heard(self, offset: int) -> None:
        """An acknowledgement; one that doesn't grow asks to send again."""
        if offset <= self.acked or offset > self.sent:
            self.sent = offset
        self.acked = offset


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("snlrkx"), st.integers(1, 400)), max_size=60))
def test_whatever_is_lost_the_sealed_bytes_are_the_senders(steps: list[tuple[str, int]]) -> None:
    intake, worker, safe = Intake(most=1500, most_each=1200), Sender(TEXT), b""

    def seal() -> None:
        nonlocal safe
        sealed(intake, upto=len(safe))
        for run in intake.runs():
            assert run.start == len(safe)
            safe += run.data
            worker.heard(intake.sealed(run))
        for _, offset in intake.to_ask():
            worker.heard(offset)
            worker.heard(offset)

    def send(size: int, *, arrives: bool) -> None:
        data = TEXT[worker.sent : worker.sent + size]
        if data:
            if arrives:
                intake.add(KEY, worker.sent, data)
            worker.sent += len(data)

    for step, size in steps:
        match step:
            case "s" | "n":
                send(size, arrives=True)
            case "l":
                send(size, arrives=False)
            case "r":  # a new connection: everything that was not acknowledged is sent again
                worker.sent = worker.acked
            case "k":
                seal()
            case _:  # this core forgets all it had in memory
                intake, worker.sent = Intake(most=1500, most_each=1200), worker.acked
        assert intake.size <= 1500 + 200
        assert safe == TEXT[: len(safe)]
    for _ in range(200):
        worker.sent = worker.acked if worker.sent >= len(TEXT) else worker.sent
        send(300, arrives=True)
        seal()
    assert safe == TEXT
