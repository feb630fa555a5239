"""Images: what is taken, what a name stands for, and who may read what."""

import json
from pathlib import Path

import pytest
from tests.integration.storage.vault import ANA, Vault, Who, digest_of, manifest, vault

from swarm_core.images import split_reference
from swarm_core.store.blobs import Owner
from swarm_core.store.images import TagRow, Users
from swarm_core.store.workers import note_status
from swarm_protocol import oci
from swarm_protocol.errors import SwarmError

CONFIG = b'{"architecture":"arm64","os":"linux","variant":"v8","rootfs":{"type":"layers","diff_ids":["sha256:aa"]}}'


async def test_a_pushed_image_is_found_by_tag_and_digest(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        await one.add(b"layer")
        await one.add(CONFIG)
        body = manifest(CONFIG, [b"layer"])
        made = await one.images.put(ANA, "reg:5000/a/b", "v1", body)
        assert made.digest == digest_of(body)
        assert made.size == len(CONFIG) + len(b"layer") + len(body)
        for reference in ("reg:5000/a/b:v1", f"reg:5000/a/b@{made.digest}", f"x@{made.digest}"):
            assert (await one.images.resolve(ANA.project, reference)).digest == made.digest
        [tag] = await one.images.tags(ANA.project, ("", ""), 10)
        assert (tag.name, tag.tag, tag.platform, tag.pushed_by) == ("reg:5000/a/b", "v1", "linux/arm64/v8", "ana")
        media_type, pieces = await one.images.manifest(ANA, made.digest)
        assert (media_type, b"".join([p async for p in pieces])) == (oci.MANIFEST, body)
        for unknown in ("reg:5000/a/b", "other:v1", f"x@{digest_of(b'')}"):
            with pytest.raises(SwarmError) as error:
                await one.images.resolve(ANA.project, unknown)
            assert error.value.code == "image_unknown"
            assert "swarm push" in (error.value.hint or "")
        await one.images.delete(ANA, "reg:5000/a/b", "v1")
        with pytest.raises(SwarmError):
            await one.images.resolve(ANA.project, "reg:5000/a/b:v1")
        with pytest.raises(SwarmError):
            await one.images.delete(ANA, "reg:5000/a/b", "v1")
        told = await one.database.api.fetch("select subject, what, actor, detail ->> 'digest' as digest from event")
        assert [tuple(row) for row in told] == [
            ("reg:5000/a/b:v1", what, "user:ana", made.digest) for what in ("pushed", "removed")
        ]


async def test_missing_parts_are_named(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        with pytest.raises(SwarmError) as no_config:
            await one.images.put(ANA, "img", "latest", manifest(CONFIG, [b"layer"]))
        assert [e["field"] for e in no_config.value.errors] == [digest_of(CONFIG)]
        await one.add(CONFIG)
        with pytest.raises(SwarmError) as no_layer:
            await one.images.put(ANA, "img", "latest", manifest(CONFIG, [b"layer"]))
        assert no_layer.value.code == "blob_missing"
        assert [e["field"] for e in no_layer.value.errors] == [digest_of(b"layer")]
        assert not list((tmp_path / "staging").iterdir())


@pytest.mark.parametrize(
    ("config", "layers"),
    [(b"no json", [b"x"]), (b"{}", [b"x"]), (CONFIG, [b"x", b"y"]), (b'{"architecture":1}', [])],
)
async def test_a_configuration_that_is_none_is_refused(
    database_url: str, tmp_path: Path, config: bytes, layers: list[bytes]
) -> None:
    async with vault(database_url, tmp_path) as one:
        for data in (config, *layers):
            await one.add(data)
        with pytest.raises(SwarmError) as error:
            await one.images.put(ANA, "img", "latest", manifest(config, layers))
        assert error.value.code == "not_an_image"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"schemaVersion":1}',
        b'{"schemaVersion":2}',
        json.dumps({"schemaVersion": 2, "config": {"mediaType": "x", "digest": "sha256:../..", "size": 1}}).encode(),
        json.dumps({"schemaVersion": 2, "config": {"mediaType": "x", "digest": digest_of(b""), "size": -1}}).encode(),
    ],
)
async def test_what_is_no_manifest_is_refused(database_url: str, tmp_path: Path, body: bytes) -> None:
    async with vault(database_url, tmp_path) as one:
        with pytest.raises(SwarmError) as error:
            await one.images.put(ANA, "img", "latest", body)
        assert error.value.code == "not_an_image"


