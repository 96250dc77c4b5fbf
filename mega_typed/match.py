"""The pattern language: its operators, their static types, and the one evaluator that gives them meaning.

A pattern is inert: an operator's name and its operands. Two readers give it a use. ``matches`` (here) asks whether a
value matches; ``pattern_check`` asks, when a subscriber class is defined, whether a pattern can be right at all.
PATTERNS.md is the specification of both; section numbers below refer to it.

The static types are half of the work. A pattern has two type variables: ``T`` is how a value is written in it, ``V``
what a predicate is handed. They differ where a value is written otherwise than it is: a model as a mapping, an object
with free keys as a mapping of patterns. They differ for choices too, ``Literal["EUR"]`` and ``str``: so a choice has
only the operators that take any ``T`` and ``V``, no order and no regular expression. Both variables are *invariant* on
purpose: were they not, a type checker could widen ``gt("5")`` to ``int | str`` and miss that it stands on an integer.

Four devices serve the checkers. ``X`` and ``Y``, unsolved, are nothing: an operator of strings or lists can stand where
more than these is matched. ``exists()`` and the like are of a class of their own, ``OfEveryType``, and say nothing of
the type of what stands beside them: of ``Pattern[Any]`` pyright takes all of ``and_(exists(), gt("5"))`` to be right.
``bool``, ``list`` and ``datetime`` have overloads, because to a checker they have the order of integers, their own, and
that of dates. The keyword ``_``, which is never given, makes pyright infer a call of one argument from what is expected
of it: it looks twice at a call only where two parameters have the same variable.

Values are matched in one of two readings (section 1). *Typed*: the value comes from a validated event and has the
Python type that the schema gives it. *Untyped*: it was just decoded, and the ancestor's conversions apply: a number
pattern reads ``"19.99"``, a date pattern reads an ISO-8601 string, a UUID pattern reads a string.

This file knows nothing of events, payloads, subscribers or schemas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timezone
from decimal import Decimal
from operator import ge as ge_
from operator import gt as gt_
from operator import le as le_
from operator import lt as lt_
from typing import Any, Final, Generic, Literal, Never, NoReturn, Protocol, TypeAlias, cast, overload
from uuid import UUID

from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from mega_typed.errors import Fault, PatternError
from mega_typed.regexes import TextTooLong, bounded
from pydantic import BaseModel
from typing_extensions import TypeVar

__all__ = [
    "Matcher",
    "MatcherOf",
    "OptionalMatcher",
    "OptionalMatcherOf",
    "Pattern",
    "PredicateFailed",
    "all_items",
    "and_",
    "any_",
    "any_item",
    "between",
    "contains",
    "empty",
    "eq",
    "exists",
    "gt",
    "gte",
    "ignore_case",
    "in_",
    "length",
    "lt",
    "lte",
    "match",
    "matches",
    "neq",
    "not_",
    "one_of",
    "or_",
    "prefix",
    "suffix",
]

T = TypeVar("T", default=Any)
V = TypeVar("V", default=T)
X = TypeVar("X", default=Never)
Y = TypeVar("Y", default=Never)


class Comparable(Protocol):
    """A type whose values have an order."""

    def __lt__(self, other: Any, /) -> bool: ...


C = TypeVar("C", bound=Comparable | None)
S = TypeVar("S", str, list[Any], dict[str, Any], default=str)
R = TypeVar("R", str, list[Any], dict[str, Any], default=str)


class Pattern(Generic[T, V]):
    """What an operator returns: its name and its operands. Patterns compare by value.

    ``Pattern[int]`` matches integers. The second type variable is what predicates see, where it is not the first one.

    Attributes:
        operator: the name of the operator, without a trailing underscore.
        operands: what it was called with.
    """

    __slots__ = ("operands", "operator")

    _written: T  # these two make the class invariant for the type checkers; never set
    _value: V

    def __init__(self, operator: str, *operands: object) -> None:
        self.operator = operator
        self.operands = operands

    def __repr__(self) -> str:
        name = self.operator + ("_" if self.operator in _UNDERSCORED else "")
        return f"{name}({', '.join(map(_show, self.operands))})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pattern):
            return NotImplemented
        return self.operator == other.operator and self.operands == other.operands

    def __hash__(self) -> int:
        return hash((self.operator, self.operands))

    def __bool__(self) -> NoReturn:
        fault = Fault("", "it is neither true nor false; instead of and, or, not write and_(...), or_(...), not_(...)")
        raise PatternError(repr(self), [fault])


class OfEveryType(Pattern[X, Y]):
    """A pattern that is right for values of every type: ``exists()``, ``any_()``, ``empty()``, ``not_(None)``."""

    __slots__ = ()


_UNDERSCORED: Final = frozenset({"and", "any", "in", "not", "or"})


def _show(operand: object) -> str:
    return repr(operand.pattern) if isinstance(operand, re.Pattern) else repr(operand)


Matcher: TypeAlias = T | Pattern[T, T] | Callable[[T], bool]
"""What may stand where a ``T`` is matched: a value (equality), a pattern, or a predicate of one argument."""

MatcherOf: TypeAlias = T | Pattern[T, V] | Callable[[V], bool]
"""The same for a ``V`` that is written as a ``T``: a model as a mapping, a choice as one of its constants."""

OptionalMatcher: TypeAlias = T | Pattern[T, T] | Callable[[T], bool] | None
"""``Matcher[T] | None`` in one piece: mypy binds a function in a class body to ``self``, and elsewhere looks into no
lambda, unless the union is flat."""

OptionalMatcherOf: TypeAlias = T | Pattern[T, V] | Callable[[V], bool] | None
"""``MatcherOf[T, V] | None`` in one piece."""

# What stands inside an operator; flat as well.
_Operand: TypeAlias = T | Pattern[T, V] | OfEveryType[Never, Never] | Callable[[V], bool]
_OptionalOperand: TypeAlias = T | Pattern[T, V] | OfEveryType[Never, Never] | Callable[[V], bool] | None


# --- the operators, section 3 -----------------------------------------------------------------------------------------


def eq(value: T | None, *, _: T | None = None) -> Pattern[T, V]:
    """Equal to ``value``; a bare value means the same."""
    return Pattern("eq", value)


@overload
def gt(bound: bool | list[Any]) -> Pattern[Never]: ...
@overload
def gt(bound: datetime) -> Pattern[datetime]: ...
@overload
def gt(bound: C) -> Pattern[C]: ...
def gt(bound: Any) -> Any:
    """Greater than ``bound``."""
    return Pattern("gt", bound)


@overload
def gte(bound: bool | list[Any]) -> Pattern[Never]: ...
@overload
def gte(bound: datetime) -> Pattern[datetime]: ...
@overload
def gte(bound: C) -> Pattern[C]: ...
def gte(bound: Any) -> Any:
    """Greater than ``bound`` or equal to it."""
    return Pattern("gte", bound)


@overload
def lt(bound: bool | list[Any]) -> Pattern[Never]: ...
@overload
def lt(bound: datetime) -> Pattern[datetime]: ...
@overload
def lt(bound: C) -> Pattern[C]: ...
def lt(bound: Any) -> Any:
    """Less than ``bound``."""
    return Pattern("lt", bound)


@overload
def lte(bound: bool | list[Any]) -> Pattern[Never]: ...
@overload
def lte(bound: datetime) -> Pattern[datetime]: ...
@overload
def lte(bound: C) -> Pattern[C]: ...
def lte(bound: Any) -> Any:
    """Less than ``bound`` or equal to it."""
    return Pattern("lte", bound)


@overload
def between(low: bool | list[Any], high: bool | list[Any]) -> Pattern[Never]: ...
@overload
def between(low: datetime, high: datetime) -> Pattern[datetime]: ...
@overload
def between(low: C, high: C) -> Pattern[C]: ...
def between(low: Any, high: Any) -> Any:
    """From ``low`` to ``high``, both included."""
    return Pattern("between", low, high)


def in_(options: Collection[T | None] | tuple[T | None, ...], *, _: T | None = None) -> Pattern[T, V]:
    """Equal to one of the values in a collection. Raises ``PatternError`` for a string, which is one of characters."""
    if isinstance(options, str | bytes):
        fault = Fault("", f"in_ takes a collection of values, not {options!r}; for values use one_of(...)")
        raise PatternError("in_", [fault])
    return Pattern("in", *options)


def one_of(*options: T | None, _: T | None = None) -> Pattern[T, V]:
    """Equal to one of the arguments."""
    return Pattern("in", *options)


def match(regex: str | re.Pattern[str]) -> Pattern[str | X, str | Y]:
    """A string at whose *start* the regular expression matches (Python's ``re.match``, as in the ancestor).

    End it with ``$`` to match the whole string. An invalid expression is a fault of the subscriber that
    uses it, reported with the others when the class is defined.
    """
    if isinstance(regex, str):
        try:
            return Pattern("match", re.compile(regex))
        except (re.error, RecursionError, OverflowError):
            pass
    return Pattern("match", regex)


def prefix(text: str) -> Pattern[str | X, str | Y]:
    """A string that starts with ``text``."""
    return Pattern("prefix", text)


def suffix(text: str) -> Pattern[str | X, str | Y]:
    """A string that ends with ``text``."""
    return Pattern("suffix", text)


def ignore_case(text: str) -> Pattern[str | X, str | Y]:
    """A string equal to ``text`` when both are case-folded (Unicode, section 5)."""
    return Pattern("ignore_case", text)


def contains(item: T, *, _: T | None = None) -> Pattern[list[T] | X, list[V] | Y]:
    """A list that has an element equal to ``item``. Untyped also: a string of which ``item`` is a part."""
    return Pattern("contains", item)


def any_item(matcher: _Operand[T, V], *, _: T | None = None) -> Pattern[list[T] | X, list[V] | Y]:
    """A list in which at least one element matches."""
    return Pattern("any_item", matcher)


def all_items(matcher: _Operand[T, V], *, _: T | None = None) -> Pattern[list[T] | X, list[V] | Y]:
    """A list in which every element matches; so does an empty one."""
    return Pattern("all_items", matcher)


def length(matcher: Matcher[int]) -> Pattern[S | X, R | Y]:
    """A string, a list or a mapping whose length matches: ``length(3)``, ``length(gt(0))``."""
    return Pattern("length", matcher)


def exists(present: Literal[True, False] = True) -> OfEveryType[X, Y]:
    """A value that is present and not null; with ``False``, one that is absent or null."""
    return OfEveryType("exists", present)


def any_() -> OfEveryType[X, Y]:
    """Anything at all, absence included."""
    return OfEveryType("any")


def empty() -> OfEveryType[X, Y]:
    """Absent, null, ``""``, or a list or mapping without elements."""
    return OfEveryType("empty")


def and_(*matchers: _Operand[T, V], _: T | None = None) -> Pattern[T, V]:
    """All of the arguments match."""
    return Pattern("and", *matchers)


def or_(*matchers: _OptionalOperand[T, V], _: T | None = None) -> Pattern[T, V]:
    """At least one of the arguments matches."""
    return Pattern("or", *matchers)


@overload
def not_(matcher: OfEveryType[Never, Never] | None) -> OfEveryType[X, Y]: ...
@overload
def not_(matcher: OptionalMatcherOf[T, V], *, _: T | None = None) -> Pattern[T, V]: ...
def not_(matcher: Any, *, _: Any = None) -> Any:
    """A value that is present and does not match (negation does not turn absence into a match, section 2)."""
    return Pattern("not", matcher)


neq = not_


# --- the evaluator: the one meaning of a pattern, slow and obvious, sections 1 to 5 -----------------------------------


class PredicateFailed(Exception):  # noqa: N818 - it reports a defect of a subscriber, it is not one of our errors
    """A predicate raised, or a regular expression would cost too much (PATTERNS.md section 8); the cause is chained.

    The pattern does not match, and its owner should hear of it.
    """


def matches(pattern: object, value: object, *, conversions: bool = False) -> bool:
    """Whether a value matches a pattern.

    Args:
        pattern: an operator's result, a predicate, a mapping (nested partial match), a list, tuple or set (collection
            equality), or any other value (equality).
        value: the value on the left; ``None`` stands for absent and for null.
        conversions: the untyped reading: strings are read as numbers, dates or UUIDs where the pattern is one.

    Raises:
        PredicateFailed: a predicate raised an exception, or a regular expression would cost too much.
    """
    if value is None:
        return _matches_absence(pattern)
    if isinstance(pattern, Pattern):
        return _OPERATORS[pattern.operator](pattern.operands, value, conversions)
    if isinstance(pattern, Mapping):
        return _partially(cast("Mapping[str, object]", pattern), value, conversions)
    if isinstance(pattern, list | tuple | AbstractSet):
        return _same_collection(cast("Collection[object]", pattern), value, conversions)
    if callable(pattern):
        return _predicate(pattern, value)
    return _equal(pattern, value, conversions)


def is_predicate(pattern: object) -> bool:
    """Whether a pattern is a function of the value."""
    return callable(pattern) and not isinstance(pattern, Pattern | Mapping | list | tuple | AbstractSet)


def ends(pattern: object) -> Iterator[object]:
    """What stands at the ends of a pattern, however deep: plain operands and predicates, from left to right."""
    if isinstance(pattern, Pattern):
        inner: Iterable[object] = pattern.operands
    elif isinstance(pattern, Mapping):
        inner = cast("Mapping[object, object]", pattern).values()
    elif isinstance(pattern, list | tuple | AbstractSet):
        inner = cast("Collection[object]", pattern)
    else:
        yield pattern
        return
    for each in inner:
        yield from ends(each)


def has_predicate(pattern: object) -> bool:
    """Whether deciding a pattern may call a function."""
    return any(map(is_predicate, ends(pattern)))


def _matches_absence(pattern: object) -> bool:
    if not isinstance(pattern, Pattern):
        return pattern is None
    match pattern.operator:
        case "any" | "empty":
            return True
        case "exists":
            return pattern.operands == (False,)
        case "or" | "in" | "eq":
            return any(map(_matches_absence, pattern.operands))
        case "and":
            return all(map(_matches_absence, pattern.operands))
        case _:
            return False


def _predicate(predicate: Callable[[Any], object], value: object) -> bool:
    try:
        return bool(predicate(value))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever it is, it is a defect of this predicate alone
        name = getattr(predicate, "__qualname__", type(predicate).__qualname__)
        raise PredicateFailed(f"the predicate {name} raised {type(error).__name__}") from error


def _partially(pattern: Mapping[str, object], value: object, conversions: bool) -> bool:
    if isinstance(value, BaseModel):
        value = value.__dict__
    if not isinstance(value, Mapping):
        return False
    fields = cast("Mapping[str, object]", value)
    return all(matches(expected, fields.get(key), conversions=conversions) for key, expected in pattern.items())


def _items(value: object) -> Collection[object] | None:
    return cast("Collection[object]", value) if isinstance(value, list | tuple | AbstractSet) else None


def _same_collection(pattern: Collection[object], value: object, conversions: bool) -> bool:
    """Each side's every item has a partner on the other; neither order nor repetition counts (section 4)."""
    items = _items(value)
    if items is None:
        return False

    partners = [[matches(expected, item, conversions=conversions) for item in items] for expected in pattern]
    return all(map(any, partners)) and all(map(any, zip(*partners, strict=True)) if partners else [not items])


