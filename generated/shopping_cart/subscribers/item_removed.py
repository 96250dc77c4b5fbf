"""Subscribers of shopping_cart item.removed, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import EnumMatcher, Matcher, ModelMatcher, any_

from ..cart import Cart
from ..item_removed import ItemRemoved
from .cart import CartPattern


class ItemRemovedAttributes(TypedDict, total=False):
    """Pattern of the attributes of ItemRemoved."""

    item_id: Matcher[UUID]
    quantity: Matcher[int] | None
    reason: EnumMatcher[Literal["changed_mind", "out_of_stock", "too_expensive"]] | None


class ItemRemovedSubscriber(EventSubscriber[ItemRemoved]):
    """Receives shopping_cart item.removed, version 1."""

    domain: ClassVar[Literal["shopping_cart"]] = "shopping_cart"
    name: ClassVar[Literal["item.removed"]] = "item.removed"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[Matcher[str] | None] = any_()
    publisher: ClassVar[Matcher[str] | None] = any_()
    attributes: ClassVar[ItemRemovedAttributes] = {}
    object_id: ClassVar[Matcher[str] | None] = any_()
    object_current: ClassVar[ModelMatcher[CartPattern, Cart] | None] = any_()
    object_previous: ClassVar[ModelMatcher[CartPattern, Cart] | None] = any_()
