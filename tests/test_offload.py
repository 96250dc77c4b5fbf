"""The size ladder: compressed bodies, payloads in S3, and what is refused; over HTTP, and with fake clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from gzip import compress as gzip
from io import BytesIO
from typing import Any
from uuid import uuid4

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.codecs import MAX_INFLATED, ContentType, Encoded, compress, decode, encode_document
from mega_typed.envelopes import Record
from mega_typed.errors import CodecError, ConfigurationError, FetchError, PublishError, TooLargeError
from mega_typed.listener import SqsListener
from mega_typed.offload import S3Payloads
from mega_typed.pointers import Pointer, find_pointer, with_payload, write_pointer
from mega_typed.publishers import SnsPublisher, SqsPublisher
from mega_typed.subscribers import DataSubscriber

from .test_publishers import FIFO_QUEUE, QUEUE, FakeClient, client_error

Factory = Callable[..., str]
POINTER_CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer"


class FakeS3:
    """A bucket in a dictionary; ``error`` is what every call raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.error = error

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        if self.error:
            raise self.error
        self.objects[Bucket, Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if self.error:
            raise self.error
        if (Bucket, Key) not in self.objects:
            raise client_error("NoSuchKey", 404)
        return {"Body": BytesIO(self.objects[Bucket, Key])}


def record_of(call: Mapping[str, Any]) -> Record:
    """What a queue would deliver of a call of SendMessage."""
    return Record.from_sqs({"Body": call["MessageBody"], "MessageAttributes": call.get("MessageAttributes", {})})


documents = st.dictionaries(
    st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.lists(st.booleans()),
)


@given(documents, st.booleans())
def test_a_compressed_document_reads_back(document: dict[str, Any], binary: bool) -> None:
    """JSON and BSON are the same document after compression, and the same body is compressed to the same text."""
    encoded = encode_document(document, binary_encoding=binary)
    body = compress(encoded)
    assert body is not None
    assert body == compress(encoded)
    assert decode(body, f"{encoded.content_type}+gzip").document() == document


def test_compressed_text_and_bytes_read_back() -> None:
    """A text and a blob come out as they went in, whatever the case of the content type."""
    text = compress(Encoded("é" * 9, ContentType.TEXT))
    data = compress(Encoded(b64encode(b"\x00\xff").decode(), ContentType.BINARY))
    assert text is not None
    assert data is not None
    assert decode(text, "Text/Plain+GZIP").text == "é" * 9
    assert decode(data, "application/octet-stream+gzip").data == b"\x00\xff"


BROKEN = {
    "malformed_base64": "%",
    "malformed_gzip": b64encode(b"no gzip").decode(),
    "not_an_object": b64encode(gzip(b"[]")).decode(),
    "malformed_utf8": b64encode(gzip(b"{\xff}")).decode(),
    "too_large": b64encode(gzip(b" " * (MAX_INFLATED + 1))).decode(),
}


@pytest.mark.parametrize(("reason", "body"), BROKEN.items(), ids=BROKEN)
def test_what_cannot_be_inflated_has_a_reason(reason: str, body: str) -> None:
    """A compressed body that is broken, or a bomb, is a typed error."""
    with pytest.raises(CodecError) as caught:
        decode(body, "application/json+gzip")
    assert caught.value.reason == reason


@given(st.binary(max_size=30), st.integers(1, 40))
def test_a_gzip_cut_short_or_continued_is_refused(data: bytes, cut: int) -> None:
    """Neither a part of a compressed body nor one with something behind it is taken for the whole."""
    packed = gzip(data)
    for wrong in (packed[:-cut], packed + b"x" * cut):
        with pytest.raises(CodecError, match=r"gzip|compressed"):
            decode(b64encode(wrong).decode(), "application/octet-stream+gzip")


def test_each_step_of_the_ladder() -> None:
    """As is, then compressed, then in S3, then refused: each only where the one before it is not enough."""
    client, s3 = FakeClient(), FakeS3()
    noise = "".join(uuid4().hex for _ in range(200))
    bodies = [{"a": "x"}, {"a": "x" * 9_000}, {"a": noise}]
    publisher = SqsPublisher(
        QUEUE, client=client, max_message_bytes=2_048, compress_above=2_048, offload=S3Payloads("b", client=s3)
    )
    for body in bodies:
        publisher.publish(body)
    types = [call["MessageAttributes"]["content-type"]["StringValue"] for call in client.calls]
    assert types == ["application/json", "application/json+gzip", "application/json"]
    [(place, stored)] = s3.objects.items()
    assert json.loads(stored) == bodies[2]
    assert json.loads(client.calls[2]["MessageBody"]) == [POINTER_CLASS, {"s3BucketName": "b", "s3Key": place[1]}]
    size = {"DataType": "Number", "StringValue": str(len(stored))}
    assert client.calls[2]["MessageAttributes"]["ExtendedPayloadSize"] == size
    assert find_pointer(record_of(client.calls[1])) is None
    for steps in ({}, {"compress_above": 2_048}):
        with pytest.raises(TooLargeError) as caught:
            SqsPublisher(QUEUE, client=client, max_message_bytes=2_048, **steps).publish(bodies[2])  # type: ignore[arg-type]
        assert caught.value.limit == 2_048 < caught.value.size
    assert len(client.calls) == 3


def test_compression_starts_where_it_is_asked_to() -> None:
    """A message above the bound is compressed though it would fit; one that would grow, or is raw, stays as it is."""
    client = FakeClient()
    publisher = SqsPublisher(QUEUE, client=client, compress_above=0)
    publisher.publish("x" * 500)
    publisher.publish("x")
    publisher.publish_raw_message("x" * 500)
    first, second, third = client.calls
    assert decode(first["MessageBody"], first["MessageAttributes"]["content-type"]["StringValue"]).text == "x" * 500
    assert (second["MessageBody"], third["MessageBody"]) == ("x", "x" * 500)


def test_nothing_is_put_for_a_message_that_is_refused() -> None:
    """A wrong group, or attributes that leave no room for the pointer, are found before S3 is touched."""
    client, s3 = FakeClient(), FakeS3()
    publisher = SqsPublisher(FIFO_QUEUE, client=client, max_message_bytes=2_048, offload=S3Payloads("b", client=s3))
    text = "x" * 3_000
    with pytest.raises(TooLargeError):
        publisher.publish(text, group_id="g", attributes={"a": "y" * 2_048})
    with pytest.raises(ConfigurationError, match="11 message attributes"):
        publisher.publish(text, group_id="g", attributes={f"a{n}": "y" for n in range(9)})
    [result] = publisher.publish_many([text], group_id=lambda _: "")
    assert isinstance(result.error, ConfigurationError)
    assert (client.calls, s3.objects) == ([], {})


def test_a_store_that_refuses_is_a_publish_error() -> None:
    """What S3 raises is typed, in a batch it is that entry's alone, and no pointer to nothing is sent."""
    client = FakeClient()
    offload = S3Payloads("b", client=FakeS3(client_error("AccessDenied", 403)))
    publisher = SqsPublisher(QUEUE, client=client, max_message_bytes=2_048, offload=offload)
    with pytest.raises(PublishError, match=r"bucket 'b'.*AccessDenied"):
        publisher.publish("x" * 3_000)
    large, small = publisher.publish_many(["x" * 3_000, "x"])
    assert isinstance(large.error, PublishError)
    assert small.message_id
    assert client.batches() == [["x"]]


def test_the_same_payload_has_the_same_deduplication_id() -> None:
    """A FIFO queue finds duplicates by the body; of an offloaded one, whose pointer is new, by the payload's hash."""
    client = FakeClient()
    offload = S3Payloads("b", client=FakeS3())
    publisher = SqsPublisher(FIFO_QUEUE, client=client, max_message_bytes=2_048, offload=offload)
    for text in ("x" * 3_000, "x" * 3_000, "y" * 3_000):
        publisher.publish(text, group_id="g")
    publisher.publish("x" * 3_000, group_id="g", deduplication_id="own")
    ids = [call["MessageDeduplicationId"] for call in client.calls]
    assert ids[0] == ids[1] != ids[2]
    assert ids[3] == "own"
    assert len({call["MessageBody"] for call in client.calls}) == 4


@given(st.text(min_size=1), st.text(min_size=1), st.text(), st.booleans())
def test_a_pointer_is_found_and_replaced(bucket: str, key: str, payload: str, wrapped: bool) -> None:
    """What is written is found, raw and in a notification, and the message with its payload is no pointer any more."""
    body = write_pointer(Pointer(bucket, key))
    record = Record(body, attributes={"ExtendedPayloadSize": "9", "tenant": "t"})
    if wrapped:
        attributes = {"SQSLargePayloadSize": {"Type": "Number", "Value": "9"}}
        topic = "arn:aws:sns:eu-west-1:000000000000:t"
        notification = {"Type": "Notification", "MessageId": "m", "TopicArn": topic, "Message": body}
        record = Record(json.dumps({**notification, "MessageAttributes": attributes}))
    assert find_pointer(record) == Pointer(bucket, key)
    whole = with_payload(record, payload)
    assert find_pointer(whole) is None
    assert (json.loads(whole.body)["Message"] if wrapped else whole.body) == payload
    assert whole.attributes == ({} if wrapped else {"tenant": "t"})


UNMARKED = [
    write_pointer(Pointer("b", "k")),
    '["com.example.S3Pointer", {"s3BucketName": "b", "s3Key": "k"}]',
    f'["{POINTER_CLASS}", {{"s3BucketName": 1, "s3Key": "k"}}]',
    f'["{POINTER_CLASS}"]',
    "S3Pointer",
    '{"S3Pointer": ' + "[" * 5_000,
]


@pytest.mark.parametrize("body", UNMARKED)
def test_what_is_no_pointer_is_left_alone(body: str) -> None:
    """Without the mark, or without the form, a body is what it is; nothing raises and nothing is fetched."""
    marks = {} if body == UNMARKED[0] else {"ExtendedPayloadSize": "9"}
    record = Record(body, attributes=marks)
    assert S3Payloads("b", client=FakeS3(AssertionError())).restore(record) is record


def pointing_to(bucket: str) -> Record:
    return Record(write_pointer(Pointer(bucket, "k")), attributes={"ExtendedPayloadSize": "9"})


def test_only_configured_buckets_are_read() -> None:
    """A pointer into any other bucket is a typed error, and no request is made."""
    s3 = FakeS3()
    s3.objects = {("mine", "k"): b"1", ("theirs", "k"): b"2", ("other", "k"): b"3"}
    payloads = S3Payloads("mine", read_from=["theirs"], client=s3)
    assert [payloads.restore(pointing_to(bucket)).body for bucket in ("mine", "theirs")] == ["1", "2"]
    s3.error = AssertionError("was asked")
    with pytest.raises(CodecError, match="'other'") as caught:
        payloads.restore(pointing_to("other"))
    assert caught.value.reason == "foreign_bucket"


def test_what_cannot_be_fetched_is_typed() -> None:
    """A payload that is gone, too large or no text is the message's fault; a store that does not answer is not."""
    s3 = FakeS3()
    payloads = S3Payloads("b", client=s3, max_bytes=3)
    for data, reason in ((None, "payload_missing"), (b"1234", "too_large"), (b"\xff", "malformed_utf8")):
        if data is not None:
            s3.objects["b", "k"] = data
        with pytest.raises(CodecError) as caught:
            payloads.restore(pointing_to("b"))
        assert caught.value.reason == reason
    for error, code in ((client_error("SlowDown", 503), "SlowDown"), (ConnectionResetError(), "ConnectionResetError")):
        s3.error = error
        with pytest.raises(FetchError) as fetch:
            payloads.restore(pointing_to("b"))
        assert fetch.value.code == code


def test_wrong_arguments_of_the_ladder_are_refused(roundtrip: Callable[[object], object]) -> None:
    """A bucket that is missing, one bucket for many, and a bound out of range are errors; errors survive pickle."""
    with pytest.raises(ConfigurationError, match="bucket"):
        S3Payloads("")
    with pytest.raises(ConfigurationError, match="read_from"):
        S3Payloads("b", read_from="c")
    with pytest.raises(ConfigurationError, match="compress_above"):
        SqsPublisher(QUEUE, compress_above=-1)
    copy: Any = roundtrip(TooLargeError(5, 4, "no"))
    assert (copy.size, copy.limit, str(copy)) == (5, 4, "no")
    fetch: Any = roundtrip(FetchError("SlowDown", "later"))
    assert (fetch.code, str(fetch)) == ("SlowDown", "later")


def _peeked(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=0
    )
    found: list[dict[str, Any]] = answer["Messages"]
    return found


def test_offloaded_payloads_arrive_over_http(
    aws: Any, queue: Factory, topic: Factory, sqs: Any, session: boto3.Session
) -> None:
    """Through a real S3, from a queue, a topic and a topic's raw delivery, a subscriber sees what was published."""
    s3 = session.client("s3", endpoint_url=aws["endpoint_url"])
    bucket = f"b-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.close()
    payloads = S3Payloads(bucket, prefix="large/", **aws)
    url = queue()
    document = {"a": "".join(uuid4().hex for _ in range(9_000))}
    SqsPublisher(url, offload=payloads, max_message_bytes=2_048, **aws).publish(document)
    SnsPublisher(topic(url), offload=payloads, **aws).publish(document)
    SnsPublisher(topic(url, raw=True), offload=payloads, **aws).publish(document, binary_encoding=True)
    seen: list[object] = []

    class Anything(DataSubscriber):
        pattern = {"a": lambda _: True}

        def process(self, data: dict[str, Any]) -> None:
            seen.append(data)

    listener = SqsListener(url, offload=payloads, wait_time_seconds=1, **aws)
    listener.register_subscriber(Anything)
    bodies = [Record.from_sqs(message) for message in _peeked(sqs, url)]
    assert all((pointer := find_pointer(record)) and pointer.key.startswith("large/") for record in bodies)
    for _ in range(10):
        if len(seen) < 3:
            listener.poll_once()
    assert seen == [document] * 3


def test_decode_fetches_from_the_named_buckets(aws: Any, session: boto3.Session) -> None:
    """``mega-typed decode --bucket`` shows the payload of a pointer, raw or in a notification, and refuses any other
    bucket; without the option a pointer is text."""
    s3 = session.client("s3", endpoint_url=aws["endpoint_url"])
    bucket = f"b-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="k", Body=b'{"a": 5}')
    s3.close()
    raw = write_pointer(Pointer(bucket, "k"))
    wrapped = json.dumps(
        {
            "Type": "Notification",
            "MessageId": "p1",
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders",
            "Message": raw,
            "MessageAttributes": {"ExtendedPayloadSize": {"Type": "Number", "Value": "8"}},
        }
    )
    environment = {**os.environ, "AWS_ENDPOINT_URL": aws["endpoint_url"], "AWS_DEFAULT_REGION": aws["region_name"]}

    def decoded(*options: str) -> tuple[int, str, str]:
        command = [sys.executable, "-W", "error", "-m", "mega_typed.cli", "decode", *options]
        done = subprocess.run(
            command, input=f"{raw}\n{wrapped}\n", env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    shown = '# data object\n{\n  "a": 5\n}\n'
    assert decoded("--bucket", "another", "--bucket", bucket) == (0, shown * 2, "")
    status, out, said = decoded("--bucket", "another")
    assert (status, out, said.count(f"the payload lies in bucket '{bucket}', which is not configured")) == (1, "", 2)
    assert decoded()[:2] == (0, f"# text\n{raw}\n# payload in S3\n{raw}\n")
    assert decoded("--bucket", "")[0] == 2
