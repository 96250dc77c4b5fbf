"""The index: whatever it skips, it finds what asking every condition alone finds."""

from __future__ import annotations

import gc
import math
import re
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from bson import Code, Decimal128, Int64, ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed import index as index_module
from mega_typed.askers import Askers
from mega_typed.compiled import Piece, conjunction, piece_of
from mega_typed.compiled import test_of as function_of
from mega_typed.conditions import Condition, condition, leaves_of
from mega_typed.index import Growing, Index, verified
from mega_typed.match import (
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
    in_,
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
from mega_typed.payload import EventType

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of strategies, by hypothesis

BIG = 2**53
IDS = [UUID(int=1), UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")]
OBJECT_ID = ObjectId("5f0f0f0f0f0f0f0f0f0f0f0f")


class Word(str):
    """A string of a class of its own."""


class Shouting(str):
    """A string that compares in its own way."""

    def __eq__(self, other: object) -> bool:
        return str(other).upper() == str.__str__(self)

    def __hash__(self) -> int:
        return 1


NUMBERS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([0.1, 0.5, -0.0, 5.0, 1e23, math.nan, math.inf, -math.inf, 2.0**53, 2.0**60, 1e-7]),
    st.sampled_from([BIG, BIG + 1, -BIG - 1, 2**60, 10**23, 99999999999999991611392, 10**400]),
    st.sampled_from(["0.1", "5", "5.00", "NaN", "Infinity", "-0", "1E+23", "1152921504606846976", "sNaN"]).map(Decimal),
    st.sampled_from([Decimal.from_float(0.1), Decimal(2**60), Decimal("1.152921504606847E+18")]),
    st.floats(width=16),
    st.decimals(-10, 10, places=1),
)
TEXTS = st.one_of(
    st.text("ab1.", max_size=3),
    st.sampled_from(
        ["5", "5.0", "0.1", "1e23", "1e999999", " 5", "true", "user:a", "user:b", "USER:A", "é", "ß", "x" * 70]
    ),
    st.sampled_from(
        [str(IDS[1]), IDS[1].hex, "{" + str(IDS[1]).upper() + "}", "urn:uuid:" + str(IDS[0]), str(OBJECT_ID)]
    ),
    st.sampled_from(["2020-01-01", "2020-01-01T10:00:00Z"]),
)
MOMENTS = st.sampled_from(
    [date(2020, 1, 1), datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)]
)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    NUMBERS, TEXTS, MOMENTS, st.booleans(), st.none(), st.sampled_from([*IDS, OBJECT_ID, b"5", b"ab"])
)
KEYS = st.sampled_from(["a", "b", "c"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        SCALARS,
        st.sampled_from([Decimal128("0.1"), Decimal128("NaN"), Int64(5), Word("ab"), Shouting("AB"), Code("ab"), timedelta(1)]),
        TEXTS.map(Word),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def small(value: Any) -> bool:
    return bool(value > 3)


def stubborn(value: Any) -> bool:
    raise LookupError(value)


FUNCTIONS = st.sampled_from([small, stubborn, lambda value: True])
REGEXES = st.sampled_from(
    ["user:", "user:(a|b)", "^a", "^a.*b$", "ab*", "a|b", "(?i)user", "1+", r"\.", "[ab]", "^", "", "user:a?", "x{60}"]
)
BOUNDS = st.one_of(NUMBERS, TEXTS, MOMENTS)
OPERATORS: st.SearchStrategy[Any] = st.one_of(
    SCALARS,
    SCALARS.map(eq),
    st.lists(SCALARS, min_size=1, max_size=4).map(in_),
    st.lists(SCALARS, min_size=1, max_size=3),
    *(BOUNDS.map(operator) for operator in (gt, gte, lt, lte)),
    st.tuples(BOUNDS, BOUNDS).map(lambda ends: between(*ends)),
    REGEXES.map(match),
    TEXTS.map(prefix),
    TEXTS.map(suffix),
    TEXTS.map(ignore_case),
    SCALARS.map(contains),
    st.integers(0, 3).map(lambda size: length(size)),
    st.sampled_from([exists(), exists(False), any_(), empty(), {}, [], match(re.compile("USER", re.IGNORECASE))]),
)


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=3)
    return st.one_of(
        several.map(lambda parts: and_(*parts)),
        several.map(lambda parts: or_(*parts)),
        inner.map(not_),
        inner.map(neq),
        inner.map(any_item),
        inner.map(all_items),
        st.dictionaries(KEYS, inner, max_size=3),
    )


PLAIN = st.recursive(OPERATORS, combined, max_leaves=4)
PATTERNS = st.recursive(st.one_of(OPERATORS, OPERATORS, OPERATORS, FUNCTIONS), combined, max_leaves=4)
TREES = st.dictionaries(KEYS, PATTERNS, max_size=3) | PATTERNS
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=3) | VALUES


