"""Envelopes, as recorded from real queues: which is recognised as what, and what comes out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.envelopes import Envelope, EnvelopeKind, Record, open_envelope
from mega_typed.errors import EnvelopeError

ARN = "arn:aws:sns:eu-west-1:123456789012:cart-events"
MESSAGE = '{"protocol":"mega","version":1,"event":{"name":"a"}}'
NOTIFICATION: dict[str, Any] = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": ARN,
    "Subject": "My subject",
    "Message": MESSAGE,
    "Timestamp": "2020-05-04T15:53:27.823Z",
    "SignatureVersion": "1",
    "Signature": "EXAMPLEw6JRN==",
    "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-x.pem",
    "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    "MessageAttributes": {
        "content-type": {"Type": "String", "Value": "application/json"},
        "count": {"Type": "Number", "Value": "5"},
        "blob": {"Type": "Binary", "Value": "AP8="},
        "png": {"Type": "Binary.png", "Value": ""},
    },
}
OPENED = Envelope(
    kind=EnvelopeKind.SNS,
    body=MESSAGE,
    content_type="application/json",
    attributes={"content-type": "application/json", "count": "5", "blob": b"\x00\xff", "png": b""},
    message_id="22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    topic_arn=ARN,
    subject="My subject",
    timestamp="2020-05-04T15:53:27.823Z",
)
FIFO = {
    "Type": "Notification",
    "MessageId": "m",
    "SequenceNumber": "10000000000000003000",
    "TopicArn": ARN + ".fifo",
    "Message": MESSAGE,
    "Timestamp": "2020-05-04T15:53:27.823Z",
}
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "m",
    "Token": "2336412f37",
    "TopicArn": ARN,
    "Message": "You have chosen to subscribe to the topic.",
    "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
    "Timestamp": "2020-05-04T15:53:27.823Z",
    "SignatureVersion": "1",
}
EVENTBRIDGE: dict[str, Any] = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "item added",
    "source": "shop",
    "account": "111122223333",
    "time": "2020-05-04T15:53:27Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": {"a": [1, {"é": None}]},
}


def without(document: dict[str, Any], *keys: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys} | more


def lambda_spelling() -> dict[str, Any]:
    links = {"SigningCertUrl": NOTIFICATION["SigningCertURL"], "UnsubscribeUrl": NOTIFICATION["UnsubscribeURL"]}
    return without(NOTIFICATION, "SigningCertURL", "UnsubscribeURL") | links


SAME = [
    json.dumps(NOTIFICATION),
    json.dumps(NOTIFICATION, indent=2),
    "\r\n" + json.dumps(NOTIFICATION, indent="\t", sort_keys=True),
    json.dumps(lambda_spelling()),
    json.dumps(without(NOTIFICATION, "UnsubscribeURL")),
    json.dumps(without(NOTIFICATION, "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL")),
]


@pytest.mark.parametrize("expect", [None, EnvelopeKind.SNS])
@pytest.mark.parametrize("body", SAME, ids=range(len(SAME)))
def test_notifications(body: str, expect: EnvelopeKind | None) -> None:
    """A notification is opened whatever its layout, its spelling of the links and its signature."""
    assert open_envelope(Record(body, message_id="outer"), expect) == OPENED


def test_fifo_notification() -> None:
    """A notification of a FIFO topic has no signature and no attributes, and its content type is unknown."""
    envelope = open_envelope(Record(json.dumps(FIFO, indent=2)))
    assert (envelope.kind, envelope.body, envelope.content_type) == (EnvelopeKind.SNS, MESSAGE, None)
    assert (envelope.topic_arn, envelope.attributes, envelope.subject) == (ARN + ".fifo", {}, None)


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_confirmations(kind: str) -> None:
    """SNS's own messages are reported as such."""
    envelope = open_envelope(Record(json.dumps(CONFIRMATION | {"Type": kind})))
    assert (envelope.kind, envelope.confirmation, envelope.topic_arn) == (EnvelopeKind.SNS, kind, ARN)
    assert open_envelope(Record(json.dumps(NOTIFICATION))).confirmation is None


@pytest.mark.parametrize("expect", [None, EnvelopeKind.EVENTBRIDGE])
@pytest.mark.parametrize("indent", [None, 2])
def test_eventbridge(indent: int | None, expect: EnvelopeKind | None) -> None:
    """The body of an EventBridge event is the JSON text of its detail."""
    text = json.dumps(EVENTBRIDGE, indent=indent, ensure_ascii=False)
    envelope = open_envelope(Record(text, message_id="outer"), expect)
    assert json.loads(envelope.body) == EVENTBRIDGE["detail"]
    assert (envelope.kind, envelope.content_type) == (EnvelopeKind.EVENTBRIDGE, "application/json")
    assert (envelope.message_id, envelope.timestamp) == (EVENTBRIDGE["id"], "2020-05-04T15:53:27Z")
    assert envelope.attributes == {"source": "shop", "detail-type": "item added"}


