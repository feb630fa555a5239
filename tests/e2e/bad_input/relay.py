"""A relay that counts what a client sends. It knows nothing of what passes through: TLS goes end to end."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Relay:
    """Listens on `port`; every connection goes on to `target` on this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._more = threading.Condition()
        self._open: set[socket.socket] = set()
        self.sent = 0
        """Bytes from clients."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for each in list(self._open):
            each.close()

    def reaches(self, sent: int, seconds: float) -> None:
        """Wait until clients have sent so much."""
        with self._more:
            assert self._more.wait_for(lambda: self.sent >= sent, seconds), f"{self.sent} of {sent} bytes"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            core = socket.create_connection(("127.0.0.1", self._target), timeout=30)
        except OSError:
            client.close()
            return
        core.settimeout(None)
        self._open |= {client, core}
        threading.Thread(target=self._pass, args=(core, client, False), daemon=True).start()
        self._pass(client, core, True)

    def _pass(self, source: socket.socket, to: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                to.sendall(data)
                if counted:
                    with self._more:
                        self.sent += len(data)
                        self._more.notify_all()
        for each in (source, to):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open -= {source, to}
