"""Patterns of crm: BuyerContactOption1, BuyerContactOption2, Line, Order and Buyer."""

from __future__ import annotations

from typing import Literal, TypedDict
from uuid import UUID

from mega_typed.match import EnumMatcher, Matcher, ModelListMatcher, ModelMatcher

from ...shared.shared import Money
from ...shared.subscribers.shared import MoneyPattern
from ..buyer import Buyer, BuyerContactOption1, BuyerContactOption2, Line, Order


class BuyerContactOption1Pattern(TypedDict, total=False):
    """Pattern of BuyerContactOption1."""

    kind: EnumMatcher[Literal["mail"], str]
    mail: Matcher[str]


class BuyerContactOption2Pattern(TypedDict, total=False):
    """Pattern of BuyerContactOption2."""

    kind: EnumMatcher[Literal["phone"], str]
    phone: Matcher[str]


class LinePattern(TypedDict, total=False):
    """Pattern of Line."""

    quantity: Matcher[int]


class OrderPattern(TypedDict, total=False):
    """Pattern of Order."""

    id: Matcher[UUID]
    total: ModelMatcher[MoneyPattern, Money] | None
    lines: ModelListMatcher[LinePattern, Line] | None
    buyer: ModelMatcher[BuyerPattern, Buyer] | None


class BuyerPattern(TypedDict, total=False):
    """Pattern of Buyer."""

    last_order: ModelMatcher[OrderPattern, Order] | None
    contact: (
        ModelMatcher[
            BuyerContactOption1Pattern,
            BuyerContactOption1,
        ]
        | ModelMatcher[BuyerContactOption2Pattern, BuyerContactOption2]
        | None
    )
