"""An SQS that costs nothing: it answers sends in the JSON protocol without keeping anything, in a process of its own.

It binds to 127.0.0.1, prints its port, and ends when its standard input closes, so it cannot outlive its parent. The
ids and digests of its answers are right in form only; nobody checks the digests of what is sent.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_ID = "00000000-0000-0000-0000-000000000000"
_DIGEST = "0" * 32


@contextmanager
def free_sqs() -> Generator[str]:
    """Run it for as long as the context lasts; gives its endpoint."""
    command = [sys.executable, "-m", "bench.sqs_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def _answer(target: str, request: dict[str, Any]) -> dict[str, Any]:
    if target == "AmazonSQS.SendMessage":
        return {"MessageId": _ID, "MD5OfMessageBody": _DIGEST}
    if target == "AmazonSQS.SendMessageBatch":
        sent = {"MessageId": _ID, "MD5OfMessageBody": _DIGEST}
        return {"Successful": [{"Id": entry["Id"], **sent} for entry in request["Entries"]], "Failed": []}
    raise ValueError(target)


def _serve_one(connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as stream:
        while stream.readline():
            headers: dict[str, str] = {}
            while line := stream.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            request = json.loads(stream.read(int(headers["content-length"])))
            body = json.dumps(_answer(headers["x-amz-target"], request)).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)


def _serve_all(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_one, args=[connection], daemon=True).start()


def _serve() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_serve_all, args=[server], daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    _serve()
