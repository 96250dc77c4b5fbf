"""Whether anything can match: against trying every value of small types, and against values drawn at random."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from itertools import product
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed.match import (
    Pattern,
    all_items,
    and_,
    any_,
    any_item,
    between,
    contains,
    empty,
    eq,
    exists,
    gt,
    gte,
    ignore_case,
    length,
    lt,
    lte,
    match,
    matches,
    neq,
    not_,
    one_of,
    or_,
    prefix,
    suffix,
)
from mega_typed.pattern_check import impossible
from mega_typed.possible import Demand, possible
from pydantic import BaseModel, Field


class Level(IntEnum):
    """Numbers with names."""

    HIGH = 100


class Shown(float):
    """A number that shows itself in its own way, as numpy's do."""

    def __repr__(self) -> str:
        return f"Shown({float(self)})"


# --- small types, with all their values -------------------------------------------------------------------------------


class Inner(BaseModel):
    """A model with two values."""

    c: bool


class Small(BaseModel):
    """A model with nine values."""

    a: Annotated[int, Field(ge=0, le=2)]
    b: Literal["x", "y"] | None = None


class Deep(BaseModel):
    """A model that holds another."""

    inner: Inner | None = None
    a: Annotated[int, Field(gt=0, lt=3)]


def texts(letters: str, *lengths: int) -> list[str]:
    return ["".join(chosen) for length in lengths for chosen in product(letters, repeat=length)]


def lists(values: Iterable[Any], *lengths: int) -> list[list[Any]]:
    return [list(chosen) for length in lengths for chosen in product(values, repeat=length)]


SMALL = [Small(a=a, b=b) for a, b in product(range(3), ("x", "y", None))]  # type: ignore[arg-type]
INNER = [Inner(c=True), Inner(c=False)]

DOMAINS: dict[str, tuple[object, list[Any], str]] = {
    "int": (Annotated[int, Field(ge=0, le=4)], [*range(5)], "int"),
    "int in multiples": (Annotated[int, Field(gt=0, lt=10, multiple_of=3)], [3, 6, 9], "int"),
    "optional int": (Annotated[int | None, Field(ge=0, le=4)], [None, *range(5)], "int"),
    "enum": (Literal["x", "y", "xy"], ["x", "y", "xy"], "enum"),
    "enum of two types": (Literal["x", 1, 2], ["x", 1, 2], "either"),
    "bool": (bool, [True, False], "bool"),
    "str": (Annotated[str, Field(pattern="^[ab]{0,3}$")], texts("ab", 0, 1, 2, 3), "str"),
    "bounded str": (Annotated[str, Field(pattern="^[ab]*$", min_length=1, max_length=2)], texts("ab", 1, 2), "str"),
    "int or enum": (Annotated[int, Field(ge=0, le=2)] | Literal["x", "y"], [0, 1, 2, "x", "y"], "either"),
    "list of enum": (Annotated[list[Literal["x", "y"]], Field(max_length=2)], lists("xy", 0, 1, 2), "list enum"),
    "list of optional int": (
        Annotated[list[Annotated[int, Field(ge=0, le=2)] | None], Field(min_length=1, max_length=2)],
        lists([None, 0, 1, 2], 1, 2),
        "list int",
    ),
    "list of models": (Annotated[list[Inner], Field(max_length=2)], lists(INNER, 0, 1, 2), "list inner"),
    "model": (Small, SMALL, "small"),
    "optional model": (Small | None, [None, *SMALL], "small"),
    "union of models": (Small | Inner, [*SMALL, *INNER], "small or inner"),
    "deep model": (Deep, [Deep(inner=i, a=a) for i in (None, *INNER) for a in (1, 2)], "deep"),
}


# --- patterns of all operators ----------------------------------------------------------------------------------------

PRESENCE: list[object] = [None, empty(), exists(), exists(False), any_()]
EXPRESSIONS = ["a", ".*b", "^a+$", "(ab)*$", "b?a{2}", r"[^a]*\Z", "$", "a.b", r"\w$", "(?i)A", "(?!a)b"]

