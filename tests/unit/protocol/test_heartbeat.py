"""Beats: sealed, counted, replayed ones refused."""

from hypothesis import given
from hypothesis import strategies as st

from swarm_protocol.heartbeat import MAX_DATAGRAM, Beat, Opener, Sealer, read_header
from swarm_protocol.messages import Load

KEY = bytes(range(32))
BEAT = Beat(1.5, "waiting", Load(running=1, free_slots=3, load1=0.5, memory_free=1 << 34))


def opened(opener: Opener, datagram: bytes) -> Beat | None:
    header = read_header(datagram)
    return opener.open(datagram, header.counter) if header else None


def test_a_genuine_beat_counts_once() -> None:
    sealer, opener = Sealer(7, KEY), Opener(KEY)
    datagram = sealer.seal(BEAT)
    assert len(datagram) <= MAX_DATAGRAM
    assert opened(opener, datagram) == BEAT
    assert opened(opener, datagram) is None


def test_reordered_beats_count_and_those_past_the_window_do_not() -> None:
    sealer, opener = Sealer(7, KEY), Opener(KEY)
    sent = [sealer.seal(BEAT) for _ in range(100)]
    assert opened(opener, sent[70]) == BEAT
    assert opened(opener, sent[69]) == BEAT
    assert opened(opener, sent[7]) == BEAT
    assert opened(opener, sent[6]) is None
    assert opened(opener, sent[99]) == BEAT
    assert opened(opener, sent[70]) is None


def test_a_beat_of_another_session_is_refused() -> None:
    assert opened(Opener(bytes(32)), Sealer(7, KEY).seal(BEAT)) is None


@given(st.data())
def test_one_changed_bit_anywhere_is_refused_and_moves_nothing(data: st.DataObject) -> None:
    sealer, opener = Sealer(7, KEY), Opener(KEY)
    datagram = sealer.seal(BEAT)
    at = data.draw(st.integers(9 * 8, len(datagram) * 8 - 1))
    forged = bytearray(datagram)
    forged[at // 8] ^= 1 << at % 8
    assert opened(opener, bytes(forged)) is None
    assert opened(opener, datagram) == BEAT


@given(st.binary(max_size=600))
def test_noise_is_no_beat(noise: bytes) -> None:
    assert opened(Opener(KEY), noise) is None


@given(st.permutations(range(60)))
def test_in_any_order_each_beat_counts_exactly_once(order: list[int]) -> None:
    sealer, opener = Sealer(7, KEY), Opener(KEY)
    sent = [sealer.seal(BEAT) for _ in range(60)]
    counted = sum(opened(opener, sent[at]) is not None for at in [*order, *order])
    assert counted == 60
