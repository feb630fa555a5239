"""A simulated worker answers as a real one, and its book counts outcomes."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from bench.simulated import Book, SimulatedWorker
from swarm_protocol import messages as m
from swarm_worker.identity import Identity, new_key

REF = m.Ref(7, 1)


@dataclass
class Socket:
    sent: list[bytes] = field(default_factory=list)

    async def send(self, data: bytes) -> None:
        self.sent.append(data)


def worker(book: Book, apart: float | None = None) -> SimulatedWorker:
    identity = Identity(worker_id=uuid4(), cluster="c", name="w", url="wss://h:1", ca_pem="", key=new_key())
    return SimulatedWorker(identity, book, slots=2, apart=apart, beats=False)


def assign() -> m.Assign:
    return m.Assign(ref=REF, project=uuid4(), image=m.ImageRef(name="", digest=""), spec=b"{}")


async def test_an_assignment_is_answered_in_the_order_of_a_real_run() -> None:
    book, answers, socket = Book(), list[m.FromWorker](), Socket()
    worker(book)._take(assign(), answers, socket)  # type: ignore[arg-type]
    assert [type(answer) for answer in answers] == [m.Accepted, m.Started, m.Finished]
    assert isinstance(answers[-1], m.Finished)
    assert (answers[-1].result, answers[-1].exit_code) == ("succeeded", 0)
    assert list(book.assigned) == [7]


async def test_the_book_waits_for_committed_outcomes_and_not_for_assignments() -> None:
    book = Book()
    simulated, socket = worker(book), Socket()
    waiting = asyncio.create_task(book.until(1))
    simulated._take(assign(), [], socket)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not waiting.done()
    simulated._take(m.Ack(ref=REF), [], socket)  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        assert await waiting == book.acked[7]


async def test_ready_means_reconciled() -> None:
    simulated = worker(Book())
    assert not simulated.ready.done()
    simulated._take(m.Reconciled(keep=[], stop=[]), [], Socket())  # type: ignore[arg-type]
    assert simulated.ready.done()
