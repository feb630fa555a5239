"""A machine near by: a network namespace with a web server, on addresses that this machine has a route to."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tools.machine import Machine, apt_install

PORT = 8080
_SERVE = """
import socketserver, sys
class Hello(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(sys.argv[1].encode())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
with Server(("0.0.0.0", int(sys.argv[2])), Hello) as server:
    print("ready", flush=True)
    server.serve_forever()
"""


def bring_tools() -> None:
    """The programs that this takes, installed where they are missing."""
    missing = [package for program, package in (("ip", "iproute2"), ("iptables", "iptables")) if not _has(program)]
    if missing:
        apt_install(Machine.here(), *missing)


def _has(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None


@dataclass(frozen=True)
class Neighbour:
    """Where it is."""

    link: str
    """This machine's end of the cable."""


@contextmanager
def neighbour(number: int, addresses: Sequence[str]) -> Iterator[Neighbour]:
    """A neighbour with these addresses, on a cable of its own: 100.127.N.0/30, which nobody else has."""
    link, near, far = f"sw-near{number}", f"100.127.{number}.1", f"100.127.{number}.2"
    command = ["unshare", "--net", sys.executable, "-c", _SERVE, "hello", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(server.pid))
            _ip("addr", "add", f"{near}/30", "dev", link)
            _ip("link", "set", link, "up")
            for words in (
                ["link", "set", "lo", "up"],
                ["addr", "add", f"{far}/30", "dev", "eth0"],
                ["link", "set", "eth0", "up"],
                ["route", "add", "default", "via", near],
                *(["addr", "add", f"{address}/32", "dev", "lo"] for address in addresses),
            ):
                _ip(*words, inside=server.pid)
            for address in addresses:
                _ip("route", "add", f"{address}/32", "via", far)
            yield Neighbour(link)
        finally:
            server.kill()
            subprocess.run(_words("link", "del", link), check=False, stderr=subprocess.DEVNULL)


def _ip(*words: str, inside: int | None = None) -> None:
    subprocess.run(_words(*words, inside=inside), check=True)


def _words(*words: str, inside: int | None = None) -> list[str]:
    enter = ["nsenter", "--net", "--target", str(inside)] if inside is not None else []
    program = shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    return [*enter, program or "ip", *words]
