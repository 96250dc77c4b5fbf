"""Why a pattern matched or not: for each part of it, what was expected, what was there, and the verdict.

Every verdict comes from the evaluator (``match.matches``), so that an explanation cannot say anything else than
dispatch does. It is made when it is asked for, and not for every message. Values that a schema marks as sensitive are
not part of it. This file knows patterns, values and their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, cast

from mega_typed.errors import MegaError
from mega_typed.match import Pattern, PredicateFailed, matches
from mega_typed.sensitive import Place, shown
from pydantic import BaseModel

__all__ = ["Explanation", "explain_pattern"]

_ITEMS: Final = 20
"""Elements of a list that are explained one by one."""
_WIDTH: Final = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of a pattern, and of its parts.

    Attributes:
        path: where the value stands, dotted, with ``[0]`` for an element; ``""`` for the whole.
        expected: the pattern.
        found: the value, ``"***"`` where it is sensitive; ``None`` for one that is absent or null.
        matched: whether the value matches the pattern.
        parts: the same for what the pattern is made of: operands, fields, elements. A pattern without parts is a leaf.
        error: what a predicate raised, by its name only where the value is sensitive; then nothing that contains it
            matches.
    """

    path: str
    expected: object
    found: object
    matched: bool
    parts: tuple[Explanation, ...] = ()
    error: BaseException | None = None

    def leaves(self) -> Iterator[Explanation]:
        """What has no parts, from left to right."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def __str__(self) -> str:
        verdict = "yes" if self.matched else "no "
        place = f"{self.path}: " if self.path else ""
        what = _named(self.expected) if self.parts else f"{_shown(self.expected)}, found {_found(self.found)}"
        raised = f", raised {self.error!r}" if self.error is not None and not self.parts else ""
        inner = [f"  {line}" for part in self.parts for line in str(part).splitlines()]
        return "\n".join([f"{verdict} {place}{what}{raised}", *inner])


_NOWHERE: Final = Place()


def explain_pattern(
    pattern: object, value: object, *, conversions: bool = False, path: str = "", place: Place = _NOWHERE
) -> Explanation:
    """Explain whether a value matches a pattern.

    Args:
        pattern: as ``matches`` takes it.
        value: the value on the left; ``None`` stands for absent and for null.
        conversions: the untyped reading (PATTERNS.md section 1).
        path: where the value stands.
        place: the same as a place in an event; by default nothing is sensitive.
    """
    error: BaseException | None = None
    try:
        matched = matches(pattern, value, conversions=conversions)
    except PredicateFailed as failed:
        matched, error = False, failed.__cause__ or failed
    parts = tuple(
        explain_pattern(part, found, conversions=conversions, path=where, place=there)
        for part, found, where, there in _parts(pattern, value, path, place)
    )
    if error is not None and place.hides:
        error = MegaError(f"{type(error).__name__}, whose text may quote what is sensitive")
    return Explanation(path, pattern, shown(value, place), matched, parts, error)


def _parts(pattern: object, value: object, path: str, place: Place) -> Iterator[tuple[object, object, str, Place]]:
    """What a pattern is made of, each with the value that it is about and where that stands."""
    if isinstance(pattern, Mapping):
        fields = value.__dict__ if isinstance(value, BaseModel) else value
        if isinstance(fields, Mapping):
            known = cast("Mapping[object, object]", fields)
            for key, part in cast("Mapping[object, object]", pattern).items():
                yield part, known.get(key), f"{path}.{key}" if path else str(key), place.below(str(key))
    elif isinstance(pattern, Pattern):
        operands: tuple[object, ...] = pattern.operands
        if pattern.operator in ("and", "or", "not"):
            yield from ((operand, value, path, place) for operand in operands)
        elif pattern.operator in ("any_item", "all_items") and isinstance(value, list | tuple | AbstractSet):
            items = list(cast("list[object]", value))[:_ITEMS]
            yield from ((operands[0], item, f"{path}[{index}]", place.below(index)) for index, item in enumerate(items))


def _named(pattern: object) -> str:
    return f"{pattern.operator} of" if isinstance(pattern, Pattern) else "fields"


def _shown(value: Any) -> str:
    try:
        text = value.__qualname__ if isinstance(value, FunctionType) else repr(value)
    except Exception as error:  # a stranger's value may be nested more deeply than the stack is here
        text = f"a {type(value).__name__} that cannot be shown: {type(error).__name__}"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _found(value: object) -> str:
    return "nothing" if value is None else _shown(value)
