"""How a listener is: for a health probe, as a record and over HTTP.

A listener is healthy while it makes progress: receives succeed, of an empty queue too, or messages begin and end. One
that is idle receives every ``wait_time_seconds``; one that hangs, or cannot reach the service, does neither. The
endpoint answers from a thread of its own, so also when all others hang. This file knows neither queues nor messages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from time import monotonic
from typing import Final

import msgspec
from mega_typed.errors import ConfigurationError

__all__ = ["Health", "Pulse", "serve_health"]

_REQUEST_SECONDS: Final = 5


class Health(msgspec.Struct, frozen=True):
    """What a health probe asks.

    Attributes:
        healthy: it listens, and has made progress within ``unhealthy_after`` seconds.
        listening: ``listen`` runs.
        in_flight: messages that are being processed now.
        longest_seconds: how long the oldest of them has been.
        hanging: calls of subscribers that exceeded ``process_timeout`` and have not ended.
        seconds_since_receive: since the last receive that succeeded; ``None`` before the first.
        receive_failures: receives that failed since then.
        seconds_since_progress: since the last receive that succeeded, or message that began or ended.
    """

    healthy: bool
    listening: bool
    in_flight: int
    longest_seconds: float
    hanging: int
    seconds_since_receive: float | None
    receive_failures: int
    seconds_since_progress: float | None


class Pulse:
    """When a listener last made progress.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._received: float | None = None
        self._progress: float | None = None
        self.listening = False
        self.receive_failures = 0

    def received(self) -> None:
        """A receive succeeded."""
        self._received = self._progress = self._clock()
        self.receive_failures = 0

    def progressed(self) -> None:
        """A message began or ended, or the listener started."""
        self._progress = self._clock()

    def health(self, unhealthy_after: float, *, in_flight: int, longest_seconds: float, hanging: int) -> Health:
        """The record, with what others know."""
        progress = self._since(self._progress)
        return Health(
            healthy=self.listening and progress is not None and progress <= unhealthy_after,
            listening=self.listening,
            in_flight=in_flight,
            longest_seconds=longest_seconds,
            hanging=hanging,
            seconds_since_receive=self._since(self._received),
            receive_failures=self.receive_failures,
            seconds_since_progress=progress,
        )

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else self._clock() - moment


@contextmanager
def serve_health(health: Callable[[], Health], address: tuple[str, int] | None) -> Generator[None]:
    """Answer GET with the record as JSON, status 200 when healthy and 503 when not, for as long as the context lasts.

    Args:
        health: makes the record.
        address: host and port; ``None`` serves nothing.

    Raises:
        ConfigurationError: it is taken, or is none of this machine.
    """
    if address is None:
        yield
        return
    # Imported here, because most programs serve none.
    from http import HTTPStatus
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from socketserver import TCPServer

    host, port = address

    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS

        def handle(self) -> None:
            """Answer, within a time for all of the request: a client that sends byte by byte holds a thread."""
            deadline = threading.Timer(_REQUEST_SECONDS, self._cut)
            deadline.daemon = True
            deadline.start()
            try:
                super().handle()
            finally:
                deadline.cancel()

        def _cut(self) -> None:
            with suppress(OSError):
                self.connection.shutdown(SHUT_RDWR)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            found = health()
            body = msgspec.json.encode(found)
            self.send_response(HTTPStatus.OK if found.healthy else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is no news."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def server_bind(self) -> None:
            TCPServer.server_bind(self)  # that of HTTPServer asks a name server for the name of the host
            self.server_name, self.server_port = host, port

        def handle_error(self, request: object, client_address: object) -> None:
            """A probe that hangs up is no news either."""

    try:
        server = Server((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"health_address {host}:{port} cannot be served: {error}") from error
    threading.Thread(target=server.serve_forever, name="mega-typed-health", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
