"""Subscribers of shopping_cart item.added, version 2."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ..cart import Cart
from ..item_added_v2 import ItemAddedV2, ItemAddedV2Source
from .cart import CartPattern


class ItemAddedV2SourcePattern(TypedDict, total=False):
    """Pattern of ItemAddedV2Source."""

    page: MatcherOf[Literal["search", "product", "wishlist", "recommendation"], str]
    position: OptionalMatcher[int]
    campaign: OptionalMatcher[str]


class ItemAddedV2Attributes(TypedDict, total=False):
    """Pattern of the attributes of ItemAddedV2."""

    item_id: Matcher[UUID]
    quantity: Matcher[int]
    price: Matcher[Decimal]
    currency: MatcherOf[Literal["USD", "EUR", "GBP", "BRL"], str]
    source: OptionalMatcherOf[ItemAddedV2SourcePattern, ItemAddedV2Source]
    note: OptionalMatcher[str]


class ItemAddedV2Subscriber(EventSubscriber[ItemAddedV2]):
    """Receives shopping_cart item.added, version 2."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["item.added"]] = "item.added"
    version: ClassVar[Literal[2]] = 2
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[ItemAddedV2Attributes] = {}
    object_type: ClassVar[OptionalMatcherOf[Literal["shopping_cart"], str]] = any_()
    object_version: ClassVar[OptionalMatcherOf[Literal[2], int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
    object_previous: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
