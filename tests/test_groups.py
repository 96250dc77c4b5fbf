"""The group of a message, from the place that the schema of its event names (``x-mega-group``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from uuid import UUID

import pytest
from mega_typed import ConfigurationError, DecimalString, Event, EventType, ObjectState, SnsPublisher, SqsPublisher

from .test_publishers import FIFO_QUEUE, QUEUE, TOPIC, FakeClient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Factory = Callable[..., str]
MOMENT = datetime(2026, 1, 31, 12, 0, 0, 500, tzinfo=UTC)


class About(Event):
    """An event grouped by what it is about."""

    __event_type__: ClassVar[EventType] = EventType("shop", "about", 1)
    __group_from__: ClassVar[str | None] = "subject"


class Owned(Event):
    """An event grouped by its entity."""

    __event_type__: ClassVar[EventType] = EventType("shop", "owned", 1)
    __group_from__: ClassVar[str | None] = "object.id"


class Free(Event):
    """An event without a group of its own."""

    __event_type__: ClassVar[EventType] = EventType("shop", "free", 1)


def sorted_by(kind: Any, value: Any) -> Event:
    """An event grouped by an attribute of this type, whose name Python takes."""
    namespace = {
        "__annotations__": {"class_": kind},
        "__module__": __name__,
        "__event_type__": EventType("shop", "sorted", 1),
        "__wire_names__": {"class_": "class"},
        "__group_from__": "attributes.class",
    }
    cls: Any = type("Sorted", (Event,), namespace)
    event: Event = cls(class_=value)
    return event


VALUES: list[tuple[Any, Any, str]] = [
    (str, "cart-1", "cart-1"),
    (int, 5, "5"),
    (int, 10**20, "100000000000000000000"),
    (bool, True, "true"),
    (UUID, UUID("61FCC874-624E-40F8-8FD7-0E663C7837E8"), "61fcc874-624e-40f8-8fd7-0e663c7837e8"),
    (DecimalString, Decimal("1.50"), "1.50"),
    (date, date(2026, 1, 31), "2026-01-31"),
    (datetime, MOMENT, "2026-01-31T12:00:00.000500Z"),
    (Literal["EUR", "USD"], "EUR", "EUR"),
]


@pytest.mark.parametrize(("kind", "value", "text"), VALUES)
def test_a_group_is_the_value_as_the_payload_writes_it(kind: Any, value: Any, text: str) -> None:
    """Whatever the type of the attribute, the group is the text that stands in the message."""
    client, event = FakeClient(), sorted_by(kind, value)
    SqsPublisher(FIFO_QUEUE, client=client).publish(event)
    written = json.loads(client.calls[0]["MessageBody"])["event"]["attributes"]["class"]
    assert client.calls[0]["MessageGroupId"] == text == (written if isinstance(written, str) else json.dumps(written))


def ways(client: FakeClient, queue: str, topic: str, payload: Any, **group: Any) -> Iterator[Callable[[], object]]:
    """Every way of publishing one payload."""
    publishers: list[Any] = [SqsPublisher(queue, client=client), SnsPublisher(topic, client=client)]
    for publisher in publishers:

        def through_buffer(publisher: Any = publisher) -> None:
            with publisher.buffered() as buffered:
                buffered.publish(payload, **group).result()

        yield partial(publisher.publish, payload, **group)
        yield partial(publisher.publish_many, [payload], **group)
        yield partial(lambda publisher: list(publisher.publish_stream([payload], **group)), publisher)
        yield through_buffer


def sent_groups(client: FakeClient) -> list[str | None]:
    entries = [
        entry
        for call in client.calls
        for entry in call.get("Entries") or call.get("PublishBatchRequestEntries") or [call]
    ]
    return [entry.get("MessageGroupId") for entry in entries]


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_the_schema_gives_the_group_unless_a_call_does(suffix: str) -> None:
    """Every way of publishing to queues and topics, FIFO or not, takes the event's group; an argument wins."""
    client = FakeClient()
    for payload, group in ((About(subject="s-1"), {}), (Owned(object=ObjectState(id="o-1")), {"group_id": "mine"})):
        for publish in ways(client, QUEUE + suffix, TOPIC + suffix, payload, **group):
            publish()
    assert sent_groups(client) == ["s-1"] * 8 + ["mine"] * 8


@pytest.mark.parametrize("payload", [Free(), About(), Owned(), Owned(object=ObjectState()), {"id": 1}, "text"])
def test_without_a_group_only_fifo_refuses(payload: Any) -> None:
    """Where neither the call nor the event says a group, a FIFO destination refuses and names both remedies."""
    client = FakeClient()
    for publish in ways(client, FIFO_QUEUE, f"{TOPIC}.fifo", payload):
        with pytest.raises(ConfigurationError, match=r"group_id is required.*x-mega-group"):
            publish()
    assert client.calls == []
    for publish in ways(client, QUEUE, TOPIC, payload):
        publish()
    assert sent_groups(client) == [None] * 8


@pytest.mark.parametrize("subject", ["", "a b", "é", "x" * 129])
@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_a_group_that_the_service_refuses_is_not_sent(suffix: str, subject: str) -> None:
    """A value that is no group id is a typed error of its own payload, before anything of it is sent."""
    client = FakeClient()
    publisher = SqsPublisher(QUEUE + suffix, client=client)
    with pytest.raises(ConfigurationError, match=r"group of this event.*1 to 128"):
        publisher.publish(About(subject=subject))
    assert client.calls == []
    results = publisher.publish_many([About(subject=subject), About(subject="good")])
    assert [type(result.error) for result in results] == [ConfigurationError, type(None)]
    assert sent_groups(client) == ["good"]


def test_only_the_payloads_without_group_fail() -> None:
    """After a first payload with a group, one without is an error of its own."""
    client = FakeClient()
    results = SqsPublisher(FIFO_QUEUE, client=client).publish_many([About(subject="a"), Free(), About(subject="b")])
    assert [type(result.error) for result in results] == [type(None), ConfigurationError, type(None)]
    assert sent_groups(client) == ["a", "b"]


def test_a_stop_iteration_of_a_function_loses_nothing() -> None:
    """A function of the caller that raises StopIteration does not end the batch in silence."""
    client = FakeClient()
    with pytest.raises(RuntimeError):
        SqsPublisher(FIFO_QUEUE, client=client).publish_many(["a", "b"], group_id=lambda _: next(iter(())))


@pytest.mark.parametrize("fifo", [False, True])
def test_the_group_arrives(queue: Factory, sqs: SQSClient, fifo: bool) -> None:
    """A queue over HTTP, standard or FIFO, hands out the group of an event."""
    url = queue(fifo)
    SqsPublisher(url, client=sqs).publish(About(subject="s-1"))
    [message] = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["MessageGroupId"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "s-1"
