"""What a job needs beside its row: inputs, other jobs' outputs, secrets, mounts, webhooks.

It is seen to in the transaction that takes the job. Whatever is found there is held until the transaction ends, so that
no reclaim comes between.
"""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import msgspec

from swarm_core import sources
from swarm_core.notice.wanted import need_hooks
from swarm_core.specs import invalid_spec
from swarm_core.store import jobs, mounts, secrets
from swarm_core.store.database import Connection
from swarm_core.store.jobs import Template
from swarm_protocol.errors import SwarmError
from swarm_protocol.secrets import secret_files
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import MAX_SPEC_BYTES, InputFile, JobSpec, check
from swarm_protocol.states import TERMINAL, JobState


async def provide(connection: Connection, template: Template) -> Template:
    """The template with other jobs' outputs among its inputs, all of which are there and stay.

    Raises SwarmError: not_found, not_ended, invalid_spec, too_large, blob_missing, mount_not_allowed.
    """
    if template.sources:
        raw = template.spec.encode()
        spec = await resolved(connection, template.project, msgspec.json.decode(raw, type=JobSpec))
        raw = sources.with_inputs(raw, spec)
        if len(raw) > MAX_SPEC_BYTES:
            raise _too_many(len(spec.inputs))
        digests = tuple({item.digest for item in spec.inputs})
        template = msgspec.structs.replace(template, spec=raw.decode(), inputs=digests, sources=())
    await need_inputs(connection, template.project, template.inputs)
    await need_secrets(connection, template.project, template.secrets)
    await need_mounts(connection, template.project, template.mounts, template.user)
    await need_hooks(connection, template.project, template.hooks)
    return template


async def resolved(connection: Connection, project: UUID, spec: JobSpec, above: str = "") -> JobSpec:
    """The spec with other jobs' outputs among its inputs; `above` stands before the names of wrong fields.

    Raises SwarmError: not_found, not_ended, invalid_spec.
    """
    if all(source.attempt is not None for source in spec.inputs_from):
        return spec
    inputs, told = list(spec.inputs), list[JobOutputs]()
    for index, source in enumerate(spec.inputs_from):
        if source.attempt is None:
            files, attempt = await _files(connection, project, source, f"{above}inputs_from[{index}]")
            inputs += files
            source = msgspec.structs.replace(source, attempt=attempt)
        told.append(source)
    whole = msgspec.structs.replace(spec, inputs=inputs, inputs_from=told)
    if wrong := check(whole):
        raise invalid_spec([{"field": above + item.field, "message": item.message} for item in wrong])
    return whole


async def _files(connection: Connection, project: UUID, source: JobOutputs, field: str) -> tuple[list[InputFile], int]:
    """The files that are meant, and whose attempt's they are."""
    found = await jobs.lock_source(connection, source.job, project)
    if found is None:
        hint = "`swarm jobs` lists yours"
        raise SwarmError("not_found", f"there is no job {source.job}", hint=hint, field=f"{field}.job")
    if JobState(found.state) not in TERMINAL:
        message = f"job {source.job} has not ended: it is {found.state}"
        raise SwarmError("not_ended", message, hint=f"wait for it: `swarm wait {source.job}`", field=f"{field}.job")
    left = await jobs.left_by(connection, source.job, found.attempt)
    files = sources.chosen(source, left)
    if not files:
        raise _nothing(source, left, field)
    return files, found.attempt


def _nothing(source: JobOutputs, left: Collection[sources.Left], field: str) -> SwarmError:
    if not left:
        message, field = f"job {source.job} left no files", f"{field}.job"
    else:
        message = f"job {source.job} left no {source.path!r}; it left {sources.names_of(left)}"
        field = f"{field}.path"
    error = invalid_spec([{"field": field, "message": message}])
    error.hint = f"see `swarm show {source.job}`"
    return error


async def need_inputs(connection: Connection, project: UUID, digests: Collection[str], field: str = "inputs") -> None:
    """Every input must be there, seen by its project. Raises SwarmError(blob_missing)."""
    missing = await jobs.lock_inputs(connection, project, sorted(digests)) if digests else set()
    if missing:
        raise SwarmError(
            "blob_missing",
            f"{len(missing)} input files are not on the core, the first {min(missing)}",
            hint="upload them first; `--input` does",
            field=field,
        )


async def need_secrets(connection: Connection, project: UUID, names: Iterable[str], above: str = "") -> None:
    """The project must have every one, in the order of the spec. Raises SwarmError(invalid_spec)."""
    wanted = list(names)
    known = await secrets.known(connection, project, wanted) if wanted else set()
    wrong = [(index, name) for index, name in enumerate(wanted) if name not in known]
    if wrong:
        error = invalid_spec(
            [{"field": f"{above}secrets[{at}]", "message": f"there is no secret {name}"} for at, name in wrong]
        )
        error.hint = f"`swarm secret set {wrong[0][1]}` keeps one; `swarm secret list` shows what there is"
        raise error


async def need_mounts(
    connection: Connection, project: UUID, names: Sequence[str], user: str | None, above: str = ""
) -> None:
    """The project must be allowed to use every one, and they must agree on whom the job runs as.

    Raises SwarmError: mount_not_allowed, invalid_spec.
    """
    usable = await mounts.usable(connection, project, set(names)) if names else {}
    for index, name in enumerate(names):
        if name not in usable:
            hint = (
                f"`swarm mount list` shows those that it may use; an operator lets it use one: "
                f"`swarm mount allow {name} --project PROJECT`"
            )
            message = f"this project may use no mount called {name}"
            raise SwarmError("mount_not_allowed", message, hint=hint, field=f"{above}mounts[{index}]")
    mapped = {(each.uid, each.gid): name for name, each in usable.items() if each.uid is not None}
    if len(mapped) > 1:
        first, second = sorted(mapped.values())[:2]
        message = f"the mounts {first} and {second} have the job run as different users; use one of them"
        raise invalid_spec([{"field": f"{above}mounts", "message": message}])
    for (uid, gid), name in mapped.items():
        if user is not None and user not in (f"{uid}:{gid}", *([f"{uid}"] if uid == gid else [])):
            message = f"with the mount {name} this project's jobs run as {uid}:{gid}; leave --user out"
            raise invalid_spec([{"field": f"{above}user", "message": message}])


def secret_names(spec: JobSpec) -> tuple[str, ...]:
    """The secrets that a spec names, in its order."""
    return tuple(item.name for item in secret_files(spec.secrets))


def _too_many(files: int) -> SwarmError:
    hint = "have that job pack them into one archive, or name fewer of them"
    return SwarmError("too_large", f"{files} input files are more than a job can name", hint=hint, field="inputs_from")
