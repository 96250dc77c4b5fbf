"""A message, opened as far as it can be: its envelope, its payload, its event type, whether it is valid today.

What every command shows of a message is decided here, so that all show the same. Nothing raises for what a stranger
wrote; what is wrong is part of what is found. This file knows neither queues nor the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from mega_typed.codecs import Content, ContentKind, ContentType, decode, encode_document
from mega_typed.commands.command import CommandError
from mega_typed.envelopes import Envelope, Record, open_envelope
from mega_typed.errors import InvalidPayload, MegaError
from mega_typed.event import Event
from mega_typed.messages import DOMAIN_ATTRIBUTE, NAME_ATTRIBUTE, VERSION_ATTRIBUTE
from mega_typed.offload import S3Payloads
from mega_typed.payload import EventType, MegaPayload, identity_of
from mega_typed.pointers import find_pointer
from mega_typed.registry import registered_class
from mega_typed.sensitive import masked

Verdict = Literal["valid", "invalid", "unchecked", "unreadable"]

_KINDS: Final = {ContentKind.OBJECT: "data", ContentKind.TEXT: "text", ContentKind.BINARY: "binary"}


@dataclass(frozen=True, slots=True)
class Opened:
    """What a message turned out to be.

    Attributes:
        kind: ``event``, ``data``, ``text``, ``binary``, ``confirmation``, ``undecodable``, or ``offloaded``: it lies in
            S3 and was not fetched.
        verdict: ``valid`` or ``invalid`` for an event that was checked, ``unreadable``, else ``unchecked``.
        event_type: of an event.
        json: the document, as JSON text; where its class is known, without what its schema marks as sensitive.
        content: what the body holds, where it could be read.
        event: the typed event, where it is valid.
        error: what is wrong.
    """

    kind: str
    verdict: Verdict = "unchecked"
    event_type: EventType | None = None
    json: bytes | None = None
    content: Content | None = None
    event: Event | None = None
    error: MegaError | None = None

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        if self.kind == "offloaded":
            return f"{self.event_type or 'payload'} in S3"
        if self.event_type is not None:
            return str(self.event_type)
        if self.content is not None and self.content.kind is ContentKind.BINARY:
            return f"{len(self.content.data)} bytes"
        return "data object" if self.kind == "data" else self.kind

    def body(self) -> str:
        """The payload for people."""
        if self.json is not None:
            return msgspec.json.format(self.json, indent=2).decode()
        if self.content is None:
            return ""
        return self.content.text if self.content.kind is ContentKind.TEXT else self.content.data[:64].hex(" ")

    def as_json(self) -> dict[str, Any]:
        """The same for programs; what is not there is left out."""
        kind = self.content.kind if self.content is not None else None
        found: dict[str, Any] = {
            "kind": self.kind,
            "verdict": self.verdict,
            "event_type": type_as_json(self.event_type),
            "payload": None if self.json is None else msgspec.json.decode(self.json),
            "text": self.content.text if self.content is not None and kind is ContentKind.TEXT else None,
            "base64": msgspec.to_builtins(self.content.data)
            if self.content is not None and kind is ContentKind.BINARY
            else None,
            "error": None if self.error is None else str(self.error).partition("\n")[0],
            "faults": [{"path": each.path, "message": each.message} for each in self.error.faults]
            if isinstance(self.error, InvalidPayload)
            else None,
        }
        return {key: value for key, value in found.items() if value is not None}


def type_as_json(event_type: EventType | None) -> dict[str, Any] | None:
    """An event type for programs."""
    return None if event_type is None else event_type._asdict()


def names_of(event_type: EventType | None) -> tuple[str, ...]:
    """How an event type is written on the command line, with its version and without."""
    if event_type is None:
        return ()
    name = f"{event_type.domain or ''}/{event_type.name}"
    return name, f"{name}/{event_type.version}"


def _claimed(envelope: Envelope) -> EventType | None:
    """The event type that a publisher of this library wrote into the message attributes."""
    attributes = envelope.attributes
    name, version = attributes.get(NAME_ATTRIBUTE), attributes.get(VERSION_ATTRIBUTE)
    domain = attributes.get(DOMAIN_ATTRIBUTE)
    if not isinstance(name, str) or not isinstance(version, str) or not version.isdecimal() or len(version) > 9:
        return None
    return EventType(domain if isinstance(domain, str) else None, name, int(version))


def class_of(event_type: EventType) -> type[Event] | None:
    """The class of an event, if an imported package has it. Raises ``CommandError``: it cannot be imported."""
    try:
        found: type[Event] | None = registered_class(event_type)
    except Exception as error:  # of the user's package
        raise CommandError(f"cannot import the class of {event_type}: {type(error).__name__}: {error}") from error
    return found


def opened(record: Record, payloads: S3Payloads | None = None) -> Opened:
    """Open a message. It is validated where an imported package has the class of its event.

    Args:
        record: the message.
        payloads: fetches what lies in S3.
    """
    event_type: EventType | None = None
    content: Content | None = None
    readable: bytes | None = None
    try:
        if payloads is not None:
            record = payloads.restore(record)
        elif find_pointer(record) is not None:
            pointer = open_envelope(record)
            return Opened("offloaded", event_type=_claimed(pointer), content=decode(pointer.body, ContentType.TEXT))
        envelope = open_envelope(record)
        content = decode(envelope.body, envelope.content_type)
        if envelope.confirmation is not None:
            return Opened("confirmation", content=content)
        if content.damage is not None:
            raise content.damage
        if content.kind is not ContentKind.OBJECT:
            return Opened(_KINDS[content.kind], content=content)
        event_type = identity_of(content)
        document = content.document()
        event_class = None if event_type is None else class_of(event_type)
        readable = encode_document(document if event_class is None else masked(event_class, document)).body.encode()
        if event_type is None:
            return Opened("data", json=readable, content=content)
        MegaPayload.from_document(document)
        if event_class is None:
            return Opened("event", "unchecked", event_type, readable, content)
        event = event_class.from_json(content.json_text())
        return Opened("event", "valid", event_type, readable, content, event)
    except InvalidPayload as error:
        return Opened("event", "invalid", event_type, readable, content, error=error)
    except MegaError as error:
        return Opened("undecodable", "unreadable", event_type, readable, content, error=error)
