"""Subscribers of shopping_cart item.added, version 2."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import EnumMatcher, Matcher, ModelMatcher, any_

from ..cart import Cart
from ..item_added_v2 import ItemAddedV2, ItemAddedV2Source
from .cart import CartPattern


class ItemAddedV2SourcePattern(TypedDict, total=False):
    """Pattern of ItemAddedV2Source."""

    page: EnumMatcher[Literal["search", "product", "wishlist", "recommendation"]]
    position: Matcher[int] | None
    campaign: Matcher[str] | None


class ItemAddedV2Attributes(TypedDict, total=False):
    """Pattern of the attributes of ItemAddedV2."""

    item_id: Matcher[UUID]
    quantity: Matcher[int]
    price: Matcher[Decimal]
    currency: EnumMatcher[Literal["USD", "EUR", "GBP", "BRL"]]
    source: ModelMatcher[ItemAddedV2SourcePattern, ItemAddedV2Source] | None
    note: Matcher[str] | None


class ItemAddedV2Subscriber(EventSubscriber[ItemAddedV2]):
    """Receives shopping_cart item.added, version 2."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["item.added"]] = "item.added"
    version: ClassVar[Literal[2]] = 2
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[Matcher[str] | None] = any_()
    publisher: ClassVar[Matcher[str] | None] = any_()
    attributes: ClassVar[ItemAddedV2Attributes] = {}
    object_id: ClassVar[Matcher[str] | None] = any_()
    object_current: ClassVar[ModelMatcher[CartPattern, Cart] | None] = any_()
    object_previous: ClassVar[ModelMatcher[CartPattern, Cart] | None] = any_()
