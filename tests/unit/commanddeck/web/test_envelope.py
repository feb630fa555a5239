"""What browsers may say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_commanddeck.web.envelope import MAX_SIDE, Focus, Ping, Size, Typed, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (["stdin", "é\x1b[A"], Typed("é\x1b[A".encode())),
        (["resize", {"width": 80, "height": 24}], Size(80, 24)),
        (["resize", {"width": 10**9, "height": -3}], Size(MAX_SIDE, 1)),
        (["ping", "17"], Ping("17")),
        (["focus"], Focus("focus")),
        (["blur"], Focus("blur")),
        (["later", {"version": 2}], None),
    ],
)
def test_messages(message: object, said: object) -> None:
    assert read(json.dumps(message)) == said


@pytest.mark.parametrize("message", [[], {}, 1, "stdin", [1], [["stdin"]], None])
def test_what_is_no_message(message: object) -> None:
    with pytest.raises(ValueError, match="no message"):
        read(json.dumps(message))


@given(st.text() | JSON.map(json.dumps) | st.tuples(st.sampled_from(["stdin", "resize", "ping"]), JSON).map(json.dumps))
def test_nothing_else_goes_wrong(text: str) -> None:
    try:
        said = read(text)
    except ValueError:
        return
    assert said is None or isinstance(said, Typed | Size | Ping | Focus)
    if isinstance(said, Size):
        assert 1 <= said.width <= MAX_SIDE
        assert 1 <= said.height <= MAX_SIDE
