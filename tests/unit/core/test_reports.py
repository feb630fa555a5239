"""Reports that can't be kept as they are."""

import pytest

from swarm_core.reports import storable
from swarm_protocol.messages import Artifact, Finished, Ref

REF = Ref(1, 1)


def test_a_sound_report_stays_as_it_is() -> None:
    file = Artifact(name="a\n\x1b", digest="sha256:0", size=0)
    end = Finished(
        ref=REF, result="oom_killed", exit_code=-9, message="m", stdout=5, timings={"run": 1.5}, artifacts=[file]
    )
    assert storable(end) is end


def test_a_message_is_shortened_and_loses_what_text_in_postgres_cannot_have() -> None:
    end = storable(Finished(ref=REF, result="succeeded", exit_code=0, message="a\0b" * 1000))
    assert (end.result, len(end.message)) == ("succeeded", 2000)
    assert end.message.startswith("a\ufffdba")


@pytest.mark.parametrize(
    "end",
    [
        Finished(ref=REF, result="sideways"),
        Finished(ref=REF, result="exit_nonzero", exit_code=1 << 31),
        Finished(ref=REF, result="succeeded", stdout=-1),
        Finished(ref=REF, result="succeeded", stderr=1 << 63),
        Finished(ref=REF, result="succeeded", timings={"run": float("nan")}),
        Finished(ref=REF, result="succeeded", timings={"r\0n": 1.0}),
        Finished(ref=REF, result="succeeded", artifacts=[Artifact(name="a\0", digest="sha256:0", size=1)]),
        Finished(ref=REF, result="succeeded", artifacts=[Artifact(name="a", digest="sha256:0", size=-1)]),
        Finished(ref=REF, result="succeeded", artifacts=[Artifact(name="é" * 1001, digest="sha256:0", size=1)]),
    ],
)
def test_a_report_that_cannot_be_kept_ends_its_job_and_says_why(end: Finished) -> None:
    kept = storable(end)
    assert kept.result == "invalid"
    assert kept.message.startswith("its worker's report can't be kept: ")
    assert (kept.artifacts, kept.timings) == ([], {})
    assert min(kept.stdout, kept.stderr) >= 0
    assert storable(kept) == kept
