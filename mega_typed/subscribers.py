"""Subscribers: classes that say what they want to receive and process it.

A subclass declares patterns as class attributes. They are collected once, when the class is defined, and held against
the event's types (``pattern_check``); a class whose pattern cannot be right does not come to exist. What is left is a
``Wanted`` record that dispatch reads. Defining a class never touches the network.

The ancestor's names work side by side (``event_name`` and ``name``, ...); where both are set, the longer one counts.
This file knows events, payloads and patterns, and nothing of queues.
"""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeAlias, Union, cast, get_args, get_origin

from mega_typed.carried import Node, root
from mega_typed.errors import Fault, PatternError, PatternWarning
from mega_typed.event import Event, ObjectState, schema_of
from mega_typed.match import Pattern, any_
from mega_typed.pattern_check import always_true, check_fields, check_value, impossible, never
from mega_typed.payload import MegaPayload
from typing_extensions import TypeVar

__all__ = [
    "UNTYPED_PARTS",
    "DataSubscriber",
    "EventSubscriber",
    "MessageSubscriber",
    "Payload",
    "ProcessStatus",
    "Subscriber",
    "Wanted",
    "part_types",
]


class ProcessStatus(Enum):
    """What a subscriber says after it has processed a payload; ``None`` means ``DONE``.

    Attributes:
        DONE: it is processed.
        RETRY_LATER: not yet; the message comes again. Nothing is wrong.
        RETRIABLE_ERROR: it failed, and may succeed when the message comes again.
        FATAL_ERROR: it failed, and would fail again.
    """

    DONE = "done"
    RETRY_LATER = "retry_later"
    RETRIABLE_ERROR = "retriable_error"
    FATAL_ERROR = "fatal_error"


Payload: TypeAlias = MegaPayload | dict[str, Any] | str | bytes
"""An untyped payload: a MEGA event, a data object, plaintext or a binary blob."""

Faults: TypeAlias = list[Fault]

P = TypeVar("P")
E = TypeVar("E", bound=Event | MegaPayload, default=MegaPayload)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber wants to receive, with aliases resolved.

    Attributes:
        event_classes: the classes of a typed subscriber, whose validated instances its patterns see; else none.
        identity: patterns over ``domain``, ``name`` and ``version``.
        parts: patterns over the other parts of an event, by the canonical name of the attribute that declared them.
        whole: the pattern over the whole payload, of data and message subscribers.
    """

    event_classes: tuple[type[Event], ...] = ()
    identity: Mapping[str, object] | None = None
    parts: Mapping[str, object] | None = None
    whole: object = None


_ALIASES: Final[dict[str, str]] = {
    "event_name": "name",
    "event_domain": "domain",
    "event_version": "version",
    "event_timestamp": "timestamp",
    "event_subject": "subject",
    "event_publisher": "publisher",
    "event_attributes": "attributes",
    "object_type": "object_type",
    "object_version": "object_version",
    "object_id": "object_id",
    "object_current": "current_object",
    "object_previous": "previous_object",
}
"""The ancestor's table: the attribute that counts, and its alias."""

UNTYPED_PARTS: Final[Mapping[str, Any]] = {
    "event_name": str,
    "event_domain": str | None,
    "event_version": int,
    "event_timestamp": datetime,
    "event_subject": str | None,
    "event_publisher": str | None,
    "event_attributes": dict[str, Any],
    "object_type": str | None,
    "object_version": int | None,
    "object_id": str | None,
    "object_current": dict[str, Any] | None,
    "object_previous": dict[str, Any] | None,
}
"""The types of what an untyped subscriber sees."""

_IDENTITY: Final = ("event_name", "event_domain", "event_version")
_MAPPINGS: Final = ("event_attributes", "object_current", "object_previous")
_SHORT: Final = {"event_name": "name", "event_domain": "domain", "event_version": "version"}


# --- collecting -------------------------------------------------------------------------------------------------------


def _event_classes(subscriber: type[Any]) -> tuple[type[Event], ...]:
    """Of the nearest ``EventSubscriber[...]`` among the bases: one event class, or all of a union."""
    for owner in subscriber.__mro__:
        for base in owner.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, EventSubscriber):
                members = _alternatives(get_args(base)[0])
                if Event in members:
                    fault = Fault("", "Event itself has no identity; name an event class, or leave the brackets out")
                    raise PatternError(subscriber.__qualname__, [fault])
                classes = tuple(each for each in members if isinstance(each, type) and issubclass(each, Event))
                untyped = not classes and all(map(_says_nothing, members))
                if len(classes) < len(members) and not untyped:
                    of = "every one of " if len(members) > 1 else ""
                    fault = Fault("", f"{of}{', '.join(map(_name, members))} must be an event class")
                    raise PatternError(subscriber.__qualname__, [fault])
                if classes:
                    return classes
    return ()