@given(PLAIN, VALUES, st.booleans())
@settings(max_examples=600, deadline=None)
def test_a_function_is_what_it_was_made_for(pattern: Any, value: Any, conversions: bool) -> None:
    """A compiled pattern and the evaluator agree about every value, in both readings."""
    assert function_of(pattern, conversions)(value) == matches(pattern, value, conversions=conversions)


ODD_KEYS = st.sampled_from(["a", "{0}", "{v}", "'", "\\", "\n return yes", "__import__", "a0", "", 1, True, None])


@given(st.dictionaries(ODD_KEYS, PLAIN | st.dictionaries(ODD_KEYS, PLAIN, max_size=2), max_size=3), st.data())
@settings(max_examples=300, deadline=None)
def test_a_function_of_many_leaves_is_their_conjunction(tree: dict[Any, Any], data: st.DataObject) -> None:
    """Keys and operands are data, whatever they look like: the function says what asking leaf by leaf says."""
    wanted = Condition(tuple(leaves_of(tree)), (), conversions=True)
    inner = st.dictionaries(ODD_KEYS, VALUES, max_size=2) | VALUES
    payload = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(tree, inner)) | VALUES)
    decide = conjunction([(path, piece_of(pattern, True)) for path, pattern in wanted.plain])
    assert decide(payload) == wanted.holds(payload)


def test_conditions_of_one_form_share_their_code() -> None:
    """Conditions that differ in keys and operands only have one code object, whatever the keys look like."""
    functions = [
        conjunction([((key, "x"), piece_of(and_(gt(n), lt(n + 9)), False)), (("y",), piece_of(f"t{n}", False))])
        for n, key in enumerate(("a", "b", "x) or (", 5))
    ]
    assert len({function.__code__ for function in functions}) == 1


def test_what_fails_is_asked_again_about_the_payload() -> None:
    """Where a function is told whom to ask when something raises, it asks about the payload as it came."""
    payload = {"a": {"b": Shouting("AB")}, "c": object()}

    def failing(value: object) -> bool:
        raise LookupError(value)

    pieces = [(("a", "b"), piece_of("x", False)), (("c",), Piece("{0}({v})", (failing,)))]
    assert conjunction(pieces[1:], failed=lambda value: value)(payload) is payload
    assert conjunction(pieces, failed=lambda value: value)(payload) is False
    with pytest.raises(LookupError):
        conjunction(pieces[1:])(payload)


def nested(times: int) -> Any:
    """A pattern of many levels."""
    made: Any = gt(1)
    for _ in range(times):
        made = or_(not_(made), "never")
    return made


@pytest.mark.parametrize(
    ("pattern", "met", "unmet"),
    [(nested(80), 2, 1), (or_(*[and_(gt(n), lt(n + 2)) for n in range(2000)]), 2000, 0), (one_of(1, "x", None), 1, 2)],
    ids=["deep", "wide", "mixed"],
)
def test_large_patterns_become_functions_too(pattern: Any, met: object, unmet: object) -> None:
    """Neither how deep a pattern nests nor how many alternatives it has is bounded by Python's parser."""
    decide = function_of(pattern, False)
    assert (decide(met), decide(unmet)) == (True, False)


