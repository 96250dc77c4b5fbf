"""Subscribers of shop item.measured, version 1."""

from __future__ import annotations

from datetime import date as date_aliased
from datetime import datetime
from datetime import time as time_aliased
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import EnumMatcher, MappingMatcher, Matcher, Not, any_

from ..item_measured import ItemMeasured


class ItemMeasuredAttributes(TypedDict, total=False):
    """Pattern of the attributes of ItemMeasured."""

    kind: EnumMatcher[Literal["measure"]]
    state: EnumMatcher[Literal["new", "old"]] | None
    level: Matcher[Literal[1, 2, 3]] | None
    answer: Matcher[Literal["yes", "no", 42, True]] | None
    codes: Matcher[list[str]]
    colours: Matcher[list[Literal["red", "green"]]] | Not[list[str]] | None
    matrix: Matcher[list[list[float]]] | None
    ratio: Matcher[float]
    count: Matcher[int] | None
    either: Matcher[str] | Matcher[int] | None
    dates: Matcher[list[datetime]] | None
    date: Matcher[date_aliased] | None
    time: Matcher[time_aliased] | None
    prices: MappingMatcher[Decimal] | None
    anything: Matcher[Any] | None
    free: MappingMatcher[Any] | None
    nothing: None
    mail: Matcher[str] | None
    long: (
        EnumMatcher[
            Literal[
                "a value that is rather long",
                "another value that is rather long",
                "the third",
            ]
        ]
        | None
    )
    deep: (
        Matcher[
            list[
                Literal[
                    "first alternative",
                    "second alternative",
                    "third alternative",
                    "4",
                ]
                | None
            ]
        ]
        | None
    )
    pattern: Matcher[str] | None


class ItemMeasuredSubscriber(EventSubscriber[ItemMeasured]):
    """Receives shop item.measured, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["item.measured"]] = "item.measured"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[Matcher[str] | None] = any_()
    publisher: ClassVar[Matcher[str] | None] = any_()
    attributes: ClassVar[ItemMeasuredAttributes] = {}
