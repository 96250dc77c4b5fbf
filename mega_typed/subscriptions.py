"""Registered subscribers, and which of them a payload matches.

What a subscriber wants becomes conditions here (``conditions``), and conditions that are asked together stand in one
index: those of typed subscribers for each event class, those of untyped ones, of data and of message subscribers.
Subscribers are numbered in the order of registration, which is the order of all results.

Validation comes before matching: an event that somebody asks for is read first, and what is not valid raises. An event
that nobody asks for is not read beyond its identity. This file processes nothing and knows no envelope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, Final, cast

import msgspec
from mega_typed.askers import Askers
from mega_typed.codecs import Content, ContentKind
from mega_typed.conditions import Condition, condition, leaves_of
from mega_typed.errors import InvalidPayload
from mega_typed.event import Event, wire_reader
from mega_typed.explanation import Explanation, explain_pattern
from mega_typed.fields import Path, value_at
from mega_typed.index import Failures, Growing, Numbers
from mega_typed.payload import EventType, MegaPayload, is_mega
from mega_typed.registry import registered_class
from mega_typed.sensitive import Place, document_of, shown
from mega_typed.subscribers import DataSubscriber, EventSubscriber, MessageSubscriber, Payload, Subscriber, Wanted
from pydantic import BaseModel

_SELF: Final = ""
"""Where the event itself stands among the fields of a typed one; no field has this name."""


class Selection(msgspec.Struct, frozen=True):
    """Subscribers by number: those that a payload matches, with what each is given, and whose pattern failed."""

    matched: Sequence[tuple[int, Any]] = ()
    failures: Sequence[tuple[int, BaseException]] = ()

    def plus(self, result: tuple[Numbers, Failures], payload: object) -> Selection:
        """With those that match a payload."""
        numbers, failures = result
        if not (numbers or failures):
            return self
        found = [(number, payload) for number in numbers]
        return Selection(
            sorted([*self.matched, *found], key=_number) if self.matched else found,
            sorted([*self.failures, *failures], key=_number) if failures else self.failures,
        )


_NOBODY: Final[tuple[Numbers, Failures]] = ((), ())
_NOTHING: Final = Selection()


def _number(pair: tuple[int, Any]) -> int:
    return pair[0]


class _Typed:
    """The subscribers of one event class."""

    __slots__ = ("event_class", "growing", "read", "with_self")

    def __init__(self, event_class: type[Event]) -> None:
        self.event_class = event_class
        self.growing = Growing()
        self.with_self = False
        self.read: Callable[[str | bytes], Event] = self._first_read

    def _first_read(self, text: str | bytes) -> Event:
        self.read = wire_reader(self.event_class)
        return self.read(text)

    def add(self, number: int, wanted: Condition) -> None:
        self.with_self |= any(path[0] == _SELF for path, _ in (*wanted.plain, *wanted.calling))
        self.growing.add(number, wanted)

    def matching(self, event: Event) -> tuple[Numbers, Failures]:
        return self.growing.matching(_typed_root(event) if self.with_self else event.__dict__)


class Subscriptions:
    """The subscribers that were added, with the indexes over what they want."""

    def __init__(self) -> None:
        self.subscribers: list[Subscriber[Any]] = []
        self._typed: dict[EventType, tuple[_Typed, ...]] = {}
        self.classes: dict[type, _Typed] = {}
        self.askers = Askers(_parts)
        self.data = Growing()
        self.messages = Growing()
        self._untyped = self._all_kinds = False
        """Whether there is anybody who might want an event of no class; and a payload of any kind."""

    def add(self, subscriber: Subscriber[Any]) -> None:
        """Add an instance of one of the three kinds of subscriber."""
        number, wanted = len(self.subscribers), subscriber.__wanted__
        if isinstance(subscriber, DataSubscriber | MessageSubscriber):
            whole = condition([((), wanted.whole)], conversions=True)
            self.subscribers.append(subscriber)
            if isinstance(subscriber, DataSubscriber):
                self.data.add(number, whole)
            else:
                self.messages.add(number, whole)
                self._untyped = self._all_kinds = True
            return
        typed = condition(_fields(wanted), conversions=False) if wanted.event_classes else None
        identity = condition((((key,), each) for key, each in (wanted.identity or {}).items()), conversions=True)
        parts = condition((((key,), each) for key, each in (wanted.parts or {}).items()), conversions=True)
        self.subscribers.append(subscriber)
        if typed is None:
            self.askers.add(number, identity, parts)
            self._untyped = True
            return
        for event_class in wanted.event_classes:
            if event_class not in self.classes:
                of_class = self.classes[event_class] = _Typed(event_class)
                others = self._typed.get(event_class.__event_type__, ())
                self._typed[event_class.__event_type__] = (*others, of_class)
            self.classes[event_class].add(number, typed)

    def of_event(self, identity: EventType, content: Content) -> Selection:
        """Who matches a MEGA event. Raises ``InvalidPayload`` or ``CodecError`` when somebody asks for it."""
        selection = _NOTHING
        for typed in self._typed.get(identity, ()):
            event = typed.read(content.json_text())
            selection = selection.plus(typed.matching(event), event)
        if self._untyped:
            asking, failures = self.askers.asking(identity)
            if failures:
                selection = selection.plus(((), failures), None)
            if asking or self._all_kinds:
                payload = MegaPayload.from_document(content.document())
                selection = selection.plus(self.askers.matching(asking, payload), payload)
                if self._all_kinds:
                    selection = selection.plus(self.messages.matching(content.document()), payload)
        return selection

    def of_data(self, content: Content) -> Selection:
        """Who matches a payload that is no event."""
        selection = _NOTHING
        payload: Payload
        if content.kind is ContentKind.OBJECT:
            payload = content.document()
            selection = selection.plus(self.data.matching(payload), payload)
        else:
            payload = content.text if content.kind is ContentKind.TEXT else content.data
        return selection.plus(self.messages.matching(payload), payload)

    def explained(self, identity: EventType | None, content: Content) -> Iterator[Explanation]:
        """Of every subscriber of this event type, or of this kind of payload, why it matches or not."""
        if identity is None:
            payload = content.document() if content.kind is ContentKind.OBJECT else content.text or content.data
            # what was meant as a document and cannot be read may be an event, of whatever class
            place = _place(payload) if content.damage is None else Place(sensitive=True)
            others = (each for each in self.subscribers if not isinstance(each, EventSubscriber))
            yield from (_explained(type(each), payload, place) for each in others)
            return
        for typed in self._typed.get(identity, ()):
            event = typed.read(content.json_text())
            asked = (each for each in self.subscribers if typed.event_class in each.__wanted__.event_classes)
            yield from (explain(type(each), event) for each in asked)
        untyped = MegaPayload.from_document(content.document())
        classes = {typed.event_class for typed in self._typed.get(identity, ())}
        place = Place((*(kind for each in classes for kind in document_of(each).types), *_place(untyped).types))
        for each in self.subscribers:
            if isinstance(each, EventSubscriber) and not each.__wanted__.event_classes:
                yield _explained(type(each), untyped, place)
            elif isinstance(each, MessageSubscriber):
                yield _explained(type(each), content.document(), place)

    def matching(self, payload: Event | Payload) -> tuple[type[Subscriber[Any]], ...]:
        """Who matches what is decoded already: of an event the subscribers of its class; see ``Dispatcher``."""
        typed = self.classes.get(type(payload))
        if typed is not None:
            numbers, _ = typed.matching(cast("Event", payload))
        elif isinstance(payload, MegaPayload):
            asking, _ = self.askers.asking(_identity(payload))
            numbers, _ = self.askers.matching(asking, payload)
        elif isinstance(payload, Event):
            numbers = ()
        else:
            numbers, _ = self.data.matching(payload) if isinstance(payload, dict) else _NOBODY
            if self._all_kinds:
                others, _ = self.messages.matching(payload)
                numbers = sorted((*numbers, *others))
        subscribers = self.subscribers
        return tuple([type(subscribers[number]) for number in numbers])


def _fields(wanted: Wanted) -> Iterator[tuple[Path, object]]:
    """The patterns of a typed subscriber at their places in the event, whose attributes are its own fields."""
    for key, pattern in (wanted.parts or {}).items():
        section, _, name = key.partition("_")
        if section == "object":
            yield (section, name), pattern
        elif name == "attributes":
            for path, each in leaves_of(pattern):
                yield path or (_SELF,), each
        else:
            yield (name,), pattern


def _identity(payload: MegaPayload) -> EventType:
    event = payload.event
    return tuple.__new__(EventType, (event.domain, event.name, event.version))


def _parts(payload: MegaPayload) -> dict[str, Any]:
    """The values that the pattern attributes of an untyped subscriber are about."""
    event, state = payload.event, payload.object
    parts: dict[str, Any] = {
        "domain": event.domain,
        "name": event.name,
        "version": event.version,
        "event_timestamp": event.timestamp,
        "event_subject": event.subject,
        "event_publisher": event.publisher,
        "event_attributes": event.attributes,
    }
    if state is not None:
        parts["object_type"] = state.type
        parts["object_version"] = state.version
        parts["object_id"] = state.id
        parts["object_current"] = state.current
        parts["object_previous"] = state.previous
    return parts


def explain(wanted: type[Subscriber[Any]] | object, payload: object) -> Explanation:
    """Explain whether a subscriber, or a pattern, matches a payload: each part with what was expected and found.

    Args:
        wanted: a subscriber class, or a pattern over the whole payload.
        payload: for a subscriber what its ``process`` is given; for a pattern any value. Typed events and other models
            are read as they are, all else as an untyped subscriber reads it (PATTERNS.md section 1). What the schema
            marks as sensitive is masked; of an untyped payload, where its package was imported.
    """
    place = _place(payload)
    if not (isinstance(wanted, type) and issubclass(wanted, Subscriber)):
        return explain_pattern(wanted, payload, conversions=not isinstance(payload, BaseModel), place=place)
    return _explained(wanted, payload, place)


def _place(payload: object) -> Place:
    """A payload as a place; without a class it is that of the event class with its identity, if there is one."""
    if isinstance(payload, BaseModel):
        return Place((type(payload),))
    if isinstance(payload, dict) and is_mega(document := cast("dict[str, Any]", payload)):
        try:
            payload = MegaPayload.from_document(document)
        except InvalidPayload:
            return Place()
    found = registered_class(payload.event_type) if isinstance(payload, MegaPayload) else None
    return Place() if found is None else document_of(found)


def _explained(wanted: type[Subscriber[Any]], payload: object, place: Place) -> Explanation:
    of: Wanted = wanted.__wanted__
    if isinstance(payload, Event):
        parts = [
            explain_pattern(
                pattern,
                value_at(_typed_root(payload), path),
                path=".".join(map(str, path)),
                place=reduce(Place.below, filter(None, map(str, path)), place),
            )
            for path, pattern in _fields(of)
        ]
        receives = isinstance(payload, of.event_classes)
    elif isinstance(payload, MegaPayload) and issubclass(wanted, EventSubscriber) and not of.event_classes:
        values = _parts(payload)
        declared = {**(of.identity or {}), **(of.parts or {})}
        parts = [
            explain_pattern(
                p, values.get(key), conversions=True, path=key, place=reduce(Place.below, key.split("_", 1), place)
            )
            for key, p in declared.items()
        ]
        receives = True
    else:
        whole = payload.to_document() if isinstance(payload, MegaPayload) else payload
        parts = [explain_pattern(of.whole, whole, conversions=True, place=place)]
        receives = issubclass(wanted, MessageSubscriber) or (
            issubclass(wanted, DataSubscriber) and isinstance(payload, dict)
        )
    matched = receives and all(part.matched for part in parts)
    return Explanation("", wanted, shown(payload, place), matched, tuple(parts))


def _typed_root(event: Event) -> dict[str, Any]:
    return {**event.__dict__, _SELF: event}
