"""The engine's stream, cut anywhere."""

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from swarm_worker.runtimes.docker import Demultiplexer


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(data)) + data


def read(splitter: Demultiplexer, data: bytes, cuts: list[int]) -> dict[int, bytes]:
    got: dict[int, bytes] = {}
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        for stream, piece in splitter.feed(data[start:end]):
            got[stream] = got.get(stream, b"") + piece
    return got


PIECES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=20)


@given(PIECES, st.lists(st.integers(0, 900), max_size=8))
def test_bytes_of_each_stream_come_whole_and_in_order(pieces: list[tuple[int, bytes]], cuts: list[int]) -> None:
    got = read(Demultiplexer(), b"".join(frame(*piece) for piece in pieces), cuts)
    for stream in (1, 2):
        assert got.get(stream, b"") == b"".join(data for number, data in pieces if number == stream)


def test_a_long_line_without_its_newline_gets_it_back() -> None:
    long = [frame(1, b"x" * 16384), frame(1, b"x" * 5), frame(1, b"next\n")]
    assert read(Demultiplexer(mend=True), b"".join(long), [])[1] == b"x" * 16389 + b"\nnext\n"


def test_a_log_that_is_right_is_left_as_it_is() -> None:
    right = [frame(1, b"x" * 16384), frame(1, b"x" * 5 + b"\n"), frame(1, b"no newline at the end")]
    assert read(Demultiplexer(mend=True), b"".join(right), [])[1] == b"x" * 16389 + b"\nno newline at the end"