def test_raw_delivery() -> None:
    """A raw message keeps its body, its id, its attributes and the content type among them."""
    record = Record(MESSAGE, message_id="m", attributes={"content-type": "application/json", "blob": b"x"})
    assert open_envelope(record) == Envelope(
        EnvelopeKind.RAW, MESSAGE, "application/json", {"content-type": "application/json", "blob": b"x"}, "m"
    )
    assert open_envelope(Record(MESSAGE, attributes={"content-type": b"application/json"})).content_type is None


ONE_LEVEL = without(NOTIFICATION, "MessageAttributes", Message=json.dumps(EVENTBRIDGE))


def test_one_level() -> None:
    """Envelopes are opened one level deep: an EventBridge event inside a notification stays a body."""
    envelope = open_envelope(Record(json.dumps(ONE_LEVEL)))
    assert (envelope.kind, envelope.body) == (EnvelopeKind.SNS, json.dumps(EVENTBRIDGE))


NOT_ENVELOPES: list[str] = [
    "",
    "5",
    "hello",
    "[1]",
    "\ud800",
    MESSAGE,
    json.dumps(NOTIFICATION)[:-1],
    json.dumps(NOTIFICATION) + "x",
    json.dumps([NOTIFICATION]),
    json.dumps({"Records": [NOTIFICATION]}),
    *(json.dumps(without(NOTIFICATION, key)) for key in ("Type", "MessageId", "TopicArn", "Message")),
    *(json.dumps(NOTIFICATION | {key: 5}) for key in ("Type", "MessageId", "TopicArn", "Message", "Subject")),
    json.dumps(NOTIFICATION | {"Type": "notification"}),
    json.dumps(NOTIFICATION | {"Message": {"a": 1}}),
    json.dumps(NOTIFICATION | {"TopicArn": "cart-events"}),
    json.dumps(NOTIFICATION | {"TopicArn": "arn:aws:sqs:eu-west-1:123456789012:cart-events"}),
    json.dumps(NOTIFICATION | {"TopicArn": ARN + "\n"}),
    json.dumps(NOTIFICATION | {"MessageAttributes": [1]}),
    json.dumps(NOTIFICATION | {"MessageAttributes": {"a": "b"}}),
    *(json.dumps(without(EVENTBRIDGE, key)) for key in ("detail-type", "source", "detail")),
    *(json.dumps(EVENTBRIDGE | {"detail": detail}) for detail in (None, "{}", [1], 5)),
    json.dumps(EVENTBRIDGE | {"source": 5}),
    '{"TopicArn":' * 100_000,
    '{"detail-type":' * 100_000,
]


@pytest.mark.parametrize("body", NOT_ENVELOPES, ids=range(len(NOT_ENVELOPES)))
def test_near_envelopes(body: str) -> None:
    """What lacks a part of the structure is a raw message, and an error where an envelope is expected."""
    assert open_envelope(Record(body)) == Envelope(EnvelopeKind.RAW, body)
    for expect in (EnvelopeKind.SNS, EnvelopeKind.EVENTBRIDGE):
        with pytest.raises(EnvelopeError) as caught:
            open_envelope(Record(body), expect)
        assert caught.value.reason == "not_an_envelope"


IMITATIONS = [json.dumps(NOTIFICATION, indent=2), json.dumps(EVENTBRIDGE), json.dumps(CONFIRMATION)]


@pytest.mark.parametrize("body", IMITATIONS, ids=range(len(IMITATIONS)))
def test_imitations(body: str) -> None:
    """A payload that imitates an envelope stays a payload when raw is pinned, or when it carries our content type."""
    assert open_envelope(Record(body), EnvelopeKind.RAW) == Envelope(EnvelopeKind.RAW, body)
    declared = Record(body, attributes={"content-type": "application/json"})
    assert (open_envelope(declared).kind, open_envelope(declared).body) == (EnvelopeKind.RAW, body)


def test_pinned_kind_wins_over_attribute() -> None:
    """A pinned kind is looked for even in a record that carries our content type."""
    record = Record(json.dumps(NOTIFICATION), attributes={"content-type": "text/plain"})
    assert open_envelope(record, EnvelopeKind.SNS) == OPENED
    with pytest.raises(EnvelopeError):
        open_envelope(record, EnvelopeKind.EVENTBRIDGE)


def test_malformed_binary_attribute() -> None:
    """A binary attribute that is not base64 is an EnvelopeError."""
    bad = NOTIFICATION | {"MessageAttributes": {"blob": {"Type": "Binary", "Value": "AP8"}}}
    with pytest.raises(EnvelopeError) as caught:
        open_envelope(Record(json.dumps(bad)))
    assert caught.value.reason == "malformed_attribute"


