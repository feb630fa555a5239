"""A core with ada, and a web face before it, for the tests of the one and the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fixtures.web_client import Browser, browsing
from tests.fixtures.web_faces import Served, faced
from tests.integration.core.live_core import LiveCore, live_core


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path) as made:
        await made.person("ada", "operator")
        yield made


@pytest.fixture
async def face(core: LiveCore) -> AsyncIterator[Served]:
    async with faced(core) as made:
        yield made


@pytest.fixture
async def browser(face: Served) -> AsyncIterator[Browser]:
    async with browsing(face.url) as made:
        yield made
