"""PATTERNS.md is executed: every row of every table of patterns and values."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from bson import Decimal128, ObjectId
from mega_typed import Dispatcher, EventSubscriber, MegaPayload
from mega_typed import match as language
from mega_typed.conditions import condition
from mega_typed.index import Index
from mega_typed.match import PredicateFailed, matches
from mega_typed.regexes import why_unbounded
from mega_typed.subscribers import _ALIASES

PAGE = (Path(__file__).parent.parent / "PATTERNS.md").read_text(encoding="utf-8")
NAMES: dict[str, Any] = {
    **{name: getattr(language, name) for name in language.__all__},
    "D": Decimal,
    "BERLIN": ZoneInfo("Europe/Berlin"),
    "Decimal128": Decimal128,
    "ObjectId": ObjectId,
    "UTC": UTC,
    "UUID": UUID,
    "absent": None,
    "date": date,
    "datetime": datetime,
    "time": time,
    "timedelta": timedelta,
    "timezone": timezone,
}
OPERATORS = {name for name in language.__all__ if name[0].islower()} - {"matches"}
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| (yes|no) \| (yes|no) \|$", PAGE, re.MULTILINE)


def test_the_page_has_its_tables() -> None:
    """The rows are found: a change of format cannot make this file prove nothing."""
    assert len(ROWS) > 130


@pytest.mark.parametrize(("pattern", "value", "typed", "untyped"), ROWS, ids=[f"{p} ~ {v}" for p, v, *_ in ROWS])
def test_a_row_of_the_page(pattern: str, value: str, typed: str, untyped: str) -> None:
    """The evaluator gives the result that the page promises, in both readings."""
    right, left = eval(pattern, dict(NAMES)), eval(value, dict(NAMES))
    assert ["no", "yes"][matches(right, left)] == typed
    assert ["no", "yes"][matches(right, left, conversions=True)] == untyped


PATTERNS = {source: eval(source, dict(NAMES)) for source, *_ in ROWS}


@pytest.mark.parametrize("conversions", [False, True], ids=["typed", "untyped"])
def test_the_patterns_of_the_page_among_each_other(conversions: bool) -> None:
    """Asked all at once, as dispatch asks them, the patterns of all rows match what each of them matches alone."""
    conditions = [condition([((), each)], conversions=conversions) for each in PATTERNS.values()]
    index = Index(list(enumerate(conditions)))
    for _, source, *_ in ROWS:
        value = eval(source, dict(NAMES))
        found = {list(PATTERNS)[number] for number in index.matching(value)[0]}
        assert found == {name for name, each in PATTERNS.items() if holds(each, value, conversions)}, source


def holds(pattern: object, value: object, conversions: bool) -> bool:
    """Whether a value matches, in the evaluator; no for a predicate that raises."""
    try:
        return matches(pattern, value, conversions=conversions)
    except PredicateFailed:
        return False


def cells(line: str) -> list[str]:
    """The cells of a row, without what marks code."""
    return [cell.strip("`") for cell in line.strip("| ").split(" | ")]


def table(head: str) -> tuple[list[str], list[list[str]]]:
    """The table that begins with a line: its columns and its rows."""
    first, _, *rows = PAGE[PAGE.index(head) :].split("\n\n")[0].splitlines()
    return cells(first), [cells(row) for row in rows]


COLUMNS, MATRIX = table("| pattern | `absent` |")
READINGS = {(False, False): "no", (True, True): "yes", (True, False): "typed", (False, True): "untyped"}


@pytest.mark.parametrize("row", MATRIX, ids=[row[0] for row in MATRIX])
def test_an_operator_on_every_kind_of_value(row: list[str]) -> None:
    """The evaluator gives the result that the page promises for every kind of value, in both readings."""
    pattern = eval(row[0], dict(NAMES))
    values = [eval(column, dict(NAMES)) for column in COLUMNS[1:]]
    found = [READINGS[matches(pattern, value), matches(pattern, value, conversions=True)] for value in values]
    assert dict(zip(COLUMNS[1:], found, strict=True)) == dict(zip(COLUMNS[1:], row[1:], strict=True))


def test_every_operator_meets_every_kind_of_value() -> None:
    """No operator is left out of the table of kinds."""
    named = {re.split(r"\W", row[0])[0] for row in MATRIX}
    assert OPERATORS - named == set()


@pytest.mark.parametrize("row", table("| expression | decided by |")[1], ids=lambda row: row[0])
def test_the_cost_of_an_expression(row: list[str]) -> None:
    """What the page says of the cost of expressions holds for a text of a stranger, within the test's patience."""
    expression, _, promise = row
    regex = re.compile(expression)
    text = ("9" if "d" in expression else "a") * 1_000_000 + "!"
    if promise == "refused at class definition":
        assert why_unbounded(regex)
    elif promise == "decided":
        assert why_unbounded(regex) is None
        assert not matches(language.match(regex), text)
    else:
        assert why_unbounded(regex) is None
        assert not matches(language.match(regex), text[:9_000])
        with pytest.raises(PredicateFailed):
            matches(language.match(regex), text)


def test_the_page_names_every_operator() -> None:
    """An operator without documentation fails."""
    section = PAGE.split("## 3. Operators")[1].split("## 4.")[0]
    assert {name for name in OPERATORS if f"`{name}(" not in section} == set()


def test_the_page_lists_the_attributes_with_their_aliases() -> None:
    """The table of section 7 is the table that the code uses."""
    listed = dict(re.findall(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\| `", PAGE, re.MULTILINE))
    assert {key: alias or key for key, alias in listed.items()} == _ALIASES


def test_deeply_nested_lists_cost_no_more_than_their_size() -> None:
    """Collection equality looks at each pair once, at every depth."""
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    assert matches(deep, deep)


def test_an_untyped_subscriber_sees_what_the_protocol_fills_in() -> None:
    """A version that is missing is 1, and a timestamp is a date-time, as section 7 says."""

    class Sees(EventSubscriber):
        version = 1
        object_version = 1
        timestamp = language.gte(datetime(2020, 5, 4, 10, tzinfo=UTC))

        def process(self, payload: MegaPayload) -> None: ...

    dispatcher = Dispatcher()
    dispatcher.register(Sees)
    event = {"name": "order.placed", "timestamp": "2020-05-04T12:00:00+02:00"}
    document = {"protocol": "mega", "version": 1, "event": event, "object": {"id": "o-1"}}
    assert dispatcher.matching(MegaPayload.from_document(document)) == (Sees,)


@pytest.mark.parametrize("around", [language.or_, language.one_of, language.eq, lambda option: language.in_([option])])
def test_one_option_stands_for_what_it_holds(around: Any) -> None:
    """Its leaves are leaves of the whole, so that a function within is asked after all that is none (section 8)."""
    asked: list[object] = []
    of = condition([((), around(language.and_(asked.append, 5)))], conversions=False)
    assert not of.holds(6)
    assert not asked
