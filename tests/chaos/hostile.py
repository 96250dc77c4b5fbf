"""Messages that a stranger may have sent: recorded shapes, broken, nested and mixed up by a seeded generator.

A message is what ``SendMessage`` takes: a body and message attributes. This file knows the wire, and of the library no
more than one typed event.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import bson

from tests.samples import placed

Json = dict[str, Any]

TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:orders"
EVENT: Final[Json] = json.loads(placed().to_json())
POINTER: Final = ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b", "s3Key": "k"}]


def notification(message: str, **changes: Any) -> Json:
    """What SNS puts into a queue."""
    return {
        "Type": "Notification",
        "MessageId": "da41e39f-ea4d-435a-b922-c6aae3915ebe",
        "TopicArn": TOPIC,
        "Subject": "s",
        "Message": message,
        "Timestamp": "2026-01-02T12:45:07.000Z",
        "SignatureVersion": "1",
        "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi=",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": {"content-type": {"Type": "String", "Value": "application/json"}},
        **changes,
    }


def _bridge(detail: Any) -> Json:
    return {"version": "0", "id": "b1", "detail-type": "Placed", "source": "shop", "region": "x", "detail": detail}


def _bson(document: Any) -> str:
    return base64.b64encode(bson.encode(document)).decode()


def _recorded() -> list[str]:
    """Bodies as they are seen in queues."""
    event = json.dumps(EVENT)
    data = {"type": "notification", "to": "+4930123456", "cost": "0.07", "tags": ["a", {"b": None}]}
    return [
        event,
        json.dumps(EVENT, indent=2),
        json.dumps({**EVENT, "event": {**EVENT["event"], "name": "order.lost", "version": "2"}}),
        json.dumps({**EVENT, "event": {**EVENT["event"], **EVENT["event"]["attributes"], "attributes": None}}),
        json.dumps(data),
        _bson(data),
        _bson(EVENT),
        "hello",
        "deadbeef",
        "username",
        "9a7b330a-a736-4c1e-8f6a-2c3b7d1a0001",
        '"a text in quotes"',
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        base64.b64encode(bytes(range(256))).decode(),
        base64.b64encode(gzip.compress(event.encode())).decode(),
        json.dumps(notification(event), indent=2),
        json.dumps(notification(_bson(EVENT))),
        json.dumps(notification(json.dumps(notification(event)))),
        json.dumps(notification("x", Type="SubscriptionConfirmation", SubscribeURL="https://x", Token="t")),
        json.dumps(_bridge(EVENT)),
        json.dumps(_bridge("no object")),
        json.dumps(POINTER),
        json.dumps(notification(json.dumps(POINTER))),
        json.dumps({"Records": [{"messageId": "m", "body": event, "eventSource": "aws:sqs"}]}),
        json.dumps({"Records": [{"s3": {"bucket": {"name": "b"}}}], "Event": "s3:TestEvent"}),
    ]


EVIL: Final[list[str]] = [
    "null", "true", "false", "0", "-0", "1.0", "1e400", "-1e400", "NaN", "Infinity", "9" * 400, "0.1e-400", '""', '" "',
    '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"\ufffe\uffff"', "[]", "{}", "[[[[[[[[]]]]]]]]", "[" * 2000 + "]" * 2000,
    '{"a":' * 500 + "1" + "}" * 500, '"' + "x" * 20_000 + '"', '"2026-13-45T99:99:99Z"', '"0001-01-01"', '"mega"', '"1"',
    '{"a":1,"a":2}', '{"":{"":{}}}', '{"__proto__":{}}', '{"$ref":"#"}', '[null,null]', "1 1", ",", "}", '"\\x"', "\ud800",
]  # fmt: skip
"""What may stand in the place of a JSON value, some of it no JSON."""

CONTENT_TYPES: Final = [
    "application/json", "application/bson", "text/plain", "application/octet-stream", "application/json+gzip",
    "application/bson+gzip", "text/plain+gzip", "APPLICATION/JSON; charset=utf-8", "image/png", "", " ", "x" * 300, "\x00",
]  # fmt: skip


def _attributes(chance: random.Random) -> Json:
    attributes: Json = {}
    if chance.random() < 0.6:
        attributes["content-type"] = {"DataType": "String", "StringValue": chance.choice(CONTENT_TYPES)}
    if chance.random() < 0.1:
        attributes["content-type"] = {"DataType": "Binary", "BinaryValue": base64.b64encode(b"\xff\x00").decode()}
    if chance.random() < 0.1:
        attributes["ExtendedPayloadSize"] = {"DataType": "Number", "StringValue": "5"}
    if chance.random() < 0.1:
        kinds = [
            {"DataType": "Number", "StringValue": "1e999"},
            {"DataType": "String.custom", "StringValue": "\ufffd"},
            {"DataType": "Binary", "BinaryValue": ""},
            {"DataType": "String"},
        ]
        attributes |= {f"a{number}": chance.choice(kinds) for number in range(chance.randrange(10))}
    return dict(list(attributes.items())[:10])


def _slip(chance: random.Random, text: str) -> str:
    """A letter is lost, doubled, replaced, or the end is."""
    if not text:
        return text
    at, length = chance.randrange(len(text)), chance.choice([1, 1, 1, 4, 60])
    match chance.randrange(5):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + text[at + length :]
        case 2:
            return text[:at] + text[at : at + length] * 2 + text[at + length :]
        case 3:
            return (
                text[:at]
                + chance.choice(['"', "\\", "{", "]", "\x00", "\ud83d", "é", "=", "%", "\x1f"])
                + text[at + 1 :]
            )
        case _:
            other = chance.randrange(len(text))
            return text[:at] + text[other : other + length] + text[at:]


_MARK: Final = "\ue000mark\ue000"


def _swap(chance: random.Random, text: str) -> str:
    """A value somewhere in a document is another one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _slip(chance, text)
    places = list(_places(document))
    if not places:
        return chance.choice(EVIL)
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.2:
        holder[chance.choice(["attributes", "event", "", "a.b", "Message", "name"])] = holder.pop(key)
        return json.dumps(document)
    holder[key] = _MARK
    return json.dumps(document, ensure_ascii=False).replace(json.dumps(_MARK, ensure_ascii=False), chance.choice(EVIL))


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    stack = [document]
    while stack:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        for key in keys:
            yield node, key
            stack.append(node[key])


