"""Subscribers of shopping_cart item.removed, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..cart import Cart
from ..item_removed import ItemRemoved
from .cart import CartPattern


class ItemRemovedAttributes(TypedDict, total=False):
    """Pattern of the attributes of ItemRemoved."""

    item_id: Matcher[UUID]
    quantity: OptionalMatcher[int]
    reason: OptionalMatcherOf[
        Literal["changed_mind", "out_of_stock", "too_expensive"],
        str,
    ]


class ItemRemovedSubscriber(EventSubscriber[ItemRemoved]):
    """Receives shopping_cart item.removed, version 1."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["item.removed"]] = "item.removed"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[ItemRemovedAttributes] = {}
    object_type: ClassVar[OptionalMatcherOf[Literal["shopping_cart"], str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
    object_previous: ClassVar[OptionalMatcherOf[CartPattern, Cart]] = any_()
