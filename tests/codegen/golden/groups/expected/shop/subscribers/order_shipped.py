"""Subscribers of shop order.shipped, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, any_

from ..order_shipped import OrderShipped


class OrderShippedAttributes(TypedDict, total=False):
    """Pattern of the attributes of OrderShipped."""

    class_: Matcher[int]
    note: OptionalMatcher[str]


class OrderShippedSubscriber(EventSubscriber[OrderShipped]):
    """Receives shop order.shipped, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["order.shipped"]] = "order.shipped"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[OrderShippedAttributes] = {}
