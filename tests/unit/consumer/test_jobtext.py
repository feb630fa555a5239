"""A job as a job file: whatever its spec, reading the file again gives the same."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_consumer.jobfile import parse
from swarm_consumer.jobtext import job_text
from swarm_protocol.secrets import SecretFile
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import InputFile, JobSpec, Resources, Timeouts

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
names = st.text("abcyno019.-", max_size=5).map(lambda text: f"n{text}")
amounts = st.integers(6 << 20, 1 << 50)
durations = st.one_of(st.integers(1, 10**6), st.floats(0.001, 10**6).map(lambda value: round(value, 3)))
limits = st.none() | durations.map(float)


@st.composite
def specs(draw: st.DrawFn) -> JobSpec:
    """Specs with any text where text may stand."""
    return JobSpec(
        image=draw(st.text("ab:/@", min_size=1)),
        command=draw(st.lists(words, max_size=3)),
        entrypoint=draw(st.none() | st.lists(words, max_size=2)),
        env=draw(st.dictionaries(names, words, max_size=3)),
        workdir=draw(st.none() | words.map(lambda word: f"/{word}")),
        user=draw(st.none() | names),
        resources=Resources(
            cpu_millis=draw(st.integers(10, 10**6)),
            memory=draw(amounts),
            disk=draw(amounts),
            pids=draw(st.integers(2, 1000)),
            gpus=draw(st.integers(0, 3)),
        ),
        secrets=draw(st.lists(st.sampled_from(["db", SecretFile(name="tls", file="key.pem")]), unique=True)),
        inputs=draw(st.lists(st.builds(InputFile, name=names, digest=st.just("sha256:" + "1" * 64), size=amounts))),
        inputs_from=draw(st.lists(st.builds(JobOutputs, job=st.integers(1, 9), path=names), max_size=2)),
        constraints=draw(st.dictionaries(st.sampled_from(["gpu", "on", "1"]), words, max_size=2)),
        timeouts=Timeouts(
            queue=draw(limits), pull=draw(limits), run=draw(limits), stop_grace=float(draw(st.integers(0, 3600)))
        ),
        at_most_once=draw(st.booleans()),
        name=draw(st.none() | st.sampled_from(["yes", "1", "null", "~", "a: b", "# no", "- x", "0x1f", "1:30"])),
        tags=draw(st.lists(st.sampled_from(["on", "1e3", "1.0", "é"]), max_size=3)),
        at=draw(st.none() | st.just("2026-01-02T04:04:05Z")),
        stdin=draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_it_reads_as_what_was_written(spec: JobSpec) -> None:
    spec = _without_twins(spec)
    assert parse(job_text(spec), "job.yaml", NOW).draft.spec == spec


def _without_twins(spec: JobSpec) -> JobSpec:
    """No two inputs of one name, which no job may have."""
    import msgspec

    return msgspec.structs.replace(spec, inputs=list({item.name: item for item in spec.inputs}.values()))


def test_it_is_what_a_person_would_write() -> None:
    assert job_text(JobSpec(image="busybox", retries=1)) == "image: busybox\nretries: 1\n"
    spec = JobSpec(
        image="busybox:1",
        command=["sh", "-c", "echo one\necho two\n"],
        env={"A": "1"},
        resources=Resources(cpu_millis=500, memory=256 << 20, gpus=2, gpu_kind="a100"),
        timeouts=Timeouts(run=600.0, pull=None),
        tags=["a", "b"],
    )
    assert (
        job_text(spec)
        == """\
image: busybox:1
command:
- sh
- -c
- |
  echo one
  echo two
env: {A: '1'}
resources: {cpu: 500m, memory: 256M, gpu: '2:a100'}
timeouts: {pull: none, run: 10m}
tags: [a, b]
"""
    )
