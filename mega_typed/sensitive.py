"""What must not be shown: the fields that a schema marks with ``x-mega-sensitive``, found in classes and in documents.

Generated classes name their marked fields (``__sensitive__``); an event names parts of its envelope there as well, such
as ``object.id``. A ``Place`` is where one gets to from an event by keys and indexes, known by the types that a value
may have there. Whoever shows values asks it at each step. It hides what is marked and never less: where a union, or a
value that fits no type, leaves a doubt, more is hidden.

Nothing here is on the way of a good event: classes are looked at when something is wrong with a value, or is shown.
This file knows the fields of pydantic's models by their attributes, and no event, no error and no pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast, get_args, get_origin

from mega_typed.annotations import members
from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["MASK", "Place", "anywhere_in", "document_of", "has_marks", "masked", "shown"]

MASK: Final = "***"
"""Stands where a sensitive value is not shown."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an event as a type: the whole document, or its section ``event``, ``attributes`` or ``object``."""

    event_class: type[BaseModel]
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Attributes:
        types: annotations, and parts of events, that a value may be of there.
        sensitive: whether the value must not be shown.
    """

    types: tuple[Any, ...] = ()
    sensitive: bool = False

    @property
    def hides(self) -> bool:
        """Whether the value is sensitive or may contain what is."""
        return self.sensitive or any(_may_hide(each) for each in self.types)

    def below(self, key: str | int) -> Place:
        """The place of a member or an element; a key that the schema does not list has no mark."""
        if self.sensitive:
            return self
        kinds = _kinds(self.types)
        step = _followed(kinds, key)
        if step is not None:
            return step
        return Place() if isinstance(key, str) and any(map(_has_names, kinds)) else Place(sensitive=self.hides)

    def cut(self, path: Iterable[str | int], *, labels: bool) -> tuple[tuple[str | int, ...], Place]:
        """The way to a value, as far as it may be told, and where it leads: keys in a sensitive value are not told.

        A key that leads nowhere is passed over, so that it cannot lead out of what is hidden.

        Args:
            path: keys and indexes.
            labels: whether a key may also be what pydantic calls the member of a union.
        """
        told: list[str | int] = []
        alive = [(Place((each,), self.sensitive), False) for each in self.types]
        for key in path:
            told.append(key)
            steps: list[tuple[Place, bool]] = []
            for place, labelled in alive:
                kinds = _kinds(place.types)
                step = _followed(kinds, key)
                if step is not None and step.sensitive:
                    return tuple(told), step
                steps += [(step, False)] if step is not None else []
                steps += [(place, True)] if labels and not labelled and len(kinds) > 1 else []
            alive = steps or alive
        return tuple(told), Place(tuple(each for place, _ in alive for each in place.types))


def document_of(event_class: type[BaseModel]) -> Place:
    """The whole payload of an event, as it is on the wire."""
    return Place((_Part(event_class, ""),))


def anywhere_in(model: type[BaseModel]) -> Place:
    """A model as Python has it, with its fields; of an event the payload as well."""
    return Place((model, _Part(model, ""))) if hasattr(model, "__event_type__") else Place((model,))


@cache
def has_marks(model: type[BaseModel]) -> bool:
    """Whether something in values of a class is sensitive."""
    seen: set[object] = set()
    waiting: list[type[BaseModel]] = [model]
    while waiting:
        each = waiting.pop()
        if _marked(each):
            return True
        if each not in seen:
            seen.add(each)
            waiting += [kind for field in _fields(each).values() for kind in _models(field.annotation)]
    return False


def masked(event_class: type[BaseModel], document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a decoded payload that may be shown: whatever its class marks as sensitive is ``MASK``.

    What the class does not know is kept, as it has no mark. Where a value is not of the type that it should be, and
    one of that type could contain what is sensitive, all of it is masked; so the payload need not be valid.

    Args:
        event_class: the class of the event, a generated one.
        document: the payload as JSON or BSON was decoded.
    """
    return cast("dict[str, Any]", shown(document, document_of(event_class)))


def shown(value: Any, place: Place) -> Any:
    """A value with everything masked that is sensitive by its place; a model does that by itself, in its ``repr``.

    What is nested too deeply to be looked through is masked as a whole.
    """
    try:
        return _shown(value, place)
    except RecursionError:
        return MASK


def _shown(value: Any, place: Place) -> Any:
    if value is None or not place.hides or (isinstance(value, BaseModel) and not place.sensitive):
        return value
    kinds = [] if place.sensitive else _kinds(place.types)
    if isinstance(value, Mapping) and any(_has_names(kind) or get_origin(kind) is dict for kind in kinds):
        return {key: _shown(each, place.below(key)) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list) and any(get_origin(kind) is list for kind in kinds):
        return [_shown(each, place.below(index)) for index, each in enumerate(value)]
    return MASK


