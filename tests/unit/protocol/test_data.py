"""Secrets and inputs of a spec: what they may be called, and which labels they ask for."""

from typing import Any

import msgspec
import pytest

from swarm_protocol.errors import SwarmError
from swarm_protocol.secrets import SecretFile, is_secret_name, parse_secret, secret_files
from swarm_protocol.sources import JobOutputs, parse_source
from swarm_protocol.spec import InputFile, JobSpec, check, demands, shape_key

DIGEST = "sha256:" + "0" * 64


def fields(**spec: Any) -> list[str]:
    return [error.field for error in check(msgspec.convert({"image": "i", **spec}, JobSpec))]


def file(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "digest": DIGEST, "size": 0, **more}


@pytest.mark.parametrize("name", ["db-password", "A", "9.x_y", "a" * 100])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    assert fields(secrets=[name]) == []


@pytest.mark.parametrize("name", ["", ".", "..", "-x", "a/b", "a b", "ä", "a\n", "a" * 101])
def test_what_is_no_name_of_a_secret(name: str) -> None:
    assert not is_secret_name(name)
    assert fields(secrets=[name]) == ["secrets[0]"]


def test_a_secret_has_a_file() -> None:
    assert parse_secret("db") == "db"
    assert parse_secret("db:.pgpass") == SecretFile(name="db", file=".pgpass")
    told = msgspec.json.decode(b'{"image":"i","secrets":["db",{"name":"db","file":".pgpass"}]}', type=JobSpec)
    assert [(s.name, s.file) for s in secret_files(told.secrets)] == [("db", "db"), ("db", ".pgpass")]
    assert check(told) == []


@pytest.mark.parametrize("name", ["..", "a/b", "/a", "a\0", "x" * 101])
def test_a_file_of_a_secret_leads_nowhere_else(name: str) -> None:
    assert fields(secrets=[{"name": "db", "file": name}]) == ["secrets[0]"]


def test_two_secrets_cant_be_one_file_and_there_is_a_most() -> None:
    assert fields(secrets=["a", {"name": "b", "file": "a"}]) == ["secrets[1]"]
    assert fields(secrets=[f"s{number}" for number in range(65)]) == ["secrets"]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("job:1042", JobOutputs(job=1042)),
        ("job:1042/", JobOutputs(job=1042)),
        ("job:1042/model.bin", JobOutputs(job=1042, path="model.bin")),
        ("job:1042/d/:x/y", JobOutputs(job=1042, path="d/", name="x/y")),
        ("job:1042:x", JobOutputs(job=1042, name="x")),
        ("job:7/a:b:c", JobOutputs(job=7, path="a:b", name="c")),
        ("./job:7/a", None),
        ("job", None),
    ],
)
def test_outputs_of_a_job_as_a_person_names_them(text: str, source: JobOutputs | None) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["job:", "job:x/a", "job:7a", "job:7/a:", "job:-1"])
def test_what_names_no_job(text: str) -> None:
    with pytest.raises(SwarmError, match="write job:NUMBER") as caught:
        parse_source(text)
    assert caught.value.hint == f"a file here that is called so is ./{text}"


def test_sources_stay_within_both_folders() -> None:
    assert fields(inputs_from=[{"job": 1, "path": "d/", "name": "."}]) == []
    for wrong, field in (
        ({"job": 0}, "job"),
        ({"job": 1, "path": "../x"}, "path"),
        ({"job": 1, "path": "/"}, "path"),
        ({"job": 1, "name": "/x"}, "name"),
    ):
        assert fields(inputs_from=[wrong]) == [f"inputs_from[0].{field}"]
    assert fields(inputs_from=[{"job": 1}] * 101) == ["inputs_from"]


def test_files_and_folders_dont_get_in_each_others_way() -> None:
    assert fields(inputs=[file("a/b"), file("a/c")], folders=["a/d", "e"]) == []
    assert fields(inputs=[file("a"), file("a/b")]) == ["inputs[1].name"]
    assert fields(inputs=[file("a")], folders=["a"]) == ["folders[0]"]
    assert fields(folders=["../a"]) == ["folders[0]"]


def test_a_name_that_is_not_utf8_is_kept() -> None:
    odd = InputFile(name=r"caf\xe9", digest=DIGEST, size=0, escaped=True)
    assert odd.path == "caf\udce9"
    assert fields(inputs=[file(r"caf\xe9", escaped=True), file(r"caf\xe9")]) == []
    assert fields(inputs=[file(r"\x2e\x2e/a", escaped=True)]) == []  # no escape that `to_text` makes: taken as it is


def test_only_a_worker_that_knows_them_gets_such_jobs() -> None:
    plain = JobSpec(image="i", constraints={"gpu": "a100"})
    assert demands(plain) == {"gpu": "a100"}
    for more in (
        {"secrets": ["db"]},
        {"folders": ["d"]},
        {"stdin": True},
        {"tty": True},
        {"inputs": [InputFile(name="a", digest=DIGEST, size=0, escaped=True)]},
    ):
        spec = msgspec.structs.replace(plain, **more)
        assert demands(spec) == {"gpu": "a100", "swarm.data": "1"}
        assert shape_key(spec) != shape_key(plain)
