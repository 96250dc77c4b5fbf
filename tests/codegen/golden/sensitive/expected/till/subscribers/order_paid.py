"""Subscribers of till order.paid, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import (
    Matcher,
    MatcherOf,
    OptionalMatcher,
    OptionalMatcherOf,
    any_,
)

from ..order_paid import OrderPaid
from ..orders import Card
from .orders import CardPattern


class OrderPaidAttributes(TypedDict, total=False):
    """Pattern of the attributes of OrderPaid."""

    order_id: Matcher[str]
    note: OptionalMatcher[str]
    class_: OptionalMatcher[str]
    card: MatcherOf[CardPattern, Card]
    others: OptionalMatcherOf[list[CardPattern], list[Card]]
    hints: OptionalMatcher[list[str | int]]
    details: OptionalMatcherOf[dict[str, OptionalMatcher[Any]], dict[str, Any]]
    token: OptionalMatcher[str]


class OrderPaidSubscriber(EventSubscriber[OrderPaid]):
    """Receives till order.paid, version 1."""

    domain: ClassVar[Literal["till"]] = "till"
    name: ClassVar[Literal["order.paid"]] = "order.paid"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[OrderPaidAttributes] = {}
