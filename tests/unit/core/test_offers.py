"""Mounts, GPUs and networks in placement: who is asked, how GPUs are counted, what a person is told."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_core.offers import NOTHING, Offers, offers_of
from swarm_core.placement import Room, Shape, nearest, place
from swarm_protocol.messages import Offers as Told
from swarm_protocol.needs import Needs
from swarm_protocol.spec import JobSpec, Resources, demands, needs, shape_key

GIB = 1 << 30


def shape(**more: Any) -> Shape:
    return Shape(1, 1000, GIB, GIB, {}, Needs(**more) if more else None)


def room(number: int, offers: Offers = NOTHING, slots: int = 8) -> Room:
    return Room(UUID(int=number), slots, slots, 64_000, 64 * GIB, 64 * GIB, {}, offers=offers)


def offering(*mounts: str, networks: tuple[str, ...] = (), why: dict[str, str] | None = None, **gpus: int) -> Offers:
    return offers_of(Told(mounts=list(mounts), networks=list(networks), gpus=gpus, why=why or {}))


def test_a_job_goes_only_where_its_mounts_are_offered() -> None:
    rooms = [room(1, offering("data")), room(2, offering("data", "models")), room(3)]
    assert place([(1, shape(mounts=("data", "models")))], rooms) == [(1, UUID(int=2))]
    assert place([(2, shape(mounts=("other",)))], rooms) == []
    assert place([(3, shape(network="egress"))], [room(1), room(2, offering(networks=("egress",)))]) == [
        (3, UUID(int=2))
    ]


def test_gpus_are_counted_by_kind() -> None:
    rooms = [room(1, offering(a100=2, t4=1))]
    jobs = [(n, shape(gpus=1, gpu_kind="a100")) for n in range(3)] + [(9, shape(gpus=1, gpu_kind="t4"))]
    # One shape id stands for one demand.
    jobs = [
        (n, Shape(2 if s.needs == shape(gpus=1, gpu_kind="t4").needs else 1, 1000, GIB, GIB, {}, s.needs))
        for n, s in jobs
    ]
    assert [n for n, _ in place(jobs, rooms)] == [0, 1, 9]


def test_one_that_names_no_kind_may_have_got_any() -> None:
    free = offering(a100=1, t4=1).taken(Needs(gpus=1), 1)
    assert free.fits(Needs(gpus=1, gpu_kind="a100")) == 0
    assert free.fits(Needs(gpus=1)) == 1
    assert free.taken(Needs(gpus=1), -1).fits(Needs(gpus=1, gpu_kind="a100")) == 1


wanted = st.builds(Needs, gpus=st.integers(1, 3), gpu_kind=st.sampled_from(["", "a", "b"]))


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 4)), st.lists(wanted, max_size=12))
def test_whatever_a_worker_gives_it_has(gpus: dict[str, int], jobs: list[Needs]) -> None:
    """Jobs of no kind are given what is most wanted by others: even then nothing is promised twice."""
    offers, taken = offers_of(Told(gpus=gpus)), list[Needs]()
    for job in jobs:
        if offers.fits(job):
            offers = offers.taken(job, 1)
            taken.append(job)
    named = {kind: sum(n.gpus for n in taken if n.gpu_kind == kind) for kind in gpus}
    assert all(named[kind] <= count for kind, count in gpus.items())
    assert sum(n.gpus for n in taken) <= sum(gpus.values())
    for kind, count in gpus.items():
        if (left := offers.fits(Needs(gpus=1, gpu_kind=kind))) > 0:
            assert left + named[kind] + sum(n.gpus for n in taken if not n.gpu_kind) <= count
    for job in taken:
        offers = offers.taken(job, -1)
    assert (dict(offers.gpus), offers.unnamed) == (gpus, 0)


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"mounts": ("data",)}, "no worker offers mount data (rack: /srv/data is no folder)"),
        ({"gpus": 1, "gpu_kind": "h100"}, "no worker offers GPU of kind h100"),
        ({"network": "egress", "mounts": ("x",)}, "no worker offers mount x, network egress"),
        ({"gpus": 4, "gpu_kind": "a100"}, "rack comes nearest: it has 2 GPUs of kind a100, not 4"),
        ({"gpus": 3}, "rack comes nearest: it has 2 GPUs, not 3"),
        ({"mounts": ("ok",)}, None),
    ],
)
def test_what_is_missing_is_said(needs: dict[str, Any], told: str | None) -> None:
    rack = room(1, offering("ok", why={"mount data": "/srv/data is no folder"}, a100=2))
    assert nearest(shape(**needs), [("rack", rack)]) == told


def test_a_worker_that_lacks_one_of_several_is_named_with_it() -> None:
    rooms = [("one", room(1, offering("a"))), ("two", room(2, offering("b", networks=("egress",), a100=1)))]
    told = nearest(shape(mounts=("a", "b")), rooms)
    assert told == "one comes nearest: it does not offer the mount b"


def test_shapes_of_other_jobs_are_as_they_were() -> None:
    plain = JobSpec(image="i", constraints={"zone": "north"})
    assert shape_key(plain) == '[1000,536870912,1073741824,[["zone","north"]]]'
    assert (needs(plain), demands(plain)) == (None, plain.constraints)
    rich = JobSpec(image="i", mounts=["b:ro", "a"], network="egress", resources=Resources(gpus=2, gpu_kind="t4"))
    assert needs(rich) == Needs(mounts=("a", "b"), gpus=2, gpu_kind="t4", network="egress")
    assert demands(rich) == {"swarm.host": "1"}
    assert shape_key(rich) == (
        '[1000,536870912,1073741824,[["swarm.host","1"]],'
        '{"mounts":["a","b"],"gpus":2,"gpu_kind":"t4","network":"egress"}]'
    )
