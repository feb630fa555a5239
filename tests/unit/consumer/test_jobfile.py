"""Job files: every field, and errors that name the line."""

from datetime import UTC, datetime

import pytest

from swarm_consumer.jobfile import JobFile, parse
from swarm_consumer.located import FileSyntaxError
from swarm_protocol.errors import SwarmError
from swarm_protocol.secrets import secret_files
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import InputFile, JobSpec, Resources, Timeouts

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

YAML = """\
image: busybox:1
command: [sh, -c, "echo $A"]
entrypoint: []
env:
  A: yes
  B: 1.0
  C: 0755
workdir: /w
user: 1000
resources:
  cpu: 500m
  memory: 1G
  disk: 2G
  pids: 10
inputs: [data.csv, "more:in"]
outputs: ["*.txt"]
constraints: {gpu: a100}
priority: -3
timeouts: {queue: 1h, pull: 5m, run: 90, stop_grace: 1s, warn: 30s, warn_signal: usr2}
retries: 1
infra_retries: 0
at_most_once: true
name: job
tags: [a, b]
notify: [ops, "mail:a@b.org"]
at: +1h
"""
TOML = """\
image = "busybox:1"
command = ["sh", "-c", "echo $A"]
entrypoint = []
workdir = "/w"
user = 1000
inputs = ["data.csv", "more:in"]
outputs = ["*.txt"]
constraints = {gpu = "a100"}
priority = -3
retries = 1
infra_retries = 0
at_most_once = true
name = "job"
tags = ["a", "b"]
notify = ["ops", "mail:a@b.org"]
at = "+1h"
[env]
A = "yes"
B = "1.0"
C = "0755"
[resources]
cpu = "500m"
memory = "1G"
disk = "2G"
pids = 10
[timeouts]
queue = "1h"
pull = "5m"
run = 90
stop_grace = "1s"
warn = "30s"
warn_signal = "usr2"
"""


def read(text: str, toml: bool = False) -> JobFile:
    return parse(text, "job.toml" if toml else "job.yaml", NOW, toml=toml)


@pytest.mark.parametrize(("text", "toml"), [(YAML, False), (TOML, True)])
def test_every_field(text: str, toml: bool) -> None:
    draft = read(text, toml).draft
    assert draft.inputs == ("data.csv", "more:in")
    assert draft.spec == JobSpec(
        image="busybox:1",
        command=["sh", "-c", "echo $A"],
        entrypoint=[],
        env={"A": "yes", "B": "1.0", "C": "0755"},
        workdir="/w",
        user="1000",
        resources=Resources(cpu_millis=500, memory=1 << 30, disk=2 << 30, pids=10),
        outputs=["*.txt"],
        constraints={"gpu": "a100"},
        priority=-3,
        timeouts=Timeouts(queue=3600.0, pull=300.0, run=90.0, stop_grace=1.0, warn=30.0, warn_signal="SIGUSR2"),
        retries=1,
        infra_retries=0,
        at_most_once=True,
        name="job",
        tags=["a", "b"],
        notify=["ops", "mail:a@b.org"],
        at="2026-01-02T04:04:05Z",
    )


def test_variables_may_be_a_list() -> None:
    assert read("image: a\nenv: [A=1, B=x=y]\n").draft.spec.env == {"A": "1", "B": "x=y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image: a\nmemory: 1G\n", "job.yaml:2: memory: there is no such field"),
        ("image: a\n\ncomand: [x]\n", "job.yaml:3: comand: there is no such field; did you mean `command`?"),
        (
            "image: a\nresources:\n  memmory: 1G\n",
            "job.yaml:3: resources.memmory: there is no such field; did you mean `memory`?",
        ),
        (
            "image: a\nresources:\n  cpu: 1\n  memory: 12X\n",
            "job.yaml:4: resources.memory: '12X' is no size; write it like 512M, 1G or 1.5G",
        ),
        ("image: a\nresources:\n  cpu: 1m\n", "job.yaml:3: resources.cpu: cpu from 10m to 1000"),
        ("image: a\ncommand: ls -l\n", "job.yaml:2: command: a list, such as [a, b], not 'ls -l'"),
        ("image: a\nretries: some\n", "job.yaml:2: retries: a whole number, not 'some'"),
        ("image: a\nretries: true\n", "job.yaml:2: retries: a whole number, not 'true'"),
        ("image: a\nat_most_once: 1\n", "job.yaml:2: at_most_once: true or false, not '1'"),
        ("image: a\nresources: 1G\n", "job.yaml:2: resources: a map of cpu, memory, disk, pids"),
        ("image: [a]\n", "job.yaml:1: image: a text, not a list or a map"),
        ("image: a\nenv: [A]\n", "job.yaml:2: env: 'A' has no value: write A=VALUE"),
        ("image: a\nenv:\n  A: [1]\n", "job.yaml:2: env: a text, not a list or a map"),
        ("image: a\nworkdir: here\n", "job.yaml:2: workdir: an absolute path, such as /data"),
        ("image: a\noutputs:\n- ok\n- /no\n", "job.yaml:4: outputs[1]: '/no' must be relative to /out"),
        ("image: a\nat: soon\n", "job.yaml:2: at: 'soon' is no time"),
        ("image: a\ntimeouts: {run: 0}\n", "job.yaml:2: timeouts.run: more than 0 seconds"),
        ("image: a\ntimeouts:\n  warn: 1m\n", "job.yaml:3: timeouts.warn: it counts back from the run timeout"),
        ("image: a\nnotify: [ops, 'mail:x']\n", "job.yaml:2: notify[1]: 'x' is no mail address"),
        ("image: a\nenv:\n  SWARM_JOB: 1\n", "job.yaml:3: env.SWARM_JOB: swarm sets it"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SwarmError) as caught:
        read(text)
    assert caught.value.code == "invalid_spec"
    assert caught.value.message.startswith(message)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SwarmError) as caught:
        read("image: a\nretries: x\npriority: y\nnmae: z\n")
    assert [error["field"] for error in caught.value.errors] == ["retries", "priority", "nmae"]
    assert [error["line"] for error in caught.value.errors] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('image = "a"\n[resources]\nmemory = "12X"\n', "job.toml:3: resources.memory: '12X' is no size"),
        ('image = "a"\nrun = 3\n', "job.toml:2: run: there is no such field"),
        ('image = "a"\nresources.memory = "1Q"\n', "job.toml:2: resources.memory: '1Q' is no size"),
    ],
)
def test_toml_has_lines_too(text: str, message: str) -> None:
    with pytest.raises(SwarmError) as caught:
        read(text, toml=True)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "toml", "line", "match"),
    [
        ("image: a\n  b: c\n", False, 2, "no YAML"),
        ("", False, 1, "empty"),
        ("- a\n", False, 1, "is a map"),
        ("a: 1\nb: 2\na: 3\n", False, 3, "`a` is given twice"),
        ("? [a]\n: b\n", False, 1, "a key must be a text"),
        ("a: " + "[" * 40 + "]" * 40, False, 1, "too deep"),
        ("a: &x [1]\n--- \nb: 2\n", False, 2, "no YAML"),
        ("a = 1\nb =\n", True, 2, "no TOML"),
    ],
)
def test_syntax_errors_have_a_line(text: str, toml: bool, line: int, match: str) -> None:
    with pytest.raises(FileSyntaxError, match=match) as caught:
        read(text, toml)
    assert caught.value.line == line


