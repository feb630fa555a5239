"""`swarm-worker run | status | stop`, and `python -m swarm_worker …`: one worker, and a look at it from beside."""

import argparse
import sys
from pathlib import Path


def _folder(text: str) -> Path:
    return Path(text).absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="swarm-worker", description="Runs jobs of a swarm in containers.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a worker here")
    run.add_argument("--data", type=_folder, help="its folder (SWARM_WORKER_DATA)")
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
    egress = run.add_mutually_exclusive_group()
    egress.add_argument(
        "--allow-egress", action="store_true", default=None, help="let jobs ask for a way to the internet"
    )
    egress.add_argument("--no-egress", action="store_false", dest="allow_egress", help="don't, whatever the join said")
    run.add_argument("--egress-allow", action="append", metavar="CIDR", help="and to these near addresses; repeatable")
    run.add_argument("--detach", action="store_true", help="in the background; its log is DATA/worker.log")
    status = commands.add_parser("status", help="how the worker on a folder is; exit code 1 unless a core has it")
    status.add_argument("--data", type=_folder, required=True, help="its folder")
    status.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait for that so long")
    stop = commands.add_parser("stop", help="have the worker on a folder end; its containers go on")
    stop.add_argument("--data", type=_folder, required=True, help="its folder")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The console script; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser().parse_args(words)
    if arguments.command == "status":
        return _status(arguments.data, arguments.wait)
    if arguments.command == "stop":
        return _stop(arguments.data)
    return _run(arguments, words)


def _run(arguments: argparse.Namespace, words: list[str]) -> int:
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
            allow_egress=arguments.allow_egress,
            egress_allow=settings.parse_networks(arguments.egress_allow) if arguments.egress_allow else None,
            labels=settings.parse_labels(arguments.label) if arguments.label else None,
        )
    except (settings.SettingsError, quantities.QuantityError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 2
    if arguments.detach:
        return _detach(chosen.data, [word for word in words[1:] if word != "--detach"])
    return root.main(chosen)


def _detach(data: Path, words: list[str]) -> int:
    from swarm_worker import control

    try:
        if (pid := control.holder(data)) is not None:
            print(f"swarm-worker: a worker (pid {pid}) runs on {data} already", file=sys.stderr)
            return 1
        pid = control.detach(words, data)
    except (control.ControlError, OSError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 1
    print(f"the worker runs (pid {pid}); its log is {data / 'worker.log'}")
    return 0


def _status(data: Path, seconds: float) -> int:
    import msgspec

    from swarm_worker import control

    found = control.wait_connected(data, seconds)
    if found is None:
        print(f"swarm-worker: no worker runs on {data}", file=sys.stderr)
        return 1
    print(msgspec.json.encode(found).decode())
    return 0 if found.core == control.CONNECTED else 1


def _stop(data: Path) -> int:
    from swarm_worker import control

    try:
        ran = control.stop(data)
    except (control.ControlError, OSError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 1
    print("the worker has ended" if ran else f"no worker runs on {data}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
