"""A message that goes to the dead-letter queue: what it was, and why it goes there.

Pure: from a message as SQS delivered it and an outcome to the arguments of ``SendMessage``. Body and attributes stay
what they were, so that a copy moved back to its queue is the same message again; what is sensitive in them stays too.
The reason quotes none of that. It is one more attribute, a JSON object, because SQS allows ten attributes and an event
may have most of them; what finds no room moves into it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from mega_typed.codecs import CONTENT_TYPE_ATTRIBUTE, ContentKind, decode
from mega_typed.dispatch import Outcome
from mega_typed.envelopes import Record, open_envelope
from mega_typed.errors import DecodeError, InvalidPayload
from mega_typed.registry import registered_class
from mega_typed.sensitive import MASK, has_marks
from mega_typed.subscribers import ProcessStatus

__all__ = ["REASON_ATTRIBUTE", "dead_letter", "reason"]

REASON_ATTRIBUTE: Final = "mega-dead-letter"
_MAX_ATTRIBUTES: Final = 10
_MAX_TEXT: Final = 200  # characters of a value or a message that are quoted
_MAX_FAULTS: Final = 10
_MAX_MESSAGE: Final = 1_048_576  # bytes, of an SQS message with its attributes


def dead_letter(queue_url: str, message: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The arguments of ``SendMessage`` that put a copy of a message into the dead-letter queue."""
    sent: Mapping[str, Mapping[str, Any]] = message.get("MessageAttributes") or {}
    kept = {name: parts for name, parts in sent.items() if name != REASON_ATTRIBUTE}
    # The content type says how to read the body: it is the last to lose its place.
    order = sorted(kept, key=lambda name: name != CONTENT_TYPE_ATTRIBUTE)
    room, rest = order[: _MAX_ATTRIBUTES - 1], order[_MAX_ATTRIBUTES - 1 :]
    why = reason(message, outcome)
    if rest:
        why["more_attributes"] = {name: _spelt(kept[name]) for name in rest}
    attributes = {name: _attribute(kept[name]) for name in room}
    body: str = message["Body"]
    text = _json(why)
    size = len(body.encode(errors="surrogatepass")) + sum(map(_size, attributes, attributes.values()))
    if size + _size_of_reason(text) > _MAX_MESSAGE:  # better without details than not at all
        brief: dict[str, Any] = {key: why[key] for key in ("kind", "more_attributes") if key in why}
        text = _json(brief)
    if rest or size + _size_of_reason(text) <= _MAX_MESSAGE:  # and a message without room for a word, without reason
        attributes[REASON_ATTRIBUTE] = {"DataType": "String", "StringValue": text}
    entry: dict[str, Any] = {"QueueUrl": queue_url, "MessageBody": body, "MessageAttributes": attributes}
    system: Mapping[str, str] = message.get("Attributes") or {}
    if trace := system.get("AWSTraceHeader"):
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    if queue_url.endswith(".fifo"):
        entry["MessageGroupId"] = system.get("MessageGroupId") or message["MessageId"]
        entry["MessageDeduplicationId"] = message["MessageId"]  # two copies of one message are one
    return entry