def test_aliases_do_not_multiply() -> None:
    """A billion laughs: what is nested that deep is refused before it is spread out."""
    layers = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 30))
    with pytest.raises((FileSyntaxError, SwarmError)):
        read("image: a\nx0: &x0 [lol]\n" + layers)


def test_secrets_are_names_or_say_their_file() -> None:
    draft = read("image: b\nsecrets:\n  - db\n  - db:.pgpass\n  - {name: tls, file: key.pem}\n").draft
    assert [(s.name, s.file) for s in secret_files(draft.spec.secrets)] == [
        ("db", "db"),
        ("db", ".pgpass"),
        ("tls", "key.pem"),
    ]
    for text, told in (
        ("image: b\nsecrets: db\n", "job.yaml:2: secrets: a list, such as [db-password]"),
        ("image: b\nsecrets: [{file: x}]\n", "job.yaml:2: secrets: NAME, NAME:FILE, or {name: NAME, file: FILE}"),
        ("image: b\nsecrets:\n  - ok\n  - a/b\n", "job.yaml:4: secrets[1]: 'a/b' is no name of a secret"),
    ):
        with pytest.raises(SwarmError) as caught:
            read(text)
        assert caught.value.message.startswith(told)


def test_mounts_gpus_and_a_network() -> None:
    text = 'image: i\nmounts: [data, "out:ro"]\nnetwork: egress\nresources: {gpu: "2:a100", cpu: 1}\n'
    spec = parse(text, "job.yaml", NOW).draft.spec
    assert (spec.mounts, spec.network) == (["data", "out:ro"], "egress")
    assert (spec.resources.gpus, spec.resources.gpu_kind, spec.resources.cpu_millis) == (2, "a100", 1000)
    assert parse("image: i\nresources: {gpu: 3}\n", "job.yaml", NOW).draft.spec.resources.gpus == 3
    with pytest.raises(SwarmError) as wrong:
        parse("image: i\nmounts: [../x]\nnetwork: host\nresources:\n  gpu: many\n", "job.yaml", NOW)
    assert [error["message"].split(": ")[0:2] for error in wrong.value.errors] == [
        ["job.yaml:5", "resources.gpu"],
        ["job.yaml:2", "mounts[0]"],
        ["job.yaml:3", "network"],
    ]


def test_files_that_the_core_holds_are_named_by_their_digests() -> None:
    held = f"{{name: a, digest: 'sha256:{'1' * 64}', size: 3}}"
    text = f"image: i\ninputs: [here.csv, {held}]\nfolders: [empty]\ninputs_from: [{{job: 7, path: m, attempt: 2}}]\n"
    draft = read(text + "stdin: true\ntty: true\n").draft
    assert draft.inputs == ("here.csv",)
    assert draft.spec == JobSpec(
        image="i",
        inputs=[InputFile(name="a", digest=f"sha256:{'1' * 64}", size=3)],
        folders=["empty"],
        inputs_from=[JobOutputs(job=7, path="m", attempt=2)],
        stdin=True,
        tty=True,
    )
    for wrong, told in (
        ("inputs: a", "job.yaml:2: inputs: a list, such as [data.csv], not 'a'"),
        ("inputs: [{name: a}]", "job.yaml:2: inputs: Object missing required field `digest`"),
        ("inputs_from: [7]", "job.yaml:2: inputs_from: Expected `object`, got `int`"),
    ):
        with pytest.raises(SwarmError) as caught:
            read(f"image: i\n{wrong}\n")
        assert caught.value.message.startswith(told)
