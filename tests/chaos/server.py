"""An SQS in memory that speaks the JSON protocol, in a process of its own, and fails as it is told to.

It keeps visibility, receipts, receive counts and the order of FIFO groups as SQS does, takes any queue name as a queue,
and answers thousands of calls a second. Which calls fail, and how, is decided by a seeded generator with the rates that
``Chaos.Rate`` sets; ``FAULTS`` lists the ways. It binds to 127.0.0.1, prints its port, and ends when its standard input
closes, so it cannot outlive its parent. It knows nothing of the library.
"""

from __future__ import annotations

import heapq
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import Any

Json = dict[str, Any]

MALFORMED = [
    b"", b"{", b"null", b"[]", b"5", b'"text"', b"<html>down for maintenance</html>", b"\xff\xfe\x00",
    b'{"Messages": null}', b'{"Messages": 5}', b'{"Messages": {}}', b'{"Messages": [null]}', b'{"Messages": [5]}',
    b'{"Messages": [{}]}', b'{"Messages": [{"Body": null, "MessageId": 5}]}', b'{"Failed": null, "Successful": null}',
    b'{"Failed": [{}]}', b'{"Failed": [null]}', b'{"Failed": 5}', b"[" * 100_000, b'{"Messages":' * 50_000,
]  # fmt: skip
"""Bodies of answers with status 200 that are no answer."""

ERRORS: Mapping[str, tuple[int, str]] = {
    "unavailable": (503, "com.amazonaws.sqs#ServiceUnavailable"),
    "internal": (500, "com.amazonaws.sqs#InternalFailure"),
    "throttled": (400, "com.amazonaws.sqs#RequestThrottled"),
    "throttling": (400, "com.amazon.coral.availability#ThrottlingException"),
    "too_many": (429, "com.amazonaws.sqs#TooManyRequestsException"),
    "expired": (403, "com.amazon.coral.service#ExpiredTokenException"),
    "in_flight": (403, "com.amazonaws.sqs#OverLimit"),
}
"""Answers with an error that passes by: status and type."""

FAULTS = (
    "drop_before",  # the connection breaks before anything was done
    "drop_after",  # and after
    "truncated",  # done, and the answer is cut short
    "malformed",  # done, and answered with one of MALFORMED
    "impostor",  # not done, and answered by something else, with status 200 and one of MALFORMED
    "parade",  # as an impostor: with the first of MALFORMED, then the next, and after the last one not any more
    "slow",  # answered late, up to a second and a half
    "partial",  # of a batch, some entries fail and are not done
    "partial_after",  # or are done and said to have failed
    "duplicate",  # what is received stays visible, on standard queues
    *ERRORS,
)


