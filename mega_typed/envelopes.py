"""Envelopes: what a queue or Lambda hands over, and the message that somebody published, inside it.

This file knows the shapes of SQS, SNS and EventBridge and nothing of what a body means. An envelope is recognised by
its structure, one level deep: an EventBridge event inside an SNS notification stays a body. A payload can imitate that
structure; who must not be fooled pins the kind. Nothing here follows the links of a confirmation message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Literal, cast

import msgspec
from mega_typed.codecs import CONTENT_TYPE_ATTRIBUTE, ContentType
from mega_typed.errors import EnvelopeError
from mega_typed.messages import ORIGIN_ATTRIBUTE


class EnvelopeKind(StrEnum):
    """How a message travelled.

    Attributes:
        RAW: without an envelope: sent to SQS itself, or by SNS with raw delivery.
        SNS: as a notification of SNS.
        EVENTBRIDGE: as an event of EventBridge, whose ``detail`` it is.
    """

    RAW = "raw"
    SNS = "sns"
    EVENTBRIDGE = "eventbridge"


Confirmation = Literal["SubscriptionConfirmation", "UnsubscribeConfirmation"]
"""The two messages that SNS itself sends to a subscriber."""

Attributes = Mapping[str, str | bytes]
"""Message attributes: the values without their data types."""


class Record(msgspec.Struct, frozen=True):
    """A message as a queue or Lambda delivered it.

    Attributes:
        body: its text.
        message_id: its id in the queue.
        receipt_handle: the handle of this delivery.
        attributes: its message attributes, values only.
        system: its system attributes, such as ``ApproximateReceiveCount``, ``MessageGroupId``, ``AWSTraceHeader``.
    """

    body: str
    message_id: str = ""
    receipt_handle: str = ""
    attributes: Attributes = msgspec.field(default_factory=dict[str, str | bytes])
    system: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])

    @property
    def receive_count(self) -> int:
        """How often the queue has delivered the message, this time included; 1 where it does not say."""
        count = self.system.get("ApproximateReceiveCount", "")
        return int(count) if isinstance(count, str) and count.isdecimal() else 1  # pyright: ignore[reportUnnecessaryIsInstance]

    @classmethod
    def from_sqs(cls, message: Mapping[str, Any]) -> Record:
        """Read one message of boto3's ``ReceiveMessage``. Raises ``EnvelopeError`` (``not_a_record``)."""
        sent = message.get("MessageAttributes")
        return cls(
            body=_body(message.get("Body")),
            message_id=message.get("MessageId", ""),
            receipt_handle=message.get("ReceiptHandle", ""),
            attributes=_attributes(sent, "StringValue", "BinaryValue") if sent else {},
            system=_mapping(message.get("Attributes")),
        )

    @classmethod
    def from_lambda(cls, record: Mapping[str, Any]) -> Record:
        """Read one record of Lambda's SQS event. Raises ``EnvelopeError``, also for a ``malformed_attribute``."""
        sent = record.get("messageAttributes")
        return cls(
            body=_body(record.get("body")),
            message_id=record.get("messageId", ""),
            receipt_handle=record.get("receiptHandle", ""),
            attributes=_attributes(sent, "stringValue", "binaryValue") if sent else {},
            system=_mapping(record.get("attributes")),
        )


