"""Which files of a job are meant, and where they go below /in."""

import msgspec
import pytest

from swarm_core.sources import Left, chosen, names_of, with_inputs
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import InputFile, JobSpec

DIGEST = "sha256:" + "0" * 64
LEFT = [
    Left(name, DIGEST, 1, mode)
    for name, mode in (
        ("a.csv", 0o644),
        ("bin/run", 0o755),
        ("d/b.csv", 0o600),
        ("d/e/c.txt", 0o4755),
        ("odd[1]", 0o644),
    )
]


@pytest.mark.parametrize(
    ("path", "name", "found"),
    [
        ("", "", ["a.csv", "bin/run", "d/b.csv", "d/e/c.txt", "odd[1]"]),
        ("", "x", ["x/a.csv", "x/bin/run", "x/d/b.csv", "x/d/e/c.txt", "x/odd[1]"]),
        ("a.csv", "", ["a.csv"]),
        ("a.csv", "x/y", ["x/y"]),
        ("bin/run", "", ["run"]),
        ("d/", "", ["d/b.csv", "d/e/c.txt"]),
        ("d", "", ["d/b.csv", "d/e/c.txt"]),
        ("d/e", "", ["e/c.txt"]),
        ("d/", "x", ["x/b.csv", "x/e/c.txt"]),
        ("d/", ".", ["b.csv", "e/c.txt"]),
        ("*.csv", "", ["a.csv"]),
        ("**/*.csv", "", ["a.csv", "d/b.csv"]),
        ("d/*.csv", "x", ["x/d/b.csv"]),
        ("odd[1]", "", ["odd[1]"]),
        ("none", "", []),
        ("b*/", "", ["bin/run"]),
    ],
)
def test_names_below_in(path: str, name: str, found: list[str]) -> None:
    assert [file.name for file in chosen(JobOutputs(job=1, path=path, name=name), LEFT)] == found


def test_what_is_run_stays_so_and_more_than_a_mode_does_not_travel() -> None:
    assert [oct(file.mode) for file in chosen(JobOutputs(job=1), LEFT)] == ["0o644", "0o755", "0o600", "0o755", "0o644"]


def test_a_name_keeps_its_bytes() -> None:
    [odd] = chosen(JobOutputs(job=1), [Left(r"caf\xe9", DIGEST, 1, 0o644)])
    assert (odd.escaped, odd.path) == (True, "caf\udce9")
    [plain] = chosen(JobOutputs(job=1), [Left("café", DIGEST, 1, 0o644)])
    assert (plain.escaped, plain.path) == (False, "café")


def test_the_first_names_are_told() -> None:
    assert names_of(LEFT[:2]) == "a.csv, bin/run"
    assert names_of([Left(f"{n}\n", DIGEST, 1, 0) for n in range(7)]) == r"0\n, 1\n, 2\n, 3\n, 4\n and 2 more"


def test_what_a_later_client_says_stays() -> None:
    raw = b'{"image":"i","later":{"x":1},"inputs_from":[{"job":1}]}'
    spec = JobSpec(
        image="i", inputs=[InputFile(name="a", digest=DIGEST, size=1)], inputs_from=[JobOutputs(job=1, attempt=2)]
    )
    whole = msgspec.json.decode(with_inputs(raw, spec))
    assert whole["later"] == {"x": 1}
    assert whole["inputs_from"] == [{"job": 1, "attempt": 2}]
    assert [file["name"] for file in whole["inputs"]] == ["a"]
