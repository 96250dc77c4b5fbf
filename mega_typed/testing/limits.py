"""What SQS and SNS refuse of a message or a batch, and how much of it counts.

Written from the API references of both services, and independent of what the publishers check (``messages``), so that
a message that they let through by mistake is refused here. This file knows messages and no queue.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mega_typed.testing.faults import Refusal

MAX_BYTES: Final = 1_048_576
MAX_ENTRIES: Final = 10
MAX_ATTRIBUTES: Final = 10

_REFUSED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")


def check_body(body: object) -> str:
    """A body that SQS takes."""
    if not body:
        raise Refusal("MissingParameter", "The request must contain the parameter MessageBody.")
    if not isinstance(body, str) or _REFUSED.search(body):
        raise Refusal("InvalidMessageContents", "Invalid characters were found in the message body.")
    return body


def check_attributes(
    attributes: Mapping[str, Mapping[str, Any]], most: int | None = MAX_ATTRIBUTES
) -> dict[str, dict[str, Any]]:
    """Message attributes that SQS takes; SNS takes any number of them."""
    if most is not None and len(attributes) > most:
        said = f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{most}]."
        raise Refusal("InvalidParameterValue", said)
    return {name: _attribute(name, attribute) for name, attribute in attributes.items()}


def _attribute(name: str, attribute: Mapping[str, Any]) -> dict[str, Any]:
    dots = name.startswith(".") or name.endswith(".") or ".." in name
    if not _NAME.fullmatch(name) or dots or name.lower().startswith(("aws.", "amazon.")):
        raise Refusal("InvalidParameterValue", f"The message attribute name '{name}' is invalid.")
    said = str(attribute.get("DataType", ""))
    kind = said.partition(".")[0]
    if kind not in ("String", "Number", "Binary") or len(said) > 256:
        raise Refusal("InvalidParameterValue", f"The message attribute '{name}' has an invalid message attribute type.")
    key = "BinaryValue" if kind == "Binary" else "StringValue"
    value = attribute.get(key)
    if not value:
        text = f"The message attribute '{name}' must contain a non-empty message attribute value for type '{said}'."
        raise Refusal("InvalidParameterValue", text)
    if kind == "Binary":
        return {"DataType": said, key: value.encode() if isinstance(value, str) else bytes(value)}
    if not isinstance(value, str) or _REFUSED.search(value):
        raise Refusal("InvalidParameterValue", f"Invalid characters were found in the message attribute '{name}'.")
    if kind == "Number" and not _NUMBER.fullmatch(value):
        raise Refusal("InvalidParameterValue", f"Can't cast the value of message attribute '{name}' to a number.")
    return {"DataType": said, key: value}


def check_token(parameter: str, token: str) -> str:
    """A message group or de-duplication id."""
    if not _TOKEN.fullmatch(token):
        raise Refusal(
            "InvalidParameterValue",
            f"Value {token} for parameter {parameter} is invalid. Reason: {parameter} can only include alphanumeric "
            "and punctuation characters. 1 to 128 in length.",
        )
    return token


def check_range(parameter: str, value: int, least: int, most: int) -> int:
    """A number within the bounds that SQS has for a parameter."""
    if not least <= value <= most:
        reason = f"Reason: Must be between {least} and {most}, if provided."
        raise Refusal("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. {reason}")
    return value


def check_entries(entries: Sequence[Mapping[str, Any]], prefix: str) -> None:
    """What is wrong with a batch as a whole; ``prefix`` is what SQS puts before its codes, and SNS does not."""
    if not entries:
        raise Refusal(f"{prefix}EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MAX_ENTRIES:
        said = f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent {len(entries)}."
        raise Refusal(f"{prefix}TooManyEntriesInBatchRequest", said)
    ids = [str(entry.get("Id", "")) for entry in entries]
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        said = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        raise Refusal(f"{prefix}InvalidBatchEntryId", said + "It can be at most 80 letters long.")
    repeated = [entry_id for place, entry_id in enumerate(ids) if entry_id in ids[:place]]
    if repeated:
        raise Refusal(f"{prefix}BatchEntryIdsNotDistinct", f"Id {repeated[0]} repeated.")


def check_batch_bytes(bodies: Sequence[int], prefix: str, most: int = MAX_BYTES) -> None:
    """The bytes of all messages of a batch together."""
    if sum(bodies) > most:
        said = f"Batch requests cannot be longer than {most} bytes. You have sent {sum(bodies)} bytes."
        raise Refusal(f"{prefix}BatchRequestTooLong", said)


def size_of(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """The bytes that a message counts for: its body, and name, type and value of its attributes."""
    size = len(body.encode(errors="surrogatepass"))
    for name, attribute in attributes.items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += len(name.encode()) + len(str(attribute.get("DataType", "")))
        size += len(value.encode(errors="surrogatepass") if isinstance(value, str) else value)
    return size


def digest(data: bytes | str) -> str:
    """The MD5 that SQS answers with; a check sum, nothing that should be secret."""
    return hashlib.md5(data.encode() if isinstance(data, str) else data, usedforsecurity=False).hexdigest()


def digest_of(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """The MD5 of message attributes (SQS Developer Guide, "Calculating the MD5 message digest for attributes")."""
    parts: list[bytes] = []
    for name in sorted(attributes):
        attribute = attributes[name]
        binary = "BinaryValue" in attribute
        value = attribute["BinaryValue"] if binary else attribute["StringValue"].encode()
        for text in (name.encode(), attribute["DataType"].encode()):
            parts += [struct.pack("!I", len(text)), text]
        parts += [b"\x02" if binary else b"\x01", struct.pack("!I", len(value)), value]
    return digest(b"".join(parts))