def _mapping(found: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def sent_at(system: Mapping[str, Any]) -> float | None:
    """When a message was sent, in seconds since the epoch, by its system attributes; ``None`` where they do not say."""
    moment = system.get("SentTimestamp")
    return int(moment) / 1000 if isinstance(moment, str) and moment.isdecimal() else None


class Envelope(msgspec.Struct, frozen=True):
    """An opened envelope.

    Attributes:
        kind: how the message travelled.
        body: the text that was published; of EventBridge the JSON text of ``detail``.
        content_type: what the publisher says that the body is, or None.
        attributes: the publisher's message attributes; of EventBridge ``source`` and ``detail-type``.
        message_id: the id that the publisher was given, also of a message that was a dead letter meanwhile.
        topic_arn: the SNS topic.
        subject: the subject of an SNS notification.
        timestamp: when SNS or EventBridge took the message, as it wrote it.
        confirmation: the message is SNS's own, and this is its type. It is reported and never followed.
    """

    kind: EnvelopeKind
    body: str
    content_type: str | None = None
    attributes: Attributes = msgspec.field(default_factory=dict[str, str | bytes])
    message_id: str = ""
    topic_arn: str | None = None
    subject: str | None = None
    timestamp: str | None = None
    confirmation: Confirmation | None = None


def open_envelope(record: Record, expect: EnvelopeKind | None = None) -> Envelope:
    """Take the published message out of its envelope.

    Args:
        record: the message as delivered.
        expect: the only kind that is accepted; RAW means that the body is never looked into. When omitted, a record
            with a ``content-type`` message attribute is raw, and any other is what its structure says.

    Raises:
        EnvelopeError: ``not_an_envelope``, the body is not of the expected kind; ``malformed_attribute``, a binary
            attribute of a notification is not base64.
    """
    if expect is None:
        return _detect(record)
    envelope = _OPENERS[expect](record)
    if envelope is None:
        raise EnvelopeError("not_an_envelope", f"the message is not in the expected envelope ({expect})")
    return envelope


class _SnsAttribute(msgspec.Struct):
    Type: str
    Value: str


class _SnsMessage(msgspec.Struct):
    """A notification or confirmation; signature and links, in either spelling, are skipped."""

    Type: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
    MessageId: str
    TopicArn: str
    Message: str
    Subject: str | None = None
    Timestamp: str | None = None
    MessageAttributes: dict[str, _SnsAttribute] | None = None


class _EventBridgeEvent(msgspec.Struct, rename={"detail_type": "detail-type"}):
    detail_type: str
    source: str
    detail: msgspec.Raw
    id: str = ""
    time: str | None = None


_SNS: Final = msgspec.json.Decoder(_SnsMessage)
_EVENTBRIDGE: Final = msgspec.json.Decoder(_EventBridgeEvent)
_TOPIC_ARN: Final = re.compile(r"arn:[a-z0-9-]+:sns:[a-z0-9-]*:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


def _detect(record: Record) -> Envelope:
    body = record.body
    if CONTENT_TYPE_ATTRIBUTE not in record.attributes:
        if '"TopicArn"' in body and (envelope := _open_sns(record)):
            return envelope
        if '"detail-type"' in body and (envelope := _open_eventbridge(record)):
            return envelope
    return _open_raw(record)


def _open_raw(record: Record) -> Envelope:
    origin = record.attributes.get(ORIGIN_ATTRIBUTE)
    return Envelope(
        kind=EnvelopeKind.RAW,
        body=record.body,
        content_type=_content_type(record.attributes),
        attributes=record.attributes,
        message_id=origin if isinstance(origin, str) and origin else record.message_id,
    )


def _open_sns(record: Record) -> Envelope | None:
    try:
        message = _SNS.decode(record.body)
    except (ValueError, RecursionError):
        return None
    if not _TOPIC_ARN.fullmatch(message.TopicArn):
        return None
    attributes: dict[str, str | bytes] = {
        name: _unbase64(name, sent.Value) if sent.Type.startswith("Binary") else sent.Value
        for name, sent in (message.MessageAttributes or {}).items()
    }
    return Envelope(
        kind=EnvelopeKind.SNS,
        body=message.Message,
        content_type=_content_type(attributes),
        attributes=attributes,
        message_id=message.MessageId,
        topic_arn=message.TopicArn,
        subject=message.Subject,
        timestamp=message.Timestamp,
        confirmation=None if message.Type == "Notification" else message.Type,
    )


def _open_eventbridge(record: Record) -> Envelope | None:
    try:
        event = _EVENTBRIDGE.decode(record.body)
    except (ValueError, RecursionError):
        return None
    detail = bytes(event.detail)
    if not detail.startswith(b"{"):
        return None
    return Envelope(
        kind=EnvelopeKind.EVENTBRIDGE,
        body=detail.decode(),
        content_type=ContentType.JSON,
        attributes={"source": event.source, "detail-type": event.detail_type},
        message_id=event.id,
        timestamp=event.time,
    )


_OPENERS: Final[dict[EnvelopeKind, Callable[[Record], Envelope | None]]] = {
    EnvelopeKind.RAW: _open_raw,
    EnvelopeKind.SNS: _open_sns,
    EnvelopeKind.EVENTBRIDGE: _open_eventbridge,
}


def _content_type(attributes: Attributes) -> str | None:
    value = attributes.get(CONTENT_TYPE_ATTRIBUTE)
    return value if isinstance(value, str) else None


def _body(value: object) -> str:
    if not isinstance(value, str):
        raise EnvelopeError("not_a_record", f"the body of a message is a string, not {type(value).__name__}")
    return value


def _attributes(sent: Mapping[str, Mapping[str, Any]], string_key: str, binary_key: str) -> dict[str, str | bytes]:
    attributes: dict[str, str | bytes] = {}
    for name, parts in sent.items():
        value = parts.get(string_key)
        if value is None:
            value = parts.get(binary_key, b"")
            if isinstance(value, str):  # Lambda writes bytes as base64, boto3 hands over bytes
                value = _unbase64(name, value)
        attributes[name] = cast("str | bytes", value)
    return attributes


def _unbase64(name: str, text: str) -> bytes:
    try:
        return msgspec.convert(text, bytes)
    except ValueError:
        raise EnvelopeError("malformed_attribute", f"the binary attribute {name!r} is not base64") from None