numbers = st.sampled_from([-1, 0, 1, 2, 3, 4, 5, 6, 9, 10])
bounds = st.sampled_from([-1, 0, 0.5, 1, 2, 2.5, 3, 4, 5, 9])
BELOW_ONE: Pattern[int] = and_(gt(0), lt(1))
LENGTHS: list[Any] = [0, 1, 2, 3, gt(0), lt(2), not_(1), between(1, 2), BELOW_ONE]
lengths = st.sampled_from(LENGTHS)
words = st.sampled_from([*texts("ab", 0, 1, 2), "c", "aaa", "aaaa"])
names = st.sampled_from(["x", "y", "xy", "z"])


def of_length(pattern: Any) -> Pattern[Any]:
    return length(pattern)


def ordered(operand: st.SearchStrategy[Any], bound: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        operand,
        operand.map(eq),
        operand.map(neq),
        st.lists(operand, min_size=1, max_size=3).map(lambda options: one_of(*options)),
        *(bound.map(order) for order in (gt, gte, lt, lte)),
        st.tuples(bound, bound).map(lambda pair: between(*pair)),
    )


def combined(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    presence = st.sampled_from(PRESENCE)
    return st.recursive(
        st.one_of(leaves, leaves, leaves, presence),
        lambda inner: st.one_of(
            inner.map(not_),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: and_(*parts)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: or_(*parts)),
        ),
        max_leaves=5,
    )


def listed(item: st.SearchStrategy[Any], plain: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Any]:
    about_items = [item.map(any_item), item.map(all_items), st.lists(item, max_size=2)]
    return combined(
        st.one_of(
            *about_items,
            lengths.map(of_length),
            st.just(empty()),
            *([plain.map(contains)] if plain is not None else []),
        )
    )


def mapping(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=fields)


PATTERNS: dict[str, st.SearchStrategy[Any]] = {
    "int": combined(ordered(numbers, bounds)),
    "enum": combined(ordered(names, names) | names.map(prefix) | lengths.map(of_length)),
    "either": combined(ordered(names | numbers, bounds)),
    "bool": combined(st.booleans() | st.builds(eq, st.booleans()) | st.builds(neq, st.booleans())),
    "str": combined(
        st.one_of(
            ordered(words, words),
            words.map(prefix),
            words.map(suffix),
            words.map(str.upper).map(ignore_case),
            st.sampled_from(EXPRESSIONS).map(match),
            lengths.map(of_length),
        )
    ),
}
PATTERNS["list enum"] = listed(PATTERNS["enum"], names)
PATTERNS["list int"] = listed(PATTERNS["int"], numbers)
PATTERNS["inner"] = combined(mapping(c=PATTERNS["bool"]))
PATTERNS["list inner"] = listed(PATTERNS["inner"], None)
PATTERNS["small"] = combined(mapping(a=PATTERNS["int"], b=PATTERNS["enum"]))
PATTERNS["small or inner"] = combined(mapping(a=PATTERNS["int"]) | mapping(c=PATTERNS["bool"]))
PATTERNS["deep"] = combined(mapping(inner=PATTERNS["inner"], a=PATTERNS["int"]))


@settings(max_examples=1500)
@given(st.data(), st.sampled_from(sorted(DOMAINS)))
def test_the_search_is_right_in_both_directions(data: st.DataObject, name: str) -> None:
    """Of a small type, a pattern is possible exactly if a value matches, and its negation exactly if one does not."""
    annotation, values, kind = DOMAINS[name]
    pattern = data.draw(PATTERNS[kind])
    verdicts = [matches(pattern, value) for value in values]
    for holds in (True, False):
        found = possible([Demand(pattern, holds)], annotation)
        assert found or holds not in verdicts, "a pattern that something matches"
        assert not found or holds in verdicts or _beyond_automata(pattern), "a pattern that nothing matches"


@settings(max_examples=300)
@given(st.data(), st.sampled_from(sorted(DOMAINS)))
def test_two_patterns_at_once(data: st.DataObject, name: str) -> None:
    """Demands on one value are searched for together, as overlap and equality of patterns need it."""
    annotation, values, kind = DOMAINS[name]
    first, second = data.draw(PATTERNS[kind]), data.draw(PATTERNS[kind])
    expected = any(matches(first, value) and not matches(second, value) for value in values)
    found = possible([Demand(first), Demand(second, holds=False)], annotation)
    assert found == expected or (found and (_beyond_automata(first) or _beyond_automata(second)))


def _beyond_automata(pattern: object) -> bool:
    return "(?!" in repr(pattern)


# --- types that cannot be tried out -----------------------------------------------------------------------------------

