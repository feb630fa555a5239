"""Looks run side by side, and one that breaks or hangs is a finding."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from swarm_consumer import doctor
from swarm_consumer.doctor import examine, gather, healthy
from swarm_protocol.checkup import Asked, Check, Finding, ok, warn


def look(*findings: Finding, after: asyncio.Event | None = None, sets: asyncio.Event | None = None) -> Any:
    async def go() -> Sequence[Finding]:
        if sets is not None:
            sets.set()
        if after is not None:
            await after.wait()
        return findings

    return go


async def breaks() -> Sequence[Finding]:
    raise ZeroDivisionError("no good")


async def test_none_waits_for_another_and_the_order_stays() -> None:
    later = asyncio.Event()
    first = Check("first", look(ok("a", "well"), warn("b", "so so", "mend it"), after=later))
    seen = await examine({"worker": [first], "core": [Check("second", look(ok("c", "well"), sets=later))]})
    assert [(one.side, one.finding.name) for one in seen] == [("worker", "a"), ("worker", "b"), ("core", "c")]
    assert healthy(seen)


async def test_one_that_breaks_or_hangs_is_a_failure_that_says_so() -> None:
    hangs = Check("hangs", look(after=asyncio.Event()), seconds=0.01)
    seen = await examine({"worker": [Check("breaks", breaks), hangs, Check("fine", look(ok("fine", "well")))]})
    assert [one.finding.text for one in seen] == [
        "the check itself failed: ZeroDivisionError: no good",
        "no answer within 0.01 s",
        "well",
    ]
    assert not healthy(seen)
    assert all(one.finding.remedy for one in seen[:2])


def points(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    found = [EntryPoint(name, value, doctor.GROUP) for name, value in values.items()]
    monkeypatch.setattr(doctor, "entry_points", lambda group: found)


async def test_a_side_that_can_not_be_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWARM_HOME", str(tmp_path))
    points(monkeypatch, a="no_such_package:checks", b="swarm_nobody:checks", c="json:loads_nothing")
    sides = gather(Asked({}))
    assert sorted(sides) == ["b", "c"], "without its extra a side is not on this machine"
    seen = await examine(sides)
    assert [one.finding.level for one in seen] == ["fail", "fail"]


def test_who_is_signed_in_matters_where_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWARM_HOME", str(tmp_path))
    monkeypatch.delenv("SWARM_TOKEN", raising=False)
    points(monkeypatch, consumer="swarm_consumer.doctor:checks")
    assert [check.name for check in gather(Asked({}))["consumer"]] == ["sign-in"]
    points(monkeypatch, consumer="swarm_consumer.doctor:checks", worker="tests.unit.consumer.test_doctor_looks:a_side")
    assert list(gather(Asked({}))) == ["worker"]


def a_side(asked: Asked) -> dict[str, list[Check]]:
    return {"worker": [Check("x", look())]}
