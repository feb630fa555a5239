"""Specs and quantities: what is accepted, and what the error names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_protocol import quantities as q
from swarm_protocol.spec import GIB, InputFile, JobSpec, Resources, Timeouts, check, is_safe_path, shape_key

DIGEST = "sha256:" + "0" * 64


def test_a_plain_job_is_right() -> None:
    assert check(JobSpec(image="busybox", command=["true"])) == []


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (JobSpec(image=""), "image"),
        (JobSpec(image="x", priority=5000), "priority"),
        (JobSpec(image="x", retries=-1), "retries"),
        (JobSpec(image="x", workdir="here"), "workdir"),
        (JobSpec(image="x", env={"A=B": "c"}), "env"),
        (JobSpec(image="x", constraints={"a b": "c"}), "constraints"),
        (JobSpec(image="x", resources=Resources(memory=1)), "resources.memory"),
        (JobSpec(image="x", timeouts=Timeouts(run=0)), "timeouts.run"),
        (JobSpec(image="x", outputs=["../etc"]), "outputs[0]"),
        (JobSpec(image="x", inputs=[InputFile(name="/etc/x", digest=DIGEST, size=1)]), "inputs[0].name"),
        (JobSpec(image="x", inputs=[InputFile(name="x", digest="md5:1", size=1)]), "inputs[0].digest"),
        (JobSpec(image="x", inputs=[InputFile(name="x", digest=DIGEST, size=1)] * 2), "inputs[1].name"),
    ],
)
def test_a_wrong_field_is_named(spec: JobSpec, field: str) -> None:
    assert [error.field for error in check(spec)] == [field]


@pytest.mark.parametrize("path", ["", ".", "..", "/a", "a/../b", "a//b", "a/", "a\0b", "x" * 5000])
def test_paths_that_could_leave_their_folder(path: str) -> None:
    assert not is_safe_path(path)


def test_the_shape_is_the_demands_and_nothing_else() -> None:
    one = JobSpec(image="a", constraints={"x": "1", "y": "2"}, name="n")
    two = JobSpec(image="b", constraints={"y": "2", "x": "1"}, priority=3)
    other = JobSpec(image="a", constraints={"x": "1", "y": "2"}, resources=Resources(memory=GIB))
    assert shape_key(one) == shape_key(two) != shape_key(other)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("2d", 172800)])
def test_durations(text: str, value: float) -> None:
    assert q.seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("1k", 1024), ("1G", GIB), ("1.5g", GIB * 3 // 2), ("2Mi", 2 << 20)]
)
def test_sizes(text: str, value: int) -> None:
    assert q.size(text) == value


@pytest.mark.parametrize(("text", "value"), [("2", 2000), ("0.5", 500), ("500m", 500)])
def test_cpu(text: str, value: int) -> None:
    assert q.cpu_millis(text) == value


@pytest.mark.parametrize("read", [q.seconds, q.size, q.cpu_millis])
@pytest.mark.parametrize("text", ["", "x", "-1", "1 2", "1y", "1h junk"])
def test_what_cannot_be_read_says_what_it_may_look_like(read: object, text: str) -> None:
    with pytest.raises(q.QuantityError, match="write it like"):
        read(text)  # type: ignore[operator]


@given(st.integers(1, 10**7))
def test_a_shown_duration_reads_back(value: int) -> None:
    assert q.seconds(q.show_seconds(value)) == pytest.approx(value, rel=0.01)
