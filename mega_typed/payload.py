"""MEGA payloads without a schema: what they are, how to tell one from ordinary data, how to build one.

This file knows the protocol (version 1) and no event class. ``identity_of`` is the cheap look that dispatch takes at
every message; ``MegaPayload`` is the whole payload, from which nothing of a consumed document is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Self, cast
from uuid import UUID

import msgspec
from mega_typed.codecs import Content, ContentKind, ContentType, iso_timestamp, parse_json
from mega_typed.errors import ConfigurationError, Fault, InvalidPayload

_TITLE: Final = "MEGA payload"
_BSON: Final = ContentType.BSON


class EventType(NamedTuple):
    """What identifies the definition of an event.

    Attributes:
        domain: the business domain, or None.
        name: what happened, such as ``order.placed``.
        version: of the definition, from 1 on.
    """

    domain: str | None
    name: str
    version: int = 1

    def __str__(self) -> str:
        return f"{self.domain} {self.name} v{self.version}" if self.domain else f"{self.name} v{self.version}"


@dataclass(frozen=True, slots=True)
class EventSection:
    """The ``event`` of a payload. An attribute may also be read as ``event.item_id`` unless its name is a field's.

    Attributes:
        name: name of the event.
        timestamp: when it happened, aware.
        version: version of the event's definition.
        domain: namespace of the event.
        subject: what the event is about.
        publisher: the service that published it.
        attributes: the event's own data.
    """

    name: str
    timestamp: datetime
    version: int = 1
    domain: str | None = None
    subject: str | None = None
    publisher: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])

    def __getattr__(self, name: str) -> Any:
        if name == "attributes" or name.startswith("__"):  # not filled in yet, while it is copied
            raise AttributeError(name)
        try:
            return self.attributes[name]
        except KeyError:
            known = ", ".join(sorted(self.attributes)) or "none"
            raise AttributeError(f"event {self.name!r} has no attribute {name!r}; it has: {known}") from None


@dataclass(frozen=True, slots=True)
class ObjectSection:
    """The ``object`` of a payload: the entity that the event is about.

    Attributes:
        current: its state now.
        previous: its state before the event.
        id: its key.
        type: its type.
        version: version of its representation.
        unknown: keys that the protocol does not know, kept for a re-publish.
    """

    current: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    id: str | None = None
    type: str | None = None
    version: int = 1
    unknown: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class MegaPayload:
    """A MEGA payload without a schema; compares by value.

    Attributes:
        event: what happened.
        object: the entity that it happened to.
        extra: anything else.
        unknown: top-level keys that the protocol does not know, kept for a re-publish.
    """

    protocol: ClassVar[str] = "mega"
    version: ClassVar[int] = 1

    event: EventSection
    object: ObjectSection | None = None
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    unknown: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def event_type(self) -> EventType:
        """The identity of the event."""
        return EventType(self.event.domain, self.event.name, self.event.version)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a decoded document.

        Keys of ``event`` that the protocol does not list are attributes; where one stands in ``attributes`` as well,
        that one counts. Null counts as absent for the optional parts. A timestamp is an ISO-8601 string or a date-time;
        without offset it is UTC; what is finer than a microsecond is cut off.

        Raises:
            InvalidPayload: all that is wrong; reason ``not_mega`` when it is no MEGA payload at all.
        """
        if not is_mega(document):
            faults = [Fault("protocol", 'must be "mega", with "version": 1')]
            raise InvalidPayload(_TITLE, faults, reason="not_mega")
        has_object = document.get("object") is not None
        root = _Reader({key: part for key, part in document.items() if key not in ("protocol", "version")})
        event, entity, extra = root.section("event"), root.section("object"), root.mapping("extra")
        attributes = event.mapping("attributes") or {}
        section = EventSection(
            name=event.name(),
            timestamp=event.timestamp(),
            version=event.integer("version"),
            domain=event.string("domain"),
            subject=event.string("subject"),
            publisher=event.string("publisher"),
            attributes=event.rest | attributes,
        )
        state = ObjectSection(
            current=entity.mapping("current"),
            previous=entity.mapping("previous"),
            id=entity.string("id"),
            type=entity.string("type"),
            version=entity.integer("version"),
            unknown=entity.rest,
        )
        if root.faults:
            raise InvalidPayload(_TITLE, root.faults)
        return cls(event=section, object=state if has_object else None, extra=extra or {}, unknown=root.rest)

    def to_document(self) -> dict[str, Any]:
        """The payload as a document: timestamp as ISO-8601 with offset, absent parts and empty extra left out."""
        document: dict[str, Any] = {
            "protocol": self.protocol,
            "version": self.version,
            "event": _present(
                name=self.event.name,
                timestamp=iso_timestamp(self.event.timestamp),
                version=self.event.version,
                domain=self.event.domain,
                subject=self.event.subject,
                publisher=self.event.publisher,
                attributes=self.event.attributes,
            ),
        }
        if self.object is not None:
            known = _present(
                current=self.object.current,
                previous=self.object.previous,
                id=self.object.id,
                type=self.object.type,
                version=self.object.version,
            )
            document["object"] = self.object.unknown | known
        if self.extra:
            document["extra"] = self.extra
        return self.unknown | document


