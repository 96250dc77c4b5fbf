"""A dead letter: why it is one, and the message that it was.

The reason stands in the attribute that ``mega_typed.dead_letters`` writes; what SQS itself moved by a redrive policy
has none. It was in a queue, so a stranger may have written it: what is not as it should be is not believed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from mega_typed.commands.queues import Message
from mega_typed.dead_letters import REASON_ATTRIBUTE
from mega_typed.messages import MAX_ATTRIBUTES, ORIGIN_ATTRIBUTE

KINDS: Final = ("invalid", "undecodable", "fatal_error", "attempts_used_up", "unmatched", "unknown")
UNKNOWN: Final = "unknown"
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def reason_of(message: Message) -> dict[str, Any]:
    """The reason as it was written; nothing where there is none."""
    text = (message.get("MessageAttributes") or {}).get(REASON_ATTRIBUTE, {}).get("StringValue")
    if not isinstance(text, str):
        return {}
    try:
        reason = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", reason) if isinstance(reason, dict) else {}


def kind_of(reason: Mapping[str, Any]) -> str:
    """One of `KINDS`."""
    kind = reason.get("kind")
    return kind if isinstance(kind, str) and kind in KINDS else UNKNOWN


def subscribers_of(reason: Mapping[str, Any]) -> list[str]:
    """The subscribers that did not process it, by name."""
    listed = reason.get("subscribers")
    entries = listed if isinstance(listed, list) else []
    return [str(each["subscriber"]) for each in entries if isinstance(each, dict) and "subscriber" in each]


def _errors_of(reason: Mapping[str, Any]) -> list[str]:
    """The kinds of exceptions that they raised."""
    listed = reason.get("subscribers")
    entries = listed if isinstance(listed, list) else []
    return [each["error"] for each in entries if isinstance(each, dict) and isinstance(each.get("error"), str)]


def summary_of(reason: Mapping[str, Any]) -> str:
    """Why, in one line."""
    words = [kind_of(reason)]
    if isinstance(attempts := reason.get("attempts"), int):
        words.append(f"after {attempts} attempt{'' if attempts == 1 else 's'}")
    if names := subscribers_of(reason):
        words.append("in " + ", ".join(names))
    if errors := _errors_of(reason):
        words.append(f"({', '.join(errors)})")
    faults = reason.get("faults")
    for fault in faults if isinstance(faults, list) else []:
        if isinstance(fault, dict):
            found = cast("dict[str, Any]", fault)
            got = f" (got {found['got']})" if "got" in found and ", got " not in str(found.get("expected")) else ""
            words.append(f"| {found.get('path')}: {found.get('expected')}{got}")
    if not faults and isinstance(expected := reason.get("expected"), str):
        words.append(f"| {expected}")
    return " ".join(words)


def restored(message: Message, *, fifo: bool) -> dict[str, Any]:
    """The message that it was, as the parameters of ``SendMessage`` but for the queue.

    Body, attributes, trace and group are those that it had; the reason is gone, and the id that the message had goes
    along as an attribute, so that subscribers which have completed it are not given it again. On a FIFO queue its
    deduplication id is the id of the dead letter: sent twice, by a command that was killed in between, it is one
    message; and it is never taken for another that the queue has seen in the last five minutes, which SQS would drop in
    silence.

    Args:
        message: as received from the dead-letter queue.
        fifo: whether it goes to a FIFO queue.
    """
    sent: Mapping[str, Any] = message.get("MessageAttributes") or {}
    attributes = {
        name: {key: parts[key] for key in ("DataType", "StringValue", "BinaryValue") if parts.get(key) is not None}
        for name, parts in sent.items()
        if name != REASON_ATTRIBUTE
    }
    reason = reason_of(message)
    more = reason.get("more_attributes")
    for name, spelt in cast("dict[str, Any]", more).items() if isinstance(more, dict) else ():
        if (attribute := _attribute(spelt)) is not None:
            attributes.setdefault(name, attribute)
    origin = reason.get("message_id")
    if isinstance(origin, str) and _IDENTIFIER.fullmatch(origin) and len(attributes) < MAX_ATTRIBUTES:
        attributes.setdefault(ORIGIN_ATTRIBUTE, {"DataType": "String", "StringValue": origin})
    system: Mapping[str, str] = message.get("Attributes") or {}
    parameters: dict[str, Any] = {"MessageBody": message["Body"]}
    if attributes:
        parameters["MessageAttributes"] = attributes
    if trace := system.get("AWSTraceHeader"):
        parameters["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    if group := system.get("MessageGroupId") or (message["MessageId"] if fifo else None):
        parameters["MessageGroupId"] = group
    if fifo:
        parameters["MessageDeduplicationId"] = message["MessageId"]
    return parameters


def _attribute(spelt: object) -> dict[str, str | bytes] | None:
    """An attribute that had found no room, as ``dead_letters`` spells it."""
    if not isinstance(spelt, dict):
        return None
    found = cast("dict[str, Any]", spelt)
    data_type, value = found.get("type"), found.get("value")
    if not isinstance(data_type, str) or not isinstance(value, str):
        return None
    if not data_type.startswith("Binary"):
        return {"DataType": data_type, "StringValue": value}
    try:
        return {"DataType": data_type, "BinaryValue": base64.b64decode(value, validate=True)}
    except ValueError:
        return None