SENDABLE = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""What SQS takes as a text; it refuses a message for any other character."""


class Refused(Exception):
    """The code of the error that a call is answered with."""


class Message:
    """A message and its present delivery."""

    __slots__ = ("attributes", "body", "count", "first", "group", "hidden", "id", "receipt", "sent", "until")

    def __init__(self, number: int, body: str, attributes: Json, group: str) -> None:
        self.id = f"{number:08x}-0000-4000-8000-000000000000"
        self.body, self.attributes, self.group = body, attributes, group
        self.count = 0
        self.receipt = ""
        self.hidden = False
        self.until = 0.0  # invisible until then
        self.sent = time.time()
        self.first = 0.0


class Lane:
    """Messages that keep their order: a FIFO group. On a standard queue every message has a lane of its own."""

    __slots__ = ("hidden", "messages")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.hidden = 0


class Queue:
    """One queue. Every method but ``receive`` is called with ``changed`` held."""

    def __init__(self, name: str) -> None:
        self.fifo = name.endswith(".fifo")
        self.changed = threading.Condition()
        self.messages: dict[str, Message] = {}
        self.lanes: dict[str, Lane] = {}
        self.ready: dict[str, None] = {}  # lanes that can be received from, the longest waiting first
        self.hidden: list[tuple[float, int, Message]] = []
        self.known: dict[str, str] = {}  # deduplication id to message id
        self.numbers = count(1)
        self.asked = 0  # the longest visibility timeout that a call set

    def put(self, entry: Json) -> str:
        """Take a message; the same deduplication id is the same message."""
        once = entry.get("MessageDeduplicationId") or (entry["MessageBody"] if self.fifo else None)
        if once is not None and once in self.known:
            return self.known[once]
        number = next(self.numbers)
        group = entry.get("MessageGroupId", "")
        message = Message(number, entry["MessageBody"], entry.get("MessageAttributes") or {}, group)
        self.messages[message.id] = message
        lane = self.lanes.setdefault(self._lane(message), Lane())
        lane.messages.append(message)
        if not lane.hidden:
            self.ready[self._lane(message)] = None
        if once is not None:
            self.known[once] = message.id
        self.changed.notify()
        return message.id

    def receive(self, request: Json) -> list[Json]:
        """Hand out what is visible, or wait for it."""
        most, wait = request.get("MaxNumberOfMessages", 1), request.get("WaitTimeSeconds", 0)
        deadline = time.monotonic() + wait
        with self.changed:
            while not (taken := self._take(most, request.get("VisibilityTimeout", 30))):
                now = time.monotonic()
                if now >= deadline:
                    return []
                due = self.hidden[0][0] if self.hidden else deadline
                self.changed.wait(max(0.0, min(deadline, due) - now) + 0.001)
            return [self._spelt(message) for message in taken]

    def delete(self, entry: Json) -> str | None:
        """Forget a message; the code of the error if its receipt is not that of its last delivery."""
        message = self._held(entry["ReceiptHandle"])
        if message is None:
            return "ReceiptHandleIsInvalid" if self.fifo else None
        lane = self.lanes[self._lane(message)]
        lane.messages.remove(message)
        del self.messages[message.id]
        self._show(message)
        if not lane.messages:
            del self.lanes[self._lane(message)]
            self.ready.pop(self._lane(message), None)
        return None

    def change(self, entry: Json) -> str | None:
        """Set when a message is visible again."""
        message = self._held(entry["ReceiptHandle"])
        if message is None:
            return "ReceiptHandleIsInvalid" if self.fifo else None
        self._hide(message, time.monotonic() + entry["VisibilityTimeout"])
        self.asked = max(self.asked, entry["VisibilityTimeout"])
        self.changed.notify()
        return None

    def again(self, message_id: str) -> None:
        """Make a message visible that was just received."""
        if message_id in self.messages:
            self._hide(self.messages[message_id], time.monotonic())
            self.changed.notify()

    def _lane(self, message: Message) -> str:
        return message.group if self.fifo else message.id

    def _take(self, most: int, seconds: float) -> list[Message]:
        now = time.monotonic()
        self._wake(now)
        taken: list[Message] = []
        for name in list(self.ready) if self.fifo else [name for name, _ in zip(self.ready, range(most), strict=False)]:
            if len(taken) == most:
                break
            del self.ready[name]
            for message in list(self.lanes[name].messages)[: most - len(taken)]:
                message.count += 1
                message.receipt = f"{message.id}#{message.count}"
                message.first = message.first or time.time()
                self._hide(message, now + seconds)
                taken.append(message)
        return taken

    def _wake(self, now: float) -> None:
        """Show what has been invisible for long enough."""
        while self.hidden and self.hidden[0][0] <= now:
            until, _, message = heapq.heappop(self.hidden)
            if message.hidden and message.until == until and message.id in self.messages:
                self._show(message)

    def _hide(self, message: Message, until: float) -> None:
        lane = self.lanes[self._lane(message)]
        lane.hidden += not message.hidden
        message.hidden, message.until = True, until
        self.ready.pop(self._lane(message), None)
        heapq.heappush(self.hidden, (until, next(self.numbers), message))

    def _show(self, message: Message) -> None:
        lane = self.lanes[self._lane(message)]
        lane.hidden -= message.hidden
        message.hidden = False
        if not lane.hidden:
            self.ready[self._lane(message)] = None

    def _held(self, receipt: str) -> Message | None:
        """The message in flight under a receipt."""
        self._wake(time.monotonic())
        message = self.messages.get(receipt.partition("#")[0])
        return message if message is not None and message.hidden and message.receipt == receipt else None

    def _spelt(self, message: Message) -> Json:
        system = {
            "ApproximateReceiveCount": str(message.count),
            "ApproximateFirstReceiveTimestamp": str(int(message.first * 1000)),
            "SentTimestamp": str(int(message.sent * 1000)),
            **({"MessageGroupId": message.group} if message.group else {}),
        }
        parts = {"MessageId": message.id, "ReceiptHandle": message.receipt, "Body": message.body, "Attributes": system}
        return {**parts, "MessageAttributes": message.attributes} if message.attributes else parts


class Service:
    """All queues, the faults, and what was counted."""

    def __init__(self, seed: int) -> None:
        self.queues: dict[str, Queue] = {}
        self.rates: dict[str, float] = {}
        self.counted: Counter[str] = Counter()
        self.parade: Iterator[str] = iter(())
        self.random = random.Random(seed)
        self.lock = threading.Lock()

    def queue(self, url: str) -> Queue:
        """The queue with this URL or name."""
        name = url.rpartition("/")[2]
        with self.lock:
            if name not in self.queues:
                self.queues[name] = Queue(name)
            return self.queues[name]

    def fault(self, operation: str) -> str:
        """How this call fails; empty when it does not."""
        with self.lock:
            self.counted[operation] += 1
            chance = self.random.random()
            for name, rate in self.rates.items():
                only, _, fault = name.rpartition("/")
                chance -= rate if only in ("", operation) else 0.0
                if chance < 0:
                    self.counted[fault] += 1
                    if fault == "parade":
                        return next(self.parade, "")
                    return fault
            return ""

    def chosen(self, choices: list[Any]) -> Any:
        """One of them."""
        with self.lock:
            return self.random.choice(choices)

    def answer(self, operation: str, request: Json, fault: str) -> Json:
        """Do what a call asks for."""
        if operation.startswith("Chaos."):
            return getattr(self, operation.removeprefix("Chaos.").lower())(request)  # type: ignore[no-any-return]
        queue = self.queue(request["QueueUrl"])
        match operation:
            case "ReceiveMessage":
                messages = queue.receive(request)
                if fault == "duplicate" and not queue.fifo:
                    with queue.changed:
                        for message in messages:
                            queue.again(message["MessageId"])
                return {"Messages": messages} if messages else {}
            case "SendMessage":
                with queue.changed:
                    sent = self.send(queue, request)
                if isinstance(sent, str):
                    raise Refused(sent)
                return sent
            case "SendMessageBatch":
                return self.each(queue, request, fault, partial(self.send, queue))
            case "DeleteMessageBatch":
                return self.each(queue, request, fault, queue.delete)
            case "ChangeMessageVisibilityBatch":
                return self.each(queue, request, fault, queue.change)
        raise ValueError(operation)

    def send(self, queue: Queue, entry: Json) -> Json | str:
        """Take a message, or give the code of the error when it is none that SQS takes."""
        attributes = entry.get("MessageAttributes") or {}
        texts = [
            entry["MessageBody"],
            *(parts["StringValue"] for parts in attributes.values() if "StringValue" in parts),
        ]
        if not all(map(SENDABLE.fullmatch, texts)):
            return "InvalidMessageContents"
        if len(attributes) > 10 or sum(len(text.encode()) for text in texts) > 1_048_576:
            return "InvalidParameterValue"
        return {"MessageId": queue.put(entry), "MD5OfMessageBody": "0" * 32}

    def each(self, queue: Queue, request: Json, fault: str, do: Callable[[Json], Json | str | None]) -> Json:
        """Do it for every entry of a batch, each failing alone. On FIFO what fails is the end of the batch."""
        answer: Json = {"Successful": [], "Failed": []}
        entries = request["Entries"]
        cut = self.chosen(list(range(len(entries)))) if fault.startswith("partial") else len(entries)
        with queue.changed:
            for place, entry in enumerate(entries):
                said = do(entry) if place < cut or fault == "partial_after" else "InternalError"
                if place >= cut or isinstance(said, str):
                    code = said if isinstance(said, str) else "InternalError"
                    ours = code == "InternalError"
                    answer["Failed"].append({"Id": entry["Id"], "Code": code, "Message": "", "SenderFault": not ours})
                else:
                    answer["Successful"].append({"Id": entry["Id"], "MD5OfMessageBody": "0" * 32, **(said or {})})
        return answer

    # --- what a trial asks for ----------------------------------------------------------------------------------------

    def rate(self, request: Json) -> Json:
        """Set how often each fault happens, and forget what was counted; the counts until now."""
        with self.lock:
            counted, self.counted = dict(self.counted), Counter()
            self.rates = request["rates"]
            self.parade = iter([f"impostor:{number}" for number in range(len(MALFORMED))])
        return counted

    def state(self, request: Json) -> Json:
        """How many messages each queue has, visible and not, and for how long they are hidden."""
        with self.lock:
            queues = dict(self.queues)
        state: Json = {}
        for name, queue in queues.items():
            with queue.changed:
                queue._wake(time.monotonic())
                hidden = sum(message.hidden for message in queue.messages.values())
                until = max((m.until for m in queue.messages.values() if m.hidden), default=0.0)
                state[name] = {
                    "all": len(queue.messages),
                    "hidden": hidden,
                    "hidden_for": max(0.0, until - time.monotonic()),
                    "asked": queue.asked,
                }
        return state

    def fill(self, request: Json) -> Json:
        """Put messages into a queue."""
        queue = self.queue(request["queue"])
        with queue.changed:
            return {"ids": [queue.put(entry) for entry in request["messages"]]}

    def left(self, request: Json) -> Json:
        """All messages of a queue, whether visible or not."""
        queue = self.queue(request["queue"])
        with queue.changed:
            return {"messages": [queue._spelt(message) for message in queue.messages.values()]}


def _serve_one(service: Service, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as stream, suppress(OSError):
        while stream.readline():
            headers: dict[str, str] = {}
            while line := stream.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            sent = stream.read(length := int(headers["content-length"]))
            if len(sent) < length:  # the client was killed
                return
            request = json.loads(sent)
            operation = headers["x-amz-target"].removeprefix("AmazonSQS.")
            fault = "" if operation.startswith("Chaos.") else service.fault(operation)
            if fault == "drop_before":
                return
            if fault in ERRORS:
                status, kind = ERRORS[fault]
                connection.sendall(_response(json.dumps({"__type": kind, "message": "the reason"}).encode(), status))
                continue
            fault, _, which = fault.partition(":")
            try:
                done = {} if fault == "impostor" else service.answer(operation, request, fault)
            except Refused as refusal:
                said = {"__type": f"com.amazonaws.sqs#{refusal}", "message": "the message is none that SQS takes"}
                connection.sendall(_response(json.dumps(said).encode(), 400))
                continue
            body = json.dumps(done).encode()
            if fault == "drop_after":
                return
            if fault == "truncated":
                response = _response(body)
                connection.sendall(response[: len(response) - len(body) // 2 - 1])
                return
            if fault == "slow":
                time.sleep(service.chosen([0.05, 0.3, 1.5]))
            if fault in ("impostor", "malformed"):
                body = MALFORMED[int(which)] if which else service.chosen(MALFORMED)
            connection.sendall(_response(body))


def _response(body: bytes, status: int = 200) -> bytes:
    kind = "application/x-amz-json-1.0"
    return f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _serve_all(service: Service, server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_one, args=[service, connection], daemon=True).start()


def _serve(seed: int) -> None:
    threading.stack_size(1 << 20)
    service = Service(seed)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_serve_all, args=[service, server], daemon=True).start()
        sys.stdin.read()


class ChaosSqs:
    """The server as a trial sees it: where it is, and what it can be asked besides SQS.

    Attributes:
        endpoint: its address.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def url(self, name: str) -> str:
        """The URL of a queue; one whose name ends in ``.fifo`` keeps the order of groups."""
        return f"{self.endpoint}/000000000000/{name}"

    def rates(self, rates: Mapping[str, float]) -> Json:
        """From now on each fault happens to such a part of all calls; gives what was counted until now.

        ``"DeleteMessageBatch/drop_after"`` happens to one operation only, ``"malformed:3"`` is one of MALFORMED.
        """
        return self._ask("Rate", rates=rates)

    def state(self, name: str) -> Json:
        """Of a queue: how many messages, ``all`` and ``hidden``; for how many seconds more one is ``hidden_for``, and
        the longest visibility timeout that a call has ``asked`` for."""
        empty = {"all": 0, "hidden": 0, "hidden_for": 0.0, "asked": 0}
        return self._ask("State").get(name) or empty

    def fill(self, name: str, messages: list[Json]) -> list[str]:
        """Put messages into a queue; gives their ids."""
        ids: list[str] = self._ask("Fill", queue=name, messages=messages)["ids"]
        return ids

    def left(self, name: str) -> list[Json]:
        """All messages of a queue as it would deliver them."""
        messages: list[Json] = self._ask("Left", queue=name)["messages"]
        return messages

    def _ask(self, what: str, **request: Any) -> Json:
        call = urllib.request.Request(
            self.endpoint, json.dumps(request).encode(), {"X-Amz-Target": f"Chaos.{what}", "Connection": "close"}
        )
        with urllib.request.urlopen(call, timeout=60) as response:
            answer: Json = json.loads(response.read())
            return answer


@contextmanager
def chaos_sqs(seed: int = 0) -> Generator[ChaosSqs]:
    """Run the server for as long as the context lasts."""
    command = [sys.executable, "-m", "tests.chaos.server", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield ChaosSqs(f"http://127.0.0.1:{int(server.stdout.readline())}")
        finally:
            server.kill()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