def _equal(pattern: object, value: object, conversions: bool) -> bool:
    pair = _alike(value, pattern, conversions)
    return pair is not None and bool(pair[0] == pair[1])


def _compare(holds: Callable[[Any, Any], bool], bound: object, value: object, conversions: bool) -> bool:
    if isinstance(bound, bool):
        return False
    pair = _alike(value, bound, conversions)
    try:
        return pair is not None and holds(*pair)
    except TypeError:
        return False


def _alike(value: object, operand: object, conversions: bool) -> tuple[Any, Any] | None:
    """Both sides as values that Python compares rightly, or ``None`` where they have nothing in common (section 5)."""
    if isinstance(operand, bool) or isinstance(value, bool):
        return (value, operand) if isinstance(operand, bool) and isinstance(value, bool) else None
    if isinstance(operand, int | float | Decimal):
        number = _number(value, conversions)
        return None if number is None else _same_precision(number, operand)
    if isinstance(operand, datetime | date):
        moment = _moment(value, conversions)
        return None if moment is None else _same_resolution(moment, operand)
    if isinstance(operand, UUID) and conversions and isinstance(value, str):
        try:
            return (UUID(value), operand) if len(value) <= _MAX_UUID else None
        except ValueError:
            return None
    if isinstance(operand, str):
        text = str(value) if conversions and isinstance(value, ObjectId) else value
        return (text, operand) if isinstance(text, str) else None
    return (value, operand) if isinstance(value, type(operand)) or isinstance(operand, type(value)) else None