def _alternatives(annotation: object) -> tuple[object, ...]:
    """The members of a union, with or without a note, or what is none."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin not in (Union, UnionType):
        return (annotation,)
    return tuple(each for member in get_args(annotation) for each in _alternatives(member))


def _says_nothing(member: object) -> bool:
    """Whether what stands in the brackets is left open, so that the subscriber is untyped."""
    return member in (MegaPayload, Any) or isinstance(member, TypeVar)


def _name(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _declared(subscriber: type[Any]) -> Iterator[tuple[str, tuple[str, object]]]:
    """Canonical name, the name it was written with, and the pattern; the nearest class that sets either counts."""
    for key, alias in _ALIASES.items():
        nearest = next(base for base in subscriber.__mro__ if key in vars(base) or alias in vars(base))
        written = key if key in vars(nearest) else alias
        yield key, (written, getattr(subscriber, written))


def _requires_nothing(key: str, pattern: object) -> bool:
    if isinstance(pattern, Pattern):
        return pattern.operator == "any"
    return key in _MAPPINGS and isinstance(pattern, Mapping) and not pattern


# --- checking ---------------------------------------------------------------------------------------------------------


@cache
def part_types(event_class: type[Event]) -> dict[str, object]:
    """The type of each part, and of ``event_attributes`` the fields; with what a carried schema says of them."""
    fields = {name: field.rebuild_annotation() for name, field in event_class.model_fields.items()}
    carried = schema_of(event_class)
    whole = None if carried is None else root(*carried)
    event, state = _below(whole, "event"), _below(whole, "object")
    attributes = _below(event, "attributes")
    current, previous = _state_types(fields["object"]) or (Any, Any)
    required = event_class.model_fields["object"].is_required()

    def placed(annotation: Any, section: Node | None, name: str) -> object:
        """A type, at its place in the schema that the class carries."""
        place = _below(section, name)
        return annotation if whole is None else NoneType if place is None else Annotated[annotation, place]

    def part(kind: object, section: Node | None, name: str, *, required: bool = True, absent: object = None) -> object:
        """The type of a part of a section, which may be absent unless the schema requires it."""
        there = placed(kind, section, name)
        always = required and section is not None and section.requires(name)
        return there if always else Union[there, absent]  # noqa: UP007 - None | None is an error

    return {
        **{name: UNTYPED_PARTS[name] for name in _IDENTITY},
        "event_timestamp": placed(fields["timestamp"], event, "timestamp"),
        "event_subject": part(str, event, "subject"),
        "event_publisher": part(str, event, "publisher"),
        "event_attributes": {
            name: placed(fields[name], attributes, wire_name)
            for name, wire_name in event_class.__attribute_names__.items()
        },
        "object_type": part(str, state, "type", required=required),
        "object_version": part(
            int, state, "version", required=required, absent=Literal[1] if required else Literal[1, None]
        ),
        **{
            f"object_{name}": part(kind, state, name, required=required)
            for name, kind in {"id": str, "current": current, "previous": previous}.items()
        },
    }


def _below(section: Node | None, name: str) -> Node | None:
    return None if section is None else section.field(name)


def _fixed(event_class: type[Event]) -> dict[str, object]:
    """What the schema fixes, as types of one value; the object may be absent unless the event requires it."""
    identity = event_class.__event_type__
    fixed: dict[str, object] = {
        "event_domain": Literal[identity.domain],
        "event_name": Literal[identity.name],
        "event_version": Literal[identity.version],
    }
    of_object = {"object_type": event_class.__object_type__, "object_version": event_class.__object_version__}
    for key, value in of_object.items():
        if value is not None:
            required = event_class.model_fields["object"].is_required()
            fixed[key] = Literal[value] if required else Literal[value, None]
    return fixed


def _state_types(annotation: object) -> tuple[object, object] | None:
    """The types of the current and the previous state, of a field annotated ``ObjectState[Cart] | None``."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, ObjectState):
            return part.__pydantic_generic_metadata__["args"] or None
        nested = _state_types(part) if part is not annotation else None
        if nested is not None:
            return nested
    return None