class PayloadBuilder:
    """Builds a ``MegaPayload`` step by step: ``PayloadBuilder().with_event("user.created").build()``."""

    __slots__ = ("_event", "_extra", "_object")

    def __init__(self) -> None:
        self._event: EventSection | None = None
        self._object: ObjectSection | None = None
        self._extra: dict[str, Any] = {}

    def with_event(
        self,
        name: str = "",
        domain: str | int | UUID | None = None,
        version: int = 1,
        timestamp: datetime | str | None = None,
        subject: str | int | UUID | None = None,
        publisher: str | int | UUID | None = None,
        attributes: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Self:
        """Set the event; a second call replaces it.

        Args:
            name: name of the event.
            domain: namespace of the event; a number becomes a string, here and in the next two.
            version: version of the event's definition.
            timestamp: when it happened; now when omitted, UTC when it has no offset.
            subject: what the event is about.
            publisher: the service that publishes it.
            attributes: the event's own data.
            **more: further attributes; they win over ``attributes``.

        Raises:
            ConfigurationError: no name, or a timestamp or version that cannot be read.
        """
        section = {"name": name, "version": version, "timestamp": datetime.now(UTC) if timestamp is None else timestamp}
        reader = _Reader(section, "event")
        self._event = EventSection(
            name=reader.name(),
            timestamp=reader.timestamp(),
            version=reader.integer("version"),
            domain=_key(domain),
            subject=_key(subject),
            publisher=_key(publisher),
            attributes={**(attributes or {}), **more},
        )
        _refuse_arguments(reader)
        return self

    def with_object(
        self,
        current: Mapping[str, Any] | None = None,
        type: str | None = None,
        id: str | int | UUID | None = None,
        version: int = 1,
        previous: Mapping[str, Any] | None = None,
    ) -> Self:
        """Set the entity that the event is about; a second call replaces it.

        Args:
            current: its state now.
            type: its type.
            id: its key; a number becomes a string.
            version: version of its representation.
            previous: its state before the event.

        Raises:
            ConfigurationError: a state that is no mapping, or a type or version that cannot be read.
        """
        section = {"current": current, "type": type, "version": version, "previous": previous}
        reader = _Reader(section, "object")
        self._object = ObjectSection(
            current=reader.mapping("current"),
            previous=reader.mapping("previous"),
            id=_key(id),
            type=reader.string("type"),
            version=reader.integer("version"),
        )
        _refuse_arguments(reader)
        return self

    def with_extra(self, /, **extra: Any) -> Self:
        """Add to the extra section."""
        self._extra.update(extra)
        return self

    def build(self) -> MegaPayload:
        """The payload. Raises ``ConfigurationError`` when there is no event."""
        if self._event is None:
            raise ConfigurationError("a MEGA payload needs an event: call with_event(name, ...) before build()")
        return MegaPayload(event=self._event, object=self._object, extra=dict(self._extra))


def is_mega(document: Mapping[str, Any]) -> bool:
    """Whether a document says that it is a MEGA payload: protocol ``"mega"``, version 1 (``"1"`` is read as well)."""
    return _says_mega(document.get("protocol"), document.get("version"))


class _Skip(msgspec.Struct, gc=False):
    """An object whose members are skipped."""


class _EventHead(msgspec.Struct, gc=False):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    version: int | msgspec.UnsetType | None = msgspec.UNSET
    domain: str | None = None
    attributes: _Skip | None = None


class _Head(msgspec.Struct, gc=False):
    event: _EventHead | None = None
    protocol: Any = None
    version: Any = None


read_head: Final = msgspec.json.Decoder(_Head).decode
"""The identity in JSON text, everything else skipped. Raises ``ValueError`` or ``RecursionError``; see identity_of."""


def has_version(text: str | bytes) -> bool:
    """Whether ``event.version`` of a payload, whose identity can be read, is there and not null."""
    try:
        event = read_head(text).event
    except (ValueError, RecursionError):  # not the usual shape, such as 1.0
        return parse_json(text)["event"].get("version") is not None
    return event is not None and event.version is not msgspec.UNSET and event.version is not None


_new = tuple.__new__  # three times faster than the constructor of a NamedTuple


def identity_of(content: Content) -> EventType | None:
    """The identity of the event in a body, or None for an ordinary data object.

    Reads JSON text without building it, checks the syntax of the whole text, and that ``event.attributes`` is an
    object, null or absent. What the rest of the payload holds is not looked at.

    Raises:
        CodecError: the text is not JSON (``malformed_json``, ``too_deep``, ...), or the body is no document.
        InvalidPayload: it says that it is MEGA, and has no event that can be identified.
    """
    if content.content_type is _BSON:
        return _identity_in(content.document())
    try:
        head = read_head(content.json_text())
    except (ValueError, RecursionError):  # malformed, or not the usual shape: the long way finds out
        return _identity_in(content.document())
    if head.protocol != "mega" or not (head.version == 1 or head.version == "1"):
        return None
    event = head.event
    if event is None:
        return _identity_in(content.document())
    version = event.version
    return _new(EventType, (event.domain, event.name, version if type(version) is int else 1))


def identity_of_json(text: str | bytes) -> EventType | None:
    """The same for JSON text that is at hand."""
    return identity_of(Content(ContentType.JSON, ContentKind.OBJECT, text))


def _identity_in(document: dict[str, Any]) -> EventType | None:
    if not is_mega(document):
        return None
    event = document["event"] if type(document.get("event")) is dict else {}
    domain, name, version = event.get("domain"), event.get("name"), event.get("version")
    usual = type(domain) is str and type(name) is str and name and type(version) is int
    if usual and type(event.get("attributes")) is dict:  # the long way names what is wrong
        return _new(EventType, (domain, name, version))
    root = _Reader(document)
    event = root.section("event")
    event.mapping("attributes")
    identity = EventType(event.string("domain"), event.name(), event.integer("version"))
    if root.faults:
        raise InvalidPayload(_TITLE, root.faults)
    return identity


def _refuse_arguments(reader: _Reader) -> None:
    if reader.faults:
        raise ConfigurationError("; ".join(map(str, reader.faults)))


def _says_mega(protocol: object, version: object) -> bool:
    return protocol == "mega" and (version == 1 or version == "1")


def _present(**parts: Any) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value is not None}