_NUMERIC = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?\Z", re.ASCII)
_MAX_NUMERIC = 400  # characters; a longer string is not read as a number
_MAX_MOMENT = 40
_MAX_UUID = 64


def _number(value: object, conversions: bool) -> int | float | Decimal | None:
    if isinstance(value, int | float | Decimal):
        return value
    if conversions and isinstance(value, str):
        return numeric_string(value)
    if conversions and isinstance(value, Decimal128):
        return value.to_decimal()
    return None


def numeric_string(text: str) -> Decimal | None:
    """The number that a string is read as in the untyped reading (section 1), or None."""
    return Decimal(text) if len(text) <= _MAX_NUMERIC and _NUMERIC.match(text) else None


def _same_precision(number: Any, operand: Any) -> tuple[Any, Any] | None:
    """A float against a decimal is the decimal that it prints as; not-a-number equals nothing."""
    if is_nan(number) or is_nan(operand):
        return None
    if isinstance(number, Decimal) and isinstance(operand, float):
        return number, Decimal(float.__repr__(operand))
    if isinstance(number, float) and isinstance(operand, Decimal):
        return Decimal(float.__repr__(number)), operand
    return number, operand


def is_nan(number: object) -> bool:
    """Whether a number is not one, a signalling decimal included."""
    return number.is_nan() if isinstance(number, Decimal) else isinstance(number, float) and number != number


