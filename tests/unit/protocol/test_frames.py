"""Frames: round trips, limits, and words of a later version."""

import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_protocol import frames
from swarm_protocol import messages as m

refs = st.builds(m.Ref, st.integers(1, 2**53), st.integers(1, 2**31))
words = (
    st.builds(m.Accepted, ref=refs)
    | st.builds(
        m.Log, ref=refs, stream=st.sampled_from([1, 2]), offset=st.integers(0, 2**40), data=st.binary(max_size=99)
    )
    | st.builds(
        m.Finished,
        ref=refs,
        result=st.sampled_from(["succeeded", "exit_nonzero"]),
        exit_code=st.none() | st.integers(0, 255),
        message=st.text(max_size=50),
        timings=st.dictionaries(st.sampled_from(["pull", "run"]), st.floats(0, 1e6)),
    )
)


@given(st.lists(words, max_size=20))
def test_what_is_packed_is_read_back_in_order(sent: list[m.FromWorker]) -> None:
    read = [message for frame in frames.pack(sent, limit=400) for message in frames.from_worker.decode(frame)]
    assert read == sent


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(noise: bytes) -> None:
    try:
        read = frames.from_worker.decode(noise)
    except frames.FrameError:
        return
    assert all(isinstance(message, msgspec.Struct) for message in read)


def test_words_and_fields_of_a_later_minor_version_are_passed_over() -> None:
    frame = msgspec.msgpack.encode([{"t": "novel", "x": 1}, {"t": "accepted", "ref": [1, 2], "later": True}])
    assert frames.from_worker.decode(frame) == [m.Accepted(ref=m.Ref(1, 2))]


def test_a_known_word_with_a_wrong_field_is_refused() -> None:
    frame = msgspec.msgpack.encode([{"t": "accepted", "ref": "one"}])
    with pytest.raises(frames.FrameError):
        frames.from_worker.decode(frame)


def test_no_frame_is_over_the_limit() -> None:
    chunk = m.Log(ref=m.Ref(1, 1), stream=1, offset=0, data=bytes(300_000))
    packed = frames.pack([chunk] * 7)
    assert len(packed) > 1
    assert all(len(frame) <= frames.MAX_FRAME for frame in packed)
    with pytest.raises(frames.FrameError):
        frames.from_worker.decode(bytes(frames.MAX_FRAME + 1))


def test_an_assignment_carries_the_spec_as_it_came() -> None:
    spec = b'{"image":"x",  "later_field": 1}'
    sent = m.Assign(ref=m.Ref(1, 1), project=uuid.uuid4(), image=m.ImageRef(name="x", digest="sha256:0"), spec=spec)
    [read] = frames.from_core.decode(frames.encode([sent]))
    assert read == sent