# --- types ------------------------------------------------------------------------------------------------------------


def _marked(model: type[BaseModel]) -> frozenset[str]:
    return getattr(model, "__sensitive__", frozenset[str]())


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The fields of a model; one that names a class that is defined later knows it once the model is built."""
    with suppress(RecursionError):  # its types nest too deeply for the usual stack; then ``event`` has built it before
        model.model_rebuild(raise_errors=False)
    return model.model_fields


def _kinds(types: Iterable[Any]) -> list[Any]:
    """The types, unions taken apart, each once."""
    kinds: list[Any] = []
    for each in types:
        flat = [each] if isinstance(each, _Part) else [member.type for member in members(each)[0]]
        kinds += [kind for kind in flat if kind not in kinds]
    return kinds


def _has_names(kind: object) -> bool:
    """Whether a value of a type has members by name, so that others are not listed."""
    return isinstance(kind, _Part) or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _followed(kinds: Iterable[Any], key: str | int) -> Place | None:
    """Where a key leads from a value of some of these types; ``None`` where it leads nowhere."""
    found = [step for kind in kinds if (step := _step(kind, key)) is not None]
    if any(step.sensitive for step in found):
        return Place(sensitive=True)
    return Place(tuple(each for step in found for each in step.types)) if found else None


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models that a value contains, or is, by its type."""
    found: list[type[BaseModel]] = []
    waiting = [annotation]
    while waiting:
        for kind in _kinds([waiting.pop()]):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found.append(kind)
            else:
                waiting += [each for each in get_args(kind) if not isinstance(each, str | int | bool)]
    return found


def _may_hide(annotation: Any) -> bool:
    if not isinstance(annotation, _Part):
        return any(has_marks(model) for model in _models(annotation))
    marks, name = _marked(annotation.event_class), annotation.name
    if not name or name == "event":
        return has_marks(annotation.event_class)
    if name == "object":
        state = _fields(annotation.event_class)["object"]
        return any(mark.startswith("object.") for mark in marks) or _may_hide(state.annotation)
    fields = {key: _fields(annotation.event_class)[key] for key in _attributes(annotation.event_class)}
    return bool(marks & fields.keys()) or any(_may_hide(field.annotation) for field in fields.values())


def _attributes(event_class: type[BaseModel]) -> Mapping[str, str]:
    return getattr(event_class, "__attribute_names__", {})


def _step(kind: Any, key: str | int) -> Place | None:
    """Where a key leads from a value of one type; ``None`` where such a value has no such key."""
    if isinstance(kind, _Part):
        return _in_part(kind, key)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _in_model(kind, key)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (list, tuple, set, frozenset) and isinstance(key, int):
        return Place(arguments)
    return Place(arguments[1:]) if origin is dict and isinstance(key, str) else None


def _in_model(model: type[BaseModel], key: str | int) -> Place | None:
    """A field by its name in Python or on the wire."""
    names: Mapping[str, str] = getattr(model, "__wire_names__", {})
    found = [_field(model, name) for name in _fields(model) if key in (name, names.get(name, name))]
    if any(field.sensitive for field in found):
        return Place(sensitive=True)
    return Place(tuple(each for field in found for each in field.types)) if found else None


def _field(model: type[BaseModel], name: str) -> Place:
    if name in _marked(model):
        return Place(sensitive=True)
    if name == "object" and hasattr(model, "__event_type__"):
        return Place((_Part(model, "object"),))
    return Place((_fields(model)[name].annotation,))


def _in_part(part: _Part, key: str | int) -> Place | None:
    cls, attributes = part.event_class, _attributes(part.event_class)
    if part.name == "object":
        if f"object.{key}" in _marked(cls):
            return Place(sensitive=True)
        return next(
            (step for kind in _models(_fields(cls)["object"].annotation) if (step := _in_model(kind, key))), None
        )
    if part.name == "" and key == "event":
        return Place((_Part(cls, "event"),))
    if part.name == "event" and key == "attributes":
        return Place((_Part(cls, "attributes"),))
    envelope = {"": ("object", "extra"), "event": ("subject", "publisher", "timestamp")}.get(part.name, ())
    if key in envelope:
        return _field(cls, str(key))
    named = [name for name, wire in attributes.items() if wire == key] if part.name else []
    return _field(cls, named[0]) if named else None
