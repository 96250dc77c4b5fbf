"""The types that a value may have, read from an annotation: the members of a union, each with its bounds.

``pattern_check`` asks what may be compared with a value, ``possible`` which values there are. This file knows the
annotations of pydantic's fields, and nothing of patterns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Protocol, Union, get_args, get_origin

from typing_extensions import TypeAliasType

__all__ = ["Bounds", "Carried", "Member", "members"]


class Carried(Protocol):
    """A place in a schema that judges single values, and leads to the places of fields and elements."""

    def admits(self, value: object) -> bool:
        """Whether the schema admits a value of JSON."""
        ...

    def field(self, name: str) -> Carried | None:
        """The place of a field; ``None`` where the schema admits none of this name."""
        ...

    def items(self) -> Carried:
        """The place of an element."""
        ...

    def kinds(self) -> frozenset[str] | None:
        """The types of JSON that the value may be of, by their names; ``None`` where that is left open."""
        ...

    def choices(self) -> list[Any] | None:
        """The values of JSON of which the value is one; ``None`` where they are not listed."""
        ...

    def lengths(self, kind: type) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The least and the largest lengths of a ``str``, a ``list`` or a ``dict`` there."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a schema says of a value beside its type.

    Attributes:
        at_least: bounds that the value may be equal to; likewise ``at_most``.
        above: bounds that the value is greater than; ``below`` those that it is less than.
        multiple_of: numbers that the value is a multiple of.
        shortest: least lengths of a text, a list or a mapping; likewise ``longest``.
        patterns: expressions that a text matches somewhere, as pydantic's engine reads them.
        carried: the places in the schema that the value's class carries.
    """

    at_least: tuple[Any, ...] = ()
    at_most: tuple[Any, ...] = ()
    above: tuple[Any, ...] = ()
    below: tuple[Any, ...] = ()
    multiple_of: tuple[Any, ...] = ()
    shortest: tuple[int, ...] = ()
    longest: tuple[int, ...] = ()
    patterns: tuple[str, ...] = ()
    carried: tuple[Carried, ...] = ()

    def and_(self, said: object) -> Bounds:
        """These and what one piece of an annotation's metadata says."""
        bounds = self
        for part in getattr(said, "metadata", [said]):
            found = {_SAYINGS[name]: getattr(part, name) for name in _SAYINGS if getattr(part, name, None) is not None}
            for name, bound in found.items():
                bounds = replace(bounds, **{name: (*getattr(bounds, name), bound)})
        return bounds

    def of(self, kind: type) -> Bounds:
        """With the lengths that the carried schema gives a ``str``, a ``list`` or a ``dict``."""
        least, largest = self.shortest, self.longest
        for place in self.carried:
            more, most = place.lengths(kind)
            least, largest = (*least, *more), (*largest, *most)
        return replace(self, shortest=least, longest=largest)


_SAYINGS: Final = {
    "ge": "at_least",
    "le": "at_most",
    "gt": "above",
    "lt": "below",
    "multiple_of": "multiple_of",
    "min_length": "shortest",
    "max_length": "longest",
    "pattern": "patterns",
    "carried": "carried",
}
"""The attributes of pydantic's metadata, and where they are noted."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the types that a value may have, and the bounds that hold for it."""

    type: Any
    bounds: Bounds = Bounds()


def members(annotation: object) -> tuple[list[Member], bool]:
    """The types that a value may have, and whether it may be absent or null; ``Any`` and ``object`` are ``Any``."""
    flat = list(_flatten(annotation, Bounds()))
    return [m for m in flat if m.type is not NoneType], any(m.type in (NoneType, Any) for m in flat)


def _flatten(annotation: object, bounds: Bounds) -> Iterator[Member]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        for each in metadata:
            bounds = bounds.and_(each)
        yield from _flatten(inner, bounds)
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _flatten(member, bounds)
    elif origin is Literal and None in get_args(annotation):
        yield Member(Literal[tuple(value for value in get_args(annotation) if value is not None)], bounds)
        yield Member(NoneType, bounds)
    elif isinstance(annotation, TypeAliasType):
        yield from _flatten(annotation.__value__, bounds)
    else:
        yield Member(NoneType if annotation is None else Any if annotation is object else annotation, bounds)