ZONES = [UTC, timezone(timedelta(hours=5)), timezone(timedelta(hours=-9, minutes=-30))]
MOMENTS = [datetime(2020, 5, day, hour, tzinfo=zone) for day in (4, 5) for hour in (0, 23) for zone in ZONES]
VALUES: dict[object, list[Any]] = {
    float: [0.0, -0.0, 0.1, 0.30000000000000004, 1.0, 1.5, 2.0**53, 1e300, -5.25],
    Decimal: [Decimal("0.1"), Decimal("1.50"), Decimal(2), Decimal("1e30"), Decimal("-0.001")],
    date: [date(2020, 5, 4), date(2020, 5, 5), date.min, date.max],
    datetime: MOMENTS,
    time: [time(0, 30, tzinfo=zone) for zone in ZONES] + [time(23, 59, 59, 999999, tzinfo=zone) for zone in ZONES],
    UUID: [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1), UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")],
}


@settings(max_examples=300)
@given(st.data(), st.sampled_from(list(VALUES)))
def test_no_pattern_that_a_value_matches_is_impossible(data: st.DataObject, kind: Any) -> None:
    """Whatever a dense or a large type holds, what one of its values matches is possible."""
    operands = st.sampled_from(VALUES[kind])
    pattern = data.draw(combined(ordered(operands, operands)))
    for value in VALUES[kind]:
        assert possible([Demand(pattern, matches(pattern, value))], kind)


ANYTHING: list[Any] = [
    5, 5.5, Decimal("5.50"), "5", "5.5", "x", "", "2020-05-04", "2020-05-04T10:00:00Z", date(2020, 5, 4), MOMENTS[1], True,
    False, [], [5], ["x", 5], {}, {"a": 5}, {"a": {"b": "x"}}, UUID(int=5), str(UUID(int=5)), b"x", None, 10**30, "1e2",
]  # fmt: skip
anything = st.sampled_from([value for value in ANYTHING if value is not None])
any_pattern = combined(
    st.one_of(
        ordered(anything, anything.filter(lambda value: not isinstance(value, list | dict | bool | bytes))),
        st.sampled_from(["x", "5", "", "2020"]).flatmap(lambda text: st.sampled_from([prefix(text), suffix(text), match(text)])),
        anything.map(contains),
        anything.map(any_item),
        anything.map(all_items),
        lengths.map(of_length),
        mapping(a=anything | anything.map(not_), b=anything.map(not_)),
    )
)  # fmt: skip


@settings(max_examples=1000)
@given(any_pattern, st.booleans())
def test_an_untyped_pattern_that_something_matches_is_possible(pattern: object, conversions: bool) -> None:
    """Where no type is known, a pattern that any decoded value matches is possible, and its negation as well."""
    for value in ANYTHING:
        holds = matches(pattern, value, conversions=conversions)
        assert possible([Demand(pattern, holds)], Any, conversions=conversions)
        kind = PARTS.get(type(value))
        assert not conversions or kind is None or possible([Demand(pattern, holds)], kind, conversions=True)


