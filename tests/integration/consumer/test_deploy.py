"""Deploying over a real SSH server; what would be installed there is played, so that each step can fail."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.fixtures.ssh_machine import Machine, machine

from swarm_consumer.client import Client
from swarm_consumer.deploy import wheel
from swarm_consumer.deploy.plan import Wanted
from swarm_consumer.deploy.ssh import Ssh
from swarm_consumer.deploy.steps import Deployment
from swarm_consumer.deploy.target import parse
from swarm_consumer.models import Worker
from swarm_protocol.errors import SwarmError

from .fake_core import FakeCore

STATUS = json.dumps({"worker_id": "w1", "name": "w1", "core": "connected", "engine": "20.10"})
PLAYED = {
    "swarm": 'echo "$*" >> "$log"; cat >> "$log"',
    "swarm-worker": f"""echo "$*" >> "$log"; [ "$1" != status ] || echo '{STATUS}'""",
}


@dataclass
class Scene:
    """A machine with this version on it, in name only."""

    client: Client
    there: Machine
    wanted: Wanted
    folder: Path
    package: Path
    said: list[str] = field(default_factory=list)

    @property
    def programs(self) -> Path:
        python = f"py{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "venvs" / f"{wheel.build_of(self.package)}-{python}" / "bin"

    @property
    def log(self) -> list[str]:
        """What the programs there were told: their words, and their input."""
        return (self.folder / "log").read_text().splitlines()

    def play(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\nlog={self.folder / 'log'}\n{script}\n")
        path.chmod(0o755)

    async def run(self, *, ssh: str = "", python: str | None = None) -> Worker:
        async with Ssh(parse(self.there.url), ssh or self.there.client) as connection:
            made = Deployment(self.client, connection, self.wanted, self.said.append)
            facts = await made.look(str(self.folder), python)
            return await made.carry_out(facts, await made.plan(facts, self.package), self.package)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "there") as made:
        yield made


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.pack(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def scene(core: FakeCore, client: Client, there: Machine, package: Path, tmp_path: Path) -> Scene:
    wanted = Wanted(
        core=core.url.replace("https", "wss"), ca_pem=core.certificates.ca_pem, name="w1", slots=2, labels={"a": "b c"}
    )
    made = Scene(client, there, wanted, tmp_path / "place", package)
    made.programs.mkdir(parents=True)
    (made.programs.parent / "complete").touch()
    (made.programs / "python").touch()
    for name, script in PLAYED.items():
        made.play(name, script)
    return made


async def fails(scene: Scene, **how: str) -> SwarmError:
    with pytest.raises(SwarmError) as told:
        await scene.run(**how)
    return told.value


async def test_the_token_goes_in_by_standard_input_alone(core: FakeCore, scene: Scene) -> None:
    found = await scene.run()
    assert (found.name, found.state) == ("w1", "waiting")
    data = scene.folder / "worker"
    join = f"worker join {scene.wanted.core} --token - --data {data} --no-run --slots 2 --label a=b c"
    starts = [f"stop --data {data}", f"run --data {data} --detach", f"status --data {data} --wait 60"]
    assert scene.log == [join, "SSJT1-x", *starts]
    assert not any("SSJT1" in words for words in [*scene.there.commands, *scene.said])
    assert core.count("DELETE", "/join-tokens") == 0


async def test_a_join_that_fails_shows_why_and_withdraws_the_token(core: FakeCore, scene: Scene) -> None:
    scene.play("swarm", "cat > /dev/null; echo 'error: no room' >&2; echo 'hint: make some' >&2; exit 125")
    error = await fails(scene)
    assert error.message == "tester@127.0.0.1: could not join:\n    error: no room\n    hint: make some"
    assert "then run this again" in str(error.hint)
    assert ("DELETE", "/join-tokens/t") in core.requests


async def test_a_worker_that_does_not_connect(scene: Scene) -> None:
    away = STATUS.replace("connected", "no route")
    scene.play("swarm-worker", f"[ $1 != status ] && exit 0; echo '{away}'; exit 1")
    error = await fails(scene)
    assert error.message == "the worker w1 on tester@127.0.0.1 runs, and the core has not heard of it: no route"
    assert f"{scene.folder}/worker/worker.log" in str(error.hint)


async def test_a_worker_that_does_not_start(scene: Scene) -> None:
    scene.play("swarm-worker", "[ $1 != run ] && exit 0; echo 'no folder' >&2; exit 1")
    error = await fails(scene)
    assert error.message == "tester@127.0.0.1: could not start the worker:\n    no folder"


async def test_what_can_be_known_before_is_said_before(core: FakeCore, scene: Scene) -> None:
    error = await fails(scene, python="/nowhere/python3")
    assert error.message == "tester@127.0.0.1 has no Python 3.11 or later (/nowhere/python3)"
    scene.wanted = replace(scene.wanted, core="wss://127.0.0.1:1")
    error = await fails(scene)
    assert error.message == "from there no core answers at wss://127.0.0.1:1: Connection refused"
    assert "--core" in str(error.hint)
    assert core.count("POST", "/join-tokens") == 0


async def test_a_machine_that_can_not_be_reached(scene: Scene) -> None:
    error = await fails(scene, ssh=f"{scene.there.client} -o ProxyCommand=false")
    assert error.message.startswith("ssh can't reach tester@127.0.0.1: ")
    assert f"-p {scene.there.port} -l tester -- 127.0.0.1 true` works" in str(error.hint)
    error = await fails(scene, ssh=f"{scene.there.client} -o UserKnownHostsFile=/dev/null")
    assert "Host key verification failed" in error.message
    error = await fails(scene, ssh="/nowhere/ssh")
    assert error.message == "the ssh client can't be started (/nowhere/ssh): No such file or directory"


async def test_what_a_shell_says_at_each_sign_in_does_no_harm(scene: Scene) -> None:
    scene.there.become = ("/bin/sh", "-c", 'echo welcome; exec "$@"', "sh")
    assert (await scene.run()).name == "w1"


async def test_one_that_joined_needs_no_token_and_one_that_is_unknown_says_so(core: FakeCore, scene: Scene) -> None:
    data = scene.folder / "worker"
    data.mkdir()
    identity = {"worker_id": "w1", "name": "w1", "url": scene.wanted.core, "ca_pem": core.certificates.ca_pem}
    (data / "identity.json").write_text(json.dumps(identity))
    scene.wanted = replace(scene.wanted, name="other")
    await scene.run()
    assert core.count("POST", "/join-tokens") == 0
    assert scene.said[0] == "it stays w1; `swarm worker rename w1 other` changes that"
    (data / "identity.json").write_text(json.dumps(identity | {"worker_id": "w9"}))
    error = await fails(scene)
    assert error.message == "the worker w1 there was shut out of this core"
    (data / "identity.json").write_text(json.dumps(identity | {"ca_pem": "another"}))
    assert "that machine is the worker w1 of another core" in (await fails(scene)).message


async def test_an_installation_that_fails_withdraws_the_token(core: FakeCore, scene: Scene) -> None:
    (scene.programs.parent / "complete").unlink()
    scene.there.program("tar", "#!/bin/sh\necho 'No space left on device' >&2; exit 1\n")
    error = await fails(scene)
    assert error.message == "tester@127.0.0.1: could not copy the wheels:\n    No space left on device"
    assert [path for _, path in core.requests if "join-tokens" in path] == ["/join-tokens", "/join-tokens/t"]
