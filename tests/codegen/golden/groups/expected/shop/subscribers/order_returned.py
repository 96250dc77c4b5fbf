"""Subscribers of shop order.returned, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..order_returned import OrderReturned


class OrderReturnedAttributes(TypedDict, total=False):
    """Pattern of the attributes of OrderReturned."""

    class_: Matcher[int]
    note: OptionalMatcher[str]


class OrderReturnedSubscriber(EventSubscriber[OrderReturned]):
    """Receives shop order.returned, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["order.returned"]] = "order.returned"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[OrderReturnedAttributes] = {}
    object_type: ClassVar[OptionalMatcher[str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[
        OptionalMatcherOf[
            dict[str, OptionalMatcher[Any]],
            dict[str, Any],
        ]
    ] = any_()
    object_previous: ClassVar[
        OptionalMatcherOf[
            dict[str, OptionalMatcher[Any]],
            dict[str, Any],
        ]
    ] = any_()
