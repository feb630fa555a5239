"""`swarm`: the entry point, and the table of its commands."""

import os
import sys
from typing import Annotated, Any

import typer

from swarm_consumer.cli.lazy import Entry, LazyGroup

_CLI = "swarm_consumer.cli"


class Root(LazyGroup):
    """All commands."""

    entries = {  # noqa: RUF012
        "run": Entry(f"{_CLI}.run", "run", "Jobs", words=True),
        "submit": Entry(f"{_CLI}.submit", "submit", "Jobs", words=True),
        "jobs": Entry(f"{_CLI}.jobs", "jobs", "Jobs"),
        "show": Entry(f"{_CLI}.show", "show", "Jobs"),
        "explain": Entry(f"{_CLI}.explain", "explain", "Jobs"),
        "logs": Entry(f"{_CLI}.logs", "logs", "Jobs"),
        "wait": Entry(f"{_CLI}.jobs", "wait", "Jobs"),
        "exec": Entry(f"{_CLI}.terminal", "exec_", "Jobs", words=True),
        "attach": Entry(f"{_CLI}.run", "attach", "Jobs"),
        "fetch": Entry(f"{_CLI}.fetch", "fetch", "Jobs"),
        "cancel": Entry(f"{_CLI}.jobs", "cancel", "Jobs"),
        "retry": Entry(f"{_CLI}.jobs", "retry", "Jobs"),
        "update": Entry(f"{_CLI}.jobs", "update", "Jobs"),
        "rm": Entry(f"{_CLI}.jobs", "remove", "Jobs"),
        "events": Entry(f"{_CLI}.events", "events", "Jobs"),
        "schedule": Entry(f"{_CLI}.schedules", "app", "Recurring jobs"),
        "import": Entry(f"{_CLI}.imports", "app", "Recurring jobs"),
        "apply": Entry(f"{_CLI}.apply", "apply", "Files in version control"),
        "export": Entry(f"{_CLI}.apply", "export", "Files in version control"),
        "push": Entry(f"{_CLI}.images", "push", "Images"),
        "images": Entry(f"{_CLI}.images", "images", "Images"),
        "rmi": Entry(f"{_CLI}.images", "remove_image", "Images"),
        "secret": Entry(f"{_CLI}.secrets", "app", "Data"),
        "mount": Entry(f"{_CLI}.mounts", "app", "Data"),
        "webhook": Entry(f"{_CLI}.webhooks", "app", "Notifications"),
        "worker": Entry(f"{_CLI}.workers", "app", "Workers"),
        "messages": Entry(f"{_CLI}.messages", "messages", "The cores"),
        "overview": Entry(f"{_CLI}.overview", "overview", "The cores"),
        "cores": Entry(f"{_CLI}.cores", "cores", "The cores"),
        "syslog": Entry(f"{_CLI}.syslog", "app", "The cores"),
        "settings": Entry(f"{_CLI}.settings", "app", "The cores"),
        "audit": Entry(f"{_CLI}.audit", "audit", "The cores"),
        "user": Entry(f"{_CLI}.users", "app", "People"),
        "project": Entry(f"{_CLI}.projects", "app", "People"),
        "token": Entry(f"{_CLI}.tokens", "app", "People"),
        "usage": Entry(f"{_CLI}.usage", "usage", "People"),
        "doctor": Entry(f"{_CLI}.doctor", "doctor", "This machine"),
        "login": Entry(f"{_CLI}.login", "login", "Signing in"),
        "logout": Entry(f"{_CLI}.login", "logout", "Signing in"),
        "whoami": Entry(f"{_CLI}.login", "whoami", "Signing in"),
    }


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from swarm_consumer.cli.output import write

        write(f"swarm-sync {version('swarm-sync')}\n")
        raise typer.Exit


app = typer.Typer(cls=Root, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run container images as jobs on machines of your own.

    Begin with `swarm up`, then `swarm push IMAGE` and `swarm run IMAGE -- COMMAND`.
    """


def execute(args: list[str]) -> int:
    """Run one command; its exit code. Never raises for what a person did wrong."""
    from swarm_consumer.cli.errors import report

    try:
        code = typer.main.get_command(app).main(args=args, prog_name="swarm", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        return _usage(error)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("\n")
        return 130
    except Exception as error:
        return report(error)


def _usage(error: Any) -> int:
    from swarm_consumer.cli.errors import say

    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    ctx = getattr(error, "ctx", None)
    message = error.format_message().strip()
    say(message[:1].lower() + message[1:].rstrip("."), f"see `{ctx.command_path if ctx else 'swarm'} --help`")
    return int(error.exit_code)


def main() -> None:
    """The console script."""
    code = execute(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        os._exit(code)
    raise SystemExit(code)
