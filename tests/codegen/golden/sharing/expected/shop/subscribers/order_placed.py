"""Subscribers of shop order.placed, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ...crm.buyer import Order
from ...crm.subscribers.buyer import OrderPattern
from ...shared.shared import Tree
from ...shared.subscribers.shared import TreePattern
from ..order_placed import OrderPlaced, OrderPlacedAudit


class OrderPlacedAuditPattern(TypedDict, total=False):
    """Pattern of OrderPlacedAudit."""

    at: Matcher[datetime]
    by: Matcher[str]
    note: OptionalMatcher[str]


class OrderPlacedAttributes(TypedDict, total=False):
    """Pattern of the attributes of OrderPlaced."""

    shop_id: Matcher[int]
    audit: MatcherOf[OrderPlacedAuditPattern, OrderPlacedAudit]
    category: OptionalMatcherOf[TreePattern, Tree]


class OrderPlacedSubscriber(EventSubscriber[OrderPlaced]):
    """Receives shop order.placed, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["order.placed"]] = "order.placed"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[OrderPlacedAttributes] = {}
    object_type: ClassVar[OptionalMatcherOf[Literal["order"], str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[OrderPattern, Order]] = any_()
    object_previous: ClassVar[OptionalMatcherOf[OrderPattern, Order]] = any_()
