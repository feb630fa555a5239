"""What an output glob takes."""

import pytest

from swarm_protocol.globs import Globs


@pytest.mark.parametrize(
    ("glob", "name", "takes"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "x/a.csv", False),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "x/y/a.csv", True),
        ("x/**", "x/y/a", True),
        ("x/**", "x", False),
        ("x/**/z", "x/z", True),
        ("x/**/z", "x/y/y/z", True),
        ("x", "x/y/a", True),
        ("x/", "x/y", True),
        ("x", "xy", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", False),
        ("[!ab].txt", "/.txt", False),
        ("[a-c]", "b", True),
        ("[", "[", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        ("a.c", "abc", False),
        ("*", "line\nbreak", True),
        ("[[]", "[", True),
    ],
)
def test_globs(glob: str, name: str, takes: bool) -> None:
    assert Globs([glob]).takes(name) is takes


def test_no_glob_takes_everything() -> None:
    assert Globs([]).takes("any/thing")
    assert Globs([]).unmatched == []


def test_globs_that_took_nothing_are_named() -> None:
    globs = Globs(["*.a", "*.b", "x*"])
    globs.takes("x.a")
    assert globs.unmatched == ["*.b"]
