"""What goes to the dead-letter queue, and when the message itself is deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.backoff import Backoff
from mega_typed.dead_letters import REASON_ATTRIBUTE, dead_letter, reason
from mega_typed.dispatch import Dispatcher, Disposition
from mega_typed.envelopes import Record
from mega_typed.errors import ConfigurationError, RetryLater
from mega_typed.listener import SqsListener
from mega_typed.subscribers import EventSubscriber, MessageSubscriber, ProcessStatus

from tests.samples import OrderPlaced, placed

URL = "http://127.0.0.1:9/0/dead"
INVALID = placed().to_json().decode().replace('"quantity":5', '"quantity":0')


class Placed(EventSubscriber[OrderPlaced]):
    def process(self, event: OrderPlaced) -> None: ...


class Says(MessageSubscriber):
    """Does what the text says."""

    def process(self, payload: Any) -> ProcessStatus:
        if payload == "crash":
            raise ValueError("the cause")
        if payload.startswith("in "):
            raise RetryLater(after=float(payload[3:]))
        return ProcessStatus(payload)


def sent(body: str, count: int = 1, /, **attributes: Any) -> dict[str, Any]:
    return {
        "Body": body,
        "MessageId": f"id-{body}",
        "ReceiptHandle": body,
        "MessageAttributes": {n: {"DataType": "String", "StringValue": value} for n, value in attributes.items()},
        "Attributes": {
            "ApproximateReceiveCount": str(count),
            "ApproximateFirstReceiveTimestamp": "1700000000123",
            "MessageGroupId": "g",
        },
    }


def handled(message: Mapping[str, Any], *subscribers: Any) -> Any:
    dispatcher = Dispatcher(dead_letters=True, max_attempts=3)
    for subscriber in subscribers:
        dispatcher.register(subscriber)
    return dispatcher.handle(Record.from_sqs(message))


def test_the_reason_of_an_invalid_event_names_path_expected_and_got() -> None:
    """Every fault has its path, what was expected there and what was found; times are ISO."""
    message = sent(INVALID, 2)
    why = reason(message, handled(message, Placed))
    assert (why["kind"], why["attempts"], why["first_seen"]) == ("invalid", 2, "2023-11-14T22:13:20.123+00:00")
    [fault] = why["faults"]
    assert (fault["path"], fault["got"]) == ("event.attributes.quantity", "0")
    assert "0" in fault["expected"]


KINDS = [
    ("fatal_error", 1, "fatal_error"),
    ("crash", 1, "fatal_error"),
    ("retry_later", 3, "attempts_used_up"),
    ("retriable_error", 3, "attempts_used_up"),
    ("done", 4, "attempts_used_up"),
    ('{"cut": ', 1, "undecodable"),
]


@pytest.mark.parametrize(("body", "count", "kind"), KINDS)
def test_the_kind_of_a_dead_letter(body: str, count: int, kind: str) -> None:
    """One word says why; a message that was delivered too often is not processed any more."""
    message = sent(body, count)
    outcome = handled(message, Says) if kind != "undecodable" else handled(message)
    assert outcome.disposition is Disposition.DEAD_LETTER
    assert reason(message, outcome)["kind"] == kind


def test_the_reason_names_the_subscriber_and_what_it_raised() -> None:
    """A subscriber that failed is there with its status, the type and the message of its exception."""
    [failed] = reason(sent("crash"), handled(sent("crash"), Says))["subscribers"]
    assert failed == {"subscriber": "Says", "status": "fatal_error", "error": "ValueError", "message": "the cause"}


@given(
    attributes=st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.text(min_size=1), max_size=10),
    body=st.text(),
)
def test_nothing_of_a_message_is_lost(attributes: dict[str, str], body: str) -> None:
    """The body is what it was, there are at most ten attributes, and those without room are in the reason."""
    message = sent(body, **{"content-type": "text/plain", **dict(list(attributes.items())[:9])})
    entry = dead_letter(URL + ".fifo", message, handled(message, Placed))
    kept = {name: parts["StringValue"] for name, parts in entry["MessageAttributes"].items()}
    assert len(kept) <= 10
    assert kept["content-type"] == "text/plain"
    more = json.loads(kept.pop(REASON_ATTRIBUTE)).get("more_attributes", {})
    assert kept | {name: each["value"] for name, each in more.items()} == {
        name: parts["StringValue"] for name, parts in message["MessageAttributes"].items()
    }
    assert (entry["MessageBody"], entry["MessageGroupId"]) == (body, "g")


class Client:
    """One batch; notes all that it is told in order."""

    def __init__(self, *messages: Mapping[str, Any], broken: bool = False, hollow: bool = False) -> None:
        self.messages, self.broken, self.hollow, self.told = messages, broken, hollow, list[Any]()

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {"Messages": list(self.messages)}

    def send_message(self, **entry: Any) -> dict[str, Any]:
        if self.broken:
            raise ConnectionResetError
        if self.hollow:
            return {}
        self.told.append(("send", entry["MessageBody"]))
        return {"MessageId": "copy"}

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.told.append(("delete", [entry["ReceiptHandle"] for entry in Entries]))
        return {}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.told.append(("visible", [(entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in Entries]))
        return {}

    send_message_batch = send_message


def polled(client: Client, **arguments: Any) -> list[Any]:
    listener = SqsListener("http://127.0.0.1:9/0/q", client=client, jitter=lambda: 1.0, **arguments)
    listener.register_subscriber(Says)
    listener.poll_once()
    return client.told


@pytest.mark.parametrize(("room", "told"), [(0, None), (41, None), (42, ["kind"]), (60, ["kind"]), (1000, None)])
def test_the_largest_message_can_be_dead_lettered(room: int, told: list[str] | None) -> None:
    """The reason takes the room that a message leaves within the limit of SQS: all of it, its kind, or nothing."""
    body = "x" * (1_048_576 - room)
    message = {"Body": body, "MessageId": "m", "ReceiptHandle": "r"}
    entry = dead_letter(URL, message, handled(message))
    size = len(body) + sum(
        len(name) + sum(map(len, parts.values())) for name, parts in entry["MessageAttributes"].items()
    )
    assert size <= 1_048_576
    assert (REASON_ATTRIBUTE in entry["MessageAttributes"]) == (room >= 42)
    if told:
        assert list(json.loads(entry["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"])) == told


@pytest.mark.parametrize(
    "said", ["\ud800", "\uffff", "\x00", "é" * 300, "\U0001f600" * 300, os.fsdecode(b"f\xfcr.txt")]
)
def test_whatever_a_subscriber_says_the_reason_can_be_sent(said: str) -> None:
    """The text of an exception, with surrogates or characters that SQS refuses, ends in ASCII that any reader reads."""

    class Raises(MessageSubscriber):
        def process(self, payload: Any) -> None:
            raise ValueError(said)

    message = sent("x")
    text = dead_letter(URL, message, handled(message, Raises))["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"]
    assert text.isascii()
    assert text.isprintable()
    [failed] = msgspec.json.decode(text)["subscribers"]
    assert failed["message"] == said[:200].encode(errors="backslashreplace").decode()


def test_a_message_is_deleted_after_its_copy_was_sent() -> None:
    """First the dead letter, then the delete."""
    client = Client(sent("fatal_error"))
    assert polled(client, dead_letter_queue_url=URL) == [("send", "fatal_error"), ("delete", ["fatal_error"])]


@pytest.mark.parametrize("trouble", ["broken", "hollow"])
def test_a_dead_letter_that_cannot_be_sent_keeps_the_message(trouble: str) -> None:
    """Without a copy nothing is deleted; the message waits for its next delivery. An answer without an id is none."""
    client = Client(sent("fatal_error"), **{trouble: True})
    assert polled(client, dead_letter_queue_url=URL, backoff=Backoff()) == [("visible", [("fatal_error", 5)])]


def test_retries_wait_by_receive_count_or_as_the_subscriber_says() -> None:
    """The back-off counts deliveries; RetryLater(after=...) overrides it; one call for all of a batch."""
    client = Client(sent("retry_later"), sent("retriable_error", 3), sent("in 77"), sent("done"))
    told = [("delete", ["done"]), ("visible", [("retry_later", 5), ("retriable_error", 20), ("in 77", 77)])]
    assert polled(client, backoff=Backoff()) == told


def test_what_a_fatal_error_deletes_can_be_rebuilt(caplog: pytest.LogCaptureFixture) -> None:
    """Without a dead-letter queue the whole message goes to a logger of its own, if that is asked for."""
    caplog.set_level("INFO", "mega_typed.given_up")
    assert polled(Client(sent("fatal_error"))) == [("delete", ["fatal_error"])]
    [kept] = [vars(record)["sqs_message"] for record in caplog.records if record.name == "mega_typed.given_up"]
    assert kept == sent("fatal_error")


@pytest.mark.parametrize("arguments", [{"max_attempts": 3}, {"unmatched": "dead_letter"}])
def test_dead_letters_need_a_queue(arguments: dict[str, Any]) -> None:
    """What would dead-letter without a queue for it is refused at once."""
    with pytest.raises(ConfigurationError, match="dead-letter queue"):
        SqsListener("http://127.0.0.1:9/0/q", **arguments)
    with pytest.raises(ConfigurationError):
        SqsListener(URL, dead_letter_queue_url=URL)


def test_a_dead_letter_over_http(aws: Mapping[str, Any], queue: Callable[..., str], sqs: Any) -> None:
    """Over HTTP: an invalid event moves to the dead-letter queue with its attributes and the reason."""
    url, dead = queue(), queue()
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}
    sqs.send_message(QueueUrl=url, MessageBody=INVALID, MessageAttributes=attributes)
    listener = SqsListener(url, dead_letter_queue_url=dead, wait_time_seconds=0, **aws)
    listener.register_subscriber(Placed)
    listener.poll_once()
    [found] = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    assert found["Body"] == INVALID
    assert found["MessageAttributes"]["a"]["StringValue"] == "b"
    assert json.loads(found["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"])["kind"] == "invalid"
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == left["ApproximateNumberOfMessagesNotVisible"] == "0"
