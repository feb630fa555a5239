"""`swarm deck`, which is also `swarm-deck`."""

from typing import Annotated

import typer

Observe = Annotated[bool, typer.Option("--observe", help="Only look on: nothing can be done, and nothing is changed.")]
Project = Annotated[str | None, typer.Option("--project", metavar="NAME", help="The project to look at.")]
At = Annotated[str, typer.Option("--at", metavar="SCREEN", help="Where to begin: jobs, workers, logs, …")]


def deck(project: Project = None, at: At = "overview", observe: Observe = False) -> None:
    """The operator's terminal: watch and steer the whole swarm."""
    from swarm_commanddeck.start import run

    run(project=project, at=at, observe=observe)