PARTS: dict[type, Any] = {str: str, int: int, datetime: datetime, dict: dict[str, Any]}
"""The types that parts of an untyped payload have."""
FAR_EAST, FAR_WEST = timezone(timedelta(hours=23, minutes=59)), timezone(-timedelta(hours=23, minutes=59))
PAIRS = Annotated[list[str], Field(max_length=8)]
DENSE: list[tuple[Any, Any, bool]] = [
    (and_(gt(0.1), lt(0.10000000000000002)), float, False),
    (and_(gt(0.1), lt(0.1000000000000001)), float, True),
    (and_(gt(2**53), lt(2**53 + 2)), float, False),
    (and_(gt(2**53), lt(2**53 + 2)), int, True),
    (gt(float("inf")), float, False),
    (2.5, Annotated[float, Field(multiple_of=0.5)], True),
    (2.6, Annotated[float, Field(multiple_of=0.5)], False),
    (and_(gt(2.5), lt(3)), Annotated[float, Field(multiple_of=0.5)], False),
    (and_(gt(0.2), lt(0.4)), Annotated[float, Field(multiple_of=0.1)], True),
    (and_(gt(Decimal("1e9999")), lt(Decimal("1.5e9999"))), Decimal, True),
    (gt(10**400), float, False),
    (gt(10**400), int, True),
    (gt(Decimal("NaN")), Decimal, False),
    (gt(datetime.max.replace(tzinfo=UTC)), datetime, True),  # of a place west of Greenwich
    (gt(datetime.max.replace(tzinfo=FAR_WEST)), datetime, False),
    (lt(datetime.min), datetime, True),
    (lt(datetime.min.replace(tzinfo=FAR_EAST)), datetime, False),
    (lt(date.min), date, False),
    (gt(time(12)), time, False),  # a time without offset compares with none that has one
    (gt(time(23, 59, 59, 999999, tzinfo=UTC)), time, True),
    (lt(time(0, tzinfo=UTC)), time, True),
    (lt(time(0, tzinfo=timezone(timedelta(hours=23)))), time, True),
    (lt(time(0, tzinfo=FAR_EAST)), time, False),
    (gt(time.max.replace(tzinfo=FAR_WEST)), time, False),
    (gt(UUID(int=2**128 - 1)), UUID, False),
    ("ab", Annotated[str, Field(min_length=3)], False),
    ("abcd", Annotated[str, Field(max_length=3)], False),
    ("x1", Annotated[str, Field(pattern="^[a-z]+$")], False),
    (match(r".*\d"), Annotated[str, Field(pattern="^[a-z]+$")], False),
    (match(r"\w+@"), Annotated[str, Field(pattern="^[^@]+@[^@]+$")], True),
    (prefix("ab"), Annotated[str, Field(max_length=1)], False),
    (match("a{1000}"), Annotated[str, Field(max_length=999)], False),
    (match("a{1000}"), Annotated[str, Field(max_length=1000)], True),
    (length(3), Annotated[list[int], Field(max_length=2)], False),
    (contains(5), list[Annotated[int, Field(le=4)]], False),
    (list("abcdef"), Annotated[list[str], Field(max_length=5)], False),
    (list("abcdef"), Annotated[list[str], Field(max_length=6)], True),
    (and_(*[any_item(prefix(c)) for c in "abcdefgh"], *[any_item(suffix(c)) for c in "abcdefgh"]), PAIRS, True),
    (and_(*[any_item(prefix(c)) for c in "abcdefghi"]), PAIRS, False),
    ({"k": 5}, dict[str, Annotated[int, Field(le=4)]], False),
    (and_({"k": 1}, length(0)), dict[str, int], False),
    (and_({"k": None}, length(0)), dict[str, int], True),
    (and_(length(1), {"j": 1, "k": 1}), dict[str, int], False),
    (b"x", bytes, True),
]


@pytest.mark.parametrize(("pattern", "annotation", "expected"), DENSE)
def test_what_dense_and_large_types_hold(pattern: object, annotation: object, expected: bool) -> None:
    """Neighbouring floats, exact multiples, the ends of calendars, lengths and expressions of the schema."""
    assert possible([Demand(pattern)], annotation) == expected


UNTYPED: list[tuple[Any, bool]] = [
    (and_(gt(5), lt(3)), False),
    (and_(gt(5), "x"), False),
    (and_("x", length(2)), False),
    (and_("5", 5), True),
    (and_(5, prefix("5")), True),  # the text "5" is read as a number
    (and_([5], {"a": 1}), False),
    (and_({"a": 1}, {"a": 2}), False),
    (and_({"a": any_item(gt(5))}, {"a": all_items(lt(5))}), False),
    (and_(True, False), False),
    (and_(gt(date(2020, 1, 1)), lt(date(2020, 1, 1))), False),
    (and_(contains("x"), "y"), False),
    (and_(exists(), exists(False)), False),
    (and_(one_of("5", 1), gte(2)), True),  # the text "5", which is read as a number
    (and_(one_of("x", 1), gte(2)), False),
    (and_(gt("5"), not_(match("."))), True),  # an object id
    (and_("5f", not_(match("."))), False),
    (and_(gt("x"), not_(match("."))), False),
    (Level.HIGH, True),
    (gt(Level.HIGH), True),
    (and_(gt(Level.HIGH), lt(50)), False),
    (Shown(2.5), True),
    (and_(gt(Shown(2.5)), lt(2)), False),
    (float("inf"), True),  # BSON knows infinity
    (lte(float("-inf")), True),
    (and_(float("inf"), lt(5)), False),
    (gt(Decimal("1e999999")), True),
    (Decimal("1e-99999999"), True),
    (and_(one_of(*map("a{}".format, range(3000))), one_of(*map("b{}".format, range(3000)))), False),
    (and_(one_of(*map("a{}".format, range(3000))), one_of("b", "a2999")), True),
    (and_(match(r"order1\.(\w|\d)+"), match(r"order2\.(\w|\d)+"), not_(gt(""))), False),
    (and_(match(r"order1\.(\w|\d)+"), prefix("order"), match("(?i)ORDER1")), True),
    (and_(empty(), prefix("a")), False),
]


