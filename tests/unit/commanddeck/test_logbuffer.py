"""A log's lines: the same however its bytes are cut, as a terminal would show them, in bounded memory."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_commanddeck.logbuffer import BLOCK, ERR, NOTE, OUT, LogBuffer
from swarm_commanddeck.logline import MAX_LINE

pieces = st.sampled_from(
    [
        *(b"a", b"word", b"\n", b"\r", b"\r\n", b"\b", b"\t", b"\x1b", b"\x1b[", b"\x1b[31m", b"\x1b[0;1m", b"\x1b[K"),
        *(
            b"\x1b[2K",
            b"\x1b[1K",
            b"\x1b[3D",
            b"\x1b[5C",
            b"\x1b[2G",
            b"\x1b]0;title\x07",
            b"\x1b]8;;x\x1b\\",
            b"\x1b]0;",
        ),
        *(
            b"\x1b(B",
            b"\x1bM",
            b"\x07",
            b"\x00",
            "é".encode(),
            "漢字".encode(),
            "\u202e".encode(),
            b"\xff",
            b"\xe2\x82",
        ),
        *(b"\x9b31m", "\x9b31m".encode(), b"[", b"m", b"K", b"1;2", b"\\", b"x" * 70, b";" * 70, b"\xf0\x9f\x98\x80"),
    ]
)
logs = st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.lists(pieces, max_size=12).map(b"".join)), max_size=8)


def shown(buffer: LogBuffer) -> list[tuple[str, int]]:
    return [buffer.line(number) for number in range(buffer.first, buffer.end)]


def of(*fed: tuple[int, bytes]) -> LogBuffer:
    buffer = LogBuffer()
    for stream, data in fed:
        buffer.feed(stream, data)
    return buffer


def lines(data: bytes) -> list[str]:
    return [text for text, _ in shown(of((OUT, data)))]


@settings(max_examples=150, deadline=None)
@given(logs, st.data())
def test_the_lines_are_the_same_however_the_bytes_are_cut(log: list[tuple[int, bytes]], data: st.DataObject) -> None:
    whole, cut, single = of(*log), LogBuffer(), LogBuffer()
    for stream, piece in log:
        at = sorted(data.draw(st.lists(st.integers(0, len(piece)), max_size=4)))
        for begin, end in zip([0, *at], [*at, len(piece)], strict=True):
            cut.feed(stream, piece[begin:end])
        for byte in piece:
            single.feed(stream, bytes([byte]))
    assert shown(cut) == shown(whole) == shown(single)
    assert cut.size == whole.size == single.size


@settings(max_examples=100, deadline=None)
@given(logs)
def test_nothing_that_a_terminal_would_act_on_is_left(log: list[tuple[int, bytes]]) -> None:
    for text, _ in shown(of(*log)):
        assert text.isprintable(), text


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b" 10%\r 20%\r100%\ndone\n", ["100%", "done"]),
        (b"downloading\rok", ["okwnloading"]),
        (b"downloading\r\x1b[Kok", ["ok"]),
        (b"abc\b\bX", ["aXc"]),
        (b"abc\x1b[2K\x1b[1Gx", ["x"]),
        (b"abcdef\x1b[4D\x1b[1KX", ["  Xdef"]),
        (b"ab\x1b[3Cx", ["ab   x"]),
        (b"a\tb\n\tc", ["a       b", "        c"]),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain", ["red plain"]),
        (b"\x1b]0;no end\nnext", ["]0;no end", "next"]),
        (b"\x1b[31", []),
        (b"a\x00\x07b", ["ab"]),
        ("caf\u00e9 \u202etxt".encode(), ["café \ufffdtxt"]),
        (b"bad \xff byte", ["bad \ufffd byte"]),
    ],
)
def test_a_line_is_what_a_terminal_shows(data: bytes, wanted: list[str]) -> None:
    assert lines(data) == wanted


def test_lines_stand_where_they_began() -> None:
    buffer = of((OUT, b"out begins "), (ERR, b"err\n"), (OUT, b"and ends\nnext\n"))
    assert shown(buffer) == [("out begins and ends", OUT), ("err", ERR), ("next", OUT)]


def test_a_line_without_an_end_is_broken() -> None:
    long = b"x" * (2 * MAX_LINE + 5)
    for fed in ([long + b"\nend"], [long[:7], long[7:], b"\nend"], [b"a\n" + long, b"\n", b"end"]):
        buffer = LogBuffer()
        for piece in fed:
            buffer.feed(OUT, piece)
        assert [len(text) for text, _ in shown(buffer)][-4:] == [MAX_LINE, MAX_LINE, 5, 3]
    assert [len(text) for text in lines(b"short\n" + long + b"\nend")] == [5, MAX_LINE, MAX_LINE, 5, 3]


def test_the_newest_is_kept_and_no_more_than_its_bytes() -> None:
    buffer = LogBuffer(most_bytes=200_000)
    for number in range(50_000):
        buffer.feed(OUT if number % 3 else ERR, b"line %d\n" % number)
    assert buffer.size <= 200_000
    assert buffer.size == sum(block.size for block in buffer.blocks)
    assert shown(buffer)[-1] == ("line 49999", OUT)
    assert buffer.first == buffer.blocks[0].start > 40_000
    assert buffer.line(buffer.first)[0] == f"line {buffer.first}"
    assert all(len(block.texts) == BLOCK for block in list(buffer.blocks)[:-1])
    with pytest.raises(IndexError):
        buffer.line(buffer.first - 1)


def test_an_open_line_whose_place_is_gone_goes_on_at_the_end() -> None:
    buffer = LogBuffer(most_bytes=100_000)
    buffer.feed(ERR, b"begins")
    for number in range(5_000):
        buffer.feed(OUT, b"line %d\n" % number)
    buffer.feed(ERR, b" and goes on")
    assert shown(buffer)[-1] == ("begins and goes on", ERR)
    buffer.feed(ERR, b".\n")
    assert shown(buffer)[-1] == ("begins and goes on.", ERR)


def test_what_is_cut_does_not_go_on() -> None:
    buffer = of((OUT, b"half a li"), (ERR, b"\xe2\x82"))
    buffer.cut(OUT)
    buffer.cut(ERR)
    buffer.note("bytes are lost")
    buffer.feed(OUT, b"ne\n")
    buffer.feed(ERR, b"a\n")
    assert shown(buffer) == [("half a li", OUT), ("bytes are lost", NOTE), ("ne", OUT), ("a", ERR)]


@pytest.mark.parametrize(
    "line", [b"2026-01-02 03:04:05 INFO step 12345 of many\n", b"\x1b[32mINFO\x1b[0m step 12345 of many\n"]
)
def test_a_flood_costs_little(line: bytes) -> None:
    """A hundred thousand lines, which is what a second of a flood brings, in well under a second of one core."""
    buffer, piece = LogBuffer(), line * 2_000
    begun = process_time()
    for _ in range(50):
        buffer.feed(OUT, piece)
    spent = process_time() - begun
    assert buffer.end == 100_000
    assert spent < 0.7, f"{spent:.3f} s"
