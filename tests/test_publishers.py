"""Publishers: over HTTP against a local server, and against fake clients where a fault has to be arranged."""

from __future__ import annotations

import base64
import gc
import json
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3
import bson
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import sending
from mega_typed.aws import ClientSource
from mega_typed.codecs import ContentKind, decode
from mega_typed.errors import ConfigurationError, EncodeError, PublishError
from mega_typed.outgoing import PublishResult
from mega_typed.payload import EventType, MegaPayload
from mega_typed.publishers import SnsPublisher, SqsPublisher
from mega_typed.sending import Answer, unsettled

from .samples import placed

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Factory = Callable[..., str]
QUEUE = "http://127.0.0.1:9/000000000000/q"
FIFO_QUEUE = f"{QUEUE}.fifo"
TOPIC = "arn:aws:sns:eu-west-1:000000000000:t"

MEGA: dict[str, Any] = {
    "protocol": "mega",
    "version": 1,
    "event": {
        "name": "item.added",
        "domain": "shopping_cart",
        "version": 2,
        "timestamp": "2020-05-04T15:53:23.123Z",
        "attributes": {"item_id": "61fcc874-624e-40f8-8fd7-0e663c7837e8", "quantity": 5},
    },
}


class ItemAdded:
    """What a publisher needs of a typed event, and no more."""

    __event_type__ = EventType("shopping_cart", "item.added", 2)

    def to_json(self) -> bytes:
        return json.dumps(MEGA).encode()


class FakeClient:
    """Accepts everything, like SQS and SNS, and keeps it; ``fail`` decides about each entry, ``down`` about calls."""

    def __init__(
        self,
        fail: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _entry: None,
        down: Callable[[int], Exception | None] = lambda _call: None,
    ) -> None:
        self.calls: list[dict[str, Any]] = []
        self.fail = fail
        self.down = down

    def send_message(self, **parameters: Any) -> dict[str, Any]:
        self.calls.append(parameters)
        if error := self.down(len(self.calls)):
            raise error
        return {"MessageId": "id"}

    publish = send_message

    def send_message_batch(self, **parameters: Any) -> dict[str, Any]:
        self.calls.append(parameters)
        if error := self.down(len(self.calls)):
            raise error
        entries = parameters.get("Entries") or parameters["PublishBatchRequestEntries"]
        failed = {entry["Id"]: failure for entry in entries if (failure := self.fail(entry))}
        return {
            "Successful": [{"Id": e["Id"], "MessageId": f"id-{e['Id']}"} for e in entries if e["Id"] not in failed],
            "Failed": [{"Id": entry_id, **failure} for entry_id, failure in failed.items()],
        }

    publish_batch = send_message_batch
    receive_message = delete_message_batch = change_message_visibility_batch = send_message

    def batches(self) -> list[list[str]]:
        """The bodies that were sent, batch by batch."""
        return [
            [entry.get("MessageBody") or entry["Message"] for entry in call.get("Entries") or call[PUBLISH_ENTRIES]]
            for call in self.calls
        ]


PUBLISH_ENTRIES = "PublishBatchRequestEntries"
THROTTLED = {"Code": "ThrottlingException", "Message": "slow down", "SenderFault": False}
REFUSED = {"Code": "InvalidMessageContents", "Message": "no", "SenderFault": True}


