"""Frames as each version of the protocol put them on the wire. They are never changed: what was said once must be read
for ever.

A minor version has a file with the words that it brought; those of earlier ones stand for peers that weren't upgraded.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from swarm_protocol import frames
from swarm_protocol import messages as m

FOLDER = Path(__file__).parent / "recorded"
WORDS: dict[str, tuple[frames.Codec[Any], object]] = {
    "from_worker": (frames.from_worker, m.FromWorker),
    "from_core": (frames.from_core, m.FromCore),
}


def recorded(direction: str) -> dict[str, dict[str, Any]]:
    """One direction's recordings, by the word they hold: {"frame": hex, "says": the message as JSON}."""
    found: dict[str, dict[str, Any]] = {}
    for minor in range(m.PROTOCOL_MINOR + 1):
        found |= json.loads((FOLDER / f"v{m.PROTOCOL_MAJOR}.{minor}.json").read_text())[direction]
    return found


def words(direction: str) -> set[str]:
    union = WORDS[direction][1]
    return {str(member.__struct_config__.tag) for member in union.__args__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("direction", WORDS)
def test_every_word_of_this_version_is_recorded(direction: str) -> None:
    assert set(recorded(direction)) == words(direction)


@pytest.mark.parametrize(("direction", "word"), [(d, w) for d in WORDS for w in sorted(words(d))])
def test_a_recorded_frame_says_what_it_said(direction: str, word: str) -> None:
    kept = recorded(direction)[word]
    [message] = WORDS[direction][0].decode(bytes.fromhex(kept["frame"]))
    assert json.loads(msgspec.json.encode(message)) == kept["says"]