def _key(value: str | int | UUID | None) -> str | None:
    return None if value is None else str(value)


class _Reader:
    """Takes the known parts out of a section, null as absent, and notes the faults; ``rest`` is what nobody took."""

    __slots__ = ("_path", "faults", "rest")

    def __init__(self, section: Mapping[str, Any], path: str = "", faults: list[Fault] | None = None) -> None:
        self._path = path
        self.rest = dict(section)
        self.faults: list[Fault] = [] if faults is None else faults

    def section(self, key: str) -> _Reader:
        return _Reader(self.mapping(key) or {}, self._at(key), self.faults)

    def mapping(self, key: str) -> dict[str, Any] | None:
        value = self.rest.pop(key, None)
        if isinstance(value, Mapping):
            return dict(cast("Mapping[str, Any]", value))
        if value is not None:
            self._note(key, f"must be an object, not {type(value).__name__}", masked=True)
        return None

    def string(self, key: str) -> str | None:
        value = self.rest.pop(key, None)
        if value is None or isinstance(value, str):
            return value
        masked = key in ("subject", "publisher", "id")
        self._note(key, f"must be a string, not {type(value).__name__}", masked=masked)
        return None

    def integer(self, key: str) -> int:
        value = self.rest.pop(key, None)
        if value is None:
            return 1
        if (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        ):
            return int(value)
        self._note(key, f"must be an integer, not {value!r:.40}")
        return 1

    def name(self) -> str:
        if self.rest.get("name") in (None, ""):
            self._note("name", "is missing or empty")
        return self.string("name") or ""

    def timestamp(self) -> datetime:
        value = self.rest.pop("timestamp", None)
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            moment = None
        if isinstance(moment, datetime):
            return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment
        self._note("timestamp", "is missing" if value is None else f"must be an ISO-8601 date-time, not {value!r:.40}")
        return datetime.max

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _note(self, key: str, message: str, *, masked: bool = False) -> None:
        """Note a fault; without a schema, whatever one could mark as sensitive is masked."""
        self.faults.append(Fault(self._at(key), message, masked))