@given(PLAIN, VALUES, st.booleans())
@settings(max_examples=600, deadline=None)
def test_the_leaves_of_a_pattern_are_the_pattern(pattern: Any, value: Any, conversions: bool) -> None:
    """A tree that is taken apart matches what it matched in one piece."""
    taken_apart = condition([((), pattern)], conversions=conversions)
    assert taken_apart.holds(value) == matches(pattern, value, conversions=conversions)


def reference(conditions: list[tuple[int, Condition]], root: object) -> tuple[list[int], list[tuple[int, type]]]:
    """Every condition alone, with nothing but ``matches``."""
    found, failures = verified(conditions, root, Condition.holds)
    return list(found), [(number, type(error)) for number, error in failures]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Many similar patterns, as an application has them, and documents that some of them match; made from a seed."""
    chance = Random(draw(st.integers(0, 2**32)))
    ids = [f"id-{n}" for n in range(chance.choice([3, 40]))]
    numbers: list[Any] = [
        chance.choice([n, float(n), Decimal(n), n / 10, Decimal(n) / 10]) for n in range(chance.choice([4, 40]))
    ]
    numbers += [BIG + 1, 1e23, 10**23]
    texts = [f"{word}:{n}" for word in ("user", "order", "a") for n in range(12)]
    makers: list[Any] = [
        lambda: {"a": chance.choice(ids)},
        lambda: {"a": one_of(*chance.sample(ids, 2))},
        lambda: {"b": chance.choice([gt, gte, lt, lte])(chance.choice(numbers))},
        lambda: {"b": and_(gte(chance.choice(numbers)), lt(chance.choice(numbers)))},
        lambda: {"b": between(chance.choice(numbers), chance.choice(numbers)), "a": chance.choice(ids)},
        lambda: {"b": chance.choice(numbers), "c": {"a": chance.choice(ids)}},
        lambda: {"b": one_of(str(chance.choice(numbers)), chance.choice(numbers))},
        lambda: {"c": prefix(chance.choice(texts))},
        lambda: {"c": match(chance.choice(texts) + chance.choice(["$", "x?", "(1|2)", ""]))},
        lambda: {"c": chance.choice(IDS), "a": not_(chance.choice(ids))},
        lambda: {"a": chance.choice([None, exists(), small, stubborn]), "b": gt(chance.choice(numbers))},
        lambda: {"a": or_(None, chance.choice(ids)), "c": {"b": {"a": None}}},
    ]
    makers = chance.sample(makers, chance.choice([1, 2, 4, len(makers)]))
    of_c: list[Any] = [
        lambda: chance.choice(texts),
        lambda: chance.choice(texts) + "1",
        lambda: {"a": chance.choice(ids), "b": chance.choice([None, {}, {"a": None}])},
        lambda: chance.choice([*IDS, *map(str, IDS)]),
    ]
    documents = [
        {
            "a": chance.choice([*ids, None, 5]),
            "b": chance.choice([*numbers, *map(str, numbers), None, True]),
            "c": chance.choice(of_c)(),
        }
        for _ in range(12)
    ]
    return [chance.choice(makers)() for _ in range(chance.choice([10, 60, 200]))], documents


def agree(trees: list[Any], documents: list[Any], conversions: bool) -> None:
    """The index and the loop find the same, in the same order, with the same failures."""
    conditions = [(3 * n, condition([((), tree)], conversions=conversions)) for n, tree in enumerate(trees)]
    built = Index(conditions)
    for document in documents:
        found, failures = built.matching(document)
        assert (list(found), [(n, type(error)) for n, error in failures]) == reference(conditions, document)


@given(st.lists(TREES, max_size=12), st.lists(DOCUMENTS, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_an_index_finds_what_asking_each_condition_finds(
    trees: list[Any], documents: list[Any], conversions: bool
) -> None:
    """Matches, their order and the failures are those of the loop over all, for any patterns and any values."""
    agree(trees, documents, conversions)


SMALL = {"_FEW": 2, "_NODE": 32, "_BLOCKS": 8, "_VALUES": 6, "_COLUMNS": 2, "_LENGTHS": 2}


@given(crowds(), st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_an_index_over_many_finds_the_same(
    crowd: tuple[list[Any], list[Any]], conversions: bool, cramped: bool
) -> None:
    """So it is where look-ups, beginnings, bitmaps and blocks of bounds stand above each other, and all are full."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SMALL.items() if cramped else ():
            patch.setattr(index_module, name, size)
        agree(*crowd, conversions)