def _moment(value: object, conversions: bool) -> date | None:
    if isinstance(value, date):
        return value
    if conversions and isinstance(value, str) and len(value) <= _MAX_MOMENT:
        for kind in (date, datetime):
            try:
                return kind.fromisoformat(value)
            except ValueError:
                continue
    return None


def _same_resolution(moment: date, operand: date) -> tuple[Any, Any]:
    """A day against a moment compares days, the moment's in its own offset; a moment without offset is UTC."""
    if isinstance(moment, datetime) and isinstance(operand, datetime):
        return _aware(moment), _aware(operand)
    return _day(moment), _day(operand)


def _aware(moment: datetime) -> datetime:
    """With a fixed offset, for Python compares two moments of one zone by the clocks there, and some never equal."""
    if isinstance(moment.tzinfo, timezone):
        return moment
    offset = moment.utcoffset()
    return moment.replace(tzinfo=UTC if offset is None else timezone(offset), fold=0)


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _regex(operands: tuple[Any, ...], value: object, conversions: bool) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return bounded(re.compile(operands[0]))(value)
    except TextTooLong as error:
        raise PredicateFailed(str(error)) from error


def _contains(operands: tuple[Any, ...], value: object, conversions: bool) -> bool:
    if isinstance(value, str):
        return conversions and isinstance(operands[0], str) and operands[0] in value
    return any(matches(operands[0], item, conversions=conversions) for item in _items(value) or ())


