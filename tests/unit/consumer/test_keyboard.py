"""The keys that leave a terminal to itself, found in what is typed."""

import pytest

from swarm_consumer.cli.keyboard import LeaveKeys


@pytest.mark.parametrize(
    ("typed", "handed_on", "left"),
    [
        ([b"ls\n"], b"ls\n", False),
        ([b"ab\x10\x11cd"], b"ab", True),
        ([b"\x10", b"\x11"], b"", True),
        ([b"\x10", b"x", b"\x11"], b"\x10x\x11", False),
        ([b"\x10\x10", b"\x11"], b"\x10", True),
        ([b"\x11"], b"\x11", False),
        ([b"a\x10"], b"a", False),
    ],
)
def test_only_both_keys_after_one_another_leave(typed: list[bytes], handed_on: bytes, left: bool) -> None:
    keys, found, over = LeaveKeys(), b"", False
    for data in typed:
        piece, over = keys.feed(data)
        found += piece
    assert (found, over) == (handed_on, left)