@pytest.mark.parametrize(("pattern", "expected"), UNTYPED)
def test_contradictions_without_a_type(pattern: object, expected: bool) -> None:
    """An untyped subscriber's pattern that contradicts itself is seen, in its own reading."""
    assert possible([Demand(pattern)], Any, conversions=True) == expected


@pytest.mark.parametrize(("pattern", "right"), [({"k": None}, True), ({"k": exists()}, False), ({"k": "x"}, False)])
def test_an_object_whose_values_are_all_null(pattern: object, right: bool) -> None:
    """A type that says only null has nothing that is present, and is read without an error."""
    faults = impossible(pattern, dict[str, None], "map")
    assert [str(fault) for fault in faults] == ([] if right else [f"map.k: {pattern['k']!r} can never match: {NULL}"])  # type: ignore[index]


NULL = "the schema admits nothing"


def test_a_moment_is_of_the_day_that_it_shows() -> None:
    """Of a moment in its own offset the day and the instant are two things, so that neither bounds the other."""
    pattern: Pattern[Any] = and_(gte(datetime(2020, 5, 5, tzinfo=UTC)), lte(date(2020, 5, 4)))
    assert matches(pattern, datetime(2020, 5, 4, 23, tzinfo=timezone(timedelta(hours=-5))))
    assert possible([Demand(pattern)], Any)


def test_no_function_of_a_pattern_is_called() -> None:
    """A predicate can answer anything, is never asked, and cannot answer both ways at once."""

    def never(value: Any) -> bool:
        raise AssertionError(value)

    f: Callable[[Any], bool] = never
    assert possible([Demand(and_(gt(5), f, not_(lt(3))))], int)
    assert possible([Demand(length(f))], Literal["x"])
    assert possible([Demand(any_item(f))], list[int])
    assert possible([Demand(f, holds=False)], bool)
    assert not possible([Demand(and_(f, not_(f)))], int)
    assert not possible([Demand(and_(gt(5), f, lt(3)))], int)


BRANCHES: list[Pattern[int]] = [or_(*(gt(i * 20 + j) for j in range(20))) for i in range(20)]
STRINGS: list[Pattern[str]] = [and_(match(f"a{{{i}}}"), suffix("b" * i)) for i in range(30)]
LARGE: dict[str, Any] = {
    "branches": and_(*BRANCHES),
    "strings": and_(*map(not_, STRINGS)),
    "objects": any_item(and_(*(not_({"a": i, "b": i}) for i in range(30)))),
    "states": match(".*a.{30}"),
    "options": one_of(*(f"{i}" for i in range(10_000))),
    "numbers": not_(one_of(*range(20_000))),
    "elements": not_(list(range(5_000))),
    "lengths": and_(match("a{3}$"), of_length(one_of(*range(4, 5_000)))),
}


@pytest.mark.parametrize("pattern", LARGE.values(), ids=LARGE)
def test_the_search_is_bounded(pattern: Pattern[Any]) -> None:
    """A pattern that branches without end is decided or given up, and then possible; a hang would be the failure."""
    assert possible([Demand(pattern), Demand(not_(re.escape("x")))], Any, conversions=True)


class Leaf(BaseModel):
    """The end of an expression."""

    kind: Literal["leaf"]


class Sum(BaseModel):
    """An expression of expressions."""

    kind: Literal["sum"]
    left: Sum | Difference | Product | Leaf


class Difference(Sum):
    """The same, with another meaning."""


class Product(Sum):
    """The same, with another meaning."""


def test_a_union_that_contains_itself_is_looked_through_once() -> None:
    """A right pattern deep in a recursive union is right for its first members; to try all is a hang."""
    pattern: dict[str, Any] = {"kind": "leaf"}
    for _ in range(30):
        pattern = {"left": pattern}
    assert not impossible(pattern, Sum | Difference | Product, "tree")