ALIKE = [1, True, 1.0, Decimal(1), "1", 0, False, -0.0, "0", 5, "5", 5.5, BIG + 1, float(BIG)]


@pytest.mark.parametrize("conversions", [False, True])
def test_operands_that_python_takes_for_equal_stay_apart(conversions: bool) -> None:
    """1, true and "1", and ranges of one value among them, mean in a crowd what each means alone."""
    kinds: list[Any] = [eq, gt, gte, one_of, not_, lambda operand: between(operand, operand)]
    made = [{"a": kind(operand)} for kind in kinds for operand in ALIKE]
    agree(made * 2, [{"a": value} for value in [*ALIKE, None, "x"]], conversions)


@pytest.mark.parametrize("enabled", [True, False])
def test_an_index_leaves_the_garbage_collector_as_it_was(enabled: bool) -> None:
    """It is on after an index was built if it was on before, and off if it was off; also when building fails."""
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        for wanted in (condition([(("a",), 1)], conversions=False), None):
            growing = Growing()
            growing.add(0, wanted)  # type: ignore[arg-type]
            with nullcontext() if wanted else pytest.raises(AttributeError):
                growing.matching({"a": 1})
            assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("made", [lambda n: {"a": f"id-{n}"}, lambda n: {"a": match(f"id-{n}$")}, lambda n: {"a": between(n, n)}])  # fmt: skip
def test_an_index_asks_only_a_few(made: Any) -> None:
    """Of a thousand conditions that one value tells apart, fewer than twenty patterns are evaluated for a payload."""
    calls: list[object] = []

    def counting(pattern: Any, conversions: bool) -> Piece:
        def test(value: Any) -> bool:
            calls.append(pattern)
            return matches(pattern, value, conversions=conversions)

        return Piece("{0}({v})", (test,))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "piece_of", counting)
        built = Index([(n, condition([((), made(n))], conversions=False)) for n in range(1000)])
    assert list(built.matching({"a": 77 if made(1) == {"a": between(1, 1)} else "id-77"})[0]) == [77]
    assert len(calls) < 20


@pytest.mark.parametrize("first", ["text", "other"])
@pytest.mark.parametrize(("other", "fails"), [(1, True), (2, False)])
def test_what_cannot_be_decided_counts_only_if_all_else_holds(first: str, other: int, fails: bool) -> None:
    """An expression that is too costly fails a condition in whatever order its leaves stand, or is not heard of."""
    patterns = {"text": match("(?!x).*a.*b.*c"), "other": 1}
    ordered = sorted(patterns.items(), key=lambda item: item[0] != first)
    conditions = [(n, condition([((key,), pattern) for key, pattern in ordered], conversions=True)) for n in range(3)]
    root = {"text": "a" * 2000, "other": other}
    askers = Askers(lambda payload: payload)
    for number, each in conditions:
        askers.add(number, condition([], conversions=True), each)
    asking, _ = askers.asking(EventType(None, "x", 1))
    for found, failures in (Index(conditions).matching(root), askers.matching(asking, root)):
        assert list(found) == []
        assert [number for number, _ in failures] == ([0, 1, 2] if fails else [])
