"""Reading specs: what a database could not hold is refused before it gets there."""

import msgspec
import pytest

from swarm_core.specs import decode_spec
from swarm_protocol.errors import SwarmError


@pytest.mark.parametrize(
    "field",
    [
        rb'"env": {"A": "\u0000"}',
        rb'"env": {"\u0000": "a"}',
        rb'"user": "a\u0000b"',
        rb'"workdir": "/\u0000"',
        rb'"entrypoint": ["sh", "\u0000"]',
        rb'"tags": ["\u0000"]',
        rb'"constraints": {"gpu": "\u0000"}',
        rb'"command": ["\\\u0000"]',
        rb'"unheard_of": [{"\u0000": 1}]',
        rb'"name": "twice", "name": "\u0000"',
    ],
)
def test_a_nul_anywhere_is_refused(field: bytes) -> None:
    with pytest.raises(SwarmError, match="NUL") as caught:
        decode_spec(b'{"image": "a", %b}' % field)
    assert caught.value.code == "invalid_spec"


@pytest.mark.parametrize("word", ["\\u0000", "\\\\u0000", "u0000", "\x01", "\N{SMILING FACE WITH SUNGLASSES}"])
def test_words_that_only_look_like_one_are_taken(word: str) -> None:
    raw = msgspec.json.encode({"image": "a", "command": [word]})
    assert decode_spec(raw).command == [word]
