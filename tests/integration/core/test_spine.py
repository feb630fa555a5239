"""Claims, fencing, leases and outcomes on a real Postgres."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest
from tests.integration.core.spine import Ana, spine

from swarm_core.harvester import Report
from swarm_core.settings import Timers
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError

QUICK = Timers(lease=0.6, renew=0.15, sweep=0.1)


async def move_clock(url: str, interval: str) -> None:
    """Move a database's clock: SQL reads time only through swarm_now()."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create or replace function swarm_now() returns timestamptz language sql stable parallel safe"
        f" return statement_timestamp() + interval '{interval}'"
    )
    await connection.close()


async def test_a_job_runs_through_all_its_states_with_its_history(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit(command=["true"], priority=3)
        assigned = await worker.assigned()
        assert (assigned.ref, assigned.image.digest) == (m.Ref(job, 1), "sha256:" + "0" * 64)
        assert msgspec.json.decode(assigned.spec)["command"] == ["true"]
        await core.started(worker, assigned.ref)
        assert await core.finished(worker, assigned.ref)
        row = await core.job(job)
        assert (row["state"], row["exit_code"], row["attempt"]) == ("succeeded", 0, 1)
        assert row["ended_at"] >= row["started_at"] >= row["created_at"]
        assert await core.history(job) == [
            (None, "queued", 0),
            ("queued", "dispatched", 1),
            ("dispatched", "running", 1),
            ("running", "succeeded", 1),
        ]


async def test_a_start_and_its_end_in_one_batch_leave_the_same_history(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        ref = (await worker.assigned()).ref
        core.dispatcher.free(worker.session, ref)
        start, end = m.Started(ref=ref), m.Finished(ref=ref, result="exit_nonzero", exit_code=3)
        first = core.harvester.report(Report(worker.id, start))
        await asyncio.gather(first, core.harvester.report(Report(worker.id, end)))
        row = await core.job(job)
        assert (row["state"], row["exit_code"], row["started_at"]) == ("failed", 3, row["ended_at"])
        assert (await core.history(job))[-2:] == [("dispatched", "running", 1), ("running", "failed", 1)]
        attempt = await core.database.api.fetchrow("select state, started_at from attempt where job_id = $1", job)
        assert attempt is not None
        assert (attempt["state"], attempt["started_at"]) == ("failed", row["started_at"])


async def test_higher_priority_goes_first_and_equals_in_order(database_url: str) -> None:
    async with spine(database_url) as core:
        low = await core.submit()
        high = await core.submit(priority=10)
        also_low = await core.submit()
        worker = await core.connect(await core.add_worker("w"), slots=1)
        order = []
        for _ in range(3):
            ref = (await worker.assigned()).ref
            order.append(ref.job)
            await core.finished(worker, ref)
        assert order == [high, low, also_low]


async def test_a_claim_takes_only_what_its_workers_can_run(database_url: str) -> None:
    async with spine(database_url) as core:
        wants_gpu = await core.submit(constraints={"gpu": "a100"})
        plain = await core.submit()
        worker = await core.connect(await core.add_worker("plain"))
        assert (await worker.assigned()).ref.job == plain
        assert (await core.job(wants_gpu))["state"] == "queued"
        gpu = await core.connect(await core.add_worker("gpu"), gpu="a100")
        assert (await gpu.assigned()).ref.job == wants_gpu


async def test_a_stale_attempt_changes_nothing(database_url: str) -> None:
    """Fencing: once the job is at attempt 2, nothing said of attempt 1 counts, by whomever."""
    async with spine(database_url) as core:
        one = await core.connect(await core.add_worker("one"))
        job = await core.submit()
        first = (await one.assigned()).ref
        await core.started(one, first)
        assert await core.finished(one, first, "released")
        second = (await one.assigned()).ref
        assert second == m.Ref(job, 2)
        assert not await core.finished(one, first)
        await core.started(one, first)
        assert (await core.job(job))["state"] == "dispatched"
        other = await core.connect(await core.add_worker("other"))
        assert not await core.finished(other, second)
        assert (await core.job(job))["state"] == "dispatched"
        assert await core.finished(one, second)


async def test_a_terminal_state_is_refused_by_the_database_itself(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        await core.finished(worker, (await worker.assigned()).ref)
        with pytest.raises(asyncpg.CheckViolationError, match="never left"):
            await core.database.api.execute("update job set state = 'queued' where id = $1", job)


async def test_a_lost_worker_gives_its_job_to_another(database_url: str) -> None:
    async with spine(database_url, QUICK) as core:
        one = await core.connect(await core.add_worker("one"))
        job = await core.submit()
        ref = (await one.assigned()).ref
        await core.started(one, ref)
        core.dispatcher.remove(one.session)
        two = await core.connect(await core.add_worker("two"))
        assert (await two.assigned()).ref == m.Ref(job, 2)
        row = await core.job(job)
        assert (row["infra_failures"], row["own_failures"], row["workers_lost"]) == (1, 0, 1)
        assert not await core.finished(one, ref)
        assert await core.finished(two, m.Ref(job, 2))


async def test_a_job_that_loses_three_workers_is_held_and_can_be_released(database_url: str) -> None:
    async with spine(database_url, QUICK) as core:
        job = await core.submit(infra_retries=9)
        for number in range(3):
            worker = await core.connect(await core.add_worker(f"w{number}"))
            assert (await worker.assigned()).ref == m.Ref(job, number + 1)
            core.dispatcher.remove(worker.session)
            await core.reaches(job, "held" if number == 2 else "queued")
        assert (await core.job(job))["reason"].count("quarantined") == 1
        retried = await core.steering.retry(Ana(), job)
        assert (retried.id, retried.created) == (job, False)
        worker = await core.connect(await core.add_worker("last"))
        assert (await worker.assigned()).ref == m.Ref(job, 4)


async def test_at_most_once_fails_rather_than_start_again(database_url: str) -> None:
    async with spine(database_url, QUICK) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit(at_most_once=True, retries=5)
        await worker.assigned()
        core.dispatcher.remove(worker.session)
        row = await core.reaches(job, "failed")
        assert (row["failure"], row["attempt"]) == ("worker_lost", 1)


async def test_a_returning_worker_keeps_its_attempt_under_a_new_session(database_url: str) -> None:
    async with spine(database_url) as core:
        name = await core.add_worker("w")
        first = await core.connect(name)
        job = await core.submit()
        ref = (await first.assigned()).ref
        await core.started(first, ref)
        back = await core.connect(name, held=[m.HeldAttempt(ref=ref, phase="running")])
        assert (await back.next(m.Reconciled)).keep == [ref]
        assert first.closed, "the older connection of the same worker is closed"
        assert await core.finished(back, ref)
        assert (await core.job(job))["attempt"] == 1


async def test_an_assignment_that_never_arrived_costs_nothing(database_url: str) -> None:
    async with spine(database_url) as core:
        name = await core.add_worker("w")
        job = await core.submit(at_most_once=True)
        lost = await core.connect(name)
        await lost.assigned()
        back = await core.connect(name)
        assert (await back.assigned()).ref == m.Ref(job, 2)
        assert (await core.job(job))["infra_failures"] == 0


async def test_own_failures_are_retried_after_a_backoff(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit(retries=1)
        await core.finished(worker, (await worker.assigned()).ref, "exit_nonzero")
        assert (await core.reaches(job, "sleeping"))["wake_at"] is not None
        await move_clock(database_url, "10 seconds")
        core.hibernator.wake()
        await core.finished(worker, (await worker.assigned()).ref, "exit_nonzero")
        row = await core.job(job)
        assert (row["state"], row["failure"], row["attempt"]) == ("failed", "exit_nonzero", 2)


async def test_cancel_before_during_and_after(database_url: str) -> None:
    async with spine(database_url) as core:
        waiting = await core.submit()
        assert (await core.steering.cancel(Ana(), waiting)).state == "cancelled"
        running = await core.submit()
        worker = await core.connect(await core.add_worker("w"))
        ref = (await worker.assigned()).ref
        assert ref.job == running
        assert (await core.steering.cancel(Ana(), running)).cancelling
        assert (await worker.next(m.Cancel)).ref == ref
        assert await core.finished(worker, ref)
        assert (await core.job(running))["state"] == "cancelled", "the cancel was committed before the outcome"
        with pytest.raises(SwarmError, match="already ended: cancelled"):
            await core.steering.cancel(Ana(), running)


async def test_a_cancelled_job_is_not_retried_when_its_worker_is_lost(database_url: str) -> None:
    async with spine(database_url, QUICK) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        await worker.assigned()
        await core.steering.cancel(Ana(), job)
        core.dispatcher.remove(worker.session)
        await core.reaches(job, "cancelled")


async def test_cancel_against_claim_leaves_one_answer(database_url: str) -> None:
    """Many rounds of both at once: the job either never starts, or its worker is told."""
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"), slots=50)
        for _ in range(30):
            job = await core.submit()
            answer = await core.steering.cancel(Ana(), job)
            if answer.cancelling:
                ref = (await worker.next(m.Cancel)).ref
                assert ref.job == job
                await core.finished(worker, ref, "cancelled")
            assert (await core.job(job))["state"] == "cancelled"
        assert await core.database.api.fetchval("select count(*) from queue") == 0


async def test_an_idempotency_key_makes_one_job(database_url: str) -> None:
    async with spine(database_url) as core:
        raw, other = b'{"image":"img"}', b'{"image":"img","priority":1}'
        ana = Ana()
        many = await asyncio.gather(*[core.receiver.submit(ana, [raw], keys=["k"]) for _ in range(8)])
        assert len({made.id for [made] in many}) == 1
        assert sum(made.created for [made] in many) == 1
        with pytest.raises(SwarmError) as refused:
            await core.receiver.submit(ana, [other], keys=["k"])
        assert refused.value.code == "idempotency_mismatch"
        mixed = await core.receiver.submit(ana, [raw, other, raw], keys=["k", "k2", None])
        assert [made.created for made in mixed] == [False, True, True]
        assert (await core.job(mixed[1].id))["priority"] == 1
        assert await core.database.api.fetchval("select count(*) from job") == 3


async def test_a_report_that_cannot_be_kept_ends_its_own_job_and_no_other(database_url: str) -> None:
    async with spine(database_url) as core:
        await core.database.api.execute("alter table attempt add check (message <> 'poison')")
        worker = await core.connect(await core.add_worker("w"))
        jobs = [await core.submit() for _ in range(4)]
        refs = [(await worker.assigned()).ref for _ in jobs]
        for ref in refs:
            await core.started(worker, ref)
        ends = [core.finished(worker, ref, message="poison" if ref.job == jobs[1] else "") for ref in refs]
        assert await asyncio.gather(*ends) == [True] * 4

        states = [(await core.job(job))["state"] for job in jobs]
        assert states == ["succeeded", "failed", "succeeded", "succeeded"]
        assert (await core.job(jobs[1]))["failure"] == "invalid"


async def test_one_key_stands_for_all_jobs_of_a_request(database_url: str) -> None:
    async with spine(database_url) as core:
        raw, ana = b'{"image":"img"}', Ana()
        made = await core.receiver.submit(ana, [raw], count=2500, key="k")
        again = await core.receiver.submit(ana, [raw], count=2500, key="k")

        assert [job.id for job in again] == [job.id for job in made]
        assert {job.created for job in made} == {True}
        assert {job.created for job in again} == {False}
        assert await core.database.api.fetchval("select count(*) from job") == 2500
        for specs, count in (([raw], 2499), ([raw], 1), ([raw, raw], 1), ([b'{"image":"img","priority":1}'], 2500)):
            with pytest.raises(SwarmError) as refused:
                await core.receiver.submit(ana, specs, count=count, key="k")
            assert refused.value.code == "idempotency_mismatch"
        assert await core.database.api.fetchval("select count(*) from job") == 2500


async def test_asking_again_with_a_key_spends_no_id(database_url: str) -> None:
    async with spine(database_url) as core:
        raw, ana = b'{"image":"img"}', Ana()
        [first] = await core.receiver.submit(ana, [raw], key="a")
        for _ in range(3):
            await core.receiver.submit(ana, [raw], key="a")
        [second] = await core.receiver.submit(ana, [raw], key="b")
        assert second.id == first.id + 1


async def test_a_request_of_which_one_key_is_known_with_other_content_makes_nothing(database_url: str) -> None:
    async with spine(database_url) as core:
        raw, other, ana = b'{"image":"img"}', b'{"image":"img","priority":1}', Ana()
        await core.receiver.submit(ana, [raw], keys=["a"])
        with pytest.raises(SwarmError) as refused:
            await core.receiver.submit(ana, [raw, other, raw], keys=["b", "a", None])
        assert refused.value.code == "idempotency_mismatch"
        assert await core.database.api.fetchval("select count(*) from job") == 1
        assert await core.database.api.fetchval("select count(*) from idempotency") == 1


async def test_retrying_with_a_key_makes_one_job(database_url: str) -> None:
    async with spine(database_url) as core:
        job = await core.submit()
        await core.steering.cancel(Ana(), job)
        first, second = [await core.steering.retry(Ana(), job, "k") for _ in range(2)]
        assert (first.created, second.created) == (True, False)
        assert first.id == second.id != job
        other = await core.submit()
        await core.steering.cancel(Ana(), other)
        with pytest.raises(SwarmError) as refused:
            await core.steering.retry(Ana(), other, "k")
        assert refused.value.code == "idempotency_mismatch"


async def test_copies_have_sequential_ids_and_their_own_specs(database_url: str) -> None:
    async with spine(database_url) as core:
        specs = [msgspec.json.encode({"image": "img", "name": f"n{at}", "tags": ["a", 'b"c']}) for at in range(50)]
        made = await core.receiver.submit(Ana(), specs)
        first = made[0].id
        assert [item.id for item in made] == list(range(first, first + 50))
        rows = await core.database.api.fetch("select id, name, tags from job order by id")
        assert [row["name"] for row in rows] == [f"n{at}" for at in range(50)]
        assert rows[0]["tags"] == ["a", 'b"c']
        copies = await core.receiver.submit(Ana(), specs[:1], count=2500)
        assert len({item.id for item in copies}) == 2500


async def test_nothing_is_accepted_of_a_request_with_one_bad_input(database_url: str) -> None:
    async with spine(database_url) as core:
        good = b'{"image":"img"}'
        missing = msgspec.json.encode(
            {"image": "img", "inputs": [{"name": "x", "digest": "sha256:" + "1" * 64, "size": 1}]}
        )
        with pytest.raises(SwarmError) as refused:
            await core.receiver.submit(Ana(), [good, missing])
        assert refused.value.code == "blob_missing"
        assert await core.database.api.fetchval("select count(*) from job") == 0


async def test_a_delayed_job_sleeps_until_its_time(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        at = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        job = await core.submit(at=at)
        assert (await core.job(job))["state"] == "sleeping"
        await move_clock(database_url, "3 hours")
        core.hibernator.wake()
        assert (await worker.assigned()).ref.job == job


async def test_a_job_that_waits_past_its_queue_timeout_ends_as_timed_out(database_url: str) -> None:
    async with spine(database_url) as core:
        job = await core.submit(timeouts={"queue": 60})
        await move_clock(database_url, "2 minutes")
        core.hibernator.wake()
        row = await core.reaches(job, "timed_out")
        assert row["failure"] == "queue_timeout"
        assert await core.database.api.fetchval("select count(*) from queue") == 0


async def test_two_cores_share_the_queue_and_no_job_is_given_twice(database_url: str) -> None:
    async with spine(database_url) as one, spine(database_url) as two:
        a = await one.connect(await one.add_worker("a"), slots=30)
        b = await two.connect(await two.add_worker("b"), slots=30)
        await one.receiver.submit(Ana(), [b'{"image":"img"}'], count=60)
        two.scheduler.wake([1])
        refs = [(await a.assigned()).ref for _ in range(30)] + [(await b.assigned()).ref for _ in range(30)]
        assert len({ref.job for ref in refs}) == 60
        assert {ref.attempt for ref in refs} == {1}


async def test_a_paused_core_that_wakes_cannot_undo_what_another_did(database_url: str) -> None:
    """F03: its lease ran out meanwhile, another core gave the job away, and its own worker's outcome is stale."""
    async with spine(database_url, QUICK) as other:
        paused = Timers(lease=0.3, renew=3600, sweep=3600)
        async with spine(database_url, paused) as core:
            worker = await core.connect(await core.add_worker("a"))
            job = await core.submit()
            ref = (await worker.assigned()).ref
            await other.reaches(job, "queued")
            taker = await other.connect(await other.add_worker("b"))
            assert (await taker.assigned()).ref == m.Ref(job, 2)
            assert not await core.finished(worker, ref)
            await core.leases.renew()
            [(code, _)] = worker.closed
            assert code == m.CLOSE_SESSION_ENDED, "the ended session is not renewed: its worker has to connect again"
            assert await other.finished(taker, m.Ref(job, 2))


async def test_a_commit_whose_answer_was_lost_is_found_again(database_url: str) -> None:
    """F12 at the claim: the attempt is in the database, and its worker was never told."""
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        ref = (await worker.assigned()).ref
        core.dispatcher.free(worker.session, ref)
        await move_clock(database_url, "10 seconds")
        await core.leases.sweep()
        assert (await worker.assigned()).ref == m.Ref(job, 1)


async def test_the_same_outcome_twice_counts_once(database_url: str) -> None:
    """F12 at the outcome: the worker repeats what was committed."""
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        ref = (await worker.assigned()).ref
        assert await core.finished(worker, ref)
        assert not await core.finished(worker, ref, "exit_nonzero")
        assert (await core.job(job))["state"] == "succeeded"


async def test_removing_takes_all_that_is_the_jobs_own(database_url: str) -> None:
    async with spine(database_url) as core:
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        ref = (await worker.assigned()).ref
        with pytest.raises(SwarmError, match="dispatched"):
            await core.steering.remove(Ana(), job)
        await core.finished(worker, ref)
        await core.steering.remove(Ana(), job)
        for table in ("attempt", "history", "job_input", "artifact", "log_segment", "queue"):
            assert await core.database.api.fetchval(f"select count(*) from {table}") == 0
