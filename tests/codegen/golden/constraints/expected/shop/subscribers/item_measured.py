"""Subscribers of shop item.measured, version 1."""

from __future__ import annotations

from datetime import date as date_aliased
from datetime import datetime
from datetime import time as time_aliased
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import (
    EnumMatcher,
    MappingMatcher,
    Matcher,
    Not,
    OptionalMatcher,
    any_,
)

from ..item_measured import ItemMeasured


class ItemMeasuredAttributes(TypedDict, total=False):
    """Pattern of the attributes of ItemMeasured."""

    kind: EnumMatcher[Literal["measure"], str]
    state: EnumMatcher[Literal["new", "old"], str] | None
    level: EnumMatcher[Literal[1, 2, 3], int] | None
    answer: Matcher[Literal["yes", "no", 42, True]] | None
    codes: Matcher[list[str]]
    colours: Matcher[list[Literal["red", "green"]]] | Not[list[str]] | None
    matrix: Matcher[list[list[float]]] | None
    ratio: Matcher[float]
    count: Matcher[int] | None
    either: Matcher[str] | Matcher[int] | Matcher[str | int] | None
    dates: Matcher[list[datetime]] | None
    date: Matcher[date_aliased] | None
    time: Matcher[time_aliased] | None
    prices: MappingMatcher[Matcher[Decimal], Decimal] | None
    anything: Matcher[Any] | None
    free: MappingMatcher[Matcher[Any], Any] | None
    nothing: None
    mail: Matcher[str] | None
    long: (
        EnumMatcher[
            Literal[
                "a value that is rather long",
                "another value that is rather long",
                "the third",
            ],
            str,
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
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[ItemMeasuredAttributes] = {}
