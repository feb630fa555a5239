"""What travels when an image is pushed, counted on the way."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..harness import Home
from .archives import MIB, layer, oci_archive
from .relay import Relay

CHUNK = 8 * MIB
OVERHEAD = MIB
"""Headers, TLS, the small requests."""
Through = Callable[[], "tuple[Relay, dict[str, str]]"]


@pytest.fixture
def through(home: Home, tmp_path: Path) -> Iterator[Through]:
    """Relays to the home's core, each with the variables of a person who is signed in through it."""
    with ExitStack() as stack:

        def make() -> tuple[Relay, dict[str, str]]:
            relay = stack.enter_context(Relay(home.port))
            person = tmp_path / f"person-{relay.port}"
            person.mkdir()
            known = json.loads((home.folder / "credentials.json").read_bytes())
            known["url"] = f"https://127.0.0.1:{relay.port}"
            (person / "credentials.json").write_text(json.dumps(known))
            (person / "credentials.json").chmod(0o600)
            return relay, {"SWARM_HOME": str(person)}

        yield make


def test_a_core_killed_mid_upload_costs_one_chunk_at_most(home: Home, through: Through, tmp_path: Path) -> None:
    size = 60 * MIB
    archive = oci_archive(tmp_path / "large.tar", "large:1", [layer(os.urandom(size))])
    relay, person = through()
    with home.only("core"):
        child = home.start("push", str(archive), env=person)
        relay.reaches(size // 2, 60)
        home.bounce("core")
        out, err = child.communicate(timeout=90)
    assert child.returncode == 0, err
    assert out.startswith(b"large:1 sha256:")
    assert b"Traceback" not in err
    assert size <= relay.sent <= size + CHUNK + OVERHEAD
    assert "large" in {image["name"] for image in home.json("images")}


def test_a_push_that_was_broken_off_goes_on_where_it_was(home: Home, through: Through, tmp_path: Path) -> None:
    size = 40 * MIB
    archive = oci_archive(tmp_path / "long.tar", "long:1", [layer(os.urandom(size))])
    relay, person = through()
    child = home.start("push", str(archive), env=person)
    relay.reaches(size // 2, 60)
    child.kill()
    child.communicate()
    first = relay.sent
    home.swarm("push", str(archive), env=person)
    assert relay.sent - first <= size - first + CHUNK + OVERHEAD


def test_a_layer_that_two_images_share_travels_once(home: Home, through: Through, tmp_path: Path) -> None:
    shared, own = layer(os.urandom(20 * MIB), "shared"), layer(os.urandom(2 * MIB), "own")
    one = oci_archive(tmp_path / "one.tar", "one:1", [shared])
    two = oci_archive(tmp_path / "two.tar", "two:1", [shared, own])
    relay, person = through()
    home.swarm("push", str(one), env=person)
    assert len(shared) <= relay.sent <= len(shared) + OVERHEAD
    before = relay.sent
    told = home.swarm("push", str(two), env=person).stderr.decode()
    assert len(own) <= relay.sent - before <= len(own) + OVERHEAD
    assert told.startswith("sent 2.0")
    before = relay.sent
    home.swarm("push", str(two), env=person)
    assert relay.sent - before < 64 * 1024