def client_error(code: str, status: int) -> ClientError:
    """What boto3 raises when the service answers with an error."""
    return ClientError(
        {"Error": {"Code": code, "Message": "the reason"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "SendMessage",
    )


def receive(sqs: SQSClient, queue_url: str, count: int = 1) -> list[Mapping[str, Any]]:
    """The next messages of a queue, with their attributes."""
    messages: list[Mapping[str, Any]] = []
    while len(messages) < count:
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
        ).get("Messages", [])
        assert answer, f"{len(messages)} of {count} messages arrived"
        messages += answer
    return messages


def attributes_of(message: Mapping[str, Any]) -> dict[str, tuple[str, str | bytes]]:
    """Message attributes as ``name -> (type, value)``."""
    return {
        name: (value["DataType"], value["BinaryValue"] if value["DataType"] == "Binary" else value["StringValue"])
        for name, value in message.get("MessageAttributes", {}).items()
    }


MEGA_ATTRIBUTES = {
    "mega-domain": ("String", "shopping_cart"),
    "mega-name": ("String", "item.added"),
    "mega-version": ("Number", "2"),
}
KINDS: list[Any] = [
    pytest.param(ItemAdded(), False, "application/json", MEGA, MEGA_ATTRIBUTES, id="typed-json"),
    pytest.param(ItemAdded(), True, "application/bson", MEGA, MEGA_ATTRIBUTES, id="typed-bson"),
    pytest.param(MegaPayload.from_document(MEGA), False, "application/json", None, MEGA_ATTRIBUTES, id="untyped-json"),
    pytest.param(MegaPayload.from_document(MEGA), True, "application/bson", None, MEGA_ATTRIBUTES, id="untyped-bson"),
    pytest.param(MEGA, False, "application/json", MEGA, MEGA_ATTRIBUTES, id="mega-mapping"),
    pytest.param({"a": [1, "é"]}, False, "application/json", {"a": [1, "é"]}, {}, id="data-json"),
    pytest.param({"a": [1, "é"]}, True, "application/bson", {"a": [1, "é"]}, {}, id="data-bson"),
    pytest.param({"protocol": "mega", "version": 1}, False, "application/json", None, {}, id="broken-mega"),
    pytest.param("just a text", False, "text/plain", "just a text", {}, id="text"),
    pytest.param(b"\x00\xff", False, "application/octet-stream", b"\x00\xff", {}, id="bytes"),
    pytest.param(b"\x00\xff", True, "application/octet-stream", b"\x00\xff", {}, id="bytes-binary"),
]


@pytest.mark.parametrize(("payload", "binary_encoding", "content_type", "expected", "attributes"), KINDS)
def test_every_kind_of_payload_arrives_with_its_attributes(
    payload: Any,
    binary_encoding: bool,
    content_type: str,
    expected: Any,
    attributes: dict[str, tuple[str, str]],
    queue: Factory,
    sqs: SQSClient,
) -> None:
    """Each kind is received as it was published, and says what it is and which event it is."""
    url = queue()
    message_id = SqsPublisher(url, client=sqs).publish(payload, binary_encoding)
    [message] = receive(sqs, url)
    assert message["MessageId"] == message_id
    assert attributes_of(message) == {"content-type": ("String", content_type), **attributes}
    content = decode(message["Body"], content_type)
    if expected is not None:
        read = {ContentKind.TEXT: "text", ContentKind.BINARY: "data"}.get(content.kind)
        assert (getattr(content, read) if read else content.document()) == expected


@pytest.mark.parametrize("text", ["", "x" * 257, "a\x01", "\ufffe", None, 5])
def test_a_subject_that_is_no_attribute_is_published_without_it(text: Any) -> None:
    """Subject and publisher travel as message attributes; one that the service would refuse there stays in the body."""
    client: Any = FakeClient()
    publisher = SqsPublisher("https://queue/q", client=client)
    for subject in (text, "x" * 256):
        event = {**MEGA["event"], "subject": subject, "publisher": subject}
        publisher.publish({**MEGA, "event": event})
    without, carried = (attributes_of(call) for call in client.calls)
    assert without.keys().isdisjoint({"mega-subject", "mega-publisher"})
    assert carried["mega-subject"] == carried["mega-publisher"] == ("String", "x" * 256)


def test_typed_and_untyped_events_carry_subject_and_publisher() -> None:
    """All forms of an event send the same attributes, an integral float as the version included; six are the library's."""
    client: Any = FakeClient()
    publisher = SqsPublisher("https://queue/q", client=client)
    event = placed(subject="s", publisher="p")
    document = event_document(event)
    document["event"]["version"] = 1.0
    for payload in (event, MegaPayload.from_document(document), document):
        publisher.publish(payload, attributes=dict.fromkeys("abcd", "x"))
    first, *others = (attributes_of(call) for call in client.calls)
    assert (first["mega-subject"], first["mega-publisher"]) == (("String", "s"), ("String", "p"))
    assert first["mega-version"] == ("Number", "1")
    assert others == [first, first]
    with pytest.raises(ConfigurationError, match="11 message attributes"):
        publisher.publish(event, attributes=dict.fromkeys("abcde", "x"))
    with pytest.raises(ConfigurationError, match="library's own"):
        publisher.publish(event, attributes={"mega-subject": "x"})


def event_document(event: Any) -> dict[str, Any]:
    """The document of an event."""
    return cast("dict[str, Any]", json.loads(event.to_json()))


def test_one_publisher_of_its_own_client_serves_both_services(
    aws: Mapping[str, str], queue: Factory, topic: Factory, sqs: SQSClient
) -> None:
    """With plain arguments a client is built that works: SQS directly, SNS in its envelope and by raw delivery."""
    url = queue()
    SqsPublisher(url, **aws).publish("direct")  # type: ignore[arg-type]
    assert receive(sqs, url)[0]["Body"] == "direct"
    SnsPublisher(topic(url), **aws).publish(ItemAdded(), attributes={"tenant": "t1"})  # type: ignore[arg-type]
    notification = json.loads(receive(sqs, url)[0]["Body"])
    assert json.loads(notification["Message"]) == MEGA
    assert notification["MessageAttributes"]["tenant"] == {"Type": "String", "Value": "t1"}
    assert notification["MessageAttributes"]["mega-version"] == {"Type": "Number", "Value": "2"}
    SnsPublisher(topic(url, raw=True), **aws).publish(ItemAdded())  # type: ignore[arg-type]
    raw = receive(sqs, url)[0]
    assert json.loads(raw["Body"]) == MEGA
    assert attributes_of(raw)["mega-name"] == ("String", "item.added")


def test_raw_messages_are_sent_untouched(queue: Factory, topic: Factory, sqs: SQSClient, sns: Any) -> None:
    """A raw body arrives byte for byte, with the caller's attributes only, even with reserved names."""
    url = queue()
    SqsPublisher(client=sqs).publish_raw_message('{"a" : 1}', url, attributes={"content-type": "x"})
    [message] = receive(sqs, url)
    assert (message["Body"], attributes_of(message)) == ('{"a" : 1}', {"content-type": ("String", "x")})
    SnsPublisher(client=sns).publish_raw_message("raw", topic(url, raw=True))
    [message] = receive(sqs, url)
    assert (message["Body"], attributes_of(message)) == ("raw", {})


def test_user_attributes_of_every_type_arrive(queue: Factory, sqs: SQSClient) -> None:
    """Text, numbers and bytes become attributes of their types."""
    url = queue()
    given_attributes: dict[str, str | int | float | bytes] = {"s": "é", "i": -5, "f": 0.5, "b": b"\x00\x01"}
    SqsPublisher(url, client=sqs).publish("x", attributes=given_attributes)
    assert attributes_of(receive(sqs, url)[0]) == {
        "content-type": ("String", "text/plain"),
        "s": ("String", "é"),
        "i": ("Number", "-5"),
        "f": ("Number", "0.5"),
        "b": ("Binary", b"\x00\x01"),
    }


def test_the_target_of_the_call_wins() -> None:
    """A queue or topic that is given to a call replaces the publisher's."""
    client = FakeClient()
    SqsPublisher(QUEUE, client=client).publish("x", queue_url=QUEUE + "2")
    SnsPublisher(TOPIC, client=client).publish("x", topic_arn=TOPIC + "2")
    assert client.calls[0]["QueueUrl"] == QUEUE + "2"
    assert client.calls[1]["TopicArn"] == TOPIC + "2"


WRONG_PAYLOADS: list[Any] = [
    (None, False, "None cannot be published"),
    ("text", True, "no binary encoding"),
    ("", False, "empty"),
    (b"", False, "empty"),
    ("a\x00b", False, r"U\+0000 at 1"),
    ("\x1b[0m", False, r"U\+001B at 0"),
    ("a\ufffe", False, r"U\+FFFE at 1"),
    ("\ud800", False, r"U\+D800 at 0"),
    ([1, 2], False, "list cannot be published"),
    (5, False, "int cannot be published"),
    (ItemAdded, False, "an instance"),
    ({"a": object()}, False, "a"),
    ({"a": float("nan")}, False, "a"),
    ("x" * 1_048_577, False, "1048576"),
    ("é" * 524_289, False, "1048576"),
]


@pytest.mark.parametrize(("payload", "binary_encoding", "message"), WRONG_PAYLOADS)
def test_what_cannot_be_sent_is_refused_before_sending(payload: Any, binary_encoding: bool, message: str) -> None:
    """A payload that cannot be put on the wire is an EncodeError that says why, and no call is made."""
    client = FakeClient()
    with pytest.raises(EncodeError, match=message):
        SqsPublisher(QUEUE, client=client).publish(payload, binary_encoding)
    [result] = SqsPublisher(QUEUE, client=client).publish_many([payload], binary_encoding)
    assert isinstance(result.error, EncodeError)
    assert client.calls == []


WRONG_ARGUMENTS: list[Any] = [
    (None, {}, ConfigurationError, "no queue_url"),
    (FIFO_QUEUE, {}, ConfigurationError, "group_id is required"),
    (FIFO_QUEUE, {"group_id": "g", "delay_seconds": 1}, ConfigurationError, "delay_seconds"),
    (FIFO_QUEUE, {"group_id": ""}, ConfigurationError, "1 to 128"),
    (QUEUE, {"group_id": "g" * 129}, ConfigurationError, "1 to 128"),
    (QUEUE, {"group_id": "a b"}, ConfigurationError, "1 to 128"),
    (QUEUE, {"group_id": "é"}, ConfigurationError, "1 to 128"),
    (QUEUE, {"group_id": "a\n"}, ConfigurationError, "1 to 128"),
    (QUEUE, {"group_id": 5}, ConfigurationError, "1 to 128"),
    (QUEUE, {"deduplication_id": "d"}, ConfigurationError, "FIFO"),
    (FIFO_QUEUE, {"group_id": "g", "deduplication_id": " "}, ConfigurationError, "1 to 128"),
    (QUEUE, {"delay_seconds": 901}, ConfigurationError, "0 to 900"),
    (QUEUE, {"delay_seconds": -1}, ConfigurationError, "0 to 900"),
    (QUEUE, {"delay_seconds": True}, ConfigurationError, "0 to 900"),
    (QUEUE, {"attributes": {"content-type": "x"}}, ConfigurationError, "library's own"),
    (QUEUE, {"attributes": {f"a{n}": "x" for n in range(10)}}, ConfigurationError, "takes 10"),
    (QUEUE, {"attributes": {"a": ""}}, EncodeError, "empty"),
    (QUEUE, {"attributes": {"a": b""}}, EncodeError, "empty"),
    (QUEUE, {"attributes": {"a": True}}, EncodeError, "bool"),
    (QUEUE, {"attributes": {"a": None}}, EncodeError, "NoneType"),
    (QUEUE, {"attributes": {"a": "\x00"}}, EncodeError, r"U\+0000"),
    (QUEUE, {"attributes": {"a": 10**38}}, EncodeError, "digits"),
    (QUEUE, {"attributes": {"a": float("inf")}}, EncodeError, "number"),
    (QUEUE, {"attributes": {"a": 1e-200}}, EncodeError, "number"),
    (QUEUE, {"attributes": {"": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {".a": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {"a.": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {"a..b": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {"a b": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {"AWS.x": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {"amazon.x": "x"}}, EncodeError, "name"),
    (QUEUE, {"attributes": {"a" * 257: "x"}}, EncodeError, "name"),
]


@pytest.mark.parametrize(("target", "arguments", "kind", "message"), WRONG_ARGUMENTS)
def test_wrong_arguments_are_refused_before_sending(
    target: str | None, arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """An argument that the service would refuse, or misread, is a typed error and no call is made."""
    client = FakeClient()
    with pytest.raises(kind, match=message):
        SqsPublisher(target, client=client).publish("x", **arguments)
    assert client.calls == []


def test_topics_are_checked_like_queues() -> None:
    """SNS shares the rules: a FIFO topic needs a group, a message has the topic's limit, which can be raised."""
    client = FakeClient()
    with pytest.raises(ConfigurationError, match="topic_arn"):
        SnsPublisher(client=client).publish("x")
    with pytest.raises(ConfigurationError, match="group_id"):
        SnsPublisher(TOPIC + ".fifo", client=client).publish("x")
    with pytest.raises(EncodeError, match="262144"):
        SnsPublisher(TOPIC, client=client).publish("x" * 262_144)
    with pytest.raises(ConfigurationError, match="max_message_bytes"):
        SnsPublisher(TOPIC, client=client, max_message_bytes=1_048_577)
    assert client.calls == []
    assert SnsPublisher(TOPIC, client=client, max_message_bytes=1_048_576).publish("x" * 262_145) == "id"


def test_options_reach_the_service() -> None:
    """Group, deduplication and delay go out under AWS's names, on single messages and on entries."""
    client = FakeClient()
    SqsPublisher(FIFO_QUEUE, client=client).publish("x", group_id="g", deduplication_id="d")
    SqsPublisher(QUEUE, client=client).publish("x", group_id="g", delay_seconds=0)
    assert client.calls[0].items() >= {"MessageGroupId": "g", "MessageDeduplicationId": "d"}.items()
    assert client.calls[1].items() >= {"MessageGroupId": "g", "DelaySeconds": 0}.items()
    publisher = SqsPublisher(FIFO_QUEUE, client=client)
    results = publisher.publish_many(
        [{"id": "a"}, {"id": ""}], group_id=lambda item: item["id"], deduplication_id=lambda item: item["id"]
    )
    assert [type(result.error) for result in results] == [type(None), ConfigurationError]
    assert client.calls[2]["Entries"][0].items() >= {"MessageGroupId": "a", "MessageDeduplicationId": "a"}.items()


def test_size_counts_attributes_to_the_byte(queue: Factory, sqs: SQSClient) -> None:
    """Exactly 1,048,576 bytes with the attributes are sent and arrive; one more is refused."""
    attributes_size = len("content-type" + "String" + "text/plain")
    body = "x" * (1_048_576 - attributes_size)
    url = queue()
    publisher = SqsPublisher(url, client=sqs)
    publisher.publish(body)
    assert receive(sqs, url)[0]["Body"] == body
    with pytest.raises(EncodeError, match="1048577 bytes"):
        publisher.publish(body + "x")


@given(st.text())
def test_json_never_holds_what_sqs_refuses(text: str) -> None:
    """Whatever a document holds, its JSON consists of characters that SQS takes, and reads back the same."""
    client = FakeClient()
    SqsPublisher(QUEUE, client=client).publish({"text": text + "\ufffe\uffff\x00\x1f\x7f"})
    body = client.calls[0]["MessageBody"]
    assert all(c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000" for c in body)
    assert json.loads(body) == {"text": text + "\ufffe\uffff\x00\x1f\x7f"}


@given(st.text(min_size=1))
def test_text_is_sent_or_refused_as_sqs_would(text: str) -> None:
    """A text goes out unchanged when SQS takes each of its characters, and is refused otherwise."""
    client = FakeClient()
    fine = all(c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000" for c in text)
    if fine:
        SqsPublisher(QUEUE, client=client).publish(text)
        assert client.calls[0]["MessageBody"] == text
    else:
        with pytest.raises(EncodeError):
            SqsPublisher(QUEUE, client=client).publish(text)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (client_error("QueueDoesNotExist", 400), "QueueDoesNotExist"),
        (client_error("RequestThrottled", 400), "RequestThrottled"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), "EndpointConnectionError"),
    ],
)
def test_what_the_client_raises_becomes_a_publish_error(error: Exception, code: str) -> None:
    """A service or connection error is a PublishError with its code and cause; in a batch it is every entry's."""
    client = FakeClient(down=lambda _call: error)
    with pytest.raises(PublishError) as caught:
        SqsPublisher(QUEUE, client=client).publish("x")
    assert (caught.value.code, caught.value.__cause__) == (code, error)
    results = list(SqsPublisher(QUEUE, client=client).publish_many(["a", "b"]))
    assert [getattr(result.error, "code", None) for result in results] == [code, code]
    assert len(client.calls) == 2


def test_real_refusals_are_typed(aws: Mapping[str, str], queue: Factory, sqs: SQSClient) -> None:
    """A deleted queue and a closed port are PublishErrors over real HTTP as well."""
    url = queue()
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(PublishError) as caught:
        SqsPublisher(url, **aws).publish("x")  # type: ignore[arg-type]
    assert "NonExistentQueue" in caught.value.code or "QueueDoesNotExist" in caught.value.code
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        client = boto3.Session(region_name="eu-west-1").client(
            "sqs", endpoint_url=nowhere, config=Config(retries={"max_attempts": 0})
        )
        with pytest.raises(PublishError) as caught:
            SqsPublisher(f"{nowhere}/0/q", client=client).publish("x")
    assert caught.value.code == "EndpointConnectionError"


def test_an_unanswered_message_is_not_reported_as_sent() -> None:
    """An answer without a message id, as a truncated one gives, is an error; it is not sent again."""
    client = FakeClient()
    client.send_message = lambda **_: {}  # type: ignore[method-assign]
    with pytest.raises(PublishError, match="did not say"):
        SqsPublisher(QUEUE, client=client).publish("x")
    calls: list[Any] = []
    client.send_message_batch = lambda **parameters: calls.append(parameters) or {}  # type: ignore[method-assign,func-returns-value]
    [result] = SqsPublisher(QUEUE, client=client).publish_many(["x"])
    assert isinstance(result.error, PublishError)
    assert len(calls) == 1


def test_many_arrive_in_order_in_batches_of_ten(queue: Factory, sqs: SQSClient) -> None:
    """Twenty-five payloads of a generator arrive, each with its own id, in the order of a FIFO queue."""
    url = queue(fifo=True)
    results = list(SqsPublisher(url, client=sqs).publish_many(({"n": n} for n in range(25)), group_id="g"))
    assert [result.index for result in results] == list(range(25))
    assert all(result.error is None for result in results)
    messages: list[Mapping[str, Any]] = []
    for _ in range(3):
        batch = receive(sqs, url)
        messages += batch
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert [json.loads(message["Body"])["n"] for message in messages] == list(range(25))
    assert [message["MessageId"] for message in messages] == [result.message_id for result in results]


def test_many_through_a_topic(queue: Factory, topic: Factory, sqs: SQSClient, sns: Any) -> None:
    """publish_many works on SNS the same way."""
    url = queue()
    results = list(SnsPublisher(topic(url, raw=True), client=sns).publish_many(f"text {n}" for n in range(12)))
    assert all(result.message_id for result in results)
    assert {message["Body"] for message in receive(sqs, url, 12)} == {f"text {n}" for n in range(12)}


@given(st.lists(st.sampled_from(["s", "m" * 300_000, "l" * 700_000, None, "x" * 1_048_577]), max_size=40))
def test_batches_respect_count_and_bytes_and_lose_nothing(payloads: list[str | None]) -> None:
    """Any mix is packed within ten entries and 1 MiB, in order; each payload has exactly one result."""
    client = FakeClient()
    results = list(SqsPublisher(QUEUE, client=client).publish_many(payloads))  # type: ignore[arg-type]
    assert [result.index for result in results] == list(range(len(payloads)))
    sendable = [payload is not None and len(payload) < 1_048_577 for payload in payloads]
    assert [result.error is None for result in results] == sendable
    batches = client.batches()
    assert [body for batch in batches for body in batch] == [
        p for p, fine in zip(payloads, sendable, strict=True) if fine
    ]
    overhead = len("content-typeStringtext/plain")
    assert all(len(b) <= 10 and sum(map(len, b)) + overhead * len(b) <= 1_048_576 for b in batches)
    for batch, following in pairwise(batches):
        full = sum(map(len, batch)) + len(following[0]) + overhead * (len(batch) + 1) > 1_048_576
        assert full or len(batch) == 10


def test_topic_batches_have_the_topics_limit() -> None:
    """SNS batches are packed by max_message_bytes."""
    client = FakeClient()
    list(SnsPublisher(TOPIC, client=client).publish_many(["x" * 100_000] * 5))
    assert [len(batch) for batch in client.batches()] == [2, 2, 1]


class Blob(dict[str, Any]):
    """A mapping that can be watched."""

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


def test_memory_stays_constant_and_reading_is_lazy() -> None:
    """Never more than a batch is read ahead or kept alive, nothing is read before the loop, refusals included."""
    alive: weakref.WeakSet[Blob] = weakref.WeakSet()
    read = 0

    def payloads() -> Iterator[Blob]:
        nonlocal read
        for n in range(1_000):
            blob = Blob(n=n) if n % 3 else Blob(n=object())
            alive.add(blob)
            read += 1
            yield blob

    client = FakeClient()
    results = SqsPublisher(QUEUE, client=client).publish_stream(payloads())
    assert read == 0
    most = 0
    for result in results:
        gc.collect(0)
        most = max(most, len(alive))
        assert read - result.index <= 30
        client.calls.clear()
    assert read == 1_000
    assert most <= 30


@pytest.mark.parametrize("first", ["good", None])
def test_refusals_are_held_back_within_bounds(first: Any) -> None:
    """Endless bad payloads, after a good one or from the start, do not delay a result for ever."""
    read = 0

    def payloads() -> Iterator[Any]:
        nonlocal read
        for read in range(10_000):
            yield None if read else first

    result = next(SqsPublisher(QUEUE, client=FakeClient()).publish_stream(payloads()))
    assert result.message_id == ("id-0" if first else None)
    assert read <= 100


def test_a_broken_iterable_does_not_lose_what_was_read() -> None:
    """What was read before the iterable failed is sent and reported; then its exception comes through."""

    def payloads() -> Iterator[str]:
        yield "a"
        raise LookupError("source is gone")

    client = FakeClient()
    results = SqsPublisher(QUEUE, client=client).publish_stream(payloads())
    assert next(results) == PublishResult(0, "id-0")
    with pytest.raises(LookupError):
        next(results)


def test_wrong_arguments_of_many_are_raised_at_once() -> None:
    """Configuration errors do not wait for the first result."""
    with pytest.raises(ConfigurationError):
        SqsPublisher(FIFO_QUEUE, client=FakeClient()).publish_many(["x"])
    with pytest.raises(EncodeError):
        SqsPublisher(QUEUE, client=FakeClient()).publish_many(["x"], attributes={"a": ""})


@pytest.mark.parametrize(
    ("target", "failure", "times", "calls", "accepted"),
    [
        pytest.param(QUEUE, THROTTLED, 1, 2, True, id="service fault, once"),
        pytest.param(QUEUE, THROTTLED, 9, 3, False, id="service fault, for ever"),
        pytest.param(QUEUE, REFUSED, 1, 1, False, id="sender fault"),
        pytest.param(FIFO_QUEUE, THROTTLED, 1, 1, False, id="fifo keeps its order"),
    ],
)
def test_only_failed_entries_are_sent_again(
    target: str, failure: dict[str, Any], times: int, calls: int, accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that failed by the service's fault are sent again, at most twice, alone; others are reported."""
    slept: list[float] = []
    monkeypatch.setattr(sending, "time", SimpleNamespace(sleep=slept.append))
    failures = 0

    def fail(entry: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal failures
        if entry["MessageBody"] != "b" or failures == times:
            return None
        failures += 1
        return failure

    client = FakeClient(fail=fail)
    results = list(SqsPublisher(target, client=client).publish_many(["a", "b", "c"], group_id="g"))
    assert client.batches() == [["a", "b", "c"], *[["b"]] * (calls - 1)]
    assert len(slept) == calls - 1
    assert all(0 <= seconds <= 1 for seconds in slept)
    assert [bool(result.message_id) for result in results] == [True, accepted, True]
    if not accepted:
        assert isinstance(results[1].error, PublishError)
        assert results[1].error.code == failure["Code"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=10))
def test_nothing_overtakes_its_group(entries: list[tuple[str, bool]]) -> None:
    """Of a FIFO batch exactly the failed tail of each group is sent again; of another one, all that failed."""
    waiting = {str(place): {"MessageGroupId": group} for place, (group, _) in enumerate(entries)}
    answers = {str(place): Answer(again=failed) for place, (_, failed) in enumerate(entries)}
    tails = [
        str(place)
        for place, (group, _) in enumerate(entries)
        if all(failed for other, failed in entries[place:] if other == group)
    ]
    assert list(unsettled(waiting, answers, ordered=True)) == tails
    assert list(unsettled(waiting, answers, ordered=False)) == [k for k, answer in answers.items() if answer.again]


def test_the_failed_tail_of_a_group_is_sent_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a FIFO queue the last entries of a group that failed go out again, in order, and succeed."""
    monkeypatch.setattr(sending, "time", SimpleNamespace(sleep=lambda _: None))
    client = FakeClient(fail=lambda e: THROTTLED if len(client.calls) == 1 and e["MessageBody"] in "bc" else None)
    results = SqsPublisher(FIFO_QUEUE, client=client).publish_many("abc", group_id="g")
    assert client.batches() == [["a", "b", "c"], ["b", "c"]]
    assert all(result.message_id for result in results)


def test_a_queue_may_take_less() -> None:
    """A limit below SQS's own is the message's, not the batch's, which keeps its 1 MiB."""
    client = FakeClient()
    with pytest.raises(ConfigurationError, match="max_message_bytes"):
        SqsPublisher(QUEUE, client=client, max_message_bytes=1_023)
    publisher = SqsPublisher(QUEUE, client=client, max_message_bytes=2_048)
    with pytest.raises(EncodeError, match="2048"):
        publisher.publish("x" * 2_048)
    publisher.publish_many(["x" * 2_000] * 10)
    assert [len(batch) for batch in client.batches()] == [10]


CONTRADICTIONS: list[dict[str, Any]] = [
    {"aws_access_key_id": "a"},
    {"aws_secret_access_key": "b"},
    {"session": SimpleNamespace(client=None), "aws_access_key_id": "a", "aws_secret_access_key": "b"},
    {"client": FakeClient(), "region_name": "eu-west-1"},
    {"client": FakeClient(), "session": SimpleNamespace(client=None)},
    {"client": FakeClient(), "endpoint_url": "http://127.0.0.1"},
]


@pytest.mark.parametrize("arguments", CONTRADICTIONS)
def test_contradictory_client_arguments_are_refused(arguments: dict[str, Any]) -> None:
    """Arguments that exclude each other are an error when the publisher is made."""
    with pytest.raises(ConfigurationError):
        SqsPublisher(QUEUE, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "region_name"), ({"region_name": "eu-west-1", "endpoint_url": "nowhere"}, "nowhere")],
)
def test_a_client_that_cannot_be_built_says_why(arguments: dict[str, Any], message: str) -> None:
    """A missing region and a wrong endpoint are ConfigurationErrors with a remedy."""
    with pytest.raises(ConfigurationError, match=message):
        SqsPublisher(QUEUE, **arguments).publish("x")


def test_the_client_is_built_once_and_tuned(session: boto3.Session) -> None:
    """Its user agent is botocore's own, fixed; its read time-out outlasts a long poll; a session is used."""
    source: ClientSource[Any] = ClientSource("sqs", session=session, endpoint_url="http://127.0.0.1:9")
    client = source.get()
    assert source.get() is client
    config = client.meta.config
    bare: Any = session.client("sqs", endpoint_url="http://127.0.0.1:9")
    plain = bare.meta.config.user_agent
    assert config.user_agent.split()[:3] == plain.split()[:3]
    assert config.user_agent.count("Botocore/") == 1
    assert config.user_agent.endswith("lib/mega-typed")
    assert config.read_timeout > 20


def test_importing_the_library_does_not_import_boto3() -> None:
    """boto3 and botocore are imported when a client is built, not before."""
    code = "import sys, mega_typed.publishers, mega_typed.aws; print({'boto3', 'botocore'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_bson_is_base64_of_bson() -> None:
    """A binary document is what any BSON reader reads."""
    client = FakeClient()
    SqsPublisher(QUEUE, client=client).publish({"id": uuid4().hex, "n": 5}, binary_encoding=True)
    assert bson.decode(base64.b64decode(client.calls[0]["MessageBody"]))["n"] == 5
