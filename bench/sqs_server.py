"""An SQS that costs nothing: it answers in the JSON protocol and keeps nothing but one message, in its own process.

Every receive is answered at once, with as many copies as it asks for of the last message that was sent alone: so a
queue is never empty, and what the copies cost is not counted. Message attributes come with a receive that asks for
them, as from SQS. Deletes and changes of visibility succeed. It counts calls (`calls`).

It binds to 127.0.0.1, prints its port, and ends when its standard input closes, so it cannot outlive its parent. The
ids and digests of its answers are right in form only; nobody checks the digests of what is sent.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

_ID = "00000000-0000-0000-0000-000000000000"
_DIGEST = "0" * 32
_RECEIPT = "AQEB" + "x" * 200
_SYSTEM = {
    "SenderId": "AIDAEXAMPLEEXAMPLE",
    "SentTimestamp": "1700000000000",
    "ApproximateReceiveCount": "1",
    "ApproximateFirstReceiveTimestamp": "1700000000001",
}

Request = dict[str, Any]


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


def calls(endpoint: str) -> Counter[str]:
    """How often each operation was called so far."""
    with urllib.request.urlopen(endpoint) as answer:
        return Counter(json.load(answer))


class _Server:
    """The one message, and the count of calls."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._message: Request = {"MessageBody": "{}"}
        self._received = lru_cache(self._copies)

    def answer(self, target: str, request: Request) -> bytes:
        operation = target.removeprefix("AmazonSQS.")
        self._calls[operation] += 1
        match operation:
            case "ReceiveMessage":
                asked = bool(request.get("MessageAttributeNames"))
                system = bool(request.get("MessageSystemAttributeNames"))
                return self._received(request.get("MaxNumberOfMessages", 1), asked, system)
            case "SendMessage":
                self._message = request
                self._received.cache_clear()
                return json.dumps({"MessageId": _ID, "MD5OfMessageBody": _DIGEST}).encode()
            case "SendMessageBatch":
                sent = {"MessageId": _ID, "MD5OfMessageBody": _DIGEST}
                return self._batch({"Id": entry["Id"], **sent} for entry in request["Entries"])
            case "DeleteMessageBatch" | "ChangeMessageVisibilityBatch":
                return self._batch({"Id": entry["Id"]} for entry in request["Entries"])
            case "DeleteMessage" | "ChangeMessageVisibility":
                return b""
            case _:
                raise ValueError(target)

    def count(self) -> bytes:
        return json.dumps(self._calls).encode()

    @staticmethod
    def _batch(successful: Generator[Request]) -> bytes:
        return json.dumps({"Successful": list(successful), "Failed": []}).encode()

    def _copies(self, number: int, asked: bool, system: bool) -> bytes:
        message = {"MessageId": _ID, "MD5OfBody": _DIGEST, "Body": self._message["MessageBody"]}
        if asked and "MessageAttributes" in self._message:
            message |= {"MessageAttributes": self._message["MessageAttributes"], "MD5OfMessageAttributes": _DIGEST}
        if system:
            message["Attributes"] = _SYSTEM
        return json.dumps(
            {"Messages": [{**message, "ReceiptHandle": f"{_RECEIPT}{n}"} for n in range(number)]}
        ).encode()


def _serve_one(connection: socket.socket, sqs: _Server) -> None:
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            headers: dict[str, str] = {}
            posted = line.startswith(b"POST")
            while line := stream.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            request = stream.read(int(headers.get("content-length", 0)))
            body = sqs.answer(headers["x-amz-target"], json.loads(request)) if posted else sqs.count()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)


def _serve_all(server: socket.socket) -> None:
    sqs = _Server()
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_one, args=[connection, sqs], daemon=True).start()


def _serve() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_serve_all, args=[server], daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    _serve()
