"""One value of every sort: of the values of an ordered type, those that bounds admit and that comparisons tell apart.

Comparisons with some constants divide the values of an ordered type into the constants themselves and the gaps between
them; within a gap all values behave alike. So a handful of values decides whether any value behaves as asked.
``possible`` asks; this file knows types and bounds, and no patterns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from mega_typed.annotations import Bounds
from typing_extensions import TypeIs

__all__ = ["ORDERED", "is_far", "is_finite", "representatives"]

_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = 86_400_000_000
_DIGITS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def representatives(kind: type, constants: Iterable[object], bounds: Bounds) -> Iterator[Any]:
    """Values of an ordered type, one of every sort that comparisons with the constants tell apart.

    Args:
        kind: one of ``ORDERED``.
        constants: what values are compared with; those of other types are ignored.
        bounds: what the schema admits.
    """
    bounds = _binding(kind, bounds)
    limits = (*bounds.at_least, *bounds.at_most, *bounds.above, *bounds.below)
    return (value for value in _SCALES[kind]([*constants, *limits], bounds) if _admits(value, bounds))


def _binding(kind: type, bounds: Bounds) -> Bounds:
    """The bounds that are about values of this type: a schema's number says nothing of a text that is a date."""
    of = (int, float, Decimal) if kind in (int, float) else kind

    def binding(limits: tuple[Any, ...]) -> tuple[Any, ...]:
        found = tuple(limit for limit in limits if isinstance(limit, of))
        return tuple(map(_rounded, found)) if kind is float else found

    return replace(
        bounds,
        at_least=binding(bounds.at_least),
        at_most=binding(bounds.at_most),
        above=binding(bounds.above),
        below=binding(bounds.below),
        multiple_of=binding(bounds.multiple_of),
    )


def _rounded(limit: Any) -> Any:
    """A limit as the numbers are that it is for: a float holds no integer beyond 2**53 exactly."""
    return float(limit) if isinstance(limit, int) and abs(limit) < 2**1000 else limit


def _admits(value: Any, bounds: Bounds) -> bool:
    return (
        all(value >= bound for bound in bounds.at_least)
        and all(value <= bound for bound in bounds.at_most)
        and all(value > bound for bound in bounds.above)
        and all(value < bound for bound in bounds.below)
        and (_is_rounded(value) or all(_fraction(value) % _fraction(number) == 0 for number in bounds.multiple_of))
    )


def _is_rounded(value: Any) -> bool:
    """Whether a number may stand for another one: a float beyond 2**53."""
    return isinstance(value, float) and abs(value) >= 2**53


def _fraction(number: Any) -> Fraction:
    """A number exactly; a float is the decimal that it prints as."""
    return Fraction(float.__repr__(number)) if isinstance(number, float) else Fraction(number)


def _numbers(constants: Iterable[object]) -> list[Fraction]:
    return sorted({_fraction(c) for c in constants if is_finite(c)} or {Fraction(0)})


def is_finite(value: object) -> TypeIs[int | float | Decimal]:
    """Whether something is a number, and no bool, infinity or not-a-number."""
    if isinstance(value, Decimal):
        return value.is_finite()
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)


def is_far(value: object) -> bool:
    """Whether a number has so many digits that to reckon with it would take long."""
    if isinstance(value, Decimal) and value.is_finite():
        return abs(value.adjusted()) > _DIGITS or len(value.as_tuple().digits) > _DIGITS
    return isinstance(value, int) and value.bit_length() > 4 * _DIGITS


def _integers(constants: Iterable[object], bounds: Bounds) -> Iterator[int]:
    step = math.lcm(*(_fraction(number).numerator for number in bounds.multiple_of))
    for number in _numbers(constants):
        around = math.floor(number / step) * step
        yield from {math.floor(number), around - step, around, around + step}


def _decimals(constants: Iterable[object], bounds: Bounds) -> Iterator[Decimal]:
    numbers = _numbers(constants)
    between = [(a + b) / 2 for a, b in pairwise(numbers)]
    with localcontext(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX):  # the quotients are finite decimals
        everything = (*numbers, *between, numbers[0] - 1, numbers[-1] + 1)
        yield from [Decimal(number.numerator) / Decimal(number.denominator) for number in everything]


def _floats(constants: Iterable[object], bounds: Bounds) -> Iterator[float]:
    multiples = [_fraction(number) for number in bounds.multiple_of]
    for number in _numbers(constants):
        exact = [number, *((number // m + shift) * m for m in multiples for shift in (-1, 0, 1, 2))]
        for each in exact:
            try:
                value = float(each)
            except OverflowError:
                continue
            neighbours = (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf))
            yield from filter(math.isfinite, neighbours)


def _discrete(
    places: Callable[[Any], Iterable[int]], value: Callable[[int], Any], low: int, high: int
) -> Callable[[Iterable[object], Bounds], Iterator[Any]]:
    """A scale of values that can be counted."""

    def values(constants: Iterable[object], bounds: Bounds) -> Iterator[Any]:
        known = {place for constant in constants for place in places(constant)}
        around = {place + shift for place in known or {low} for shift in (-1, 0, 1)}
        return (value(place) for place in sorted(around) if low <= place <= high)

    return values


def _days(value: object) -> tuple[int, ...]:
    return (value.toordinal(),) if isinstance(value, date) else ()


def _moments(value: object) -> tuple[int, ...]:
    """A date-time, or where a day begins and ends."""
    if isinstance(value, datetime):
        return (((value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND,)
    if isinstance(value, date):
        start = (value.toordinal() - _EPOCH.toordinal()) * _DAY
        return start, start + _DAY
    return ()


def _times(value: object) -> tuple[int, ...]:
    """Microseconds since midnight in UTC, which is how times compare; a time without offset compares with none."""
    offset = value.utcoffset() if isinstance(value, time) else None
    if not isinstance(value, time) or offset is None:
        return ()
    since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return ((since - offset) // _MICROSECOND,)


def _offset(place: int, low: int, high: int) -> timedelta:
    """What shows a place before the first time of a calendar, or after its last, within it."""
    return _FARTHEST if place < low else -_FARTHEST if place > high else timedelta(0)


def _moment_at(place: int) -> datetime:
    offset = _offset(place, _FIRST, _LAST)
    return (datetime(1970, 1, 1) + (place * _MICROSECOND + offset)).replace(tzinfo=timezone(offset))


def _time_at(place: int) -> time:
    offset = _offset(place, 0, _DAY - 1)
    return (datetime(1970, 1, 2) + (place * _MICROSECOND + offset)).time().replace(tzinfo=timezone(offset))


_FARTHEST: Final = timedelta(hours=23, minutes=59)
"""The largest offset that RFC 3339 knows."""
_BEYOND: Final = _FARTHEST // _MICROSECOND
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND

_SCALES: Final[dict[type, Callable[[Iterable[object], Bounds], Iterator[Any]]]] = {
    int: _integers,
    float: _floats,
    Decimal: _decimals,
    date: _discrete(_days, date.fromordinal, 1, date.max.toordinal()),
    datetime: _discrete(_moments, _moment_at, _FIRST - _BEYOND, _LAST + _BEYOND),
    time: _discrete(_times, _time_at, -_BEYOND, _DAY - 1 + _BEYOND),
    UUID: _discrete(
        lambda value: (value.int,) if isinstance(value, UUID) else (), lambda place: UUID(int=place), 0, 2**128 - 1
    ),
}

ORDERED: Final = frozenset(_SCALES)
"""The ordered types, but strings."""
