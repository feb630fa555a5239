"""Names of files that are no text, as text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_protocol.filenames import shown, to_bytes, to_text

bits = st.sampled_from([b"a", b"\\", b"x", b"5c", b"ff", b"\xff", b"\xc3\xa9", b"\xc3", b"/", b"\n"])
names = st.lists(bits, max_size=8).map(b"".join) | st.binary(max_size=20)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain/name.txt", "plain/name.txt"),
        ("é/ü b\n".encode(), "é/ü b\n"),
        (b"back\\slash", "back\\slash"),
        (b"caf\xe9.txt", r"caf\xe9.txt"),
        (b"\xff\\n", r"\xff\x5cn"),
        (rb"\xff.txt", r"\x5cxff.txt"),
        (rb"\x41.txt", r"\x41.txt"),
    ],
)
def test_what_stands_for_a_name(raw: bytes, text: str) -> None:
    assert to_text(raw) == text
    assert to_bytes(text) == raw


@given(names)
def test_every_name_comes_back(raw: bytes) -> None:
    assert to_bytes(to_text(raw)) == raw


@given(names, names)
def test_different_names_have_different_texts(one: bytes, other: bytes) -> None:
    assert (to_text(one) == to_text(other)) == (one == other)


@given(st.text(alphabet="\\x25cfe./", max_size=12))
def test_no_text_hides_a_separator_or_a_nul(text: str) -> None:
    raw = to_bytes(text)
    assert raw.count(b"/") == text.count("/")
    assert raw.replace(b"\0", b"") == raw


@pytest.mark.parametrize("text", [r"..\x2f..\x2fetc", r"a\x00b", r"\xc3\xa9"])
def test_a_text_that_nobody_made_of_a_name_is_taken_as_it_is(text: str) -> None:
    assert to_bytes(text) == text.encode()


def test_shown_in_one_line() -> None:
    assert shown("a\nb\x1b[31m\u202eé ü") == r"a\nb\x1b[31m\u202eé ü"
