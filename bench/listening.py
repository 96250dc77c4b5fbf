"""What consuming costs, from the receive to the delete, against what people write with boto3 alone.

CPU of this process; the server is another one. Ten thousand subscribers are registered and one of them matches the
example event, which is validated in full. What is counted besides: calls to the service, and what a million messages
leave behind in memory.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
from mega_typed import EventSubscriber, SqsListener, SqsPublisher

from bench.example import PlainPayload
from bench.matching import COUNT, on_one_event
from bench.measuring import Row
from bench.sqs_server import calls, free_sqs
from generated.shopping_cart import ItemAdded

KEYS: Final[dict[str, Any]] = {
    "aws_access_key_id": "bench",
    "aws_secret_access_key": "bench",
    "region_name": "eu-west-1",
}
BATCH: Final = 10
CREW_ROUND: Final = 200
MEMORY_MESSAGES: Final = 1_000_000
MEMORY_SECONDS: Final = 120


def queue_url(endpoint: str) -> str:
    """The one queue of the server; any URL would do."""
    return f"{endpoint}/000000000000/bench"


def sent_event(text: str) -> ItemAdded:
    """The example as somebody would build it, who publishes it."""
    received = ItemAdded.from_json(text)
    return ItemAdded(**{name: getattr(received, name) for name in ItemAdded.model_fields})


def listening(endpoint: str, **options: Any) -> SqsListener:
    """A listener with ten thousand subscribers, one of which takes the example event."""
    listener = SqsListener(queue_url(endpoint), endpoint_url=endpoint, **KEYS, **options)
    for subscriber in on_one_event(COUNT):
        listener.register_subscriber(subscriber)
    assert [len(outcome.results) for outcome in listener.poll_once()] == [1] * BATCH
    return listener


@contextmanager
def rows(text: str) -> Generator[list[Row]]:
    """The rows, for as long as their server runs."""
    with free_sqs() as endpoint:
        bare: Any = boto3.Session(**KEYS).client("sqs", endpoint_url=endpoint)
        url = queue_url(endpoint)
        SqsPublisher(url, endpoint_url=endpoint, **KEYS).publish(sent_event(text))
        listener = listening(endpoint)
        crew = listening(endpoint, concurrency=8)
        left = 0

        class Counting(EventSubscriber[ItemAdded]):
            """Stops the crew when it has seen enough."""

            def process(self, event: ItemAdded) -> None:
                nonlocal left
                left -= 1
                if left <= 0:
                    crew.stop()

        crew.register_subscriber(Counting)

        def crew_round() -> None:
            nonlocal left
            left = CREW_ROUND
            crew.listen()

        def bare_loop() -> None:
            messages = bare.receive_message(QueueUrl=url, MaxNumberOfMessages=BATCH)["Messages"]
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            bare.delete_message_batch(QueueUrl=url, Entries=entries)

        def bare_round() -> None:
            for _ in range(CREW_ROUND // BATCH):
                bare_loop()

        def by_hand() -> None:
            message = bare.receive_message(QueueUrl=url)["Messages"][0]
            PlainPayload.model_validate(json.loads(message["Body"]))
            bare.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

        yield [
            Row("receive ten to delete ten / bare, bodies ignored", bare_loop, listener.poll_once, 0.97, repeat=20),
            Row("the same with concurrency=8, 200 messages / bare", bare_round, crew_round, 2.0, repeat=1),
            Row(
                "receive to delete / one by one, json.loads, model_validate",
                by_hand,
                listener.poll_once,
                0.12,
                repeat=20,
                count=BATCH,
            ),
        ]
        bare.close()


def calls_per_thousand(text: str) -> Iterator[tuple[str, float, float]]:
    """Calls to the service for a thousand messages, from publish to acknowledge, counted there."""
    with free_sqs() as endpoint:
        publisher = SqsPublisher(queue_url(endpoint), endpoint_url=endpoint, **KEYS)
        publisher.publish(sent_event(text))
        listener = listening(endpoint)
        before = calls(endpoint)
        publisher.publish_many([sent_event(text)] * 1000)
        seen = 0
        while seen < 1000:
            seen += len(listener.poll_once())
        yield "calls per 1000 messages, publish to acknowledge", (calls(endpoint) - before).total() * 1000 / seen, 310


def growth(text: str) -> Iterator[tuple[str, float, float]]:
    """What the process grows by between the first tenth of a million messages and the last, published and consumed."""
    with free_sqs() as endpoint:
        publisher = SqsPublisher(queue_url(endpoint), endpoint_url=endpoint, **KEYS)
        event = sent_event(text)
        publisher.publish(event)
        listener = listening(endpoint)
        deadline = time.monotonic() + MEMORY_SECONDS
        seen, early = 0, 0.0
        results = publisher.publish_stream(event for _ in range(MEMORY_MESSAGES))
        while seen < MEMORY_MESSAGES and time.monotonic() < deadline:
            seen += len(listener.poll_once())
            for _ in range(BATCH):
                next(results)
            if not early and (seen >= MEMORY_MESSAGES // 10 or time.monotonic() > deadline - MEMORY_SECONDS * 0.9):
                early = resident()
        yield f"memory after {seen:,} messages / after a tenth, percent", resident() / early * 100, 101


def resident() -> float:
    """Megabytes of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
