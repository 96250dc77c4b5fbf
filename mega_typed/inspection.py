"""What subscribers amount to together: events that nobody handles, subscribers that receive nothing or the same.

Everything is found out from patterns and types alone; nothing is received and no function is called. Where it cannot
be decided (a predicate, a large pattern), a subscriber counts as one that may receive, and two as such that may
overlap. Typed subscribers are compared with those of the same event, untyped ones with untyped ones: what a typed
pattern says of a UUID cannot be compared with what an untyped one says of a text. This file prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final, Literal, TypeAlias, cast

from mega_typed.event import Event
from mega_typed.match import matches
from mega_typed.payload import EventType
from mega_typed.possible import Demand, possible
from mega_typed.subscribers import UNTYPED_PARTS, DataSubscriber, EventSubscriber, Subscriber, part_types

__all__ = ["Report", "inspect_subscribers"]

PAIRS: Final = 20_000
"""Pairs that are compared; of more subscribers of one event the rest is left out, and ``truncated`` says so."""

_Place: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; subscribers by ``module.Class``, events as ``domain name vN``.

    Another class of the same name is ``module.Class (2)``.

    Attributes:
        subscribers: all that were looked at, each with the events that it may receive; ``*`` for what has no type.
        unhandled: known events that no subscriber asks for.
        unreachable: subscribers that no payload can reach, each with the reason.
        everything: subscribers without a condition: they receive every event of theirs, or every message of their kind.
        equal: pairs that receive the same, each with the event; ``*`` for what has no type.
        overlapping: pairs of which some payload reaches both, and that are not equal.
        truncated: events with too many subscribers to compare all pairs.
    """

    subscribers: dict[str, list[str]]
    unhandled: list[str]
    unreachable: dict[str, str]
    everything: list[str]
    equal: list[tuple[str, str, str]]
    overlapping: list[tuple[str, str, str]]
    truncated: list[str]

    def as_json(self) -> dict[str, Any]:
        """The same as a document."""
        return asdict(self)


def inspect_subscribers(subscribers: Iterable[type[Subscriber[Any]]], events: Iterable[EventType] = ()) -> Report:
    """Look at subscribers together.

    Args:
        subscribers: the classes, as they would be registered.
        events: the event types that are known, ``registered_events()`` for instance.
    """
    classes = list(dict.fromkeys(subscribers))
    known = sorted(events, key=str)
    asked = {each: _asked(each, known) for each in classes}
    handled = {event for asking in asked.values() for event in asking}
    groups: dict[tuple[str, object], list[type[Subscriber[Any]]]] = {}
    for each in classes:
        for key in _groups(each):
            groups.setdefault(key, []).append(each)
    names = _names(classes)
    equal: list[tuple[str, str, str]] = []
    overlapping: list[tuple[str, str, str]] = []
    truncated: list[str] = []
    for (label, event_class), members in groups.items():
        pairs = list(combinations(members, 2)) if len(members) ** 2 < 2 * PAIRS else []
        truncated += [label] if len(members) > 1 and not pairs else []
        for first, second in pairs:
            found = _compared(first, second, cast("type[Event] | None", event_class))
            if found is not None:
                (equal if found else overlapping).append((names[first], names[second], label))
    return Report(
        subscribers={names[each]: _received(each, asked[each], known) for each in classes},
        unhandled=[str(event) for event in known if event not in handled],
        unreachable={names[each]: reason for each in classes if (reason := _unreachable(each, asked[each], known))},
        everything=[names[each] for each in classes if not _conditions(each, None)],
        equal=equal,
        overlapping=overlapping,
        truncated=truncated,
    )


def _names(classes: Iterable[type[Any]]) -> dict[type[Any], str]:
    """The name of each class; where several have one, which a factory may give them, they are counted."""
    names: dict[type[Any], str] = {}
    used: Counter[str] = Counter()
    for each in classes:
        name = f"{each.__module__}.{each.__qualname__}"
        used[name] += 1
        names[each] = name if used[name] == 1 else f"{name} ({used[name]})"
    return names


def _received(subscriber: type[Any], asked: Sequence[EventType], known: Sequence[EventType]) -> list[str]:
    anything = not issubclass(subscriber, EventSubscriber) or not (asked or known)
    return ["*"] if anything else [str(event) for event in asked]


def _asked(subscriber: type[Subscriber[Any]], known: Sequence[EventType]) -> list[EventType]:
    """The event types that a subscriber may receive, of those that are known; a typed one's own in any case."""
    wanted = subscriber.__wanted__
    if wanted.event_classes:
        return [event_class.__event_type__ for event_class in wanted.event_classes]
    if not issubclass(subscriber, EventSubscriber):
        return []
    identity = wanted.identity or {}
    return [event for event in known if all(_may_match(p, getattr(event, key)) for key, p in identity.items())]


