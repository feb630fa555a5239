"""Folders and programs for servers that a test starts and stops itself."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fixtures.seeds import PlantHome

from swarm_core.home.pgtools import PgTools, installed_tools
from swarm_core.home.postgres import EmbeddedPostgres
from swarm_core.home.valkey import EmbeddedValkey

from .live_home import LiveHome

NewPostgres = Callable[..., EmbeddedPostgres]
NewValkey = Callable[..., EmbeddedValkey]
NewHome = Callable[[str], LiveHome]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everyone may enter."""
    with tempfile.TemporaryDirectory(prefix="swarm-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def new_postgres() -> Iterator[NewPostgres]:
    """Makes servers; stops them all at the end."""
    made: list[EmbeddedPostgres] = []

    def make(folder: Path, tools: PgTools | None = None) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder, fsync=False, tools=tools))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def new_valkey() -> Iterator[NewValkey]:
    """Makes servers; stops them all at the end."""
    made: list[EmbeddedValkey] = []

    def make(folder: Path, binary: Path | None = None) -> EmbeddedValkey:
        made.append(EmbeddedValkey(folder, binary=binary))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def new_home(open_folder: Path) -> Iterator[NewHome]:
    """Makes homes by name; takes them down at the end."""
    made: list[LiveHome] = []

    def make(name: str) -> LiveHome:
        made.append(LiveHome(open_folder / name))
        return made[-1]

    yield make
    for home in made:
        home.close()


@pytest.fixture
def fresh_home(new_home: NewHome) -> LiveHome:
    """One that has to make its database first."""
    return new_home("home")


@pytest.fixture
def home(fresh_home: LiveHome, plant_home: PlantHome) -> LiveHome:
    plant_home(fresh_home.folder)
    return fresh_home


def copy_of_tools(folder: Path) -> PgTools:
    """The wheel's programs in another place (its libraries are found beside the package)."""
    package = installed_tools().root.parent
    shutil.copytree(
        package / "pginstall", folder / package.name / "pginstall", ignore=shutil.ignore_patterns("include")
    )
    shutil.copytree(package.with_name(f"{package.name}.libs"), folder / f"{package.name}.libs")
    return PgTools(folder / package.name / "pginstall")
