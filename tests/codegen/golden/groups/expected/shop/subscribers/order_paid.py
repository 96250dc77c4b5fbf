"""Subscribers of shop order.paid, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, any_

from ..order_paid import OrderPaid


class OrderPaidAttributes(TypedDict, total=False):
    """Pattern of the attributes of OrderPaid."""

    class_: Matcher[int]
    note: OptionalMatcher[str]


class OrderPaidSubscriber(EventSubscriber[OrderPaid]):
    """Receives shop order.paid, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["order.paid"]] = "order.paid"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[OrderPaidAttributes] = {}
