"""`swarm-worker run`, and `python -m swarm_worker run`: one worker in the foreground."""

import argparse
import sys
from pathlib import Path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="swarm-worker", description="Runs jobs of a swarm in containers.")
    run = parser.add_subparsers(dest="command", required=True).add_parser("run", help="run a worker here")
    run.add_argument("--data", type=lambda text: Path(text).absolute(), help="its folder (SWARM_WORKER_DATA)")
    run.add_argument("--join-url", help="wss://host:port of a core, for the first start")
    run.add_argument("--token-file", type=Path, help="file with the join token, for the first start")
    run.add_argument("--name", help="how people see it; the host's name by default")
    run.add_argument("--slots", type=int, help="jobs at once; the number of cpus by default")
    run.add_argument("--cpu", help="cpu that it offers, such as 4 or 500m")
    run.add_argument("--memory", help="memory that it offers, such as 8G")
    run.add_argument("--disk", help="disk that it offers, such as 50G")
    run.add_argument("--label", action="append", default=[], metavar="K=V", help="what constraints can ask for")
    run.add_argument(
        "--mount-root", action="append", type=Path, metavar="DIR", help="named mounts only below this; repeatable"
    )
    run.add_argument("--mount-deny", action="append", type=Path, metavar="DIR", help="and never this one; repeatable")
    run.add_argument("--allow-egress", action="store_true", help="let jobs ask for a way to the internet")
    run.add_argument("--egress-allow", action="append", metavar="CIDR", help="and to these near addresses; repeatable")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The console script; the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        from swarm_worker import main as root
        from swarm_worker import settings
    except ModuleNotFoundError as error:
        print(f"swarm-worker: {error.name} is missing; pip install 'swarm-sync[worker]'", file=sys.stderr)
        return 1
    from swarm_protocol import quantities

    try:
        chosen = settings.read(
            data=arguments.data,
            join_url=arguments.join_url,
            token_file=arguments.token_file,
            name=arguments.name,
            slots=arguments.slots,
            cpu_millis=quantities.cpu_millis(arguments.cpu) if arguments.cpu else None,
            memory=quantities.size(arguments.memory) if arguments.memory else None,
            disk=quantities.size(arguments.disk) if arguments.disk else None,
            mount_roots=tuple(arguments.mount_root) if arguments.mount_root else None,
            mount_deny=tuple(arguments.mount_deny) if arguments.mount_deny else None,
            allow_egress=arguments.allow_egress or None,
            egress_allow=settings.parse_networks(arguments.egress_allow) if arguments.egress_allow else None,
            labels=settings.parse_labels(arguments.label) if arguments.label else None,
        )
    except (settings.SettingsError, quantities.QuantityError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 2
    return root.main(chosen)


if __name__ == "__main__":
    sys.exit(main())
