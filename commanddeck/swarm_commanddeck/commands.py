"""`swarm deck`, which is also `swarm-deck`."""

from pathlib import Path
from typing import Annotated, Any

import typer

Observe = Annotated[bool, typer.Option("--observe", help="Only look on: nothing can be done, and nothing is changed.")]
Project = Annotated[str | None, typer.Option("--project", metavar="NAME", help="The project to look at.")]
At = Annotated[str, typer.Option("--at", metavar="SCREEN", help="Where to begin: jobs, workers, logs, …")]


def _of_web(name: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(name, help=help, metavar=metavar, rich_help_panel="In a browser")


Web = Annotated[bool, _of_web("--web", "Serve it to browsers, each behind a sign-in of its own.")]
Listen = Annotated[str, _of_web("--listen", "Where browsers come to.", "HOST:PORT")]
Cert = Annotated[Path | None, _of_web("--cert", "A certificate, for https.", "FILE")]
Key = Annotated[Path | None, _of_web("--key", "Its key, where it isn't in the same file.", "FILE")]
Core = Annotated[str | None, _of_web("--core", "Which core (else: the one you are signed in to).", "URL")]
Ca = Annotated[Path | None, _of_web("--ca", "Its CA certificate, in PEM.", "FILE")]
PublicUrl = Annotated[str | None, _of_web("--public-url", "The address in the browser, behind a proxy.", "URL")]
InsecureHttp = Annotated[bool, _of_web("--insecure-http", "Let others come with no encryption at all.")]
USUAL = "127.0.0.1:8900"


def deck(
    project: Project = None,
    at: At = "overview",
    observe: Observe = False,
    web: Web = False,
    listen: Listen = USUAL,
    cert: Cert = None,
    key: Key = None,
    core: Core = None,
    ca: Ca = None,
    public_url: PublicUrl = None,
    insecure_http: InsecureHttp = False,
) -> None:
    """The operator's terminal: watch and steer the whole swarm."""
    from swarm_commanddeck.start import check_place, run

    check_place(at)
    if not web:
        given = {"--cert": cert, "--key": key, "--core": core, "--ca": ca, "--public-url": public_url}
        _only_with_web(given | {"--insecure-http": insecure_http, "--listen": listen != USUAL})
        return run(project=project, at=at, observe=observe)
    from swarm_commanddeck.web import serve

    serve.run(
        serve.Wanted(
            listen=listen,
            core=core,
            ca=ca,
            cert=cert,
            key=key,
            public_url=public_url,
            insecure_http=insecure_http,
            observe=observe,
            at=at,
            project=project,
        )
    )


def _only_with_web(given: dict[str, object]) -> None:
    from swarm_protocol.errors import SwarmError

    if odd := [name for name, value in given.items() if value]:
        raise SwarmError(
            "bad_request", f"{odd[0]} goes with --web", hint="swarm-deck --web serves the deck to browsers"
        )
