"""Pointers to payloads in S3, in the form of Amazon's extended clients: they and this library read each other's.

The body of such a message is a JSON array: the name of a Java class, and an object with a bucket and a key. A message
attribute marks it. This file writes the form and finds it, in raw messages and in SNS notifications; it fetches
nothing.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import msgspec
from mega_typed.envelopes import EnvelopeKind, Record, open_envelope
from mega_typed.errors import EnvelopeError
from mega_typed.messages import POINTER_ATTRIBUTE

_CLASS: Final = "software.amazon.payloadoffloading.PayloadS3Pointer"
_OLDER_ATTRIBUTE: Final = "SQSLargePayloadSize"
_MARKS: Final = frozenset({POINTER_ATTRIBUTE, _OLDER_ATTRIBUTE})


class _Place(msgspec.Struct):
    s3BucketName: str  # noqa: N815 - Amazon's spelling
    s3Key: str  # noqa: N815


_Classes = Literal[
    "software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"
]
_POINTER: Final = msgspec.json.Decoder(tuple[_Classes, _Place])


class Pointer(NamedTuple):
    """Where a payload lies."""

    bucket: str
    key: str


def write_pointer(pointer: Pointer) -> str:
    """The body that stands for a payload."""
    return msgspec.json.encode((_CLASS, _Place(*pointer))).decode()


def find_pointer(record: Record, expect: EnvelopeKind | None = None) -> Pointer | None:
    """Where the payload of a message lies, if its body is a pointer and an attribute says so.

    Args:
        record: the message as delivered.
        expect: the kind of envelope, as in `open_envelope`.
    """
    if "S3Pointer" not in record.body:
        return None
    try:
        envelope = open_envelope(record, expect)
        if envelope.kind is EnvelopeKind.EVENTBRIDGE or _MARKS.isdisjoint(envelope.attributes):
            return None
        place = _POINTER.decode(envelope.body)[1]
    except (EnvelopeError, ValueError, RecursionError):
        return None  # whoever reads the body says what is wrong with it
    return Pointer(place.s3BucketName, place.s3Key)


def with_payload(record: Record, payload: str, expect: EnvelopeKind | None = None) -> Record:
    """The message as it would be if its payload had travelled in it, in the same envelope."""
    if open_envelope(record, expect).kind is EnvelopeKind.SNS:
        notification: dict[str, Any] = msgspec.json.decode(record.body)
        attributes = _unmarked(notification.get("MessageAttributes") or {})
        whole = {**notification, "Message": payload, "MessageAttributes": attributes}
        return msgspec.structs.replace(record, body=msgspec.json.encode(whole).decode())
    return msgspec.structs.replace(record, body=payload, attributes=_unmarked(dict(record.attributes)))


def _unmarked(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in _MARKS}
