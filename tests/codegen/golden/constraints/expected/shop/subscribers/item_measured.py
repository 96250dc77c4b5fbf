"""Subscribers of shop item.measured, version 1."""

from __future__ import annotations

from datetime import date as date_aliased
from datetime import datetime
from datetime import time as time_aliased
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ..item_measured import ItemMeasured


class ItemMeasuredAttributes(TypedDict, total=False):
    """Pattern of the attributes of ItemMeasured."""

    kind: MatcherOf[Literal["measure"], str]
    state: OptionalMatcherOf[Literal["new", "old"], str]
    level: OptionalMatcherOf[Literal[1, 2, 3], int]
    answer: OptionalMatcherOf[Literal["yes", "no", 42, True], str | int | bool]
    codes: Matcher[list[str]]
    colours: OptionalMatcherOf[list[Literal["red", "green"]], list[str]]
    matrix: OptionalMatcher[list[list[float]]]
    ratio: Matcher[float]
    count: OptionalMatcher[int]
    either: OptionalMatcher[str | int]
    dates: OptionalMatcher[list[datetime]]
    date: OptionalMatcher[date_aliased]
    time: OptionalMatcher[time_aliased]
    prices: OptionalMatcherOf[dict[str, OptionalMatcher[Decimal]], dict[str, Decimal]]
    anything: OptionalMatcher[Any]
    free: OptionalMatcherOf[dict[str, OptionalMatcher[Any]], dict[str, Any]]
    nothing: None
    mail: OptionalMatcher[str]
    long: OptionalMatcherOf[
        Literal[
            "a value that is rather long",
            "another value that is rather long",
            "the third",
        ],
        str,
    ]
    deep: OptionalMatcherOf[
        list[
            Literal[
                "first alternative",
                "second alternative",
                "third alternative",
                "4",
            ]
            | None
        ],
        list[str | None],
    ]
    pattern: OptionalMatcher[str]


class ItemMeasuredSubscriber(EventSubscriber[ItemMeasured]):
    """Receives shop item.measured, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["item.measured"]] = "item.measured"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[ItemMeasuredAttributes] = {}
