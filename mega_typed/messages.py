"""A payload as a message: its body, its message attributes, its size, before any client is touched.

What the service would refuse of a payload or an attribute is a typed error here. This file knows payloads and codecs,
and neither destinations nor clients.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeAlias, TypeGuard, cast, runtime_checkable

from mega_typed.codecs import (
    CONTENT_TYPE_ATTRIBUTE,
    GZIP_SUFFIX,
    ContentType,
    Encoded,
    compress,
    encode_blob,
    encode_document,
    encode_json_text,
    encode_text,
)
from mega_typed.errors import ConfigurationError, EncodeError
from mega_typed.payload import EventType, MegaPayload, is_mega

DOMAIN_ATTRIBUTE: Final = "mega-domain"
NAME_ATTRIBUTE: Final = "mega-name"
VERSION_ATTRIBUTE: Final = "mega-version"
SUBJECT_ATTRIBUTE: Final = "mega-subject"
PUBLISHER_ATTRIBUTE: Final = "mega-publisher"
"""Message attributes of a MEGA message, for filter policies; the version is a Number, the others are Strings."""

POINTER_ATTRIBUTE: Final = "ExtendedPayloadSize"
"""Marks a body that is a pointer to S3, and says how many bytes are there; Amazon's extended clients read it."""

ORIGIN_ATTRIBUTE: Final = "mega-message-id"
"""The id that a message had before it was a dead letter, so that it is one and the same when it is moved back."""

RESERVED_ATTRIBUTES: Final = frozenset(
    {
        CONTENT_TYPE_ATTRIBUTE,
        DOMAIN_ATTRIBUTE,
        NAME_ATTRIBUTE,
        VERSION_ATTRIBUTE,
        SUBJECT_ATTRIBUTE,
        PUBLISHER_ATTRIBUTE,
        POINTER_ATTRIBUTE,
        ORIGIN_ATTRIBUTE,
    }
)

MAX_ATTRIBUTES: Final = 10

Attributes: TypeAlias = Mapping[str, str | int | float | bytes]
"""Message attributes that a caller adds: text, a number or bytes, none of them empty."""


@runtime_checkable
class TypedEvent(Protocol):
    """What a publisher needs of a typed event; ``mega_typed.Event`` has it.

    Its ``subject`` and ``publisher``, where it has them, travel as message attributes as well.
    """

    __event_type__: ClassVar[EventType]

    def to_json(self) -> bytes:
        """The whole MEGA payload as JSON text."""
        ...


Publishable: TypeAlias = TypedEvent | MegaPayload | Mapping[str, Any] | str | bytes
"""What can be published: an event, typed or not, a data object, a text or a binary blob."""


class Message(NamedTuple):
    """A message ready to be sent.

    Attributes:
        body: its text.
        attributes: its message attributes, as AWS spells them.
        size: the bytes that both count for.
        content_type: what the body is; None for a raw one, of which nothing is known.
    """

    body: str
    attributes: Mapping[str, Mapping[str, str | bytes]]
    size: int
    content_type: ContentType | None = None


def message_of(payload: object, binary_encoding: bool, added: WireAttributes) -> Message:
    """Any payload as a message, with the library's own attributes and those of the caller."""
    encoded, claims = _encode(payload, binary_encoding)
    own = _own_attributes(encoded.content_type, claims.event_type)
    about = _about(claims) if claims.subject or claims.publisher else _NO_ATTRIBUTES
    values = {**own.values, **about.values, **added.values}
    size = own.size + about.size + added.size
    return _whole(encoded.body, WireAttributes(values, size), encoded.content_type)