RECORD = Record(
    body=MESSAGE,
    message_id="m",
    receipt_handle="r",
    attributes={"content-type": "application/json", "count": "5", "blob": b"\x00\xff"},
    system={"ApproximateReceiveCount": "3", "MessageGroupId": "g"},
)


def test_record_from_sqs() -> None:
    """A message of boto3's ReceiveMessage becomes a record, with or without its optional parts."""
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "MD5OfBody": "x",
        "Body": MESSAGE,
        "Attributes": {"ApproximateReceiveCount": "3", "MessageGroupId": "g"},
        "MessageAttributes": {
            "content-type": {"StringValue": "application/json", "DataType": "String"},
            "count": {"StringValue": "5", "DataType": "Number"},
            "blob": {"BinaryValue": b"\x00\xff", "DataType": "Binary"},
        },
    }
    assert Record.from_sqs(message) == RECORD
    assert Record.from_sqs({"Body": ""}) == Record("")


def test_record_from_lambda() -> None:
    """A record of Lambda's SQS event becomes the same record: camel case, and bytes as base64."""
    record: dict[str, Any] = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": MESSAGE,
        "attributes": {"ApproximateReceiveCount": "3", "MessageGroupId": "g"},
        "messageAttributes": {
            "content-type": {
                "stringValue": "application/json",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "count": {"stringValue": "5", "stringListValues": [], "binaryListValues": [], "dataType": "Number"},
            "blob": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": "x",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
        "awsRegion": "eu-west-1",
    }
    assert Record.from_lambda(record) == RECORD
    assert Record.from_lambda({"body": "x", "messageAttributes": {}}) == Record("x")


def test_not_a_record() -> None:
    """A record without a text body, or with a broken attribute, is an EnvelopeError."""
    for broken in ({}, {"Body": None, "body": None}, {"Body": 5, "body": {"a": 1}}):
        for read in (Record.from_sqs, Record.from_lambda):
            with pytest.raises(EnvelopeError) as caught:
                read(broken)
            assert caught.value.reason == "not_a_record"
    with pytest.raises(EnvelopeError):
        Record.from_lambda({"body": "", "messageAttributes": {"a": {"binaryValue": "x"}}})


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("12", 12), ("", 1), ("x", 1), ("²", 1), ("-3", 1)])
def test_receive_count(value: str, count: int) -> None:
    """The receive count is a number, 1 where the queue does not say."""
    assert Record("", system={"ApproximateReceiveCount": value}).receive_count == count
    assert Record("").receive_count == 1


TEXT = st.text(max_size=12)
PARTS = TEXT | st.none() | st.integers() | st.dictionaries(TEXT, TEXT, max_size=2)


def changed(model: dict[str, Any], changes: dict[str, Any], indent: int | None) -> str:
    return json.dumps(model | changes, indent=indent, ensure_ascii=False)


NEAR = st.builds(
    changed,
    st.sampled_from([NOTIFICATION, FIFO, CONFIRMATION, EVENTBRIDGE]),
    st.dictionaries(
        st.sampled_from([*NOTIFICATION, *EVENTBRIDGE]),
        PARTS | st.dictionaries(TEXT, st.fixed_dictionaries({"Type": st.just("Binary"), "Value": TEXT})),
        max_size=2,
    ),
    st.sampled_from([None, 2]),
)


@given(
    NEAR | st.text(st.characters(codec=None)) | st.tuples(NEAR, st.integers(0, 500)).map(lambda cut: cut[0][: cut[1]]),
    st.sampled_from([None, *EnvelopeKind]),
)
def test_hostile_envelopes(body: str, expect: EnvelopeKind | None) -> None:
    """Whatever a body holds, only EnvelopeError leaves, and a raw message keeps its body."""
    try:
        envelope = open_envelope(Record(body), expect)
    except EnvelopeError:
        assert expect is not EnvelopeKind.RAW
        return
    assert expect in (None, envelope.kind)
    assert envelope.kind is not EnvelopeKind.RAW or envelope.body == body


@given(TEXT.filter(str), TEXT, st.dictionaries(TEXT, TEXT), st.sampled_from([None, 2, "\t"]))
def test_any_message_comes_out(
    message: str, subject: str, attributes: dict[str, str], indent: int | str | None
) -> None:
    """Any text that SNS can deliver comes out of its notification unchanged, with its attributes."""
    sent = {name: {"Type": "String", "Value": value} for name, value in attributes.items()}
    body = json.dumps(NOTIFICATION | {"Message": message, "Subject": subject, "MessageAttributes": sent}, indent=indent)
    envelope = open_envelope(Record(body))
    assert (envelope.body, envelope.subject, envelope.attributes) == (message, subject, attributes)