@pytest.mark.parametrize(
    ("name", "tag"), [("../x", "a"), ("x/", "a"), ("a//b", "a"), ("a", ""), ("a", "b/c"), ("", "a")]
)
async def test_bad_names_are_refused(database_url: str, tmp_path: Path, name: str, tag: str) -> None:
    async with vault(database_url, tmp_path) as one:
        with pytest.raises(SwarmError) as error:
            await one.images.put(ANA, name, tag, b"{}")
        assert error.value.code == "bad_request"


async def test_an_index_lists_images_that_are_there(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        child = await one.push(tag="amd64", layer=b"layer")
        body = index([(child, await one.library.size(ANA, child))])
        made = await one.images.put(ANA, "img", "all", body)
        worker, _ = await one.running(ANA, made.digest)
        for digest in (made.digest, child, digest_of(b"layer")):
            assert await one.library.size(worker, digest)
        for digest in (made.digest, child):
            assert (await one.images.manifest(worker, digest))[0]
        with pytest.raises(SwarmError) as error:
            await one.images.put(ANA, "img", "bad", index([(await one.add(b"no manifest"), 11)]))
        assert error.value.code == "blob_missing"


async def test_a_worker_reads_what_its_open_attempts_need_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        image = await one.push(layer=b"layer")
        needed, other = await one.add(b"input"), await one.add(b"other")
        worker, job = await one.running(ANA, image, (needed,))
        idle, _ = await one.running(ANA)
        for digest in (image, needed, digest_of(b"layer")):
            assert await one.library.size(worker, digest)
            await refused(one, idle, digest)
        await refused(one, worker, other)
        await one.end(job)
        for digest in (image, needed, digest_of(b"layer")):
            await refused(one, worker, digest)


async def test_projects_do_not_see_one_another(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        ben = await one.new_project("bens")
        image = await one.push(layer=b"secret")
        for digest in (image, digest_of(b"secret")):
            await refused(one, ben, digest)
        with pytest.raises(SwarmError):
            await one.images.manifest(ben, image)
        for reference in ("img", f"img@{image}"):
            with pytest.raises(SwarmError):
                await one.images.resolve(ben.project, reference)
        assert await one.images.tags(ben.project, ("", ""), 10) == []
        with pytest.raises(SwarmError) as missing:
            await one.images.put(ben, "mine", "latest", await one.library.read_all(image, 10_000))
        assert missing.value.code == "blob_missing"
        with pytest.raises(SwarmError):
            await one.images.delete(ben, "img", "latest")
        assert (await one.images.resolve(ANA.project, "img")).digest == image


async def test_a_push_is_seen_at_once_here_and_within_a_second_elsewhere(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        first = await one.push()
        assert (await one.images.resolve(ANA.project, "img")).digest == first
        second = await one.push()
        assert first != second
        assert (await one.images.resolve(ANA.project, "img")).digest == second


async def refused(one: Vault, who: Who, digest: str) -> None:
    """The reader gets not_found, as if there were none."""
    with pytest.raises(SwarmError) as error:
        await one.library.size(who, digest)
    assert error.value.code == "not_found"


def index(parts: list[tuple[str, int]]) -> bytes:
    """An index of these manifests."""
    found = [oci.Descriptor(media_type=oci.MANIFEST, digest=digest, size=size) for digest, size in parts]
    return oci.encode_manifest(oci.Manifest(schema_version=2, media_type=oci.INDEX, manifests=found))


def test_references_are_split() -> None:
    assert split_reference("a") == ("a", None, None)
    assert split_reference("h:5000/a") == ("h:5000/a", None, None)
    assert split_reference("h:5000/a:t@sha256:1") == ("h:5000/a", "t", "sha256:1")


# Who uses an image, and what it shares -------------------------------------------------------------------


async def _tag(one: Vault, name: str, who: Who = ANA) -> TagRow:
    [found] = [tag for tag in await one.images.tags(who.project, ("", ""), 100) if f"{tag.name}:{tag.tag}" == name]
    return found


async def _built(one: Vault, name: str, config: bytes, layer: bytes, who: Who = ANA) -> int:
    """Push an image of these parts; the size of its manifest."""
    owner = Owner(who.project, who.project)
    for data in (layer, config):
        await one.add(data, owner)
    body = manifest(config, [layer])
    await one.images.put(who, name, "latest", body)
    return len(body)


async def test_what_is_shared_is_told_from_what_is_its_own(database_url: str, tmp_path: Path) -> None:
    other_config = CONFIG.replace(b"arm64", b"amd64")
    async with vault(database_url, tmp_path) as one:
        first = await _built(one, "first", CONFIG, b"base")
        alone = await _tag(one, "first:latest")
        assert (alone.own, alone.shared) == (alone.size, 0)
        second = await _built(one, "second", other_config, b"base")
        for name, manifest_size, config in (("first", first, CONFIG), ("second", second, other_config)):
            found = await _tag(one, f"{name}:latest")
            assert (found.own, found.shared) == (manifest_size + len(config), len(b"base"))
        stranger = await one.new_project("far")
        await _built(one, "first", CONFIG, b"base", stranger)  # what others have is nothing to this project
        assert (await _tag(one, "first:latest")).own == first + len(CONFIG)
        await _built(one, "twin", CONFIG, b"base")
        assert (await _tag(one, "first:latest")).own == 0
        gone = await one.images.delete(ANA, "twin", "latest")
        assert (gone.image.own, (await _tag(one, "first:latest")).own) == (0, first + len(CONFIG))


async def test_parts_of_an_index_are_shared_with_tags_of_their_own(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        child = await one.push(tag="amd64", layer=b"layer")
        body = index([(child, await one.library.size(ANA, child))])
        await one.images.put(ANA, "img", "all", body)
        assert ((await _tag(one, "img:all")).own, (await _tag(one, "img:amd64")).own) == (len(body), 0)
        await one.images.delete(ANA, "img", "amd64")
        assert (await _tag(one, "img:all")).shared == 0


async def test_who_uses_an_image_is_told_before_and_after_it_goes(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        digest = await one.push(layer=b"layer")
        await one.push(name="other", layer=b"layer2")
        assert (await one.images.use(ANA.project, "img", "latest")).used_by == Users([], [], [])
        assert (await _tag(one, "img:latest")).last_used_at is None
        worker, job = await one.running(ANA, digest)
        _, ended = await one.running(ANA, digest)
        await one.end(ended)
        db = one.database.api
        for name, image in (("a", "img"), ("b", "img:latest"), ("c", f"x@{digest}"), ("d", "img:v2"), ("e", "other")):
            pinned = digest if "@" in image else None
            await db.execute(
                "insert into schedule (project_id, name, definition, image_digest, tzdata, changed_by)"
                " values ($1, $2, $3::json, $4, '', '')",
                ANA.project, name, json.dumps({"job": {"image": image}}), pinned,
            )  # fmt: skip
        await note_status(one.database.api, worker.id, "{}", json.dumps([{"digest": digest, "size": 5}] * 2))
        await one.images.resolve(ANA.project, "img")
        used = await one.images.use(ANA.project, "img", "latest")
        assert used.used_by == Users([job], ["a", "b", "c"], [worker.name])
        assert (used.image.jobs, used.image.schedules, used.image.workers) == (1, 3, 1)
        assert used.image.last_used_at is not None
        assert await one.images.delete(ANA, "img", "latest") == used
        with pytest.raises(SwarmError, match="there is no image img:latest"):
            await one.images.use(ANA.project, "img", "latest")


async def test_what_a_worker_holds_follows_what_it_tells(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        first, second = await one.push(), await one.push(tag="two")
        worker, _ = await one.running(ANA)
        for held in ([first], [first, second], [second], []):
            await note_status(one.database.api, worker.id, "{}", json.dumps([{"digest": each} for each in held]))
            holders = {tag.digest: tag.workers for tag in await one.images.tags(ANA.project, ("", ""), 10)}
            assert holders == {digest: int(digest in held) for digest in (first, second)}
        await note_status(one.database.api, worker.id, "{}", json.dumps([{"digest": first}]))
        await one.database.api.execute("update worker set revoked_at = swarm_now()")
        assert (await _tag(one, "img:latest")).workers == 0
