"""Hypothesis strategies for events: valid ones, and payloads that are one change away from a valid one.

Needs the extra ``testing``. Every document is judged by the very class that reads it in production.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from mega_typed.errors import ConfigurationError, InvalidPayload
from mega_typed.event import Event
from mega_typed.registry import registered_class, registered_events
from mega_typed.testing.schemas import payload_schema

try:
    from hypothesis import reject
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover - the tests have it
    raise ConfigurationError("strategies need hypothesis: pip install 'mega-typed[testing]'") from error

from mega_typed.testing.drawing import JSON, TRIES, Draw, documents

__all__ = ["events", "near_valid", "payloads", "register_strategies"]

E = TypeVar("E", bound=Event)


def events(cls: type[E], **fixed: Any) -> st.SearchStrategy[E]:
    """Valid events of a generated class: by its types, patterns and formats, and by the schema that it carries.

    Args:
        cls: the event class.
        fixed: values for some fields, by their Python names; a strategy, or the value itself.
            ``events(ItemAdded, quantity=st.integers(1, 3), subject="42")``.

    Raises:
        ConfigurationError: it is no event class, or has no such field.
    """
    _check(cls, fixed)
    strategies = {name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in fixed.items()}
    schema = documents(payload_schema(cls))

    @st.composite
    def draw_event(draw: Draw) -> E:
        event = _read(cls, draw(schema))
        if event is None:
            return reject()
        if not strategies:
            return event
        return cls(**{**vars(event), **{name: draw(strategy) for name, strategy in strategies.items()}})

    return draw_event()


def payloads(cls: type[Event]) -> st.SearchStrategy[dict[str, Any]]:
    """Payload documents that are valid for an event class, as JSON has them.

    Args:
        cls: the event class.

    Raises:
        ConfigurationError: it is no event class.
    """
    _check(cls, {})
    return documents(payload_schema(cls)).filter(lambda document: _read(cls, document) is not None)


def near_valid(cls: type[Event]) -> st.SearchStrategy[dict[str, Any]]:
    """Payload documents of an event that are not valid, each by one change to a valid one.

    Something is removed, added, or replaced by a value of another type, beyond a limit or otherwise odd. The identity
    stays, so that a consumer of this event is asked; its outcome must be ``Reading.INVALID``.

    Args:
        cls: the event class.

    Raises:
        ConfigurationError: it is no event class.
    """
    valid = payloads(cls)
    odd = st.sampled_from([*_ODD, *_mentioned(payload_schema(cls))]) | JSON

    @st.composite
    def draw_document(draw: Draw) -> dict[str, Any]:
        document = draw(valid)
        for _ in range(TRIES):  # most of what is optional may be changed without harm
            changed = _changed(draw, document, odd)
            if _is_addressed(cls, changed) and _read(cls, changed) is None:
                return changed
        return reject()

    return draw_document()


def _changed(draw: Draw, document: dict[str, Any], odd: st.SearchStrategy[Any]) -> dict[str, Any]:
    """A copy with one change."""
    changed = copy.deepcopy(document)
    holder, key = draw(st.sampled_from(_places(changed)))
    action = draw(st.sampled_from(["replace", "remove", "add"]))
    if action == "remove":
        del holder[key]
    elif action == "replace":
        holder[key] = draw(odd)
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(["x", "id", "type"]))] = draw(odd)
    else:
        holder.append(draw(odd))
    return changed


def register_strategies(*classes: type[Event]) -> None:
    """Make ``st.from_type`` draw events, and with it ``st.builds`` and ``@given(...)`` by annotation.

    Args:
        classes: event classes; all of the generated packages that were imported, when omitted.
    """
    found = classes or tuple(each for each in map(registered_class, registered_events()) if each is not None)
    for cls in found:
        st.register_type_strategy(cls, events(cls))


def _check(cls: type[Event], fixed: Mapping[str, Any]) -> None:
    if not (isinstance(cls, type) and issubclass(cls, Event) and hasattr(cls, "__event_type__")):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"expected a generated event class, got {cls!r}")
    cls.model_rebuild()  # else the first draw does
    unknown = sorted(fixed.keys() - cls.model_fields.keys())
    if unknown:
        raise ConfigurationError(f"{cls.__name__} has no field {unknown[0]!r}; it has: {', '.join(cls.model_fields)}")


def _read(cls: type[E], document: Any) -> E | None:
    """The event of a document; ``None`` when it is not valid."""
    try:
        return cls.from_json(json.dumps(document))
    except InvalidPayload:
        return None


_FIXED: Final = frozenset({"protocol", "name", "domain", "version"})
_ODD: Final[Sequence[Any]] = (
    None, True, False, 0, 1, -1, 1.5, 2**63, 10**30, 1e300, "", "x", "1", "é", "\U0001f600", "a\n", " ", [], {}, [None],
    {"x": 1}, "2020-02-30", "2020-05-04T15:53:23", "2020-05-04 15:53", "12:30:00", "1700000000", "19,99", "1e3", "NaN",
    "61fcc874624e40f88fd70e663c7837e8", "{61fcc874-624e-40f8-8fd7-0e663c7837e8}",
)  # fmt: skip


def _is_addressed(cls: type[Event], document: Mapping[str, Any]) -> bool:
    """Whether it still says that it is this event."""
    event = document.get("event")
    if not isinstance(event, dict) or (document.get("protocol"), document.get("version")) != ("mega", 1):
        return False
    said, identity = (event.get("domain"), event.get("name"), event.get("version", 1)), cls.__event_type__
    return said == tuple(identity) and type(said[2]) is int


def _places(document: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What may be changed: every key and index below the payload, but what says which event it is."""
    found: list[tuple[Any, Any]] = []
    stack: list[tuple[Any, bool]] = [(document, True)]
    while stack:
        node, head = stack.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            if not (head and key in _FIXED):
                found.append((node, key))
            if isinstance(node[key], dict | list):
                stack.append((node[key], head and key == "event"))
    return found


def _mentioned(schema: Any) -> Iterator[Any]:
    """Constants and numbers around the limits, wherever a schema has them."""
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield from [node["const"]] if "const" in node else []
            yield from node["enum"] if isinstance(node.get("enum"), list) else []
            for keyword, value in node.items():
                if keyword in _LIMITS and isinstance(value, int | float):
                    yield from (value - 1, value, value + 1)
            stack += node.values()
        elif isinstance(node, list):
            stack += node


_LIMITS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
