"""`swarm-deck`: the operator's terminal."""

import sys


def main() -> None:
    """The console script. What is wrong goes to standard error, with the next step; exit code 1."""
    try:
        import textual  # noqa: F401
    except ModuleNotFoundError:
        print("swarm-deck: textual is missing; pip install 'swarm-sync[deck]'", file=sys.stderr)
        raise SystemExit(1) from None
    import typer

    from swarm_commanddeck.commands import deck
    from swarm_protocol.errors import SwarmError

    app = typer.Typer(add_completion=False)
    app.command()(deck)
    try:
        app(prog_name="swarm-deck")
    except SwarmError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
