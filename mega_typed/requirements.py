"""What a pattern requires of a value, in forms that an index can look up, and the same forms of a value.

Three kinds of requirement are read off a pattern: *keys* (the value is one of few), a *prefix* (it is a text that
begins so) and a *span* (it is a number between bounds). The rule for each of them: **no value that the pattern matches
is missed**. Where the form also admits other values, the requirement is not ``exact``, and who uses it asks the pattern
again.

Numbers are the delicate part, because equality in the pattern language is not transitive (PATTERNS.md, section 5): a
float equals the decimal that it prints as, and an integer exactly. Up to 2**53 both ideas agree when a float is written
as an integer, where it is one, and else as the decimal that it prints as. Beyond, a number has two keys, none of them
exact, and makes no span.

This file knows patterns and values, nothing of paths, subscribers or indexes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias, cast
from uuid import UUID

from bson.code import Code
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from mega_typed.match import Pattern, is_nan, numeric_string
from mega_typed.regexes import bounded

Number: TypeAlias = int | Decimal

ABSENT: Final = object()
_TRUE: Final = object()
_FALSE: Final = object()
_SAFE: Final = 2**53
_INFINITY: Final = Decimal("Infinity")
_MAX_KEYS: Final = 256


class Unreadable(Exception):  # noqa: N818 - not an error of anybody
    """A value of a class that compares in its own way: nobody but ``matches`` can say what it equals."""


class Keys(NamedTuple):
    """The value is one of these."""

    keys: frozenset[object]
    exact: bool


class Prefix(NamedTuple):
    """The value is a text that begins so."""

    text: str
    exact: bool


class Span(NamedTuple):
    """The value is a number, and between these; ``None`` is no bound. Always exact."""

    low: Number | None = None
    high: Number | None = None
    above: bool = False
    """The lower bound itself is excluded."""
    below: bool = False
    """The upper bound itself is excluded."""


Requirement: TypeAlias = Keys | Prefix | Span


def requirement(pattern: object) -> Requirement | None:
    """What a pattern requires, or ``None`` for what no form can say."""
    if isinstance(pattern, Pattern):
        read = _FORMS.get(pattern.operator)
        if read is not None:
            return read(pattern.operands)
    return _keys(pattern)


# --- keys -------------------------------------------------------------------------------------------------------------


def _keys(pattern: object) -> Keys | None:
    if isinstance(pattern, Pattern):
        if pattern.operator == "exists" and pattern.operands == (False,):
            return Keys(frozenset((ABSENT,)), exact=True)
        return _options(pattern.operands) if pattern.operator in ("eq", "in", "or") else None
    if pattern is None:
        return Keys(frozenset((ABSENT,)), exact=True)
    if isinstance(pattern, bool):
        return Keys(frozenset((_TRUE if pattern else _FALSE,)), exact=True)
    kind = type(pattern)
    if kind is str or kind is UUID:
        return Keys(frozenset((pattern,)), exact=True)
    if kind in (int, float, Decimal):
        return _number_keys(cast("int | float | Decimal", pattern))
    return None


def _options(operands: tuple[object, ...]) -> Keys | None:
    found: set[object] = set()
    exact = True
    for operand in operands:
        option = _keys(operand)
        if option is None or len(found) > _MAX_KEYS:
            return None
        found |= option.keys
        exact = exact and option.exact
    return Keys(frozenset(found), exact)


def _number_keys(operand: float | Decimal) -> Keys:
    if is_nan(operand):
        return Keys(frozenset(), exact=True)
    return Keys(frozenset(_forms_of(operand)), exact=_agrees(operand))


def _agrees(operand: float | Decimal) -> bool:
    """Whether all that equals a number has the same key: it is small, or infinite."""
    return -_SAFE <= operand <= _SAFE or abs(operand) == _INFINITY


def _forms_of(number: float | Decimal) -> tuple[Number, ...]:
    """A number, which is none of not-a-number, as what it equals."""
    if not isinstance(number, float):
        return (number,)
    if -_SAFE <= number <= _SAFE:
        return (int(number) if number.is_integer() else Decimal(float.__repr__(number)),)
    printed = Decimal(float.__repr__(number))
    return (printed, int(number)) if printed.is_finite() else (printed,)


def keys_of(value: Any, conversions: bool, uuids: bool) -> tuple[object, ...]:
    """All keys under which something may stand that equals a value.

    Args:
        value: any value at all.
        conversions: the untyped reading.
        uuids: whether a string should be read as a UUID as well, which costs.

    Raises:
        Unreadable: see there.
    """
    if type(value) is str:
        if not conversions:
            return (value,)
        number = numeric_string(value)
        keys = (value,) if number is None else (value, number)
        return (*keys, *_as_uuid(value)) if uuids else keys
    read = _KEYS.get(type(value))
    if read is not None:
        return read(value)
    if isinstance(value, ObjectId):
        return (str(value),) if conversions else ()
    if isinstance(value, Decimal128):
        return _decimal_keys(value.to_decimal()) if conversions else ()
    plain = _unclassed(value)
    return () if plain is None else keys_of(plain, conversions, uuids)


def _as_uuid(value: str) -> tuple[UUID, ...]:
    try:
        return (UUID(value),) if 32 <= len(value) <= 64 else ()
    except ValueError:
        return ()


def _decimal_keys(value: Decimal) -> tuple[Decimal, ...]:
    return () if value.is_nan() else (value,)


_KEYS: Final[dict[type, Callable[[Any], tuple[object, ...]]]] = {
    type(None): lambda value: (ABSENT,),
    bool: lambda value: (_TRUE,) if value else (_FALSE,),
    int: lambda value: (value,),
    float: lambda value: () if value != value else _forms_of(value),
    Decimal: _decimal_keys,
    UUID: lambda value: (value,),
    dict: lambda value: (),
    list: lambda value: (),
    Code: lambda value: (),  # a string that equals no string
}


def _unclassed(value: object) -> Any:
    """A value of a subclass as one of the class itself; ``None`` where it is of no class that keys have."""
    for kind, plain in _PLAIN:
        if isinstance(value, kind):
            own: Any = type(value)
            if own.__eq__ is not kind.__eq__ or own.__hash__ is not kind.__hash__:
                raise Unreadable
            return plain(value)
    return None


_PLAIN: Final[tuple[tuple[type, Callable[[Any], object]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal, Decimal),
    (UUID, lambda value: UUID(int=value.int)),
)


# --- prefixes ---------------------------------------------------------------------------------------------------------


def _prefix(operands: tuple[Any, ...]) -> Prefix | None:
    return Prefix(operands[0], exact=True) if type(operands[0]) is str and operands[0] else None


def _regex(operands: tuple[Any, ...]) -> Prefix | None:
    regex = operands[0]
    text = bounded(regex).start if isinstance(regex, re.Pattern) and isinstance(regex.pattern, str) else ""
    return Prefix(text, exact=False) if text else None


def text_of(value: Any) -> str | None:
    """A value as a text, where it is one. Raises ``Unreadable``."""
    if type(value) is str:
        return value
    if isinstance(value, str):
        if type(value).startswith is not str.startswith:
            raise Unreadable
        return str.__str__(value)
    return None


# --- spans ------------------------------------------------------------------------------------------------------------


def _bound(operand: object) -> Number | None:
    if type(operand) not in (int, float, Decimal) or is_nan(operand):
        return None
    number = cast("int | float | Decimal", operand)
    if isinstance(number, Decimal):
        return number if number.is_finite() else None
    return _forms_of(number)[0] if -_SAFE <= number <= _SAFE else None


def _low(operands: tuple[object, ...], above: bool) -> Span | None:
    low = _bound(operands[0])
    return None if low is None else Span(low=low, above=above)


def _high(operands: tuple[object, ...], below: bool) -> Span | None:
    high = _bound(operands[0])
    return None if high is None else Span(high=high, below=below)


def _between(operands: tuple[object, ...]) -> Keys | Span | None:
    low, high = map(_bound, operands)
    if low is None or high is None:
        return None
    return _keys(operands[0]) if low == high else Span(low=low, high=high)


_FORMS: Final[dict[str, Callable[[tuple[Any, ...]], Requirement | None]]] = {
    "prefix": _prefix,
    "match": _regex,
    "gt": lambda operands: _low(operands, above=True),
    "gte": lambda operands: _low(operands, above=False),
    "lt": lambda operands: _high(operands, below=True),
    "lte": lambda operands: _high(operands, below=False),
    "between": _between,
}


def number_of(value: Any, conversions: bool) -> Number | None:
    """A value as a number that compares with every bound, where it is one. Raises ``Unreadable``."""
    kind = type(value)
    if kind is int:
        return cast("int", value)
    if kind is float or kind is Decimal:
        return None if is_nan(value) else _forms_of(value)[0]
    if kind is str:
        return numeric_string(value) if conversions else None
    if value is None or kind is bool or kind is dict or kind is list:
        return None
    if isinstance(value, Decimal128):
        return number_of(value.to_decimal(), conversions) if conversions else None
    plain = _unclassed(value) if isinstance(value, int | float | Decimal | str) else None
    return None if plain is None else number_of(plain, conversions)
