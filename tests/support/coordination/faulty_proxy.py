"""A TCP proxy before an HTTP server: it drops, cuts and delays answers until it is told to stop."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LONGEST_DELAY = 1.5
_PIECE = 4096


class FaultyProxy:
    """Passes connections on to `port` of this host; `faults` is what it did so far."""

    def __init__(self, port: int, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self.is_honest = False
        self._target = port
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _draw(self) -> tuple[str, float, int]:
        """What happens to a connection: the fault, seconds of delay, bytes of the answer."""
        with self._lock:
            faults = ("drop", "cut", "delay", "none", "none", "none")
            fault = "none" if self.is_honest else self._chance.choice(faults)
            self.faults[fault] += 1
            delay = self._chance.uniform(0.1, _LONGEST_DELAY)
            return fault, delay, self._chance.randint(0, 400)

    def _serve(self, client: socket.socket) -> None:
        fault, delay, most = self._draw()
        with client, suppress(OSError):
            if fault == "drop":
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                asks = threading.Thread(target=_pass_on, args=(client, server), daemon=True)
                asks.start()
                if fault == "delay":
                    time.sleep(delay)
                _pass_on(server, client, most if fault == "cut" else None)
                for end in (client, server):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                asks.join()


def _pass_on(source: socket.socket, sink: socket.socket, most: int | None = None) -> None:
    """Until the source ends, or `most` bytes have passed."""
    passed = 0
    with suppress(OSError):
        while data := source.recv(_PIECE):
            piece = data if most is None else data[: most - passed]
            sink.sendall(piece)
            passed += len(piece)
            if most is not None and passed >= most:
                return
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def faulty_proxy(address: str, seed: int) -> Iterator[tuple[FaultyProxy, str]]:
    """A proxy before an address like `http://127.0.0.1:80`, and the address to use instead."""
    proxy = FaultyProxy(int(address.rpartition(":")[2]), seed)
    try:
        yield proxy, f"http://127.0.0.1:{proxy.port}"
    finally:
        proxy.close()
