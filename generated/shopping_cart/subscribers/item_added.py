"""Subscribers of shopping_cart item.added, version 1."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..cart import Cart
from ..item_added import ItemAdded
from .cart import CartPattern


class ItemAddedAttributes(TypedDict, total=False):
    """Pattern of the attributes of ItemAdded."""

    item_id: Matcher[UUID]
    quantity: Matcher[int]
    price: OptionalMatcher[Decimal]


class ItemAddedSubscriber(EventSubscriber[ItemAdded]):
    """Receives shopping_cart item.added, version 1."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["item.added"]] = "item.added"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[ItemAddedAttributes] = {}
    object_type: ClassVar[OptionalMatcherOf[Literal["shopping_cart"], str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
    object_previous: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
