"""Patterns of shopping_cart: CartItem and Cart."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypedDict
from uuid import UUID

from mega_typed.match import EnumMatcher, Matcher, ModelListMatcher

from ..cart import CartItem


class CartItemPattern(TypedDict, total=False):
    """Pattern of CartItem."""

    id: Matcher[UUID]
    price: Matcher[Decimal]
    quantity: Matcher[int]
    tags: Matcher[list[str]] | None


class CartPattern(TypedDict, total=False):
    """Pattern of Cart."""

    id: Matcher[UUID]
    user_id: Matcher[int]
    items: ModelListMatcher[CartItemPattern, CartItem]
    currency: EnumMatcher[Literal["USD", "EUR", "GBP", "BRL"], str]
    value: Matcher[Decimal]
    discount: Matcher[Decimal] | None
    coupon: Matcher[str] | None
    delivery_date: Matcher[date] | None
    created_at: Matcher[datetime]
    updated_at: Matcher[datetime]
