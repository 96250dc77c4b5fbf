"""PATTERNS.md is executed: every row of every table of patterns and values."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from bson import Decimal128, ObjectId
from mega_typed import match as language
from mega_typed.match import matches
from mega_typed.subscribers import _ALIASES

PAGE = (Path(__file__).parent.parent / "PATTERNS.md").read_text(encoding="utf-8")
NAMES: dict[str, Any] = {
    **{name: getattr(language, name) for name in language.__all__},
    "D": Decimal,
    "Decimal128": Decimal128,
    "ObjectId": ObjectId,
    "UTC": UTC,
    "UUID": UUID,
    "absent": None,
    "date": date,
    "datetime": datetime,
    "timedelta": timedelta,
    "timezone": timezone,
}
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


def test_the_page_names_every_operator() -> None:
    """An operator without documentation fails."""
    section = PAGE.split("## 3. Operators")[1].split("## 4.")[0]
    types = {name for name in language.__all__ if name[0].isupper()}
    operators = set(language.__all__) - types - {"matches"}
    assert {name for name in operators if f"`{name}(" not in section} == set()


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
