"""The held attempts' records and spools: what is in memory beside their folders on disk."""

import asyncio
import logging
from collections.abc import Iterator

from swarm_protocol.messages import Assign, Finished, HeldAttempt, Reconcile, Ref
from swarm_worker.journal import Journal, Record
from swarm_worker.spool import Spool
from swarm_worker.window import Piece

log = logging.getLogger("swarm.worker")


class Shelf:
    """Everything kept for each attempt until it is forgotten."""

    def __init__(self, journal: Journal, log_cap: int) -> None:
        self._journal = journal
        self._log_cap = log_cap
        self._records: dict[Ref, Record] = {}
        self._spools: dict[Ref, Spool] = {}

    def restore(self) -> Iterator[Record]:
        """What a predecessor kept; put each on the shelf with `put`."""
        records, problems = self._journal.read_all()
        for problem in problems:
            log.error("a record can't be read and is left alone: %s", problem)
        yield from records

    def put(self, record: Record) -> Spool:
        """Take up a record that is on disk already; its spool. Raises OSError."""
        self._records[record.ref] = record
        return self.spool(record.ref)

    def keep(self, assign: Assign) -> None:
        """Write down a new assignment. A disk that takes nothing shows when the attempt begins."""
        record = self._records[assign.ref] = Record.of(assign)
        try:
            self._journal.write(record)
        except OSError as error:
            self._not_written(assign.ref, error)

    def record(self, ref: Ref) -> Record:
        """The record of a held attempt."""
        return self._records[ref]

    def spool(self, ref: Ref) -> Spool:
        """The spool of a held attempt, opened when it is first wanted. Raises OSError."""
        if ref not in self._spools:
            self._spools[ref] = Spool(self._journal.folder(ref) / "spool", self._log_cap)
        return self._spools[ref]

    def read(self, piece: Piece) -> bytes:
        """Bytes of a spool that the log window said to send."""
        return self._spools[piece.source.ref].read(piece.source.stream, piece.offset, piece.length)

    def sized(self, told: Reconcile) -> Reconcile:
        """What is held, with the sizes of its logs."""
        return Reconcile(held=[self._sized(held) for held in told.held])

    def _sized(self, held: HeldAttempt) -> HeldAttempt:
        spool = self._spools.get(held.ref)
        sizes = spool.sizes if spool is not None else {1: 0, 2: 0}
        return HeldAttempt(ref=held.ref, phase=held.phase, stdout=sizes[1], stderr=sizes[2])

    async def settle(self, finished: Finished) -> None:
        """Journal the end of an attempt that has no runner. What can't be written is reported all the same."""
        record = self._records.get(finished.ref)
        if record is not None:
            record.outcome = finished
            await self._write(record, durable=True)

    async def note_acked(self, ref: Ref) -> None:
        """The outcome is committed: only the log is still to be brought, also after a restart."""
        record = self._records.get(ref)
        if record is not None and not record.acked:
            record.acked = True
            await self._write(record, durable=False)

    async def _write(self, record: Record, *, durable: bool) -> None:
        try:
            await asyncio.to_thread(self._journal.write, record, durable=durable)
        except OSError as error:
            self._not_written(record.ref, error)

    def _not_written(self, ref: Ref, error: OSError) -> None:
        log.error("attempt %s.%s can't be written down: %s", ref.job, ref.attempt, error, extra={"ref": ref})

    def forget(self, ref: Ref) -> None:
        """Nothing of it is wanted any more; its files go with `remove_files`."""
        self._records.pop(ref, None)
        if (spool := self._spools.pop(ref, None)) is not None:
            spool.close()

    async def remove_files(self, ref: Ref) -> None:
        """Remove its folder."""
        await asyncio.to_thread(self._journal.forget, ref)
