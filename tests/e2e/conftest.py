"""Homes for the end-to-end tests.

`home`      one in every test process, with the sample image pushed; leave it as it was: up, with nothing running
`new_home`  makes homes that a test may break; they are not started
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from tests.fixtures.seeds import PlantHome

from tools import sample_image

from .harness import Home

NewHome = Callable[..., Home]


@contextmanager
def running(home: Home, plant: PlantHome) -> Iterator[Home]:
    """Bring a home up with the sample image pushed; take it down however the block ends."""
    with ExitStack() as stack:
        stack.callback(home.close)
        plant(home.folder)
        home.up()
        home.push()
        yield home


@pytest.fixture(scope="session")
def sample() -> str:
    """The sample image, in the engine."""
    sample_image.main()
    return sample_image.NAME


@pytest.fixture(scope="session")
def shared_home(sample: str, plant_home: PlantHome) -> Iterator[Home]:
    """The home behind `home`."""
    with running(Home(), plant_home) as home:
        yield home


@pytest.fixture
def home(shared_home: Home) -> Home:
    """The home that tests share; all of its processes are up."""
    shared_home.whole()
    return shared_home


@pytest.fixture
def new_home(sample: str, plant_home: PlantHome) -> Iterator[NewHome]:
    """Makes homes that are taken down at the end of the test; `fresh` ones make their database themselves."""
    with ExitStack() as stack:

        def make(*, fresh: bool = False, **env: str) -> Home:
            home = Home(env)
            stack.callback(home.close)
            if not fresh:
                plant_home(home.folder)
            return home

        yield make