def _check(
    written: str, pattern: object, of: object, fixed: object = None, untyped: object = None
) -> tuple[Faults, Faults]:
    """What is wrong with a pattern, and what in it always matches.

    Args:
        written: the name that it was written with.
        pattern: it.
        of: the type of the value, or those of its fields.
        fixed: a type of one value, where the schema fixes it.
        untyped: the type of the value in the untyped reading; then ``of`` says nothing.
    """
    conversions = untyped is not None
    if isinstance(pattern, Pattern) and pattern.operator == "any":
        return [], []
    fields = cast("dict[str, object]", of) if isinstance(of, dict) else None
    places: list[tuple[object, object, str]] = [(pattern, of, written)]
    try:
        if fixed is not None:
            return check_value(pattern, of, written) or never(pattern, fixed, written), []
        if fields is None:
            faults = check_value(pattern, of, written)
        else:
            faults = check_fields(pattern, fields, written, "the event")
            entries = cast("Mapping[str, object]", pattern).items() if isinstance(pattern, Mapping) else ()
            places = [(each, fields[key], f"{written}.{key}") for key, each in entries if key in fields]
        faults += [fault for place in places for fault in impossible(*place, conversions=conversions)]
        if conversions and not faults:
            faults = never(pattern, untyped, written, conversions=True)
    except RecursionError:
        return [Fault(written, "nested too deeply, or contains itself")], []
    return faults, [] if faults else [
        fault for place in places for fault in always_true(*place, conversions=conversions)
    ]


def _for_class(event_class: type[Event] | None, declared: Mapping[str, tuple[str, object]]) -> tuple[Faults, Faults]:
    """All patterns held against one event class, or against what is wrong for every type."""
    fields, fixed = (
        (dict.fromkeys(_ALIASES, Any), {}) if event_class is None else (part_types(event_class), _fixed(event_class))
    )
    faults: Faults = []
    always: Faults = []
    for key, (written, pattern) in declared.items():
        untyped = UNTYPED_PARTS[key] if event_class is None else None
        wrong, idle = _check(written, pattern, fields[key], fixed.get(key), untyped)
        faults += wrong
        always += idle
    return faults, always


def _for_each(
    event_classes: tuple[type[Event], ...], declared: Mapping[str, tuple[str, object]]
) -> tuple[Faults, Faults]:
    """The faults for each class, with its name where not all have them; and what always matches, whatever the class."""
    found = {event_class: _for_class(event_class, declared) for event_class in event_classes or (None,)}
    having: dict[Fault, list[str]] = {}
    for event_class, (faults, _) in found.items():
        for fault in faults:
            having.setdefault(fault, []).append("" if event_class is None else event_class.__name__)
    faults = [
        fault if len(names) == len(found) else Fault(fault.path, f"{fault.message} (of {', '.join(names)})")
        for fault, names in having.items()
    ]
    idle = [always for _, always in found.values()]
    return faults, [each for each in idle[0] if all(each in always for always in idle)]


def _mistaken_process(subscriber: type[Any], receives: tuple[type[Any], ...]) -> Faults:
    """A ``process`` that says that it takes something else than what it is called with."""
    process = inspect.getattr_static(subscriber, "process")
    if isinstance(process, staticmethod | classmethod):
        return [Fault("process", f"is a {type(process).__name__}; write a method that takes self and one payload")]
    if not inspect.isfunction(process) or process is Subscriber.process:
        return []
    try:
        inspect.signature(process).bind(None, None)
    except TypeError as error:
        return [Fault("process", f"must take self and one payload: {error}")]
    try:
        annotation = list(inspect.signature(process, eval_str=True).parameters.values())[1].annotation
        takes = [get_origin(each) or each for each in _alternatives(annotation)]
        if {Any, inspect.Parameter.empty} & set(takes) or not all(isinstance(each, type) for each in takes):
            return []
        refused = [each for each in receives if not issubclass(each, tuple(cast("list[type[Any]]", takes)))]
    except Exception:  # a name that only type checkers import, a protocol, *args: it is for them to judge
        return []
    return [
        Fault("process", f"it takes {' or '.join(map(_name, takes))}, and receives {_name(each)}") for each in refused
    ]


def _misspelt(subscriber: type[Any], known: tuple[str, ...]) -> Faults:
    """Class attributes that are almost, and not quite, the name of a pattern."""
    inherited = {name for base in subscriber.__mro__[1:] for name in vars(base)}
    faults: Faults = []
    for name, value in vars(subscriber).items():
        method = isinstance(value, property) or (inspect.isfunction(value) and value.__name__ == name)
        if name.startswith("_") or name in known or name in inherited or method:
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if close and not name.startswith(close[0]):  # `subjects` is a name of its own
            faults.append(Fault(name, f"not an attribute that is matched; did you mean `{close[0]}`?"))
    return faults