def _all_items(operands: tuple[Any, ...], value: object, conversions: bool) -> bool:
    items = _items(value)
    return items is not None and all(matches(operands[0], item, conversions=conversions) for item in items)


def _length(operands: tuple[Any, ...], value: object, conversions: bool) -> bool:
    sized = isinstance(value, str | list | tuple | AbstractSet | Mapping)
    return sized and matches(operands[0], len(cast("Sized", value)))


def _is_empty(value: object) -> bool:
    return isinstance(value, str | list | tuple | AbstractSet | Mapping) and not value


_OPERATORS: Final[dict[str, Callable[[tuple[Any, ...], object, bool], bool]]] = {
    "eq": lambda o, v, c: matches(o[0], v, conversions=c),
    "gt": lambda o, v, c: _compare(gt_, o[0], v, c),
    "gte": lambda o, v, c: _compare(ge_, o[0], v, c),
    "lt": lambda o, v, c: _compare(lt_, o[0], v, c),
    "lte": lambda o, v, c: _compare(le_, o[0], v, c),
    "between": lambda o, v, c: _compare(ge_, o[0], v, c) and _compare(le_, o[1], v, c),
    "in": lambda o, v, c: any(matches(option, v, conversions=c) for option in o),
    "match": _regex,
    "prefix": lambda o, v, c: isinstance(v, str) and v.startswith(o[0]),
    "suffix": lambda o, v, c: isinstance(v, str) and v.endswith(o[0]),
    "ignore_case": lambda o, v, c: isinstance(v, str) and v.casefold() == o[0].casefold(),
    "contains": _contains,
    "any_item": lambda o, v, c: any(matches(o[0], item, conversions=c) for item in _items(v) or ()),
    "all_items": _all_items,
    "length": _length,
    "not": lambda o, v, c: not matches(o[0], v, conversions=c),
    "and": lambda o, v, c: all(matches(part, v, conversions=c) for part in o),
    "or": lambda o, v, c: any(matches(part, v, conversions=c) for part in o),
    "any": lambda o, v, c: True,
    "empty": lambda o, v, c: _is_empty(v),
    "exists": lambda o, v, c: bool(o[0]),
}