def _may_match(pattern: object, value: object) -> bool:
    return possible([Demand(pattern)], None if value is None else Literal[value], conversions=True)


def _unreachable(subscriber: type[Subscriber[Any]], asked: Sequence[EventType], known: Sequence[EventType]) -> str:
    if subscriber.process is Subscriber.process:
        return "it defines no process()"
    untyped = issubclass(subscriber, EventSubscriber) and not subscriber.__wanted__.event_classes
    if untyped and known and not asked:
        return "no known event has this domain, name and version"
    classes = subscriber.__wanted__.event_classes or (None,)
    never = all(_contradict(_conditions(subscriber, each), untyped=each is None) for each in classes)
    return "nothing matches its pattern" if never else ""


def _groups(subscriber: type[Subscriber[Any]]) -> Iterator[tuple[str, object]]:
    """What a subscriber is compared within: its event classes, or its kind."""
    if subscriber.__wanted__.event_classes:
        yield from ((str(each.__event_type__), each) for each in subscriber.__wanted__.event_classes)
    else:
        kind = next(base for base in subscriber.__mro__ if base.__module__ == Subscriber.__module__)
        yield f"* ({kind.__name__})", None


def _conditions(subscriber: type[Subscriber[Any]], event_class: type[Event] | None) -> dict[_Place, tuple[object, Any]]:
    """What a subscriber requires, each with the type of the value; no two are about the same value."""
    wanted = subscriber.__wanted__
    if not issubclass(subscriber, EventSubscriber):
        kind: Any = dict[str, Any] if issubclass(subscriber, DataSubscriber) else Any
        free = not possible([Demand(wanted.whole, holds=False)], kind, conversions=True)
        return {} if free else {(): (wanted.whole, kind)}
    types: Mapping[str, Any] = part_types(event_class) if event_class is not None else UNTYPED_PARTS
    identity = {} if wanted.event_classes else wanted.identity or {}  # what a typed one says of it is always so
    found: dict[_Place, tuple[object, Any]] = {
        (key,): (pattern, UNTYPED_PARTS[f"event_{key}"]) for key, pattern in identity.items()
    }
    for key, pattern in (wanted.parts or {}).items():
        fields = types[key]
        if isinstance(fields, dict):
            entries = cast("Mapping[str, object]", pattern).items()
            found |= {(key, name): (each, fields[name]) for name, each in entries}
        else:
            found[key,] = pattern, fields
    return found


def _contradict(conditions: Mapping[_Place, tuple[object, Any]], untyped: bool) -> bool:
    """Whether no payload can fulfil them together; what nothing fulfils alone is refused when a class is defined."""
    return _without_object(conditions, untyped) and _with_object(conditions)


def _compared(
    first: type[Subscriber[Any]], second: type[Subscriber[Any]], event_class: type[Event] | None
) -> bool | None:
    """True for two that receive the same, false for two of which both may receive something, else none."""
    one, other = _conditions(first, event_class), _conditions(second, event_class)
    untyped = event_class is None
    if any(_without_object(a, untyped) and _with_object(b) for a in (one, other) for b in (one, other)):
        return None
    for place in {**one, **other}:
        if not _possible(one.get(place), other.get(place), holds=True, untyped=untyped):
            return None
    return _within(one, other, untyped) and _within(other, one, untyped)


def _without_object(conditions: Mapping[_Place, tuple[object, Any]], untyped: bool) -> bool:
    """Whether they are fulfilled only where there is no object: one that is there has a version."""
    pattern, _ = conditions.get(("object_version",), (None, None))
    return ("object_version",) in conditions and not possible([Demand(pattern)], int, conversions=untyped)


def _with_object(conditions: Mapping[_Place, tuple[object, Any]]) -> bool:
    return any(place[0].startswith("object_") and not matches(p, None) for place, (p, _) in conditions.items() if place)


def _within(
    narrow: Mapping[_Place, tuple[object, Any]], wide: Mapping[_Place, tuple[object, Any]], untyped: bool
) -> bool:
    """Whether all that fulfils some conditions fulfils others as well."""
    return not any(_possible(narrow.get(place), wide[place], holds=False, untyped=untyped) for place in wide)


def _possible(pair: tuple[object, Any] | None, other: tuple[object, Any] | None, *, holds: bool, untyped: bool) -> bool:
    """Whether a value matches the first pattern, and the second one as asked; none is no demand."""
    demands = [Demand(pair[0])] if pair else []
    if other:
        demands.append(Demand(other[0], holds))
    _, annotation = pair or other or (None, Any)
    return possible(demands, annotation, conversions=untyped)
