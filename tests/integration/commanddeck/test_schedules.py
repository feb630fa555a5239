"""Schedules and images on a real core: what is done on their screens is so there."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.fixtures.decks import deck_on, until
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.storage.vault import digest_of, manifest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.images import ImagesScreen
from swarm_commanddeck.screens.job import JobScreen
from swarm_commanddeck.screens.schedule import ScheduleScreen
from swarm_commanddeck.screens.schedule_form import ScheduleForm
from swarm_commanddeck.screens.schedules import SchedulesScreen
from swarm_commanddeck.widgets.bar import Bar
from swarm_commanddeck.widgets.month_view import MonthView
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.client import Client
from swarm_consumer.models import Image
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Edit, Overlap, Schedule
from swarm_protocol.spec import JobSpec


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        token = await core.token_of(await core.person("root", "admin"))
        await core.person("ben", "consumer")
        await core.person("eve", "observer")
        for tag, layer in (("v1", b"base"), ("v2", b"own")):
            diff = digest_of(layer)
            config = {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [diff]},
                "x": tag,
            }
            parts = [json.dumps(config).encode(), layer]
            for data in parts:
                path = f"/api/v1/blobs/{digest_of(data)}"
                assert (await core.call("PUT", path, token, content=data)).status_code == 201
            body = manifest(parts[0], [layer])
            path = f"/api/v1/images/app?tag={tag}"
            assert (await core.call("PUT", path, token, content=body)).status_code == 201
        yield core


async def signed_in(core: LiveCore, person: str) -> tuple[Client, Callable[[str | None], Client]]:
    """Somebody's client for the test, and what makes the deck's."""
    client = await core.client(person)
    held = client.credentials
    return client, lambda project: Client(held, project=project)


def told(app: App[None]) -> str:
    """All that stands in the corner."""
    return " | ".join(str(note.message) for note in app._notifications)


def text_of(app: App[None], name: str) -> str:
    """What a line of the screen in front says."""
    return str(app.screen.query_one(name, Static).render())


def fill(app: App[None], **texts: str) -> None:
    """Write into the form."""
    for name, text in texts.items():
        widget = app.screen.query_one(f"#field-{name}")
        if isinstance(widget, TextArea):
            widget.load_text(text)
        else:
            assert isinstance(widget, Input)
            widget.value = text


async def form_open(pilot: Pilot[None], key: str) -> None:
    """Open the form."""
    await pilot.press(key)
    await until(lambda: isinstance(pilot.app.screen, ScheduleForm), "the form is open")


async def asked(pilot: Pilot[None], key: str) -> str:
    """Press a key that asks; all lines of the question."""
    await pilot.press(key)
    await until(lambda: isinstance(pilot.app.screen, Confirm), "it asks")
    return " ".join(str(line.render()) for line in pilot.app.screen.query(Static))


async def test_a_schedule_is_made_changed_paused_run_and_deleted(core: LiveCore) -> None:
    client, opened = await signed_in(core, "root")
    async with deck_on(opened, at="schedules") as pilot:
        app = pilot.app
        table = app.screen.query_one(LiveTable)
        await form_open(pilot, "a")
        fill(app, name="nightly", cron="0 25 * * *", zone="Europe/Berlin", job="image: app:v1\ncomand: [a]")
        await until(lambda: "the hour is from 0 to 23" in text_of(app, "#said"), "what is wrong is said")
        await pilot.press("ctrl+s")
        await until(lambda: "did you mean `command`" in text_of(app, "#wrong"), "the job's field is named")
        fill(app, cron="30 2 * * 1-5", job="image: nothere\ncommand: [sh]")
        await until(lambda: "at 02:30 on Mondays to Fridays" in text_of(app, "#said"), "it is said in words")
        await until(lambda: text_of(app, "#said").count(" 02:30") == 6, "five runs are shown")
        await pilot.press("ctrl+s")
        await until(lambda: "there is no image nothere:latest" in text_of(app, "#wrong"), "the core's word is shown")
        fill(app, job="image: app:v1\ncommand: [sh]")
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(app.screen, SchedulesScreen), "it is kept")
        made = await client.schedules.get("nightly")
        assert made.definition == Schedule(
            name="nightly", cron="30 2 * * 1-5", zone="Europe/Berlin", job=JobSpec(image="app:v1", command=["sh"])
        )
        await until(lambda: table.current, "it is listed")

        await form_open(pilot, "e")
        fill(app, jitter="5m")
        await pilot.press("escape", "escape")  # not asked twice in vain
        await until(lambda: isinstance(app.screen, SchedulesScreen), "it was left")
        assert (await client.schedules.get("nightly")).version == 1
        await form_open(pilot, "e")
        fill(app, jitter="5m")
        await pilot.press("ctrl+s")
        await until(lambda: "is kept" in told(app) and isinstance(app.screen, SchedulesScreen), "it is changed")
        assert (await client.schedules.get("nightly")).definition.jitter == 300

        await pilot.press("p")
        await until(lambda: "paused nightly" in told(app), "it is paused")
        assert (await client.schedules.get("nightly")).paused_at
        await until(lambda: "1 paused" in text_of(app, "#summary"), "that is seen")
        assert "it is refused while" in await asked(pilot, "n")
        await pilot.press("y")
        await until(lambda: "nightly runs: job" in told(app), "it runs")
        [job] = [each async for each in client.jobs()]
        await pilot.press("r")
        await until(lambda: "resumed nightly" in told(app), "it goes on")

        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ScheduleScreen), "its screen is open")
        history = app.screen.query_one("#history-table", LiveTable)
        await until(lambda: history.current and history.current.occurrence.job == job.id, "the run is in its history")
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, JobScreen) and app.screen.loads, "its job is open")
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, ScheduleScreen), "back at the schedule")
        await pilot.press("right_square_bracket", "greater_than_sign")
        view = app.screen.query_one(MonthView)
        await until(lambda: view.shown and view.shown.month == view.month, "the next month is there")
        assert view.shown is not None
        due = [day for day in view.shown.days if day.due]
        assert 20 <= len(due) <= 23
        assert {day.due for day in due} == {1}
        said = await asked(pilot, "x")
        assert "nightly: at 02:30 on Mondays to Fridays" in said
        await pilot.press("y")
        await until(lambda: isinstance(app.screen, SchedulesScreen), "back at the list")
        assert await client.schedules.all() == []
        await until(lambda: not len(table.window), "it is gone there too")
    await client.close()


async def test_what_somebody_else_changed_meanwhile_is_shown_and_not_lost(core: LiveCore) -> None:
    client, opened = await signed_in(core, "root")
    ben = await core.client("ben")
    job = JobSpec(image="app:v1")
    await client.schedules.add(Schedule(name="nightly", cron="30 2 * * *", zone="UTC", job=job))
    async with deck_on(opened, at="schedules") as pilot:
        app = pilot.app
        await until(lambda: app.screen.query_one(LiveTable).current, "it is listed")
        await form_open(pilot, "e")
        fill(app, cron="0 3 * * *")
        await ben.schedules.edit("nightly", Edit(overlap=Overlap.QUEUE, cron="@weekly"))
        await pilot.press("ctrl+s")
        await until(lambda: "ben changed it" in text_of(app, "#meanwhile"), "who changed it is said")
        banner = text_of(app, "#meanwhile")
        assert "Overlap: forbid → queue" in banner
        assert "Cron: 30 2 * * * → @weekly; yours is kept here" in banner
        assert (await client.schedules.get("nightly")).version == 2
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(app.screen, SchedulesScreen), "it is kept")
        found = await client.schedules.get("nightly")
        assert (found.version, found.definition.cron, found.definition.overlap) == (3, "0 3 * * *", Overlap.QUEUE)

        await pilot.press("colon")
        await pilot.press(*"schedule nightly")
        await until(lambda: app.screen.query("CommandList"), "the palette looks")
        await until(lambda: app.screen.query_one("CommandList").option_count, "it has found something")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ScheduleScreen) and app.screen.loads, "its screen is open")
        assert "at 03:00 every day, UTC" in text_of(app, "#facts")
        await ben.schedules.edit("nightly", Edit(name="nocturnal"))
        await until(lambda: "nocturnal" in str(app.screen.query_one(Bar).render()), "its new name is seen")
    await ben.close()
    await client.close()


async def test_an_image_is_deleted_after_it_was_said_what_that_does(core: LiveCore) -> None:
    client, opened = await signed_in(core, "root")
    await client.schedules.add(Schedule(name="nightly", cron="@daily", job=JobSpec(image="app:v1")))
    await client.submit(JobSpec(image="app:v1"))
    async with deck_on(opened, at="images") as pilot:
        app = pilot.app
        table = app.screen.query_one(LiveTable)
        await until(lambda: len(table.window) == 3, "a repository and two tags")
        await pilot.press("j")
        await until(lambda: "schedules  nightly" in text_of(app, "#details"), "who uses it is told")
        said = await asked(pilot, "x")
        assert "it stays until 1 job has ended" in said
        assert "schedules find it no more: nightly" in said
        assert "are freed, 0 are needed by other images" in said
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, ImagesScreen), "it was left")
        assert len(await client.images()) == 2
        await asked(pilot, "x")
        await pilot.press("y")
        await until(lambda: "deleted image app:v1" in told(app), "it is deleted")
        [left] = await client.images()
        assert left.tag == "v2"
        await until(lambda: len(table.window) == 2, "that is seen")
        await pilot.press("slash", *"nothing")
        await until(lambda: not len(table.window), "the filter shows what it finds")
        await pilot.press("escape")
        await until(lambda: len(table.window) == 2, "all are shown again")
    with pytest.raises(SwarmError, match="there is no image"):
        await client.image_use("app:v1")
    assert isinstance(left, Image)
    await client.close()


async def test_who_may_only_look_can_change_nothing(core: LiveCore) -> None:
    client, opened = await signed_in(core, "eve")
    root = await core.client("root")
    await root.schedules.add(Schedule(name="nightly", cron="@daily", job=JobSpec(image="app:v1")))
    async with deck_on(opened, at="schedules") as pilot:
        app = pilot.app
        await until(lambda: app.screen.query_one(LiveTable).current, "it is listed")
        for key in "aepnx":
            await pilot.press(key)
            assert isinstance(app.screen, SchedulesScreen)
        await until(lambda: "deleting schedules needs the role consumer" in told(app), "it says why")
        await pilot.press("5")
        await until(lambda: isinstance(app.screen, ImagesScreen) and app.screen.loads, "the images are seen")
        await pilot.press("j", "x")
        await until(lambda: "deleting images needs the role consumer" in told(app), "it says why")
        assert len(await root.images()) == 2
    await root.close()
    await client.close()