def raw_message(body: str, attributes: Attributes | None) -> Message:
    """A body as it stands, with the caller's attributes only."""
    if not isinstance(body, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
        raise EncodeError(f"a raw message is a str, not {type(body).__name__}")
    return _whole(_checked_text(body, "the body"), _wire_attributes(attributes or {}))


def _whole(body: str, attributes: WireAttributes, content_type: ContentType | None = None) -> Message:
    if len(attributes.values) > MAX_ATTRIBUTES:
        raise ConfigurationError(
            f"{len(attributes.values)} message attributes with the library's own; the service takes {MAX_ATTRIBUTES}"
        )
    return Message(body, attributes.values, bytes_of(body) + attributes.size, content_type)


def compressed(message: Message) -> Message:
    """The message with its body compressed, if that makes it smaller; it says so in its content type."""
    if message.content_type is None:
        return message
    body = compress(Encoded(message.body, message.content_type))
    if body is None or len(body) + len(GZIP_SUFFIX) >= bytes_of(message.body):
        return message
    declared = {"DataType": "String", "StringValue": message.content_type + GZIP_SUFFIX}
    size = message.size - bytes_of(message.body) + len(body) + len(GZIP_SUFFIX)
    return Message(body, {**message.attributes, CONTENT_TYPE_ATTRIBUTE: declared}, size)


def pointing(message: Message, body: str) -> Message:
    """The message with a pointer to its body in the place of it, marked as one."""
    mark = _wire_attributes({POINTER_ATTRIBUTE: bytes_of(message.body)})
    attributes = {**message.attributes, **mark.values}
    size = message.size - bytes_of(message.body) + mark.size
    return _whole(body, WireAttributes(attributes, size))


_NONCHARACTERS: Final = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
_REFUSED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Claims(NamedTuple):
    """What a payload says about itself that travels as message attributes; nothing for what is no MEGA event."""

    event_type: EventType | None = None
    subject: object = None
    publisher: object = None


def _encode(payload: object, binary_encoding: bool) -> tuple[Encoded, _Claims]:
    claims = _Claims()
    match payload:
        case None:
            raise EncodeError("None cannot be published: give an event, a mapping, a str or bytes")
        case str():
            if binary_encoding:
                raise EncodeError("a text has no binary encoding: leave out binary_encoding, or give bytes")
            encoded = encode_text(_checked_text(payload, "the text"))
        case bytes() | bytearray() | memoryview():
            encoded = encode_blob(bytes(cast("bytes", payload)))
        case MegaPayload():
            event = payload.event
            claims = _Claims(EventType(event.domain, event.name, event.version), event.subject, event.publisher)
            encoded = encode_document(payload.to_document(), binary_encoding=binary_encoding)
        case Mapping():
            document = cast("Mapping[str, Any]", payload)
            claims = _claims(document)
            encoded = encode_document(document, binary_encoding=binary_encoding)
        case _ if _is_typed_event(payload):
            payload = cast("TypedEvent", payload)
            subject, publisher = getattr(payload, "subject", None), getattr(payload, "publisher", None)
            claims = _Claims(payload.__event_type__, subject, publisher)
            encoded = encode_json_text(payload.to_json(), binary_encoding)
        case _:
            raise EncodeError(
                f"{type(payload).__name__} cannot be published: give an event (an instance), a mapping, a str or bytes"
            )
    if not encoded.body:
        raise EncodeError("an empty message cannot be published: the service refuses it")
    if encoded.content_type is ContentType.JSON and not encoded.body.isascii():
        # JSON escapes the control characters by itself; these two it may hold raw, and the service refuses them.
        encoded = encoded._replace(body=_escape_noncharacters(encoded.body))
    return encoded, claims


def _is_typed_event(payload: object) -> bool:
    """Whether it is an instance with what `TypedEvent` asks for; isinstance says the same, many times slower."""
    return not isinstance(payload, type) and hasattr(payload, "__event_type__") and hasattr(payload, "to_json")


def _escape_noncharacters(text: str) -> str:
    return text.translate(_NONCHARACTERS) if "\ufffe" in text or "\uffff" in text else text


def _claims(document: Mapping[str, Any]) -> _Claims:
    """What a mapping states, as far as it can be read: it only serves filter policies."""
    event = document.get("event") if is_mega(document) else None
    if not isinstance(event, Mapping):
        return _Claims()
    parts = cast("Mapping[str, Any]", event)
    name, domain, version = parts.get("name"), parts.get("domain"), parts.get("version")
    if not isinstance(name, str):
        return _Claims()
    if isinstance(version, float) and version.is_integer():  # read as an integer, as JSON Schema has it
        version = int(version)
    event_type = EventType(domain if isinstance(domain, str) else None, name, version if type(version) is int else 1)
    return _Claims(event_type, parts.get("subject"), parts.get("publisher"))


def _checked_text(text: str, what: str) -> str:
    if not text:
        raise EncodeError(f"{what} is empty: the service refuses it")
    if bad := _REFUSED.search(text):
        raise EncodeError(f"{what} holds U+{ord(bad[0]):04X} at {bad.start()}, which the service refuses; use bytes")
    return text


def bytes_of(body: str) -> int:
    """What a text counts for."""
    return len(body) if body.isascii() else len(body.encode())


class WireAttributes(NamedTuple):
    """Message attributes as AWS spells them, and the bytes that they count for: name, type and value."""

    values: dict[str, Mapping[str, str | bytes]]
    size: int


_NO_ATTRIBUTES: Final = WireAttributes({}, 0)
_ATTRIBUTE_NAME: Final = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_MAX_DIGITS: Final = 38


@lru_cache(maxsize=4096)
def _own_attributes(content_type: ContentType, event_type: EventType | None) -> WireAttributes:
    own: dict[str, str | int | float | bytes] = {CONTENT_TYPE_ATTRIBUTE: str(content_type)}
    if event_type is not None:
        own |= {NAME_ATTRIBUTE: event_type.name, VERSION_ATTRIBUTE: event_type.version}
        if event_type.domain:
            own[DOMAIN_ATTRIBUTE] = event_type.domain
    return _wire_attributes(own)


def travels_as_attribute(text: object) -> TypeGuard[str]:
    """Whether a subject or publisher is carried as a message attribute too, beside the body.

    One that the service refuses (an empty one, one with control characters) or that is longer than 256 characters is
    not: the message is published without that attribute.
    """
    return isinstance(text, str) and 0 < len(text) <= _MAX_CARRIED and not _REFUSED.search(text)


_MAX_CARRIED: Final = 256


def _about(claims: _Claims) -> WireAttributes:
    wire: dict[str, Mapping[str, str | bytes]] = {}
    size = 0
    for name, text in ((SUBJECT_ATTRIBUTE, claims.subject), (PUBLISHER_ATTRIBUTE, claims.publisher)):
        if travels_as_attribute(text):
            wire[name] = {"DataType": "String", "StringValue": text}
            size += len(name) + len("String") + bytes_of(text)
    return WireAttributes(wire, size)


def added_attributes(attributes: Attributes | None) -> WireAttributes:
    """The caller's attributes, checked. Raises ``ConfigurationError`` or ``EncodeError``."""
    if not attributes:
        return _NO_ATTRIBUTES
    if taken := sorted(RESERVED_ATTRIBUTES & attributes.keys()):
        raise ConfigurationError(f"message attribute {taken[0]!r} is the library's own; choose another name")
    return _wire_attributes(attributes)


def _wire_attributes(attributes: Attributes) -> WireAttributes:
    wire: dict[str, Mapping[str, str | bytes]] = {}
    size = 0
    for name, value in attributes.items():
        if not isinstance(name, str) or not _ATTRIBUTE_NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EncodeError(
                f"message attribute {name!r}: a name has 1 to 256 of A-Z a-z 0-9 _ - . with no dot at its ends or "
                "twice in a row, and does not begin with AWS. or Amazon."
            )
        data_type, wired = _wire_value(name, value)
        key = "BinaryValue" if isinstance(wired, bytes) else "StringValue"
        wire[name] = {"DataType": data_type, key: wired}
        size += len(name) + len(data_type) + (len(wired) if isinstance(wired, bytes) else bytes_of(wired))
    return WireAttributes(wire, size)


def _wire_value(name: str, value: object) -> tuple[str, str | bytes]:
    what = f"message attribute {name!r}"
    match value:
        case str():
            return "String", _checked_text(value, what)
        case bytes():
            if not value:
                raise EncodeError(f"{what} is empty: the service refuses it")
            return "Binary", value
        case bool():
            raise EncodeError(f"{what} is a bool, which the service does not know: give a str")
        case int():
            if abs(value) >= 10**_MAX_DIGITS:
                raise EncodeError(f"{what} has more than {_MAX_DIGITS} digits: give a str")
            return "Number", str(int(value))
        case float():
            if not isfinite(value) or (value and not 1e-128 <= abs(value) < 1e126):
                raise EncodeError(f"{what} is outside of what the service takes as a number (1e-128 to 1e126)")
            return "Number", repr(float(value))
        case _:
            raise EncodeError(f"{what} is {type(value).__name__}: give str, int, float or bytes")