def reason(message: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Why a message is dead-lettered, for programs; what is not known is left out."""
    record = Record.from_sqs(message)
    system = record.system
    known: dict[str, Any] = {
        "kind": _kind(outcome),
        "message_id": record.message_id,
        "attempts": record.receive_count,
        "first_seen": _moment(system.get("ApproximateFirstReceiveTimestamp")),
        "sent": _moment(system.get("SentTimestamp")),
        "event": str(outcome.event_type) if outcome.event_type else None,
        "group": system.get("MessageGroupId"),
    }
    error, silent = outcome.error, _may_quote(outcome)
    if isinstance(error, InvalidPayload):
        document = _document(record)
        faults = [
            {
                "path": _quoted(fault.path),
                "expected": _quoted(fault.message),
                "got": MASK if fault.masked else _found(document, fault.path),
            }
            for fault in error.faults[:_MAX_FAULTS]
        ]
        known |= {"expected": error.title, "faults": faults}
    elif error is not None:
        known |= {
            "reason": error.reason if isinstance(error, DecodeError) else type(error).__name__,
            "expected": _quoted(str(error)),
        }
    failed = [
        {"subscriber": result.subscriber.__qualname__, "status": result.status.value, **_raised(result.error, silent)}
        for result in outcome.results
        if result.status is not ProcessStatus.DONE
    ] + [
        {"subscriber": defect.subscriber.__qualname__, "status": "defect", **_raised(defect.error, silent)}
        for defect in outcome.defects
    ]
    known["subscribers"] = failed[:_MAX_FAULTS] or None
    return {key: value for key, value in known.items() if value is not None}


def _kind(outcome: Outcome) -> str:
    """One word: ``invalid``, ``undecodable``, ``fatal_error``, ``attempts_used_up`` or ``unmatched``."""
    if outcome.error is not None:
        return str(outcome.reading)
    said = {result.status for result in outcome.results}
    if said & {ProcessStatus.RETRY_LATER, ProcessStatus.RETRIABLE_ERROR}:
        return "attempts_used_up"
    if ProcessStatus.FATAL_ERROR in said:
        return "fatal_error"
    if outcome.reading in ("unread", "confirmation") or outcome.defects:
        return "attempts_used_up"
    return "unmatched"


def _may_quote(outcome: Outcome) -> bool:
    """Whether the event has what is sensitive, which an exception of the application may quote."""
    concerned = [*(each.subscriber for each in outcome.results), *(each.subscriber for each in outcome.defects)]
    classes: list[Any] = [each for subscriber in concerned for each in subscriber.__wanted__.event_classes]
    known = None if outcome.event_type is None else registered_class(outcome.event_type)
    return any(has_marks(each) for each in (classes if known is None else [*classes, known]))


def _raised(error: BaseException | None, silent: bool) -> dict[str, str]:
    if error is None:
        return {}
    if silent:
        return {"error": type(error).__name__, "message": MASK}
    try:
        text = str(error)
    except Exception:  # an exception of strangers, whose __str__ may fail as well
        text = ""
    return {"error": type(error).__name__, "message": _quoted(text)}


def _quoted(text: str) -> str:
    """A text of strangers, short; a lone surrogate, which no strict reader of JSON takes, is spelt out."""
    return text[:_MAX_TEXT].encode(errors="backslashreplace").decode()


def _json(reason: Mapping[str, Any]) -> str:
    """ASCII, because SQS refuses a message for characters that JSON may hold, such as U+FFFF."""
    return json.dumps(reason, separators=(",", ":"))


def _moment(milliseconds: str | None) -> str | None:
    if milliseconds is None or not milliseconds.isdecimal() or len(milliseconds) > 14:
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat(timespec="milliseconds")


def _document(record: Record) -> object:
    try:
        envelope = open_envelope(record)
        content = decode(envelope.body, envelope.content_type)
        return content.document() if content.kind is ContentKind.OBJECT else None
    except DecodeError:
        return None


_MISSING: Final = object()


def _found(document: object, path: str) -> str | None:
    """What stands at a dotted path, as text; None where nothing does."""
    found = document
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = cast("Mapping[str, object]", found).get(step, _MISSING)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = cast("list[object]", found)[int(step)]
        else:
            return None
    return None if found is _MISSING else repr(found)[:_MAX_TEXT]


def _attribute(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: parts[key] for key in ("DataType", "StringValue", "BinaryValue") if parts.get(key) is not None}


def _size_of_reason(text: str) -> int:
    return _size(REASON_ATTRIBUTE, {"DataType": "String", "StringValue": text})


def _spelt(parts: Mapping[str, Any]) -> dict[str, str]:
    value = parts.get("StringValue")
    if value is None:
        value = base64.b64encode(parts.get("BinaryValue") or b"").decode()
    return {"type": parts.get("DataType", "String"), "value": value}


def _size(name: str, parts: Mapping[str, Any]) -> int:
    return len(name) + sum(len(part.encode() if isinstance(part, str) else part) for part in parts.values())