def _report(subscriber: type[Any], faults: Faults, always: Faults) -> None:
    """Refuse a class for its faults; else warn of what in it always matches, at the class statement."""
    if faults:
        raise PatternError(subscriber.__qualname__, faults)
    for found in always:
        warnings.warn(f"{subscriber.__qualname__}: {found}", PatternWarning, stacklevel=3)


# --- the classes ------------------------------------------------------------------------------------------------------


class Subscriber(Generic[P]):
    """Base of the three kinds of subscriber.

    A listener makes one instance of each registered class, without arguments, and calls ``process`` for every payload
    that matches.

    Attributes:
        retriable: exception types that mean "try again later" when ``process`` raises them; any other is fatal.
    """

    retriable: ClassVar[tuple[type[Exception], ...]] = ()
    __wanted__: ClassVar[Wanted] = Wanted()

    def process(self, payload: P, /) -> ProcessStatus | Coroutine[Any, Any, ProcessStatus | None] | None:
        """Process a payload. Override this, with ``def`` or ``async def``.

        Coroutines of all subscribers run on one event loop, in a thread of its own.

        Returns:
            what became of it; nothing means ``DONE``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define process()")


class _PatternSubscriber(Subscriber[P]):
    """A subscriber with one pattern over the whole payload."""

    __payload__: ClassVar[Any] = Any
    """The type of a payload."""

    pattern: ClassVar[Any] = any_()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        faults, always = _check("pattern", cls.pattern, Any, untyped=cls.__payload__)
        if cls.__payload__ is not Any:
            faults += _mistaken_process(cls, (dict,))
        _report(cls, [*faults, *_misspelt(cls, ("pattern",))], always)
        cls.__wanted__ = Wanted(whole=cls.pattern)


class MessageSubscriber(_PatternSubscriber[Payload]):
    """Receives payloads of every kind: MEGA events, data objects, plaintext and blobs.

    Attributes:
        pattern: what the whole payload must match, everything by default: ``match("ERROR")`` for some plaintext.
    """


class DataSubscriber(_PatternSubscriber[dict[str, Any]]):
    """Receives data objects: JSON or BSON documents that are not MEGA events.

    Attributes:
        pattern: a mapping that the document must match partially; every data object by default.
    """

    __payload__: ClassVar[Any] = dict[str, Any]


class EventSubscriber(Subscriber[E]):
    """Receives MEGA events. Typed when it is given an event class, as generated subscribers are; else untyped.

    A typed subscriber's patterns see the values of the validated event, an untyped one's the decoded values of the
    message. Without any pattern it receives every event (of its class). ``EventSubscriber[ItemAdded | ItemAddedV2]``
    receives both, and its patterns must be right for each.

    Attributes:
        name: alias ``event_name``; likewise ``domain``, ``version``, ``timestamp``, ``subject``, ``publisher`` and
            ``attributes``. Where both are set, the one with ``event_`` counts.
        attributes: a mapping that the event's attributes must match partially.
        object_type: likewise ``object_version`` and ``object_id``.
        object_current: a mapping that the entity's state must match partially (alias ``current_object``).
        object_previous: the same for its state before (alias ``previous_object``).

    Raises:
        PatternError: on definition of a subclass whose patterns cannot be right.

    Warns:
        PatternWarning: on definition, of a pattern that always matches.
    """

    name: ClassVar[Any] = any_()
    domain: ClassVar[Any] = any_()
    version: ClassVar[Any] = any_()
    timestamp: ClassVar[Any] = any_()
    subject: ClassVar[Any] = any_()
    publisher: ClassVar[Any] = any_()
    attributes: ClassVar[Any] = any_()
    object_type: ClassVar[Any] = any_()
    object_version: ClassVar[Any] = any_()
    object_id: ClassVar[Any] = any_()
    object_current: ClassVar[Any] = any_()
    object_previous: ClassVar[Any] = any_()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        event_classes = _event_classes(cls)
        declared = dict(_declared(cls))
        faults, always = _for_each(event_classes, declared)
        open_base = bool(vars(cls).get("__parameters__"))  # over a type variable; its subclasses say what they receive
        faults += _mistaken_process(cls, event_classes or (() if open_base else (MegaPayload,)))
        _report(cls, [*faults, *_misspelt(cls, (*_ALIASES, *_ALIASES.values()))], always)
        required = {key: pattern for key, (_, pattern) in declared.items() if not _requires_nothing(key, pattern)}
        cls.__wanted__ = Wanted(
            event_classes=event_classes,
            identity={_SHORT[key]: required[key] for key in _IDENTITY if key in required},
            parts={key: pattern for key, pattern in required.items() if key not in _IDENTITY},
        )
