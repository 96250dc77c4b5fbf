"""Patterns of crm: BuyerContactOption1, BuyerContactOption2, Line, Order and Buyer."""

from __future__ import annotations

from typing import Literal, TypedDict
from uuid import UUID

from mega_typed.match import Matcher, MatcherOf, OptionalMatcherOf

from ...shared.shared import Money
from ...shared.subscribers.shared import MoneyPattern
from ..buyer import Buyer, BuyerContactOption1, BuyerContactOption2, Line, Order


class BuyerContactOption1Pattern(TypedDict, total=False):
    """Pattern of BuyerContactOption1."""

    kind: MatcherOf[Literal["mail"], str]
    mail: Matcher[str]


class BuyerContactOption2Pattern(TypedDict, total=False):
    """Pattern of BuyerContactOption2."""

    kind: MatcherOf[Literal["phone"], str]
    phone: Matcher[str]


class LinePattern(TypedDict, total=False):
    """Pattern of Line."""

    quantity: Matcher[int]


class OrderPattern(TypedDict, total=False):
    """Pattern of Order."""

    id: Matcher[UUID]
    total: OptionalMatcherOf[MoneyPattern, Money]
    lines: OptionalMatcherOf[list[LinePattern], list[Line]]
    buyer: OptionalMatcherOf[BuyerPattern, Buyer]


class BuyerPattern(TypedDict, total=False):
    """Pattern of Buyer."""

    last_order: OptionalMatcherOf[OrderPattern, Order]
    contact: OptionalMatcherOf[
        BuyerContactOption1Pattern | BuyerContactOption2Pattern,
        BuyerContactOption1 | BuyerContactOption2,
    ]