def _wrap(chance: random.Random, text: str) -> str:
    """It travels in something else."""
    if chance.random() < 0.3:
        return base64.b64encode(text.encode(errors="replace")).decode()
    if chance.random() < 0.3:
        return base64.b64encode(gzip.compress(text.encode(errors="replace"))).decode()
    return json.dumps(notification(text))


_STEPS: Final[list[Callable[[random.Random, str], str]]] = [_slip, _slip, _swap, _swap, _swap, _wrap]


_UNSENDABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sendable(message: Json) -> Json:
    """The message without what SQS refuses: characters, and texts and bytes that are empty."""
    attributes = {name: dict(parts) for name, parts in message["MessageAttributes"].items()}
    for parts in attributes.values():
        if "BinaryValue" in parts:
            parts["BinaryValue"] = parts["BinaryValue"] or "AA=="
        else:
            parts["StringValue"] = _UNSENDABLE.sub("", parts.get("StringValue", "")) or " "
    return {"MessageBody": _UNSENDABLE.sub("", message["MessageBody"]) or " ", "MessageAttributes": attributes}


def hostile_messages(seed: int, number: int) -> Iterator[Json]:
    """So many messages, the recorded ones first; the same for the same seed. Some of them SQS would refuse."""
    chance = random.Random(seed)
    recorded = _recorded()
    for place in range(number):
        body = recorded[place % len(recorded)]
        for _ in range(0 if place < len(recorded) else chance.choice([0, 1, 1, 1, 2, 3, 6])):
            body = chance.choice(_STEPS)(chance, body)
        yield {"MessageBody": body, "MessageAttributes": _attributes(chance)}
