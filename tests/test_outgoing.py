"""Middleware of publishers: what it is shown, what it may add and decide, and that nothing is lost by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, cast

import pytest
from mega_typed import (
    AsyncPublishProceed,
    ConfigurationError,
    Dispatcher,
    EncodeError,
    MessageSubscriber,
    PublishCall,
    PublishError,
    PublishMiddleware,
    PublishProceed,
    PublishResult,
    Record,
    SnsPublisher,
    SqsPublisher,
    TooLargeError,
)
from mega_typed.outgoing import ADDED_BYTES
from mega_typed.sending import SQS_MAX_BYTES

from .test_publishers import QUEUE, TOPIC, FakeClient

Log = list[str]


def stamp(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
    """Adds an attribute to each message."""
    for message in call.messages:
        message.attributes["stamp"] = f"{message.index}:{message.payload}"
    return proceed()


def noting(name: str, log: Log, *, asynchronous: bool) -> PublishMiddleware:
    """Notes when it is entered and left."""

    def plain(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        log.append(f">{name}{len(call.messages)}")
        results = proceed()
        log.append(f"<{name}{len(results)}")
        return results

    async def coroutine(call: PublishCall, proceed: AsyncPublishProceed) -> Sequence[PublishResult]:
        log.append(f">{name}{len(call.messages)}")
        results = await proceed()
        log.append(f"<{name}{len(results)}")
        return results

    return coroutine if asynchronous else plain


def sent(client: FakeClient) -> list[Mapping[str, Any]]:
    """The messages of all calls."""
    entries: list[Mapping[str, Any]] = []
    for call in client.calls:
        entries += call.get("Entries") or call.get("PublishBatchRequestEntries") or [call]
    return entries


def publisher(client: FakeClient, *middleware: PublishMiddleware) -> SqsPublisher:
    return SqsPublisher(QUEUE, client=cast("Any", client), middleware=middleware)


Way = Callable[[SqsPublisher, list[str]], object]


def one_by_one(to: SqsPublisher, payloads: list[str]) -> None:
    for payload in payloads:
        to.publish(payload)


def together(to: SqsPublisher, payloads: list[str]) -> None:
    to.publish_many(payloads)


def streamed(to: SqsPublisher, payloads: list[str]) -> None:
    for _ in to.publish_stream(payloads):
        pass


def buffered(to: SqsPublisher, payloads: list[str]) -> None:
    with to.buffered() as buffer:
        for payload in payloads:
            buffer.publish(payload)


WAYS: list[Way] = [one_by_one, together, streamed, buffered]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_attributes_are_added_on_every_way(way: Way) -> None:
    """A middleware sees each payload once, whatever sends it, and what it adds travels beside the library's own."""
    client = FakeClient()
    payloads = [f"text {number}" for number in range(23)]
    way(publisher(client, stamp), payloads)
    assert [entry["MessageBody"] for entry in sent(client)] == payloads
    stamps = [entry["MessageAttributes"]["stamp"]["StringValue"].partition(":")[2] for entry in sent(client)]
    assert stamps == payloads
    assert all("content-type" in entry["MessageAttributes"] for entry in sent(client))


