"""The Docker Engine's API over its socket, with the standard library: nothing needs the docker command."""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.failure import Failure

DEFAULT = Path("/var/run/docker.sock")
API = "/v1.40"
"""Engine 19.03 and later."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineApi:
    """Short calls to one engine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout: float = 60.0) -> tuple[int, bytes]:
        """Status and body of an answer. Raises OSError where nothing answers."""
        connection = _Connection(self.path, timeout)
        headers: Mapping[str, str] = {} if body is None else {"Content-Type": "application/x-tar"}
        try:
            connection.request(method, f"{API}{path}", body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{self.path} does not speak HTTP: {error!r}") from error
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON behind a path, None when there is no such thing. Raises Failure for another answer."""
        status, body = self.call("GET", path)
        if status == 404:
            return None
        if status != 200:
            raise Failure(f"the Docker Engine answered {status} to {path}: {body.decode(errors='replace').strip()}")
        return json.loads(body)

    def ping(self) -> None:
        """Raises OSError (PermissionError, FileNotFoundError, …) unless an engine answers within 5 s."""
        status, _ = self.call("GET", "/_ping", timeout=5.0)
        if status != 200:
            raise OSError(f"{self.path} answered {status}")

    def version(self) -> str:
        """Such as `20.10.24`."""
        return str(self.get("/version")["Version"])


def socket_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The socket that DOCKER_HOST names, or the usual one. Raises Failure for an engine that is not on a socket."""
    given = environ.get("DOCKER_HOST", "")
    if given and not given.startswith("unix://"):
        raise Failure(f"DOCKER_HOST={given} is no socket: give unix:///PATH, or unset it")
    return Path(given.removeprefix("unix://")) if given else DEFAULT
