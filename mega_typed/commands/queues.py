"""A queue as the commands use it: found by name, looked at, given back, and emptied of what was moved.

What is received is held for some seconds. A command gives it back when it ends; one that was killed leaves it to the
visibility timeout. This file knows no payload.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, Protocol, cast

import msgspec
from mega_typed.aws import ClientSource, Operation, SqsClient
from mega_typed.commands.command import CommandError, Status
from mega_typed.commands.signals import undisturbed

MAX_BATCH: Final = 10
Message = Mapping[str, Any]
"""As boto3's ``ReceiveMessage`` returns it."""


class QueueClient(SqsClient, Protocol):
    """The methods of a boto3 SQS client that are used here."""

    @property
    def get_queue_url(self) -> Operation: ...  # noqa: D102 - named by AWS
    @property
    def get_queue_attributes(self) -> Operation: ...  # noqa: D102
    @property
    def list_dead_letter_source_queues(self) -> Operation: ...  # noqa: D102


class Queue:
    """One queue.

    Args:
        name: its name, its ARN or its URL.
        client: a ready client; by default one as the environment says.

    Raises:
        CommandError: there is no such name.
    """

    def __init__(self, name: str, client: QueueClient | None = None) -> None:
        self.clients = ClientSource[SqsClient]("sqs", client=client)
        self._client = cast("QueueClient", self.clients.get())
        self.url = name if "://" in name else self._url_of(name)

    def _url_of(self, name: str) -> str:
        url = self._client.get_queue_url(QueueName=name.rpartition(":")[2]).get("QueueUrl")  # of an ARN, its name
        if not isinstance(url, str):
            raise CommandError(f"no queue {name}; check --region and --profile", Status.REFUSED)
        return url

    @property
    def fifo(self) -> bool:
        """Whether it keeps the order of groups."""
        return self.url.endswith(".fifo")

    def attributes(self) -> dict[str, str]:
        """What SQS knows about it."""
        return dict(self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"])

    def max_receive_count(self) -> int | None:
        """After how many deliveries SQS moves a message to a dead-letter queue, if it has a redrive policy."""
        try:
            policy = msgspec.json.decode(self.attributes().get("RedrivePolicy") or "{}")
            return int(policy["maxReceiveCount"])
        except (KeyError, TypeError, ValueError):
            return None

    def sources(self) -> list[str]:
        """The URLs of the queues whose redrive policy names it as their dead-letter queue."""
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = self._client.list_dead_letter_source_queues(QueueUrl=self.url, **more)
            found += answer.get("queueUrls") or ()
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}

    def receive(self, maximum: int, hold_seconds: int, wait_seconds: int) -> list[Message]:
        """Some messages, invisible to others for ``hold_seconds``; none after ``wait_seconds`` without any."""
        answer = self._client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=min(maximum, MAX_BATCH),
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=hold_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return [message for message in answer.get("Messages") or () if _is_message(message)]

    def give_back(self, receipts: Sequence[str]) -> list[str]:
        """Make messages visible again; returns the receipts of those that only the visibility timeout gives back."""
        entries = [{"ReceiptHandle": receipt, "VisibilityTimeout": 0} for receipt in receipts]
        return self._by_tens(self._client.change_message_visibility_batch, entries)

    def delete(self, receipts: Sequence[str]) -> list[str]:
        """Delete messages; returns the receipts of those that are still there."""
        return self._by_tens(self._client.delete_message_batch, [{"ReceiptHandle": receipt} for receipt in receipts])

    def _by_tens(self, call: Operation, entries: Sequence[Mapping[str, Any]]) -> list[str]:
        failed: list[str] = []
        for start in range(0, len(entries), MAX_BATCH):
            batch = {str(place): entry for place, entry in enumerate(entries[start : start + MAX_BATCH])}
            answer = call(QueueUrl=self.url, Entries=[{"Id": place, **entry} for place, entry in batch.items()])
            failed += [batch[each["Id"]]["ReceiptHandle"] for each in answer.get("Failed") or () if each["Id"] in batch]
        return failed


def _is_message(message: object) -> bool:
    """An answer that is not of SQS, of a proxy for instance, may hold anything."""
    if not isinstance(message, dict):
        return False
    found = cast("dict[str, Any]", message)
    return all(isinstance(found.get(key), str) for key in ("MessageId", "ReceiptHandle", "Body"))


class Held:
    """Messages in hand, by their id: each once, however often a queue delivers it."""

    def __init__(self) -> None:
        self.receipts: dict[str, str] = {}
        self._known: set[str] = set()

    @property
    def seen(self) -> int:
        """How many there have been."""
        return len(self._known)

    def new(self, messages: Sequence[Message]) -> list[Message]:
        """Take them in; those that were not known before."""
        fresh: list[Message] = []
        for message in messages:
            self.receipts[message["MessageId"]] = message["ReceiptHandle"]
            if message["MessageId"] not in self._known:
                self._known.add(message["MessageId"])
                fresh.append(message)
        return fresh

    def let_go(self, message: Message) -> str:
        """It is not in hand any more; its receipt."""
        return self.receipts.pop(message["MessageId"])


@contextmanager
def holding(queue: Queue) -> Generator[Held]:
    """Messages in hand, given back at the end, whatever happens."""
    held = Held()
    try:
        yield held
    finally:
        with undisturbed():
            queue.give_back([*held.receipts.values()])


def rounds(
    queue: Queue, held: Held, hold_seconds: int, maximum: Callable[[], int], wait_seconds: int = 1
) -> Iterator[list[Message]]:
    """What is in a queue, some new messages at a time, until nothing new comes.

    Args:
        queue: the queue.
        held: takes in what is received.
        hold_seconds: how long SQS keeps a message for us.
        maximum: how many may be received next; 0 ends it.
        wait_seconds: for the first message of a round.
    """
    stale = 0
    while stale <= len(held.receipts) and (wanted := maximum()) > 0:
        with undisturbed():  # what SQS has handed out must be known, to be given back
            received = queue.receive(wanted, hold_seconds, wait_seconds)
            fresh = held.new(received)
        if not received:
            return
        stale = 0 if fresh else stale + len(received)  # what was held too long comes again, before what is new
        yield fresh


def look(queue: Queue, limit: int, hold_seconds: int) -> Generator[Message]:
    """Messages of a queue, up to ``limit``, without taking any: they are given back when the iterator is closed.

    It also ends when the first would come back to others while the last are still in hand.
    """
    end = monotonic() + hold_seconds / 2
    with holding(queue) as held:
        for messages in rounds(queue, held, hold_seconds, lambda: limit - held.seen if monotonic() < end else 0):
            yield from messages


def near_the_end(message: Message, max_receive_count: int | None) -> bool:
    """Whether one more delivery, or none, is left before SQS moves it to the dead-letter queue."""
    return max_receive_count is not None and received(message) >= max_receive_count - 1


def received(message: Message) -> int:
    """How often it was received, this time included."""
    count = cast("Mapping[str, str]", message.get("Attributes") or {}).get("ApproximateReceiveCount", "")
    return int(count) if count.isdecimal() else 1