def test_topics_have_it_too() -> None:
    """SNS publishers take the same middleware, and tell it the topic."""
    client, seen = FakeClient(), list[str]()

    def watch(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        seen.append(call.destination)
        return stamp(call, proceed)

    SnsPublisher(TOPIC, client=cast("Any", client), middleware=[watch]).publish("x")
    assert seen == [TOPIC]
    assert sent(client)[0]["MessageAttributes"]["stamp"]["StringValue"] == "0:x"


@pytest.mark.parametrize("kinds", [(False, True), (True, False), (True, True), (False, False)])
def test_the_first_is_outermost(kinds: tuple[bool, bool]) -> None:
    """Plain ones and coroutine functions nest in order, around one message and around ten."""
    log: Log = []
    client = FakeClient()
    to = publisher(client, *(noting(str(n), log, asynchronous=kind) for n, kind in enumerate(kinds)))
    to.publish("x")
    to.publish_many(["a", "b"])
    assert log == [">01", ">11", "<11", "<01", ">02", ">12", "<12", "<02"]


def test_refused_payloads_are_not_shown_and_keep_their_place() -> None:
    """A payload that cannot be sent is an error in its place; a middleware sees the others."""
    log: Log = []
    results = publisher(FakeClient(), noting("a", log, asynchronous=False)).publish_many(["x", "", "y"])
    assert [type(result.error) for result in results] == [type(None), EncodeError, type(None)]
    assert log == [">a2", "<a2"]


def test_errors_of_the_service_pass_through() -> None:
    """``publish`` raises what the service said, after the middleware has seen it as a result."""
    seen = list[PublishResult]()

    def watch(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        results = proceed()
        seen.extend(results)
        return results

    client = FakeClient(down=lambda _: OSError("broken"))
    with pytest.raises(PublishError):
        publisher(client, watch).publish("x")
    assert isinstance(seen[0].error, PublishError)


def test_it_may_call_again_or_not_at_all() -> None:
    """Results of its own count, and so does a second call."""

    def never(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        return [PublishResult(message.index, message_id="made up") for message in call.messages]

    def twice(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        proceed()
        return proceed()

    client = FakeClient()
    assert publisher(client, never).publish("x") == "made up"
    assert client.calls == []
    publisher(client, twice).publish("x")
    assert len(client.calls) == 2


def test_results_that_belong_to_nothing_are_an_error() -> None:
    """A middleware must account for each message of its call."""
    with pytest.raises(ConfigurationError, match="one for each message"):
        publisher(FakeClient(), lambda call, proceed: ()).publish("x")


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"big": "x" * ADDED_BYTES}, ConfigurationError),
        ({f"a{n}": "x" for n in range(10)}, ConfigurationError),
        ({"content-type": "text/x"}, ConfigurationError),
        ({"empty": ""}, EncodeError),
    ],
)
def test_what_it_must_not_add_is_an_error_and_nothing_is_sent(
    attributes: dict[str, str], error: type[Exception]
) -> None:
    """Too many bytes, more than ten attributes, the library's own or a bad one: an error for the message."""

    def add(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        for message in call.messages:
            message.attributes.update(attributes)
        return proceed()

    client = FakeClient()
    with pytest.raises(error):
        publisher(client, add).publish("x")
    assert client.calls == []


def test_the_largest_message_has_room_for_what_is_added() -> None:
    """With middleware a message may be 1,024 bytes smaller, so that what is added never makes it too large."""
    client = FakeClient()
    largest = "x" * (SQS_MAX_BYTES - ADDED_BYTES - len("content-type" + "String" + "text/plain; charset=utf-8") - 100)

    def add(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        for message in call.messages:
            message.attributes["x"] = "y" * (ADDED_BYTES - len("x" + "String"))
        return proceed()

    publisher(client, add).publish(largest)
    assert len(client.calls) == 1
    with pytest.raises(TooLargeError):
        publisher(client, add).publish(largest + "x" * 200)
    publisher(client).publish(largest + "x" * 200)


def test_a_message_knows_the_context_that_published_it() -> None:
    """A buffered publisher sends in its own thread; the context of ``publish`` is at hand there."""
    variable: ContextVar[str] = ContextVar("variable")
    seen = list[str]()

    def watch(call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        seen.extend(message.context[variable] for message in call.messages)
        return proceed()

    with publisher(FakeClient(), watch).buffered() as buffer:
        for value in ("one", "two"):
            variable.set(value)
            buffer.publish(value)
    assert seen == ["one", "two"]


def test_the_header_of_xray_is_passed_on() -> None:
    """What a subscriber publishes to SQS carries the header of the message that it works on; SNS knows no such thing."""
    client, topic = FakeClient(), FakeClient()

    class Forwards(MessageSubscriber):
        def process(self, payload: Any) -> None:
            publisher(client).publish("on")
            publisher(client).publish_many(["on"])
            SnsPublisher(TOPIC, client=cast("Any", topic)).publish("on")

    dispatcher = Dispatcher()
    dispatcher.register(Forwards)
    dispatcher.handle(Record("x", "m1", system={"AWSTraceHeader": "Root=1-2"}))
    publisher(client).publish("outside")
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2"}}
    assert [entry.get("MessageSystemAttributes") for entry in sent(client)] == [header, header, None]
    assert "MessageSystemAttributes" not in topic.calls[0]
