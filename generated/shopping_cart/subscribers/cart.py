"""Patterns of shopping_cart: CartItem and Cart."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypedDict
from uuid import UUID

from mega_typed.match import Matcher, MatcherOf, OptionalMatcher

from ..cart import CartItem


class CartItemPattern(TypedDict, total=False):
    """Pattern of CartItem."""

    id: Matcher[UUID]
    price: Matcher[Decimal]
    quantity: Matcher[int]
    tags: OptionalMatcher[list[str]]


class CartPattern(TypedDict, total=False):
    """Pattern of Cart."""

    id: Matcher[UUID]
    user_id: Matcher[int]
    items: MatcherOf[list[CartItemPattern], list[CartItem]]
    currency: MatcherOf[Literal["USD", "EUR", "GBP", "BRL"], str]
    value: Matcher[Decimal]
    discount: OptionalMatcher[Decimal]
    coupon: OptionalMatcher[str]
    delivery_date: OptionalMatcher[date]
    created_at: Matcher[datetime]
    updated_at: Matcher[datetime]
